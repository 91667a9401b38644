import { X509Certificate } from "node:crypto";
import { TLSSocket } from "node:tls";
import type Koa from "koa";
import type { Gatekeeper } from "../../products/floor/gatekeeper.ts";
import { isAllowed, permissions } from "../../products/floor/permission-table.ts";
import { httpErrorBody } from "./http-error.ts";

/** Whom the door asks about its callers. */
export interface HttpGate {
  readonly gatekeeper: Pick<Gatekeeper, "admit">;
  /** The door takes callers who prove nothing. */
  readonly mayBeAnonymous: boolean;
}

/** What lets the callers of a route in, by its row in the table; without one, nobody. */
export function admissionOf(gate: HttpGate): (route: string) => Koa.Middleware {
  return (route) => async (context, next) => {
    const rule = permissions.http[route];
    if (rule === "open") return next();
    const admission = await identify(gate, context);
    if ("refusal" in admission) {
      const { reason, detail } = admission.refusal;
      if (reason === "UNAUTHENTICATED") context.set("WWW-Authenticate", "Bearer");
      refuse(context, reason, { detail });
    } else if (isAllowed(rule, admission.principal.rights)) {
      return next();
    } else {
      const { name, rights } = admission.principal;
      refuse(context, "NO_PERMISSION", { needs: route, principal: name, has: `${rights}` });
    }
  };
}

function identify({ gatekeeper, mayBeAnonymous }: HttpGate, context: Koa.Context) {
  const { socket, headers } = context.req;
  const address = (socket.remoteAddress ?? "").replace(/^::ffff:(?=.*\.)/, "");
  const certificate = socket instanceof TLSSocket && socket.authorized ? certificateOf(socket) : undefined;
  const caller = { address, authorization: headers.authorization, certificate, mayBeAnonymous };
  return new Promise<Parameters<Parameters<Gatekeeper["admit"]>[1]>[0]>((resolve) => {
    gatekeeper.admit(caller, resolve);
  });
}

function certificateOf(socket: TLSSocket): X509Certificate | undefined {
  const { raw } = socket.getPeerCertificate();
  return raw === undefined ? undefined : new X509Certificate(raw);
}

function refuse(
  context: Koa.Context,
  reason: Parameters<typeof httpErrorBody>[0],
  about: Readonly<Record<string, string>>,
): void {
  const body = httpErrorBody(reason, { method: context.method, path: context.path, ...about });
  context.body = body;
  context.status = body.error.status;
}
