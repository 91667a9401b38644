import { performance } from "node:perf_hooks";
import { EnsembleAdmin } from "@muster/client";
import { expect, test } from "vitest";
import { isRoot, need } from "../integration/crash/requirements.ts";
import { EnsembleRig, KEEP_ALL } from "./ensemble-rig.ts";
import { startOnFailingDisks } from "./failing-disks.ts";
import { figure } from "./figures.ts";
import { judge } from "./verdict.ts";
import { Workload } from "./workload.ts";

/** Room for the first segment of a journal, and not for the second. */
const SMALL_MIB = 40;
const ENOUGH_MIB = 400;
/** Room for two segments and the reserve: full only once the first one is. */
const LEADER_MIB = 160;
const VALUE_BYTES = 64 * 1024;
/** More than the first segment holds. */
const FILL_BYTES = 16 * 1024 * 1024;

test("core.md 32: a follower's disk is full: the others go on; with room it is one of them again", async (context) => {
  need(context, "root, to mount a small disk", isRoot());
  const rig = await EnsembleRig.start({ options: KEEP_ALL, smallDisks: new Map([[2, SMALL_MIB]]) });
  const admin = new EnsembleAdmin({ endpoints: rig.endpoints });
  await rig.settled();
  if (rig.leader?.id === 2) await admin.transferLeadership(1);
  await rig.until(() => rig.leader !== undefined && rig.leader.id !== 2, "a member with room to lead");
  const withRoom = rig.members.filter(({ id }) => id !== 2);
  const endpoints = withRoom.map(({ grpc }) => grpc);
  const load = await Workload.start(rig, { dataBytes: VALUE_BYTES, thinkMs: 10, endpoints });
  const at = performance.now();
  await load.written(FILL_BYTES);
  const door = await rig.connect({ endpoints: rig.member(2).grpc });
  await expect(door.znodes.create("/refused")).rejects.toMatchObject({ reason: "NO_SPACE" });
  figure("full disk of a follower", { longestGapMs: load.recorder.longestGap(at, performance.now()) });
  rig.disks.get(2)?.resize(ENOUGH_MIB);
  // The other follower is gone: what is written now needs the one that had no room.
  const other = withRoom.find(({ role }) => role === "follower");
  await other?.kill();
  await load.progress();
  await other?.start();
  const checked = await judge(rig, load);
  figure("full disk, checked", checked);
  expect(load.recorder.rejected).toEqual([]);
});

test("core.md 32: the disk of the leader is full: it hands over, and writes go on", async (context) => {
  need(context, "root, to mount a small disk", isRoot());
  const rig = await EnsembleRig.start({ options: KEEP_ALL, smallDisks: new Map([[2, LEADER_MIB]]) });
  const admin = new EnsembleAdmin({ endpoints: rig.endpoints });
  await rig.settled();
  if (rig.leader?.id !== 2) await admin.transferLeadership(2);
  await rig.until(() => rig.leader?.id === 2, "the member with the small disk to lead");
  const endpoints = rig.members.filter(({ id }) => id !== 2).map(({ grpc }) => grpc);
  const load = await Workload.start(rig, { dataBytes: VALUE_BYTES, thinkMs: 10, endpoints });
  const at = performance.now();
  await load.written(FILL_BYTES);
  await rig.until(() => rig.leader !== undefined && rig.leader.id !== 2, "a member with room to lead");
  await load.progress();
  figure("full disk of the leader", { longestGapMs: load.recorder.longestGap(at, performance.now()) });
  rig.disks.get(2)?.resize(ENOUGH_MIB);
  const checked = await judge(rig, load);
  figure("full disk, checked", checked);
  expect(load.recorder.rejected).toEqual([]);
});

test("core.md 32: its disk fails: a leader ends itself, another leads, no write is lost", async (context) => {
  const { rig, diskOf } = await startOnFailingDisks(context);
  const load = await Workload.start(rig);
  await load.progress();
  const leader = await rig.settled();
  const { epoch } = leader;
  const at = performance.now();
  diskOf(leader.id).fail({ call: "sync", error: "EIO", after: 3 });
  await rig.newLeader(leader, epoch);
  const electedMs = performance.now() - at;
  expect((await leader.ended()).code).not.toBe(0);
  await load.progress();
  figure("leader EIO", { electedMs, firstWriteMs: load.recorder.firstWriteAfter(at) });
  diskOf(leader.id).heal();
  await leader.start();
  await rig.settled();
  const checked = await judge(rig, load);
  figure("leader EIO, checked", checked);
  expect(load.recorder.rejected).toEqual([]);
});
