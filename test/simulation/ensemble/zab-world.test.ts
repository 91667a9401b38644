import { afterAll, describe, expect, it } from "vitest";
import { LINK_STATES, runLinkState, runZab } from "./zab-run.ts";

const SEEDS = Number(process.env["SIMULATION_SEEDS"] ?? 200);
const FIRST = Number(process.env["SIMULATION_FIRST_SEED"] ?? 1);
const SEEDS_PER_TEST = 25;
/** A bound on a hang, not on slowness. */
const SEED_MS_MAX = 4_000;

const totals = new Map<string, number>();

describe("bare zab, under everything that can befall members and their links", () => {
  const starts = Array.from({ length: Math.ceil(SEEDS / SEEDS_PER_TEST) }, (_, at) => FIRST + at * SEEDS_PER_TEST);
  it.each(starts)(
    "seeds from %i: the rules of reference/zookeeper.md 3.5, a healthy quorum commits, all converge",
    { timeout: SEEDS_PER_TEST * SEED_MS_MAX },
    (first) => {
      for (let seed = first; seed < Math.min(first + SEEDS_PER_TEST, FIRST + SEEDS); seed++) {
        const { violation, counts } = runZab({ seed });
        expect(violation && `seed ${seed}: ${violation.message}`).toBeUndefined();
        for (const [what, many] of counts) totals.set(what, (totals.get(what) ?? 0) + many);
      }
    },
  );

  it("plays a seed the same way each time", () => {
    const traceOf = (seed: number): string[] => {
      const lines: string[] = [];
      runZab({ seed, durationMs: 2_000, trace: (line) => lines.push(line) });
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
      "epochs established": 1_500,
      "batches broadcast": 50_000,
      barriers: 8_000,
      TRUNC: 20,
      SNAP: 80,
      "history read from disk": 2_000,
      "power-loss": 150,
      "power-loss-at-call": 200,
      kill: 150,
      stop: 100,
      pause: 150,
      wipe: 30,
      "slow-disk": 100,
      reset: 400,
      "one-way": 200,
      partition: 200,
      "partial-partition": 150,
      clog: 150,
    };
    const found = Object.keys(floors).map((what) => [what, perHundred(what)] as const);
    expect(found.filter(([what, many]) => many < floors[what as keyof typeof floors])).toEqual([]);
  });
});

describe("three members, each of the 64 states of their links", () => {
  const states = Array.from({ length: LINK_STATES }, (_, state) => state);
  const rule = "where some voter has two-way links to a quorum: one leader within ten time-outs, for good; else none";
  it.each([
    [rule, "from the beginning", true],
    [rule, "from the middle on", false],
  ] as const)("%s (%s)", { timeout: LINK_STATES * SEED_MS_MAX }, (_rule, _when, fromTheBeginning) => {
    for (const state of states) {
      const { violation } = runLinkState({ seed: 1 + state }, state, fromTheBeginning);
      expect(violation && `state ${state}: ${violation.message}`).toBeUndefined();
    }
  });
});
