import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { EnsembleRig, KEEP_ALL } from "./ensemble-rig.ts";
import { figure } from "./figures.ts";
import { judge } from "./verdict.ts";
import { Workload } from "./workload.ts";

/** Load before, between and after the faults, ms. */
const CALM_MS = 1_000;

test("the leader is killed under load: nothing acknowledged is lost, every session lives, every call is answered", async () => {
  const rig = await EnsembleRig.start({ options: KEEP_ALL });
  const load = await Workload.start(rig);
  for (let round = 0; round < 3; round++) {
    await sleep(CALM_MS);
    const leader = await rig.settled();
    const at = performance.now();
    await leader.kill();
    await rig.newLeader(leader, leader.epoch);
    const elected = performance.now();
    await sleep(CALM_MS);
    figure("leader SIGKILL", { electedMs: elected - at, firstWriteMs: load.recorder.firstWriteAfter(at) });
    await leader.start();
  }
  const checked = await judge(rig, load);
  figure("leader SIGKILL, checked", checked);
  expect(load.recorder.rejected).toEqual([]);
  expect(checked.writes).toBeGreaterThan(500);
});
