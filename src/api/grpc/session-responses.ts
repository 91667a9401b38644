import type { OpenedSession, Status } from "../../coordination/port.ts";
import { errors, type Reason } from "../../core/base/errors.ts";
import { SessionResponse } from "./gen/muster/coordination/v1/session.ts";

/** The rare messages of a session stream, by the generated codec. */
function encode(response: NonNullable<SessionResponse["response"]>): Buffer {
  return Buffer.from(SessionResponse.encode({ response }).finish());
}

/** `secret` is empty for a resumed session: its client has it. */
export function encodeOpened(session: OpenedSession, secret: Uint8Array, status: Status): Buffer {
  const { sessionId, timeoutMs, resumed, zxid } = session;
  const { ensembleId, memberId } = status;
  const endpoints = status.members.map((member) => member.grpcAddress).filter((address) => address !== "");
  const value = { sessionId, secret, timeoutMs, resumed, ensembleId, memberId, zxid, endpoints };
  return encode({ $case: "opened", value });
}

export function encodeKeepAlive(token: number, zxid: number): Buffer {
  return encode({ $case: "keepAlive", value: { token, zxid } });
}

/** Every event of the stream's watches at or below `zxid` has been sent. */
export function encodeProgress(zxid: number): Buffer {
  return encode({ $case: "progress", value: { zxid } });
}

/** Without a reason, the session was closed as asked. */
export function encodeClosed(reason: Reason | undefined, zxid: number): Buffer {
  if (reason === undefined) return encode({ $case: "closed", value: { zxid } });
  const { grpc, message } = errors[reason];
  return encode({ $case: "closed", value: { failure: { status: grpc, reason, message }, zxid } });
}
