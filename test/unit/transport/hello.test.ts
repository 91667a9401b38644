import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../../src/core/base/bytes.ts";
import { FRAME_HEADER_BYTES, putFrameHeader } from "../../../src/transport/frame-codec.ts";
import { frameKind } from "../../../src/transport/frame-kind.ts";
import { decodeHello, encodeHello, type Hello } from "../../../src/transport/hello.ts";
import { decodeIdentity, encodeIdentity } from "../../../src/transport/identity-codec.ts";
import { decodeRefusal, encodeRefusal } from "../../../src/transport/refusal.ts";
import { ABOUT_BYTES_MAX, BULK_HEADER_BYTES_MAX, TEXT_BYTES_MAX } from "../../../src/transport/transport-limits.ts";
import { helloOf } from "./scripted-peer.ts";
import { bytes, ENSEMBLE } from "./transport-rig.ts";
import "../../support/fixed-seed.ts";

const id = fc.integer({ min: 1, max: 2 ** 32 - 1 });
const text = fc.string({ maxLength: 60 });
const hello: fc.Arbitrary<Hello> = fc.record({
  versionMin: fc.nat({ max: 65_535 }),
  versionMax: fc.nat({ max: 65_535 }),
  purpose: fc.constantFrom("data" as const, "bulk" as const),
  ensembleId: fc.constantFrom("", ENSEMBLE),
  senderId: id,
  targetId: id,
  incarnation: text,
  processId: text,
  attempt: fc.maxSafeNat(),
  address: text,
  about: fc.uint8Array({ maxLength: 100 }),
  bulkHeader: fc.uint8Array({ maxLength: 100 }),
});

describe("HELLO", () => {
  it("comes back as it went, whatever a later version puts behind it", () => {
    fc.assert(
      fc.property(hello, fc.uint8Array({ maxLength: 20 }), (value, later) => {
        expect(decodeHello(Uint8Array.from([...encodeHello(value), ...later]))).toEqual(value);
      }),
    );
  });

  it("is refused when cut anywhere, and no bytes make the decoder throw anything but FormatError", () => {
    fc.assert(
      fc.property(hello, fc.nat(), (value, at) => {
        const encoded = encodeHello(value);
        expect(() => decodeHello(encoded.subarray(0, at % encoded.length))).toThrow(FormatError);
      }),
    );
    const decoders = [decodeHello, decodeIdentity];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...decoders), (noise, decode) => {
        try {
          decode(noise);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
    );
  });

  it.each([
    ["an ensemble id that is none", { ensembleId: "x" }, "ensemble id"],
    ["id 0", { senderId: 0 }, "0 is no member's id"],
    ["a text beyond its limit", { incarnation: "x".repeat(TEXT_BYTES_MAX) }, "incarnation is too long"],
    ["an about beyond its limit", { about: new Uint8Array(ABOUT_BYTES_MAX + 1) }, "about is too long"],
    ["a header beyond its limit", { bulkHeader: new Uint8Array(BULK_HEADER_BYTES_MAX + 1) }, "bulk header is too long"],
  ])("%s is refused by name", (_name, changes, message) => {
    expect(() => decodeHello(encodeHello(helloOf(1, 2, changes)))).toThrow(message);
  });
});

describe("the wire format", () => {
  it("of version 1 stays what it is: an upgraded member must understand one that is not yet", () => {
    const payload = encodeHello(helloOf(1, 2, { address: "a:1", bulkHeader: bytes("h") }));
    const frame = Buffer.alloc(FRAME_HEADER_BYTES);
    putFrameHeader(frame, 0, frameKind.HELLO, 1, payload);
    expect(frame.toString("hex")).toBe("5d00000101000000c90f1551");
    const pinned = [
      "0100010000",
      "203031323334353637383961626364656630313233343536373839616263646566",
      "0100000002000000",
      "0d696e6361726e6174696f6e2d31",
      "0970726f636573732d31",
      "0100000000000000",
      "03613a31",
      "087363726970746564",
      "0168",
    ];
    expect(Buffer.from(payload).toString("hex")).toBe(pinned.join(""));
    const bulk = { ACCEPT: 7, CHUNK: 8, END: 9, CONFIRM: 10, ABORT: 11 };
    const data = { MESSAGE: 4, IDENTITY: 5, GOODBYE: 6, ASIDE: 12 };
    expect(frameKind).toEqual({ HELLO: 1, REFUSE: 2, READY: 3, ...data, ...bulk });
  });
});

describe("IDENTITY and REFUSE", () => {
  it("come back as they went", () => {
    const identity = { ensembleId: ENSEMBLE, about: bytes("about") };
    expect(decodeIdentity(encodeIdentity(identity))).toEqual(identity);
    const refusal = { rule: "certificate", text: "not yours" } as const;
    expect(decodeRefusal(encodeRefusal(refusal))).toEqual(refusal);
  });

  it("a refusal for a rule to come, or none at all, still says what it can", () => {
    expect(decodeRefusal(Uint8Array.of(200, ...bytes("because")))).toEqual({ rule: "unknown", text: "because" });
    expect(decodeRefusal(new Uint8Array(0))).toEqual({ rule: "unknown", text: "no reason given" });
  });

  it("a reason is bounded and stays on its line", () => {
    const { text: shown } = decodeRefusal(Uint8Array.of(1, ...bytes(`a\r\nb\u001b[1m\u2028${"x".repeat(1000)}`)));
    expect(shown.startsWith("a??b?[1m?xxx")).toBe(true);
    expect(shown.length).toBeLessThanOrEqual(TEXT_BYTES_MAX);
  });

  it("an identity with an ensemble id that is none, or too much about, is refused", () => {
    expect(() => decodeIdentity(encodeIdentity({ ensembleId: "x", about: bytes("") }))).toThrow(FormatError);
    const about = new Uint8Array(ABOUT_BYTES_MAX + 1);
    expect(() => decodeIdentity(encodeIdentity({ ensembleId: "", about }))).toThrow(FormatError);
  });
});
