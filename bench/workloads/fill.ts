import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { BenchRun } from "../harness/bench-run.ts";
import { scrapeMetrics } from "../harness/metrics.ts";
import { processStats, writtenByThread } from "../harness/process-stats.ts";
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

/** All the member has; counting the descendants of one znode has its limit. */
async function znodes(run: BenchRun): Promise<number> {
  return (await run.client(0).status()).counts["nodes"] ?? Number.NaN;
}

async function runFill(run: BenchRun): Promise<WorkloadResult> {
  const { options } = run;
  await run.startMembers();
  await run.openClients(options.clients);
  const before = await znodes(run);
  const filled = await run.fill("/fill", options.nodes, options.bytes);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const { pid, http } = run.member;
  const settled = processStats(pid);
  const threads = writtenByThread(pid);
  const snapshotWritten = (await scrapeMetrics(http)).get(SNAPSHOT_WRITTEN) ?? Number.NaN;
  const { id } = run;
  await run.stopMembers();
  const snapshotBytes = await sizeOfSnapshot(run.ensemble.place(id).dataDir);

  const restarted = await run.startMembers();
  const afterRestart = processStats(restarted.pid);
  await run.openClients(1);
  // Without /fill itself.
  const present = (await znodes(run)) - before - 1;
  const expected = options.nodes + Math.ceil(options.nodes / 1000);
  if (present !== expected) throw new Error(`${present} znodes after the restart instead of ${expected}`);

  return {
    findings: [
      { name: "created/s", value: options.nodes / filled.seconds, unit: "/s" },
      { name: "RSS 30 s after filling", value: mebibytes(settled.rssBytes), unit: "MiB", asked: { atMost: 450 } },
      { name: "RSS, highest", value: mebibytes(settled.rssPeakBytes), unit: "MiB", asked: { atMost: 700 } },
      { name: "restart to serving", value: restarted.startMs / 1000, unit: "s", asked: { atMost: 5 } },
      { name: "RSS after the restart", value: mebibytes(afterRestart.rssBytes), unit: "MiB" },
      { name: "snapshot", value: mebibytes(snapshotBytes), unit: "MiB" },
      {
        name: "snapshot writes, times its size",
        value: snapshotWritten / snapshotBytes,
        unit: "x",
        asked: { atMost: 3 },
      },
    ],
    details: {
      fillSeconds: filled.seconds,
      settled,
      snapshotBytes,
      snapshotWritten,
      writtenByThread: Object.fromEntries(threads),
      restartMs: restarted.startMs,
      afterRestart,
    },
  };
}

/** After a clean stop: the database and what a checkpoint may have left beside it. */
async function sizeOfSnapshot(dataDir: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(dataDir)) {
    if (name.startsWith("snapshot-")) bytes += (await stat(path.join(dataDir, name))).size;
  }
  return bytes;
}
