import { describe, expect, it } from "vitest";
import { Prng } from "../../../../src/core/base/prng.ts";
import { epochOf, makeZxid } from "../../../../src/core/base/zxid.ts";
import { EpochEnds } from "../../../../src/core/zab/epoch-ends.ts";
import { continues, type LogEntry, RecentLog } from "../../../../src/core/zab/recent-log.ts";

function entry(firstZxid: number, count = 1, size = 10): LogEntry {
  const frame = new Uint8Array(size);
  return { firstZxid, lastZxid: firstZxid + count - 1, frame, body: frame.subarray(1), proposedAt: 0 };
}

describe("RecentLog", () => {
  it("ZOOKEEPER-4925: refuses a gap, a repetition and an empty batch", () => {
    const log = new RecentLog(makeZxid(2, 5));
    for (const counter of [4, 5, 7]) expect(() => log.append(entry(makeZxid(2, counter)))).toThrow("a log has no gap");
    expect(() => log.append(entry(makeZxid(2, 6), 0))).toThrow("a batch is not empty");
    log.append(entry(makeZxid(2, 6), 3));
    for (const wrong of [makeZxid(3, 2), makeZxid(2, 10), makeZxid(1, 1), makeZxid(2, 1)]) {
      expect(() => log.append(entry(wrong))).toThrow("a log has no gap");
    }
    log.append(entry(makeZxid(7, 1)));
    expect(log.lastZxid).toBe(makeZxid(7, 1));
  });

  it("continues with the next counter, or the first of any later epoch", () => {
    expect(continues(makeZxid(2, 5), makeZxid(2, 6))).toBe(true);
    expect(continues(makeZxid(2, 5), makeZxid(9, 1))).toBe(true);
    expect(continues(0, makeZxid(1, 1))).toBe(true);
    expect(continues(makeZxid(2, 5), makeZxid(3, 0))).toBe(false);
    expect(continues(makeZxid(2, 5), makeZxid(2, 1))).toBe(false);
  });

  it("has the zxids of its batches, of each command, and no others", () => {
    const log = new RecentLog(makeZxid(1, 5));
    log.append(entry(makeZxid(1, 6), 3));
    log.append(entry(makeZxid(4, 1)));
    const has = (epoch: number, counter: number): boolean => log.has(makeZxid(epoch, counter));
    expect([has(1, 6), has(1, 7), has(1, 8), has(4, 1)]).toEqual([true, true, true, true]);
    expect([has(1, 4), has(1, 5), has(1, 9), has(2, 1), has(4, 0), has(4, 2)]).toEqual(Array(6).fill(false));
  });

  it("truncates between batches, never within one, never below its base", () => {
    const log = new RecentLog(0);
    for (const counter of [1, 3, 5]) log.append(entry(makeZxid(1, counter), 2));
    expect(() => log.truncate(makeZxid(1, 3))).toThrow("a truncation falls between batches");
    const cut = new RecentLog(makeZxid(1, 2));
    expect(() => cut.truncate(makeZxid(1, 1))).toThrow("below its base");
  });

  it.each([1, 2, 3, 4])("is a list of batches with positions that never change (seed %i)", (seed) => {
    const random = new Prng(seed);
    const log = new RecentLog(0);
    let naive: (LogEntry & { position: number })[] = [];
    let base = 0;
    let next = 0;
    for (let step = 0; step < 2_000; step++) {
      const last = naive.at(-1)?.lastZxid ?? base;
      const dice = random.below(20);
      if (dice < 12) {
        const first = random.chance(0.1) ? makeZxid(epochOf(last) + 1, 1) : last + 1;
        const added = entry(epochOf(last) === 0 ? makeZxid(1, 1) : first, 1 + random.below(4), 5 + random.below(50));
        log.append(added);
        naive.push({ ...added, position: next++ });
      } else if (dice < 14) {
        const keep = naive.slice(0, random.below(naive.length + 1));
        log.truncate(keep.at(-1)?.lastZxid ?? base);
        next -= naive.length - keep.length;
        naive = keep;
      } else if (dice === 14 && random.chance(0.1)) {
        base = makeZxid(epochOf(last) + 1, 1 + random.below(9));
        log.reset(base);
        naive = [];
      } else {
        const upTo = log.start + random.below(naive.length + 1);
        const bytes = random.below(500);
        log.trim(upTo, bytes);
        while (naive[0] !== undefined && naive[0].position < upTo && sum(naive) > bytes) {
          base = naive[0].lastZxid;
          naive.shift();
        }
      }
      expect([log.baseZxid, log.lastZxid, log.bytes]).toEqual([base, naive.at(-1)?.lastZxid ?? base, sum(naive)]);
      expect(log.end - log.start).toBe(naive.length);
      for (const { position, lastZxid } of naive) expect(log.at(position).lastZxid).toBe(lastZxid);
      const asked = random.pick([base - 1, base, ...naive.map(({ lastZxid }) => lastZxid - random.below(2))]);
      const after = naive.findIndex(({ lastZxid }) => lastZxid > asked);
      const expected = asked < base ? undefined : log.start + (after < 0 ? naive.length : after);
      expect(log.positionAfter(asked)).toBe(expected);
    }
  });
});

function sum(entries: readonly LogEntry[]): number {
  return entries.reduce((bytes, { frame }) => bytes + frame.length, 0);
}

describe("EpochEnds", () => {
  /** All zxids of a log, from its epochs' lengths. */
  function zxidsOf(lengths: readonly (readonly [epoch: number, count: number])[]): number[] {
    return lengths.flatMap(([epoch, count]) => Array.from({ length: count }, (_, at) => makeZxid(epoch, at + 1)));
  }

  it.each([1, 2, 3, 4, 5, 6])("finds what two logs share, as a comparison zxid by zxid does (seed %i)", (seed) => {
    const random = new Prng(seed);
    for (let round = 0; round < 400; round++) {
      // An epoch's leader went on from a part of what was there; whoever has an epoch has a prefix of what it said.
      const own: [number, number][] = [];
      const other: [number, number][] = [];
      let isParted = false;
      for (let epoch = 1; epoch <= 6; epoch++) {
        const said = 1 + random.below(5);
        if (!isParted && random.chance(0.6)) {
          const had = random.chance(0.3) ? random.below(said) : said;
          own.push([epoch, said]);
          if (had > 0) other.push([epoch, had]);
          isParted = had < said;
        } else if (random.chance(0.5)) {
          (random.chance(0.5) ? own : other).push([epoch, said]);
          isParted = true;
        }
      }
      const [mine, theirs] = [zxidsOf(own), zxidsOf(other)];
      const ends = new EpochEnds(0);
      for (const zxid of mine) ends.append(zxid);
      const shared = mine.filter((zxid) => zxid <= (theirs.at(-1) ?? 0)).at(-1) ?? 0;
      const naive = mine.filter((zxid) => theirs.includes(zxid)).at(-1) ?? 0;
      const found = ends.common(theirs.at(-1) ?? 0) as number;
      // Never above what both have: that would leave a gap, or a transaction that differs.
      expect(found).toBeLessThanOrEqual(shared);
      if (theirs.length === 0 || mine.includes(theirs.at(-1) as number)) expect(found).toBe(naive);
      const rebuilt = new EpochEnds(0, [...new Map(mine.map((zxid) => [epochOf(zxid), zxid])).values()]);
      expect(rebuilt.common(theirs.at(-1) ?? 0)).toBe(found);
    }
  });

  it("knows nothing below its base, and the base itself only as an end", () => {
    const ends = new EpochEnds(makeZxid(2, 5), [makeZxid(2, 9), makeZxid(4, 3)]);
    expect(ends.common(makeZxid(2, 4))).toBeUndefined();
    expect(ends.common(makeZxid(1, 99))).toBeUndefined();
    expect(ends.common(makeZxid(2, 5))).toBe(makeZxid(2, 5));
    expect(ends.common(makeZxid(2, 7))).toBe(makeZxid(2, 7));
    expect(ends.common(makeZxid(2, 30))).toBe(makeZxid(2, 9));
    expect(ends.common(makeZxid(3, 1))).toBe(makeZxid(2, 9));
    expect(ends.common(makeZxid(4, 9))).toBe(makeZxid(4, 3));
  });

  it("follows truncations and snapshots", () => {
    const ends = new EpochEnds(0, [makeZxid(1, 5), makeZxid(2, 5), makeZxid(3, 5)]);
    ends.truncate(makeZxid(2, 2));
    expect([ends.common(makeZxid(3, 9)), ends.common(makeZxid(2, 3))]).toEqual([makeZxid(2, 2), makeZxid(2, 2)]);
    ends.append(makeZxid(5, 1));
    expect(ends.common(makeZxid(4, 7))).toBe(makeZxid(2, 2));
    ends.reset(makeZxid(5, 9));
    expect([ends.common(makeZxid(5, 8)), ends.common(makeZxid(6, 1))]).toEqual([undefined, makeZxid(5, 9)]);
    expect(() => ends.truncate(makeZxid(5, 8))).toThrow("below its base");
    expect(() => ends.append(makeZxid(5, 9))).toThrow("zxids rise");
  });
});
