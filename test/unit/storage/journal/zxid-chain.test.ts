import { describe, expect, it } from "vitest";
import { makeZxid } from "../../../../src/core/base/zxid.ts";
import { recordType } from "../../../../src/core/zab/journal-record.ts";
import { ZxidChain } from "../../../../src/storage/journal/zxid-chain.ts";

describe("ZxidChain, decision 4", () => {
  it("goes on with the next zxid or with counter 1 of a higher epoch, and with nothing else", () => {
    const chain = new ZxidChain(makeZxid(2, 7));
    expect(chain.continues(makeZxid(2, 8))).toBe(true);
    expect(chain.continues(makeZxid(3, 1))).toBe(true);
    expect(chain.continues(makeZxid(9, 1))).toBe(true);
    for (const [epoch, counter] of [
      [2, 7],
      [2, 9],
      [2, 1],
      [1, 1],
      [3, 2],
      [3, 0],
    ] as const) {
      expect(chain.continues(makeZxid(epoch, counter)), `${epoch}:${counter}`).toBe(false);
    }
  });

  it("stays where it was when a record is refused", () => {
    const chain = new ZxidChain(5);
    expect(chain.advance(recordType.BATCH, 8, 9)).toContain("does not follow");
    expect(chain.advance(recordType.BATCH, 6, 5)).toContain("out of order");
    expect(chain.advance(recordType.BATCH, 6, makeZxid(1, 1))).toContain("out of order");
    expect(chain.last).toBe(5);
    expect(chain.advance(recordType.BATCH, 6, 9)).toBeUndefined();
    expect(chain.last).toBe(9);
  });

  it("goes back with TRUNCATE, anywhere with SNAPSHOT, and nowhere with the other types", () => {
    const chain = new ZxidChain(9);
    expect(chain.advance(recordType.TRUNCATE, 10, 10)).toContain("cannot truncate");
    expect(chain.advance(recordType.TRUNCATE, 4, 4)).toBeUndefined();
    expect(chain.last).toBe(4);
    expect(chain.advance(recordType.SNAPSHOT, 100, 100)).toBeUndefined();
    expect(chain.last).toBe(100);
    for (const type of [recordType.PROMISE, recordType.EPOCH, recordType.CONFIGURATION, recordType.CLOSE]) {
      expect(chain.advance(type, 99, 99)).toContain("not at the last zxid");
      expect(chain.advance(type, 100, 100)).toBeUndefined();
    }
  });
});
