import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { EnsembleRig, KEEP_ALL } from "./ensemble-rig.ts";
import { figure } from "./figures.ts";
import { judge } from "./verdict.ts";
import { Workload } from "./workload.ts";

/** Longer than the time-out after which a silent member counts as gone, ms. */
const BROKEN_MS = 1_500;

const ways = [1, 2, 3].flatMap((from) => [1, 2, 3].filter((to) => to !== from).map((to) => [from, to] as const));

test("each way of each link stands still in turn: writes go on, and the ensemble settles", async () => {
  const rig = await EnsembleRig.start({ options: KEEP_ALL });
  const load = await Workload.start(rig);
  for (const [from, to] of ways) {
    const before = await rig.settled();
    const at = performance.now();
    rig.links.set(from, to, { stalled: true });
    await sleep(BROKEN_MS);
    await load.progress();
    figure(`${from}>${to} stands still, ${before.id} led`, {
      longestGapMs: load.recorder.longestGap(at, performance.now()),
    });
    rig.links.healWithResets();
  }
  await rig.settled();
  const checked = await judge(rig, load);
  figure("one-way stalls", checked);
  expect(load.recorder.rejected).toEqual([]);
});

test("links that are cut, refused, late, slow and cut off for a while lose nothing", async () => {
  const rig = await EnsembleRig.start({ options: KEEP_ALL });
  const load = await Workload.start(rig);
  const { links } = rig;
  const faults: readonly (readonly [string, () => void])[] = [
    ["all links cut", () => ways.forEach(([from, to]) => void links.cut(from, to))],
    ["1-2 refused", () => links.refuse(1, 2)],
    ["2-3 refused", () => links.refuse(2, 3)],
    ["30 ms +- 30 ms", () => ways.forEach(([from, to]) => void links.set(from, to, { delayMs: 15, jitterMs: 30 }))],
    ["3 cut off", () => links.isolate(3)],
    ["1 gets 256 KiB/s", () => [2, 3].forEach((from) => void links.set(from, 1, { bytesPerSecond: 256 * 1024 }))],
  ];
  for (const [name, break_] of faults) {
    await rig.settled();
    const at = performance.now();
    break_();
    await sleep(BROKEN_MS);
    await load.progress();
    figure(name, { longestGapMs: load.recorder.longestGap(at, performance.now()) });
    links.heal();
  }
  await rig.settled();
  const checked = await judge(rig, load);
  figure("links", checked);
  expect(load.recorder.rejected).toEqual([]);
});
