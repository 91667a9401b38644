import { afterAll, describe, expect, it } from "vitest";
import { examineSeed } from "./failure.ts";
import { runWorld } from "./world-run.ts";

/** SIMULATION_SEEDS and SIMULATION_FIRST_SEED for the long run; `npm run simulate` for a single one. */
const SEEDS = Number(process.env["SIMULATION_SEEDS"] ?? 60);
const FIRST = Number(process.env["SIMULATION_FIRST_SEED"] ?? 1);
const SEEDS_PER_TEST = 20;
/** A bound on a hang, not on slowness. */
const SEED_MS_MAX = 10_000;

const totals = new Map<string, number>();

describe("one member, power losses, kills, stops and pauses at random instants, during recovery too", () => {
  const starts = Array.from({ length: Math.ceil(SEEDS / SEEDS_PER_TEST) }, (_, at) => FIRST + at * SEEDS_PER_TEST);
  it.each(starts)(
    "seeds from %i: nothing acknowledged is lost, nothing applied twice, all is as the model says",
    { timeout: SEEDS_PER_TEST * SEED_MS_MAX },
    (first) => {
      for (let seed = first; seed < Math.min(first + SEEDS_PER_TEST, FIRST + SEEDS); seed++) {
        const { violation, counts } = runWorld({ seed });
        expect(violation === undefined ? undefined : examineSeed({ seed })).toBeUndefined();
        for (const [what, many] of counts) totals.set(what, (totals.get(what) ?? 0) + many);
      }
    },
  );

  it("plays a seed the same way each time, and each seed another way", () => {
    const traceOf = (seed: number): string[] => {
      const lines: string[] = [];
      runWorld({ seed, requests: 60, trace: (line) => lines.push(line) });
      return lines;
    };
    const trace = traceOf(3);
    expect(trace.length).toBeGreaterThan(100);
    expect(traceOf(3)).toEqual(trace);
    expect(traceOf(4)).not.toEqual(trace);
  });

  // A world in which nothing happens would break no rule.
  afterAll(() => {
    const perHundred = (what: string): number => ((totals.get(what) ?? 0) * 100) / SEEDS;
    const floors = {
      request: 20_000,
      "answers OK": 10_000,
      "repeats answered": 300,
      "events told": 5_000,
      "watches resumed": 1_000,
      COMPACTED: 10,
      "move-session": 400,
      "expire-session": 100,
      "close-session": 100,
      reap: 50,
      OVERLOADED: 5,
      "power-loss": 150,
      "power-loss-at-call": 200,
      kill: 100,
      stop: 50,
      pause: 100,
      "crashes while starting": 8,
      "batches replayed": 3_000,
      "snapshot rounds": 500,
      "segments begun": 200,
      "segments pruned": 100,
      "epochs established": 500,
    };
    const found = Object.keys(floors).map((what) => [what, perHundred(what)] as const);
    expect(found.filter(([what, many]) => many < floors[what as keyof typeof floors])).toEqual([]);
  });
});
