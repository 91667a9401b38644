import { afterAll, describe, expect, it } from "vitest";
import { LONG_RUN_SEEDS, shortfalls } from "../coverage.ts";
import { examineSeed } from "../failure.ts";
import { runWorld } from "../world-run.ts";

/** SIMULATION_SEEDS and SIMULATION_FIRST_SEED for the long run; `npm run simulate` for a single one. */
const SEEDS = Number(process.env["SIMULATION_SEEDS"] ?? 60);
const FIRST = Number(process.env["SIMULATION_FIRST_SEED"] ?? 1);
const REQUESTS = Number(process.env["SIMULATION_REQUESTS"] ?? 120);
const SEEDS_PER_TEST = 20;
/** A bound on a hang, not on slowness. */
const SEED_MS_MAX = 10_000;

const totals = new Map<string, number>();

describe("three members, all that can befall them, their disks and their links", () => {
  const starts = Array.from({ length: Math.ceil(SEEDS / SEEDS_PER_TEST) }, (_, at) => FIRST + at * SEEDS_PER_TEST);
  it.each(starts)(
    "seeds from %i: the rules of Zab, of clients, sessions and watches; a healthy quorum answers; all converge",
    { timeout: SEEDS_PER_TEST * SEED_MS_MAX },
    (first) => {
      for (let seed = first; seed < Math.min(first + SEEDS_PER_TEST, FIRST + SEEDS); seed++) {
        const options = { seed, members: 3, requests: REQUESTS };
        const { violation, counts } = runWorld(options);
        expect(violation === undefined ? undefined : examineSeed(options)).toBeUndefined();
        for (const [what, many] of counts) totals.set(what, (totals.get(what) ?? 0) + many);
      }
    },
  );

  // A world in which nothing happens would break no rule.
  afterAll(() => {
    const perHundred = (what: string): number => ((totals.get(what) ?? 0) * 100) / SEEDS;
    const floors = {
      "answers OK": 5_000,
      "repeats answered": 150,
      "events told": 1_000,
      "watches resumed": 400,
      "epochs established": 200,
      "batches broadcast": 5_000,
      "history read from disk": 200,
      "snapshot rounds": 500,
      "configurations in force": 20,
      "disks lost": 20,
      "power-loss": 100,
      "power-loss-at-call": 150,
      kill: 100,
      pause: 100,
      partition: 100,
      "one-way": 100,
    };
    const found = Object.keys(floors).map((what) => [what, perHundred(what)] as const);
    expect(found.filter(([what, many]) => many < floors[what as keyof typeof floors])).toEqual([]);
    const rare = ["SNAP", "TRUNC", "DIFF from memory", "DIFF from the journal", "damage repaired", "znodes searched"];
    for (const what of rare) expect(totals.get(what) ?? 0).toBeGreaterThan(0);
    if (SEEDS >= LONG_RUN_SEEDS) expect(shortfalls(totals)).toEqual([]);
  });
});
