import { createHash, randomBytes } from "node:crypto";
import type { Connection, ConnectionListener } from "../../coordination/port.ts";
import type { Identity } from "../../core/tree/operation.ts";
import type { ClientStanding } from "./client-standing.ts";
import { type ConnectRequest, PASSWORD_BYTES } from "./connect-request.ts";
import type { DoorContext } from "./door-context.ts";
import { opCode } from "./op-code.ts";

/** What a connect request comes to. */
export type Opening =
  /** `ask` asks the port, which calls `onOpened` or `onClosed`, perhaps before it returns. */
  | {
      readonly kind: "asking";
      readonly connection: Connection;
      readonly password: Uint8Array;
      readonly ask: () => void;
    }
  /** There is no quorum, and the client can do without. */
  | {
      readonly kind: "read-only";
      readonly connection: Connection;
      readonly password: Uint8Array;
      readonly sessionId: number | Uint8Array;
      readonly timeoutMs: number;
    }
  /** The session asked for can never be had. */
  | { readonly kind: "over"; readonly why: string }
  /** Not here, not now: the client tries another member. */
  | { readonly kind: "elsewhere"; readonly why: string };

/** Bytes of the random id of a session that is none: a safe integer. */
const READ_ONLY_ID_BYTES = 6;

/** What to do about the session a client asks for, as ZooKeeper's servers do it (reference 1.4). */
export function openSession(
  request: ConnectRequest,
  standing: ClientStanding,
  listener: ConnectionListener,
  context: DoorContext,
): Opening {
  const { sessionId, lastZxidSeen } = request;
  if (!standing.allowsOperation(opCode.CREATE_SESSION)) {
    return { kind: "elsewhere", why: "the client has no right to a session" };
  }
  const { identities } = standing;
  if (lastZxidSeen > context.zxid()) {
    return { kind: "elsewhere", why: "the client has seen more than this member has applied" };
  }
  if (context.hasLostQuorum()) return openReadOnly(request, identities, listener, context);
  if (sessionId !== 0 && !(sessionId > 0 && Number.isSafeInteger(sessionId))) {
    return { kind: "over", why: "a session of another ensemble" };
  }
  const connection = context.coordination.connect(listener, identities);
  if (sessionId !== 0) {
    const { password } = request;
    return { kind: "asking", connection, password, ask: () => connection.resume(sessionId, hashOf(password)) };
  }
  const password = randomBytes(PASSWORD_BYTES);
  const ask = (): void => connection.open(hashOf(password), granted(request.timeoutMs, context));
  return { kind: "asking", connection, password, ask };
}

/** Reads only, of what this member has; the client's session, if it has one, is left as it is for later. */
function openReadOnly(
  request: ConnectRequest,
  identities: readonly Identity[],
  listener: ConnectionListener,
  context: DoorContext,
): Opening {
  if (!request.readOnly) return { kind: "elsewhere", why: "there is no quorum" };
  const isNew = request.sessionId === 0;
  return {
    kind: "read-only",
    connection: context.coordination.connect(listener, identities),
    password: isNew ? randomBytes(PASSWORD_BYTES) : request.password,
    sessionId: isNew ? randomBytes(READ_ONLY_ID_BYTES).readUIntBE(0, READ_ONLY_ID_BYTES) + 1 : request.sessionIdBytes,
    timeoutMs: granted(request.timeoutMs, context),
  };
}

/** ZooKeeper's negotiation; the ensemble's own limits come on top. */
function granted(timeoutMs: number, { limits }: DoorContext): number {
  return Math.max(limits.sessionTimeoutMinMs, Math.min(limits.sessionTimeoutMaxMs, timeoutMs));
}

/** SHA-256: what of a secret the ensemble keeps (core.md 8). */
function hashOf(secret: Uint8Array): Uint8Array {
  return createHash("sha256").update(secret).digest();
}
