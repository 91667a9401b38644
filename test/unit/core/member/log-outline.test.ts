import { describe, expect, it } from "vitest";
import { Prng } from "../../../../src/core/base/prng.ts";
import { epochOf, makeZxid } from "../../../../src/core/base/zxid.ts";
import { type LogOutline, outlineLog, type ZxidSpan } from "../../../../src/core/member/log-outline.ts";

/** Spans of one log, and where every epoch that ever was began. */
interface Past {
  log: ZxidSpan[];
  readonly starts: Map<number, number>;
  /** Voided, and forgotten: what a damaged journal may still hold. */
  readonly voided: ZxidSpan[];
}

/** As leaders make it: each begins its epoch behind what it had, which may be less than this log had. */
function makePast(random: Prng): Past {
  const past: Past = { log: [], starts: new Map(), voided: [] };
  for (let epoch = 1; epoch <= 6; epoch++) {
    if (random.chance(0.2)) continue;
    const kept = past.log.length - (random.chance(0.5) ? random.below(Math.min(4, past.log.length + 1)) : 0);
    past.voided.push(...past.log.splice(kept));
    past.starts.set(epoch, past.log.at(-1)?.lastZxid ?? 0);
    let counter = 1;
    for (let left = random.below(6); left > 0; left--) {
      const count = 1 + random.below(3);
      past.log.push({ firstZxid: makeZxid(epoch, counter), lastZxid: makeZxid(epoch, counter + count - 1) });
      counter += count;
    }
  }
  return past;
}

describe("the outline of a log (core.md 28)", () => {
  it("tells what is missing and what was voided, whatever is left", () => {
    const seen = { missing: 0, voided: 0, unknown: 0 };
    for (let seed = 1; seed <= 3_000; seed++) {
      const random = new Prng(seed);
      const { log, starts, voided } = makePast(random);
      const last = log.at(-1);
      if (last === undefined) continue;
      const fromZxid = random.chance(0.4) ? (random.pick(log).lastZxid as number) : 0;
      const truth = log.filter(({ lastZxid }) => lastZxid > fromZxid);
      const left = truth.filter(() => random.chance(0.6));
      const ascending = (all: readonly ZxidSpan[]): ZxidSpan[] => all.toSorted((a, b) => a.firstZxid - b.firstZxid);
      const excess = ascending(voided.filter(({ lastZxid }) => lastZxid > fromZxid && random.chance(0.2)));
      const spans = ascending([...left, ...excess]);
      const remains = { fromZxid, lastZxid: last.lastZxid, spans };
      const outline = outlineLog(remains, starts) as LogOutline;
      const missing = truth.filter((span) => !left.includes(span));
      // Whole batches, and neighbours of one epoch as one.
      const covered = outline.missing.flatMap(({ firstZxid, lastZxid }) => {
        expect(epochOf(firstZxid)).toBe(epochOf(lastZxid));
        return truth.filter((span) => span.firstZxid >= firstZxid && span.lastZxid <= lastZxid);
      });
      expect(covered, `seed ${seed}`).toEqual(missing);
      const width = (all: readonly ZxidSpan[]): number =>
        all.reduce((sum, each) => sum + each.lastZxid - each.firstZxid + 1, 0);
      expect(width(outline.missing), `seed ${seed}`).toBe(width(missing));
      expect(outline.voided, `seed ${seed}`).toEqual(excess);
      seen.missing += missing.length;
      seen.voided += excess.length;
      // Without the start of an epoch it says of which; never anything wrong.
      for (const epoch of starts.keys()) {
        const fewer = outlineLog(remains, new Map([...starts].filter(([each]) => each !== epoch)));
        if (fewer !== undefined && "epoch" in fewer) {
          expect(fewer).toEqual({ epoch });
          seen.unknown++;
        } else expect(fewer).toEqual(outline);
      }
    }
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(500);
  });

  it("is none where an epoch begins before what the snapshot has", () => {
    const remains = { fromZxid: makeZxid(1, 5), lastZxid: makeZxid(2, 3), spans: [] };
    expect(outlineLog(remains, new Map([[2, makeZxid(1, 4)]]))).toBeUndefined();
  });

  it("takes a batch that the snapshot's zxid falls into for one behind it", () => {
    const spans = [{ firstZxid: makeZxid(1, 4), lastZxid: makeZxid(1, 6) }];
    const remains = { fromZxid: makeZxid(1, 5), lastZxid: makeZxid(1, 8), spans };
    const missing = [{ firstZxid: makeZxid(1, 7), lastZxid: makeZxid(1, 8) }];
    expect(outlineLog(remains, new Map())).toEqual({ missing, voided: [] });
  });
});
