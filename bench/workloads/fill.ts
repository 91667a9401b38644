import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { auditEnsemble, must, stateFindings } from "../harness/audit.ts";
import type { BenchRun } from "../harness/bench-run.ts";
import { scrapeMetrics } from "../harness/metrics.ts";
import { type ProcessStats, processStats, writtenByThread } from "../harness/process-stats.ts";
import { sleep } from "../harness/waiting.ts";
import { mebibytes, type Workload, type WorkloadResult } from "./workload.ts";

const SETTLE_MS = 30_000;
/** Bytes written to the files of the snapshot, as the member counts them. */
const SNAPSHOT_WRITTEN = "muster_snapshot_written_bytes_total";

/** 1,000,000 znodes of 100 B: the memory they take, the writes of their snapshot, and the restart with them. */
export const fill: Workload = {
  name: "fill",
  about: "1,000,000 znodes of 100 B: memory, snapshot writes, restart",
  defaults: { seconds: 0, clients: 30, outstanding: 100, nodes: 1_000_000, bytes: 100 },
  run: runFill,
};

async function runFill(run: BenchRun): Promise<WorkloadResult> {
  const { options } = run;
  await run.startMembers();
  await run.openClients(options.clients);
  const before = await znodes(run);
  const filled = await run.fill("/fill", options.nodes, options.bytes);
  await sleep(SETTLE_MS);
  const settled = await Promise.all(run.ensemble.runningIds.map((id) => settledMember(run, id)));
  await run.stopMembers();
  const snapshots = await Promise.all(run.ensemble.places.map(({ dataDir }) => sizeOfSnapshot(dataDir)));

  const restarting = performance.now();
  const leader = await run.startMembers();
  // One member says itself when it serves; of several, all must, under one leader.
  const restartMs = options.members === 1 ? leader.startMs : performance.now() - restarting;
  const afterRestart = run.ensemble.runningIds.map((id) => processStats(run.ensemble.member(id).pid));
  const expected = before + 1 + options.nodes + Math.ceil(options.nodes / 1000);
  const present = await Promise.all(run.ensemble.runningIds.map((id) => nodesOf(run, id)));
  const audit = options.members === 1 ? undefined : await auditEnsemble(run.ensemble, []);

  const worst = (pick: (each: SettledMember) => number): number => Math.max(...settled.map(pick));
  const writes = Math.max(...settled.map(({ snapshotWritten }, index) => snapshotWritten / (snapshots[index] ?? 0)));
  return {
    findings: [
      { name: "created/s", value: options.nodes / filled.seconds, unit: "/s" },
      {
        name: "RSS 30 s after filling",
        value: mebibytes(worst(({ stats }) => stats.rssBytes)),
        unit: "MiB",
        asked: { atMost: 450 },
      },
      {
        name: "RSS, highest",
        value: mebibytes(worst(({ stats }) => stats.rssPeakBytes)),
        unit: "MiB",
        asked: { atMost: 700 },
      },
      { name: "restart to serving", value: restartMs / 1000, unit: "s", asked: { atMost: 5 } },
      {
        name: "RSS after the restart",
        value: mebibytes(Math.max(...afterRestart.map(({ rssBytes }) => rssBytes))),
        unit: "MiB",
      },
      { name: "snapshot", value: mebibytes(Math.max(...snapshots)), unit: "MiB" },
      { name: "snapshot writes, times its size", value: writes, unit: "x", asked: { atMost: 3 } },
      must("members without all znodes after the restart", present.filter((count) => count !== expected).length),
      ...(audit === undefined ? [] : stateFindings(audit)),
    ],
    details: { fillSeconds: filled.seconds, settled, snapshots, restartMs, afterRestart, present, expected },
  };
}

/** A member some time after the filling. */
interface SettledMember {
  readonly stats: ProcessStats;
  readonly snapshotWritten: number;
  readonly writtenByThread: Readonly<Record<string, number>>;
}

async function settledMember(run: BenchRun, id: number): Promise<SettledMember> {
  const { pid } = run.ensemble.member(id);
  const metrics = await scrapeMetrics(run.ensemble.place(id).http);
  return {
    stats: processStats(pid),
    snapshotWritten: metrics.get(SNAPSHOT_WRITTEN) ?? Number.NaN,
    writtenByThread: Object.fromEntries(writtenByThread(pid)),
  };
}

/** All that the member the clients began at has; counting the descendants of one znode has its limit. */
async function znodes(run: BenchRun): Promise<number> {
  return nodesOf(run, run.id);
}

async function nodesOf(run: BenchRun, id: number): Promise<number> {
  return (await run.ensemble.status(id)).counts["nodes"] ?? Number.NaN;
}

/** After a clean stop: the database and what a checkpoint may have left beside it. */
async function sizeOfSnapshot(dataDir: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(dataDir)) {
    if (name.startsWith("snapshot-")) bytes += (await stat(path.join(dataDir, name))).size;
  }
  return bytes;
}
