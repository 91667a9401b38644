import { describe, expect, it } from "vitest";
import { Prng } from "../../../../src/core/base/prng.ts";
import type { RowSink } from "../../../../src/core/tree/snapshot-row.ts";
import { RowSorter } from "../../../../src/storage/snapshot/row-sorter.ts";
import { encode, session, smallTree, znode } from "./snapshot-fixtures.ts";

/** What comes out: kind and id of each row, in order. */
function drained(sorter: RowSorter): string[] {
  const seen: string[] = [];
  const sink: RowSink = {
    znode: ({ serial, data }) => seen.push(`znode ${serial} ${new TextDecoder().decode(data)}`),
    znodeDeleted: (serial) => seen.push(`deleted ${serial}`),
    session: ({ id }) => seen.push(`session ${id}`),
    sessionDeleted: (id) => seen.push(`closed ${id}`),
  };
  sorter.drain(sink);
  return seen;
}

const row = (serial: number, data = `${serial}`) => encode({ znodes: [znode({ serial, parentSerial: 1, data })] });

describe("rows of a round", () => {
  it("come out by their ids, of whichever runs and kinds they are", () => {
    const sorter = new RowSorter();
    sorter.add(encode({ znodes: [znode({ serial: 7 }), znode({ serial: 3 })], deleted: [5, 2] }));
    sorter.add(encode({ sessions: [session({ id: 6 })], closed: [1] }));
    expect(drained(sorter)).toEqual(["closed 1", "deleted 2", "znode 3 ", "deleted 5", "session 6", "znode 7 "]);
  });

  it("of one id stay in the order they came in", () => {
    const sorter = new RowSorter();
    for (const run of [row(9), row(4, "first"), row(4, "second"), row(1)]) sorter.add(run);
    expect(drained(sorter)).toEqual(["znode 1 1", "znode 4 first", "znode 4 second", "znode 9 9"]);
  });

  it("are counted in bytes, and are gone once they are out", () => {
    const sorter = new RowSorter();
    const runs = [row(2), encode(smallTree)];
    for (const run of runs) sorter.add(run);
    expect(sorter.bytes).toBe((runs[0] as Uint8Array).length + (runs[1] as Uint8Array).length);
    drained(sorter);
    expect([sorter.bytes, drained(sorter)]).toEqual([0, []]);
  });

  it("are sorted however many they are, more than once", () => {
    const sorter = new RowSorter();
    const random = new Prng(1);
    for (let round = 0; round < 2; round++) {
      const serials = Array.from({ length: 10_000 }, () => 1 + random.below(1_000_000));
      for (const serial of serials) sorter.add(row(serial));
      serials.sort((one, other) => one - other);
      expect(drained(sorter)).toEqual(serials.map((serial) => `znode ${serial} ${serial}`));
    }
  });

  it("are refused when they are none, or are cut off", () => {
    expect(() => new RowSorter().add(Uint8Array.of(9))).toThrow("unknown row kind 9");
    for (let length = 1; length < row(3).length; length++) {
      expect(() => new RowSorter().add(row(3).subarray(0, length))).toThrow("ends too early");
    }
  });
});
