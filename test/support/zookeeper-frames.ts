import { encodeRequest, type Meaning, typeOf } from "../conformance/differential/encode-request.ts";
import { JuteWriter } from "../conformance/differential/jute.ts";
import type { Request } from "../conformance/differential/request.ts";

/** Paths are as they are; a recent zxid is so many transactions after the first of epoch 3. */
const meaning: Meaning = {
  prefix: "",
  zxid: (shared) =>
    typeof shared === "object" ? BigInt(3 * 2 ** 32 + 1 + shared.recent) : shared === "zero" ? 0n : 2n ** 60n,
};

export interface Hello {
  readonly lastZxidSeen?: bigint;
  readonly timeoutMs?: number;
  readonly sessionId?: bigint;
  readonly password?: Uint8Array;
  /** undefined: the byte is not sent, as by old clients. */
  readonly readOnly?: boolean | undefined;
  readonly protocolVersion?: number;
}

/** A frame around a payload. */
export function framed(payload: Uint8Array): Uint8Array {
  return new JuteWriter().buffer(payload).done();
}

/** A request with its header, framed. */
export function requestFrame(request: Request, xid: number): Uint8Array {
  return framed(new JuteWriter().int(xid).int(typeOf(request)).raw(encodeRequest(request, meaning)).done());
}

export function helloFrame(hello: Hello = {}): Uint8Array {
  const writer = new JuteWriter().int(hello.protocolVersion ?? 0).long(hello.lastZxidSeen ?? 0n);
  writer
    .int(hello.timeoutMs ?? 10_000)
    .long(hello.sessionId ?? 0n)
    .buffer(hello.password ?? new Uint8Array(16));
  if (hello.readOnly !== undefined) writer.boolean(hello.readOnly);
  return framed(writer.done());
}
