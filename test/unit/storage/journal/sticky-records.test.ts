import { describe, expect, it } from "vitest";
import { recordType } from "../../../../src/core/zab/journal-record.ts";
import { recordBytes } from "../../../../src/storage/journal/record-codec.ts";
import { StickyRecords } from "../../../../src/storage/journal/sticky-records.ts";
import { batch, record, sticky } from "./journal-rig.ts";

const { PROMISE, EPOCH, CONFIGURATION, TRUNCATE } = recordType;

describe("StickyRecords, core.md 19", () => {
  it("keeps the latest of each type, and nothing of the others", () => {
    const records = new StickyRecords([sticky(PROMISE, 1, "p1"), sticky(EPOCH, 1, "e1"), batch(2)]);
    records.note(sticky(PROMISE, 2, "p2"));
    expect(records.all()).toEqual([sticky(PROMISE, 2, "p2"), sticky(EPOCH, 1, "e1")]);
    expect(records.configuration).toBeUndefined();
  });

  it("its own list makes it again", () => {
    const records = new StickyRecords([sticky(CONFIGURATION, 1, "c1"), sticky(CONFIGURATION, 5, "c2")]);
    expect(new StickyRecords(records.all()).all()).toEqual(records.all());
    expect(records.bytes).toBe(2 * recordBytes(2));
  });

  it("core.md 25: goes back to the configuration before when the latest is truncated; epochs never go back", () => {
    const records = new StickyRecords([sticky(EPOCH, 9, "e"), sticky(PROMISE, 9, "p")]);
    for (const zxid of [1, 5, 9]) records.note(sticky(CONFIGURATION, zxid, `c${zxid}`));
    records.note(record(TRUNCATE, 9, 9, ""));
    expect(records.configuration?.lastZxid).toBe(9);
    records.note(record(TRUNCATE, 6, 6, ""));
    expect(records.configuration?.lastZxid).toBe(5);
    expect(records.epoch?.lastZxid).toBe(9);
    expect(records.promise?.lastZxid).toBe(9);
  });

  it("copies bodies, which are views of buffers that will be used again", () => {
    const given = sticky(EPOCH, 1, "epoch");
    const records = new StickyRecords([given]);
    given.body.fill(0);
    expect(records.epoch).toEqual(sticky(EPOCH, 1, "epoch"));
  });
});
