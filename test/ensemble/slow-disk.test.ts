import { EnsembleAdmin } from "@muster/client";
import { expect, test } from "vitest";
import { startOnFailingDisks } from "./failing-disks.ts";
import { judge } from "./verdict.ts";
import { Workload } from "./workload.ts";

/** What every fsync takes, ms: slow, though far from what makes a member silent. */
const FSYNC_MS = 700;

test("core.md 22: a leader whose disk is slow hands over, and is not the next to lead", async (context) => {
  const { rig, diskOf } = await startOnFailingDisks(context);
  const load = await Workload.start(rig);
  const slow = await rig.settled();
  await load.progress();
  diskOf(slow.id).delay({ call: "sync", ms: FSYNC_MS });
  const next = await rig.newLeader(slow, slow.epoch);
  expect(next.id).not.toBe(slow.id);
  await rig.settled();
  await load.progress();
  expect(slow.role).toBe("follower");
  expect(slow.log.match(/this leader's disk is slow: it hands over/g)).toHaveLength(1);
  // Whoever hands over to the best does not choose the slow one, though it may have as much.
  const { epoch } = next;
  await new EnsembleAdmin({ endpoints: next.grpc }).transferLeadership();
  const third = await rig.newLeader(next, epoch);
  expect(third.id).not.toBe(slow.id);
  diskOf(slow.id).heal();
  await rig.settled();
  await judge(rig, load);
  expect(load.recorder.rejected).toEqual([]);
});
