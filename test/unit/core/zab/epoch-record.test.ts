import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../../../src/core/base/bytes.ts";
import { decodeEpoch, decodePromise, encodeEpoch, encodePromise } from "../../../../src/core/zab/epoch-record.ts";
import { isSticky, recordType } from "../../../../src/core/zab/journal-record.ts";
import { goldenHex, hex } from "../../../support/golden-hex.ts";
import "../../../support/fixed-seed.ts";

const u32 = fc.nat({ max: 2 ** 32 - 1 });

describe("the epoch records", () => {
  it("come back from their bytes, and are refused at any other length", () => {
    fc.assert(
      fc.property(u32, u32, (epoch, leaderId) => {
        const [promise, current] = [encodePromise({ epoch, leaderId }), encodeEpoch(epoch)];
        expect(decodePromise(promise)).toEqual({ epoch, leaderId });
        expect(decodeEpoch(current)).toBe(epoch);
        for (let end = 0; end < promise.length; end++) {
          expect(() => decodePromise(promise.subarray(0, end))).toThrow(FormatError);
        }
        for (let end = 0; end < current.length; end++) {
          expect(() => decodeEpoch(current.subarray(0, end))).toThrow(FormatError);
        }
        expect(() => decodePromise(Uint8Array.from([...promise, 0]))).toThrow(FormatError);
        expect(() => decodeEpoch(Uint8Array.from([...current, 0]))).toThrow(FormatError);
      }),
      { numRuns: 20 },
    );
  });

  it("core.md 5: in their first format are read as they always were, and written byte for byte", () => {
    const golden = goldenHex("zab/v1");
    const [promise, epoch] = [golden.get("promise") as Uint8Array, golden.get("epoch") as Uint8Array];
    expect(decodePromise(promise)).toEqual({ epoch: 7, leaderId: 3 });
    expect(hex(encodePromise({ epoch: 7, leaderId: 3 }))).toBe(hex(promise));
    expect(decodeEpoch(epoch)).toBe(7);
    expect(hex(encodeEpoch(7))).toBe(hex(epoch));
  });

  it("core.md 19: promise, epoch and configuration are what every segment begins with a copy of", () => {
    const sticky = Object.entries(recordType).filter(([, type]) => isSticky(type));
    expect(sticky.map(([name]) => name)).toEqual(["PROMISE", "EPOCH", "CONFIGURATION"]);
    expect(recordType).toEqual({
      BATCH: 1,
      PROMISE: 2,
      EPOCH: 3,
      CONFIGURATION: 4,
      TRUNCATE: 5,
      SNAPSHOT: 6,
      CLOSE: 7,
    });
  });
});
