import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { EnsembleRig, KEEP_ALL } from "./ensemble-rig.ts";
import { figure } from "./figures.ts";
import { judge } from "./verdict.ts";
import { Workload } from "./workload.ts";

/** Load before, between and after the faults, ms. */
const CALM_MS = 1_000;
/** A leader stands still for so long: others have led for some time when it goes on. */
const PAUSE_MS = 1_500;

test("the leader is killed under load: nothing acknowledged is lost, each session lives, each call ends", async () => {
  const rig = await EnsembleRig.start({ options: KEEP_ALL });
  const load = await Workload.start(rig);
  for (let round = 0; round < 2; round++) {
    await sleep(CALM_MS);
    const leader = await rig.settled();
    const at = performance.now();
    await leader.kill();
    await rig.newLeader(leader, leader.epoch);
    const electedMs = performance.now() - at;
    await load.progress();
    await sleep(CALM_MS);
    figure("leader SIGKILL", { electedMs, firstWriteMs: load.recorder.firstWriteAfter(at) });
    await leader.start();
  }
  const checked = await judge(rig, load);
  figure("leader SIGKILL, checked", checked);
  expect(load.recorder.rejected).toEqual([]);
  expect(checked.writes).toBeGreaterThan(500);
  expect(checked.events).toBeGreaterThan(checked.writes);
});

test("the leader stands still: another leads; going on, it answers nothing stale and expires nobody", async () => {
  const rig = await EnsembleRig.start({ options: KEEP_ALL });
  const load = await Workload.start(rig);
  for (let round = 0; round < 2; round++) {
    await sleep(CALM_MS);
    const leader = await rig.settled();
    const { epoch } = leader;
    const at = performance.now();
    leader.pause();
    await rig.newLeader(leader, epoch);
    const electedMs = performance.now() - at;
    await load.progress();
    figure("leader SIGSTOP", { electedMs, firstWriteMs: load.recorder.firstWriteAfter(at) });
    await sleep(PAUSE_MS);
    // Some of these are with the member that stands still, called after writes that only the others know of.
    const probes = load.probe();
    leader.resume();
    await probes;
    await rig.settled();
    expect(leader.role).toBe("follower");
  }
  const checked = await judge(rig, load);
  figure("leader SIGSTOP, checked", checked);
  expect(load.recorder.rejected).toEqual([]);
});

test("a graceful stop hands over, and a rolling restart under load rejects no call", async () => {
  const rig = await EnsembleRig.start({ options: KEEP_ALL });
  const load = await Workload.start(rig);
  await sleep(CALM_MS);
  const from = performance.now();
  for (const member of rig.members) {
    const led = member === (await rig.settled());
    const { epoch } = member;
    const at = performance.now();
    const stopped = member.stop();
    if (led) {
      await rig.newLeader(member, epoch);
      const electedMs = performance.now() - at;
      await load.progress();
      figure("leader SIGTERM", { electedMs, firstWriteMs: load.recorder.firstWriteAfter(at) });
    }
    expect((await stopped).code).toBe(0);
    await member.start();
    await load.progress();
  }
  await sleep(CALM_MS);
  const to = performance.now();
  const checked = await judge(rig, load);
  const longestCallMs = load.recorder.longestMs(from, to);
  figure("rolling restart", { ...checked, longestCallMs, longestGapMs: load.recorder.longestGap(from, to) });
  expect(load.recorder.rejected).toEqual([]);
});
