import { JuteError, type JuteReader } from "./jute-reader.ts";
import type { ReplyWriter } from "./reply-writer.ts";

/** The first frame of a connection. It has no header. */
export interface ConnectRequest {
  /** The client has seen this; a member that is behind it must not serve the client. */
  readonly lastZxidSeen: number;
  /** Asked for, ms. */
  readonly timeoutMs: number;
  /** 0: a new session. */
  readonly sessionId: number;
  /** The session id as it came, since ids of foreign ensembles may not be safe integers. */
  readonly sessionIdBytes: Uint8Array;
  readonly password: Uint8Array;
  /** The client accepts a member that has lost its quorum. */
  readonly readOnly: boolean;
  /** Clients that do not know of read-only members neither send nor expect the last byte. */
  readonly knowsReadOnly: boolean;
}

export const PASSWORD_BYTES = 16;

/** Lengths of the request without and with the read-only byte, its password as long as everybody sends it. */
export const CONNECT_BYTES_MIN = 28;

export function decodeConnectRequest(reader: JuteReader): ConnectRequest {
  const protocolVersion = reader.i32();
  if (protocolVersion !== 0) throw new JuteError(`protocol version ${protocolVersion}; this server speaks 0`);
  const lastZxidSeen = reader.i64();
  const timeoutMs = reader.i32();
  const at = reader.position;
  const sessionId = reader.i64();
  // A copy: a view would keep all that came with it in memory, and Buffer's `slice` makes one.
  const sessionIdBytes = Uint8Array.from(reader.bytes.subarray(at, at + 8));
  const password = new Uint8Array(reader.buffer());
  const knowsReadOnly = reader.remaining > 0;
  const readOnly = knowsReadOnly && reader.bool();
  return { lastZxidSeen, timeoutMs, sessionId, sessionIdBytes, password, readOnly, knowsReadOnly };
}

export interface ConnectResponse {
  /** 0 with session id 0 and an empty password: the session asked for is over. */
  readonly timeoutMs: number;
  readonly sessionId: number | Uint8Array;
  readonly password: Uint8Array;
  readonly readOnly: boolean;
}

/** The trailing byte is sent only to clients that sent theirs (ZOOKEEPER-4814). */
export function writeConnectResponse(
  writer: ReplyWriter,
  { timeoutMs, sessionId, password, readOnly }: ConnectResponse,
  knowsReadOnly: boolean,
): void {
  const start = writer.beginFrame(41);
  writer.i32(0);
  writer.i32(timeoutMs);
  if (typeof sessionId === "number") writer.i64(sessionId);
  else writer.raw(sessionId);
  writer.buffer(password);
  if (knowsReadOnly) writer.bool(readOnly);
  writer.endFrame(start);
}

/** What tells a client that its session is over. */
export const SESSION_OVER: ConnectResponse = {
  timeoutMs: 0,
  sessionId: 0,
  password: new Uint8Array(PASSWORD_BYTES),
  readOnly: false,
};
