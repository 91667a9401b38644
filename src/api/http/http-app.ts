import type { RequestListener } from "node:http";
import Router from "@koa/router";
import Koa from "koa";
import type { Logger } from "pino";
import type { Coordination } from "../../coordination/port.ts";
import { formatZxid } from "../../core/base/zxid.ts";
import { admissionOf, type HttpGate } from "./http-admission.ts";
import { httpErrorBody } from "./http-error.ts";
import type { Metrics } from "./metrics.ts";

export interface HttpAppDependencies {
  readonly coordination: Pick<Coordination, "status">;
  readonly metrics: Pick<Metrics, "text" | "contentType">;
  readonly log: Pick<Logger, "error">;
  readonly gate: HttpGate;
}

/** What the HTTP door answers: liveness, readiness, metrics, and errors as JSON. */
export function createHttpApp({ coordination, metrics, log, gate }: HttpAppDependencies): RequestListener {
  const router = new Router();
  const admit = admissionOf(gate);
  router.get("/healthz", admit("GET /healthz"), (context) => {
    context.body = { status: "alive" };
  });
  router.get("/readyz", admit("GET /readyz"), (context) => {
    const { notReady, role, zxid } = coordination.status();
    const ready = notReady.length === 0;
    context.status = ready ? 200 : 503;
    context.body = { status: ready ? "ready" : "not ready", notReady, role, zxid: formatZxid(zxid) };
  });
  router.get("/metrics", admit("GET /metrics"), async (context) => {
    const text = await metrics.text();
    context.set("Content-Type", metrics.contentType);
    context.body = text;
  });

  const app = new Koa();
  // Koa would print what is logged here already, or what is only a client that went away.
  app.silent = true;
  app.use(answerErrors(log)).use(router.routes()).use(router.allowedMethods());
  const handle = app.callback();
  return (request, response) => void handle(request, response);
}

/** Every error is JSON with a reason of the registry; a defect is logged, and its words stay here. */
function answerErrors(log: HttpAppDependencies["log"]): Koa.Middleware {
  return async (context, next) => {
    context.set("X-Content-Type-Options", "nosniff");
    context.set("Cache-Control", "no-store");
    const about = { method: context.method, path: context.path };
    try {
      await next();
      if (context.status === 404) context.body = httpErrorBody("NO_ROUTE", about);
      // allowedMethods answers 501 for a method that no route has, which for a client is the same.
      else if (context.status === 405 || context.status === 501)
        context.body = httpErrorBody("METHOD_NOT_ALLOWED", about);
      else return;
    } catch (error) {
      log.error({ err: error, ...about }, "a request of the HTTP door failed");
      context.body = httpErrorBody("INTERNAL", about);
    }
    context.status = (context.body as ReturnType<typeof httpErrorBody>).error.status;
  };
}
