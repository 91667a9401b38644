import { performance } from "node:perf_hooks";
import { EnsembleAdmin } from "@muster/client";
import { expect, test } from "vitest";
import { EnsembleRig, KEEP_ALL } from "./ensemble-rig.ts";
import { figure } from "./figures.ts";
import { judge } from "./verdict.ts";
import { Workload } from "./workload.ts";

/** Member 1 keeps all of the log, for the checker; the others so little that a new one needs a snapshot. */
const KEEP_LITTLE = { journalKeepCommands: "0", journalKeepBytes: "0", snapshotEveryBytes: "1MiB" };
/** More than a new member is sent from memory, and more than the first segment of a journal, so that that is pruned. */
const BYTES_BEFORE = 24 * 1024 * 1024;
const VALUE_BYTES = 64 * 1024;

test("a follower that lost everything is back by a snapshot under load, and counts again", async () => {
  const rig = await EnsembleRig.start({ options: (id) => (id === 1 ? KEEP_ALL : KEEP_LITTLE) });
  const load = await Workload.start(rig, { dataBytes: VALUE_BYTES, thinkMs: 8 });
  const admin = new EnsembleAdmin({ endpoints: rig.endpoints });
  await rig.settled();
  if (rig.leader?.id !== 2) await admin.transferLeadership(2);
  await rig.until(() => rig.leader?.id === 2, "member 2 to lead");
  const lost = rig.member(3);
  await load.written(BYTES_BEFORE);
  await lost.kill();
  lost.wipe();
  const at = performance.now();
  const missed = load.recorder.operations.length;
  const starting = lost.start();
  await starting;
  await rig.until(() => lost.role === "follower", "the wiped member to be a voter again");
  expect(rig.member(2).log).toContain("sent a snapshot");
  figure("wiped follower", {
    backMs: performance.now() - at,
    operationsBefore: missed,
    longestGapMs: load.recorder.longestGap(at, performance.now()),
  });
  // It counts: with the other follower gone, it and the leader are the quorum.
  await rig.member(1).kill();
  await load.progress();
  await rig.member(1).start();
  await rig.settled();
  const checked = await judge(rig, load, { mayCompact: true });
  figure("wiped follower, checked", checked);
  expect(load.recorder.rejected).toEqual([]);
});
