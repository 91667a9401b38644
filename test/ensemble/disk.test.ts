import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { FailIo } from "../integration/crash/fail-io.ts";
import { hasCommand, need } from "../integration/crash/requirements.ts";
import { EnsembleRig, KEEP_ALL } from "./ensemble-rig.ts";
import { figure } from "./figures.ts";
import { judge } from "./verdict.ts";
import { Workload } from "./workload.ts";

test("core.md 32: the leader's disk fails: it ends by itself, another leads, nothing acknowledged is lost", async (context) => {
  need(context, "gcc", hasCommand("gcc"));
  const disks = new Map<number, FailIo>();
  const rig = await EnsembleRig.start({
    options: KEEP_ALL,
    env: (id, dataDir, folder) => {
      const disk = new FailIo(folder, `${dataDir}/journal/`);
      disks.set(id, disk);
      return disk.environment;
    },
  });
  const load = await Workload.start(rig);
  await sleep(500);
  const leader = await rig.settled();
  const { epoch } = leader;
  const at = performance.now();
  disks.get(leader.id)?.fail({ call: "sync", error: "EIO", after: 3 });
  await rig.newLeader(leader, epoch);
  const electedMs = performance.now() - at;
  expect((await leader.ended()).code).not.toBe(0);
  await load.progress();
  figure("leader EIO", { electedMs, firstWriteMs: load.recorder.firstWriteAfter(at) });
  disks.get(leader.id)?.heal();
  await leader.start();
  await rig.settled();
  const checked = await judge(rig, load);
  figure("leader EIO, checked", checked);
  expect(load.recorder.rejected).toEqual([]);
});
