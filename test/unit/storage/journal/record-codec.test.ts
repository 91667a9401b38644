import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { recordType } from "../../../../src/core/zab/journal-record.ts";
import {
  emptyRecordHeader,
  isNewerRecord,
  looksLikeRecord,
  markLast,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  readRecordHeader,
  recordBytes,
  recordFlag,
  writeRecordHeader,
} from "../../../../src/storage/journal/record-codec.ts";

const SALT = 0x5eed5a17;
const sample: RecordHeader = {
  type: recordType.BATCH,
  flags: 0,
  bodyBytes: 1234,
  segment: 7,
  firstZxid: 0x200000001,
  lastZxid: 0x200000003,
  groupStart: 4096,
  previousEnd: 4072,
  bodyChecksum: 0xdeadbeef,
};

function encode(header: RecordHeader, salt = SALT, at = 0): DataView {
  const view = new DataView(new ArrayBuffer(at + RECORD_HEADER_BYTES));
  writeRecordHeader(view, at, header, salt);
  return view;
}

const u32 = fc.nat(2 ** 32 - 1);
const zxid = fc.maxSafeNat();
const headers = fc.record({
  type: fc.integer({ min: 1, max: 7 }),
  flags: fc.integer({ min: 0, max: 3 }),
  bodyBytes: u32,
  segment: u32,
  firstZxid: zxid,
  lastZxid: zxid,
  groupStart: u32,
  previousEnd: u32,
  bodyChecksum: u32,
});

describe("record header", () => {
  it("has the bytes of FORMAT.md", () => {
    expect(Buffer.from(encode(sample).buffer).toString("hex")).toBe(
      "4d52454301010000d2040000070000000100000002000000030000000200000000100000e80f0000efbeadde61fdb724",
    );
  });

  it("reads back what was written, at any place and with any salt", () => {
    fc.assert(
      fc.property(headers, u32, fc.nat(64), (header, salt, at) => {
        const into = emptyRecordHeader();
        const view = encode(header, salt, at);
        expect(readRecordHeader(view, at, header.segment, salt, into)).toBe(true);
        expect(into).toEqual(header);
        expect(isNewerRecord(view, at, into)).toBe(false);
      }),
    );
  });

  it("core.md 31: does not pass for a record of another segment, or of another life of the same number", () => {
    const into = emptyRecordHeader();
    expect(readRecordHeader(encode(sample), 0, 8, SALT, into)).toBe(false);
    fc.assert(
      fc.property(headers, u32, u32, (header, salt, other) => {
        fc.pre(salt !== other);
        expect(readRecordHeader(encode(header, salt), 0, header.segment, other, into)).toBe(false);
      }),
    );
  });

  it("with any one bit flipped fails, and still looks like a record", () => {
    for (let bit = 0; bit < RECORD_HEADER_BYTES * 8; bit++) {
      const view = encode(sample);
      view.setUint8(bit >> 3, view.getUint8(bit >> 3) ^ (1 << (bit & 7)));
      expect(readRecordHeader(view, 0, 7, SALT, emptyRecordHeader())).toBe(false);
      expect(looksLikeRecord(view, 0, { segment: 7, salt: SALT, groupStart: 4096 })).toBe(true);
    }
  });

  it("old bytes of a recycled file do not look like a record", () => {
    for (const stale of [encode(sample), encode(sample, 1)]) {
      expect(looksLikeRecord(stale, 0, { segment: 8, salt: 99, groupStart: 4096 })).toBe(false);
    }
    const zeros = new DataView(new ArrayBuffer(RECORD_HEADER_BYTES));
    expect(looksLikeRecord(zeros, 0, { segment: 1, salt: SALT, groupStart: 0 })).toBe(false);
  });

  it("can be marked as its group's last afterwards", () => {
    const view = encode(sample);
    markLast(view, 0, SALT);
    const into = emptyRecordHeader();
    expect(readRecordHeader(view, 0, 7, SALT, into)).toBe(true);
    expect(into).toEqual({ ...sample, flags: recordFlag.LAST });
  });

  it("core.md 5: tells a type it does not know", () => {
    const into = emptyRecordHeader();
    const view = encode({ ...sample, type: 8 });
    expect(readRecordHeader(view, 0, 7, SALT, into)).toBe(true);
    expect(isNewerRecord(view, 0, into)).toBe(true);
  });

  it("takes whole multiples of 8", () => {
    expect([0, 1, 8, 9].map(recordBytes)).toEqual([48, 56, 56, 64]);
  });
});
