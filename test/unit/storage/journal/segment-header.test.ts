import { describe, expect, it } from "vitest";
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from "../../../../src/storage/journal/segment-header.ts";

const sample: SegmentHeader = {
  number: 3,
  salt: 0xfeedface,
  bytes: 64 * 1024 * 1024,
  baseZxid: 0x1fffff00000005,
  commandsBefore: 2 ** 40 + 1,
  previousEnd: 67_000_000,
  headEnd: 1024,
};

describe("segment header", () => {
  it("has the bytes of FORMAT.md, in one sector", () => {
    const bytes = encodeSegmentHeader(sample);
    expect(bytes.length).toBe(SEGMENT_HEADER_BYTES);
    expect(Buffer.from(bytes.subarray(0, 52)).toString("hex")).toBe(
      "4d55535445524a0a0100000003000000cefaedfe0000000405000000ffff1f000100000000010000c056fe0300040000ac3864eb",
    );
    expect(bytes.subarray(52).every((byte) => byte === 0)).toBe(true);
  });

  it("reads back what was written", () => {
    expect(decodeSegmentHeader(encodeSegmentHeader(sample))).toEqual({ ok: true, header: sample });
  });

  it("core.md 5: names a newer version before it looks at the checksum", () => {
    const bytes = encodeSegmentHeader(sample);
    bytes[8] = 9;
    expect(decodeSegmentHeader(bytes)).toEqual({ ok: false, fault: "newer format", version: 9 });
  });

  it("names every flipped bit that matters", () => {
    for (let bit = 0; bit < 52 * 8; bit++) {
      const bytes = encodeSegmentHeader(sample);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      const decoded = decodeSegmentHeader(bytes);
      expect(decoded.ok, `bit ${bit}`).toBe(false);
    }
    expect(decodeSegmentHeader(new Uint8Array(512))).toMatchObject({ fault: "not a segment" });
    expect(decodeSegmentHeader(new Uint8Array(10))).toMatchObject({ fault: "not a segment" });
  });
});
