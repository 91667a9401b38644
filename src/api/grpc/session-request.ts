import { MalformedError, type WireReader } from "./wire-reader.ts";

/** Field numbers of session.proto's SessionRequest. */
export const requestKind = { OPEN: 1, RESUME: 2, OPERATIONS: 3, KEEP_ALIVE: 4, CLOSE: 5 } as const;
export type RequestKind = (typeof requestKind)[keyof typeof requestKind];

const BYTES = 2;

/**
 * Finds what a SessionRequest says and puts the reader into it, between its first byte and its end. Of several, the
 * last counts, as in any oneof. Throws MalformedError, also where nothing known is said.
 */
export function enterSessionRequest(reader: WireReader, message: Buffer): RequestKind {
  reader.reset(message, 0, message.length);
  let kind = 0;
  let start = 0;
  while (reader.more) {
    const tag = reader.tag();
    const field = tag >>> 3;
    if ((tag & 7) === BYTES && field >= requestKind.OPEN && field <= requestKind.CLOSE) {
      kind = field;
      start = reader.position;
    }
    reader.skip(tag);
  }
  if (kind === 0) throw new MalformedError("a request that says nothing");
  reader.position = start;
  reader.end = reader.lengthEnd();
  return kind as RequestKind;
}

/** The token of the KeepAlive the reader is in. */
export function readKeepAliveToken(reader: WireReader): number {
  let token = 0;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === 8) token = reader.uint53();
    else reader.skip(tag);
  }
  return token;
}
