import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Router from "@koa/router";
import Koa from "koa";
import type { Logger } from "pino";
import type { Coordination } from "../../coordination/port.ts";
import { formatListenAddress, isLoopback, type ListenAddress } from "../../core/base/listen-address.ts";
import { formatZxid } from "../../core/base/zxid.ts";
import { httpErrorBody } from "./http-error.ts";
import type { Metrics } from "./metrics.ts";

export interface HttpDoorOptions {
  readonly listen: ListenAddress;
  /** True: may listen beyond loopback although there is no TLS and no authentication. */
  readonly insecure: boolean;
}

export interface HttpDoorDependencies {
  readonly coordination: Pick<Coordination, "status">;
  readonly metrics: Pick<Metrics, "text" | "contentType">;
  readonly log: Pick<Logger, "error">;
}

export interface HttpDoor {
  /** Resolves with the address bound; rejects when it cannot be. */
  start(): Promise<ListenAddress>;
  /** Takes no more connections and ends those open, busy ones after {@link STOP_GRACE_MS}. Idempotent. */
  stop(): Promise<void>;
}

/** A client has this long to send its headers, ms. */
const HEADERS_TIMEOUT_MS = 10_000;
/** A client has this long to send a whole request, ms. */
const REQUEST_TIMEOUT_MS = 30_000;
/** An idle connection is kept this long, ms: longer than Prometheus's usual 15 s between scrapes. */
const KEEP_ALIVE_MS = 65_000;
const HEADER_BYTES_MAX = 16 * 1024;
const HEADERS_MAX = 64;
const CONNECTIONS_MAX = 1024;
/** Requests under way when the door stops have this long, ms. */
const STOP_GRACE_MS = 2_000;

/** The HTTP door: what monitors and orchestrators ask of a member. */
export function createHttpDoor(options: HttpDoorOptions, dependencies: HttpDoorDependencies): HttpDoor {
  const { listen, insecure } = options;
  if (!insecure && !isLoopback(listen.host)) {
    throw new Error(`the HTTP door must not listen on ${formatListenAddress(listen)} without --insecure`);
  }
  const handle = createApp(dependencies).callback();
  const server = createServer(
    { maxHeaderSize: HEADER_BYTES_MAX },
    (request, response) => void handle(request, response),
  );
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxHeadersCount = HEADERS_MAX;
  server.maxConnections = CONNECTIONS_MAX;
  return { start: () => startListening(server, listen), stop: () => stopServing(server) };
}

function createApp({ coordination, metrics, log }: HttpDoorDependencies): Koa {
  const router = new Router();
  router.get("/healthz", (context) => {
    context.body = { status: "alive" };
  });
  router.get("/readyz", (context) => {
    const { notReady, role, zxid } = coordination.status();
    const ready = notReady.length === 0;
    context.status = ready ? 200 : 503;
    context.body = { status: ready ? "ready" : "not ready", notReady, role, zxid: formatZxid(zxid) };
  });
  router.get("/metrics", async (context) => {
    const text = await metrics.text();
    context.set("Content-Type", metrics.contentType);
    context.body = text;
  });

  const app = new Koa();
  // Koa would print what is logged here already, or what is only a client that went away.
  app.silent = true;
  app.use(answerErrors(log)).use(router.routes()).use(router.allowedMethods());
  return app;
}

/** Every error is JSON with a reason of the registry; a defect is logged, and its words stay here. */
function answerErrors(log: HttpDoorDependencies["log"]): Koa.Middleware {
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

function startListening(server: Server, listen: ListenAddress): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(listen.port, listen.host, () => {
      server.off("error", reject);
      resolve({ host: listen.host, port: (server.address() as AddressInfo).port });
    });
  });
}

function stopServing(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    const end = setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS);
    server.close(() => {
      clearTimeout(end);
      resolve();
    });
  });
}
