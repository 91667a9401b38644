import { performance } from "node:perf_hooks";
import { expect, test } from "vitest";
import { Prng } from "../../src/core/base/prng.ts";
import { knob } from "../integration/crash/requirements.ts";
import { chaos } from "./chaos.ts";
import { EnsembleRig, KEEP_ALL, PATIENCE_MS } from "./ensemble-rig.ts";
import { figure } from "./figures.ts";
import { judge } from "./verdict.ts";
import { Workload } from "./workload.ts";

/**
 * CHAOS_MINUTES=30 for the long run, CHAOS_MEMBERS=5 for a larger ensemble; CHAOS_SEED repeats the faults of one, as
 * far as real machines can.
 */
const MS = knob("CHAOS_MINUTES", 0) * 60_000 || knob("CHAOS_SECONDS", 20) * 1_000;
const SEED = knob("CHAOS_SEED", 1);
/** The longer it takes, the more a lane rests: what is checked at the end must fit into memory, ms. */
const THINK_MS = Math.max(20, Math.round((MS / 60_000) * 8));
/** Reasons for which a call may be refused while the ensemble is broken: each says that it may be tried again. */
const MAY_REFUSE = ["NO_QUORUM", "NOT_CAUGHT_UP"];

/** Member 1 keeps all of the log, for the checker; the others only what is not in their snapshots. */
const KEEP_LITTLE = { journalKeepCommands: "0", journalKeepBytes: "0", snapshotEveryBytes: "1MiB" };

test("chaos: processes and links break at random under mixed load, and nothing promised is broken", {
  timeout: MS + 10 * PATIENCE_MS,
}, async () => {
  const random = new Prng(SEED);
  process.stdout.write(`  chaos for ${MS} ms with CHAOS_SEED=${SEED}\n`);
  const options = (id: number) => (id === 1 ? { ...KEEP_ALL, snapshotEveryBytes: "1MiB" } : KEEP_LITTLE);
  const rig = await EnsembleRig.start({ options, members: knob("CHAOS_MEMBERS", 3) });
  const load = await Workload.start(rig, { seed: SEED, thinkMs: THINK_MS, dataBytes: 1_024 });
  const begin = performance.now();
  const counts = await chaos(rig, random, MS, (what) => {
    process.stdout.write(`    ${((performance.now() - begin) / 1_000).toFixed(1)} s: ${what}\n`);
  });
  await load.progress();
  const { recorder } = load;
  const to = performance.now();
  const checked = await judge(rig, load, { mayCompact: counts.wipes > 0 });
  figure("chaos", { ...counts, longestGapMs: recorder.longestGap(begin, to), longestCallMs: recorder.longestMs() });
  figure("chaos, checked", checked);
  const refused = recorder.rejected.filter(({ reason }) => !MAY_REFUSE.includes(reason));
  expect(refused).toEqual([]);
  expect(checked.writes).toBeGreaterThan(MS / 100);
});
