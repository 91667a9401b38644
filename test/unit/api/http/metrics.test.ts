import { afterEach, beforeEach, expect, test } from "vitest";
import { emptyCounters } from "../../../../src/api/grpc/door-counters.ts";
import { type GrpcNumbers, histogramRows, metricRows } from "../../../../src/api/http/metric-table.ts";
import { createMetrics, type Metrics } from "../../../../src/api/http/metrics.ts";
import type { MemberInfo, Status } from "../../../../src/coordination/port.ts";

const status: Status = {
  ensembleId: "abc",
  memberId: 3,
  role: "looking",
  epoch: 4,
  leaderId: 1,
  configurationZxid: 0,
  zxid: 2 ** 53 - 1,
  notReady: ["looking for a leader"],
  members: [member(1, true, 2 ** 53 - 6), member(3, true, 2 ** 53 - 1), member(5, false, 0)],
  counts: { nodes: 5, sessions: 6, ephemerals: 7, watches: 8, connections: 9, outstandingBytes: 10, dataBytes: 11 },
};

function member(id: number, isReachable: boolean, zxid: number): MemberInfo {
  const addresses = { grpcAddress: "", httpAddress: "", zookeeperAddress: "", peerAddress: "" };
  const place = { votingRole: "voter", weight: 1, group: 0 } as const;
  return { id, role: "looking", ...place, isReachable, zxid, lastZxid: zxid, version: "", ...addresses };
}

let metrics: Metrics;
beforeEach(() => {
  metrics = createMetrics();
});
afterEach(() => metrics.stop());

async function lines(): Promise<string[]> {
  return (await metrics.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

const everySource = {
  status: () => status,
  journal: () => ({ bytes: 12, segments: 13 }),
  snapshot: () => ({ lastZxid: 14, databaseBytes: 15, walBytes: 16, writtenBytes: 17 }),
  queue: () => ({ requests: 17 }),
  workers: () => ({
    threads: 30,
    running: 31,
    queuedJobs: 32,
    queuedBytes: 33,
    jobs: [
      { kind: "parse", outcome: "done" as const, count: 34 },
      { kind: "parse", outcome: "timeout" as const, count: 35 },
    ],
  }),
  grpc: (): GrpcNumbers => ({ ...emptyCounters(), streams: 18, streamsOpened: 19 }),
  zookeeper: () => ({
    connections: 20,
    outstanding: 21,
    connectionsRejected: 22,
    received: 23,
    sent: 24,
    receivedBytes: 25,
    sentBytes: 26,
    authenticationFailures: 27,
    malformed: 28,
    defects: 29,
  }),
};

test("numbers are read when scraped, and a zxid is exact up to 2^53 - 1", async () => {
  metrics.connect(everySource);
  const text = await lines();
  expect(text).toEqual(
    expect.arrayContaining([
      'muster_member_info{ensemble_id="abc",member_id="3"} 1',
      'muster_role{role="looking"} 1',
      'muster_role{role="leader"} 0',
      "muster_ready 0",
      "muster_zxid 9007199254740991",
      "muster_epoch 4",
      "muster_leader_id 1",
      "muster_members 3",
      "muster_members_reachable 2",
      'muster_member_lag{member="1"} 5',
      'muster_member_lag{member="3"} 0',
      "muster_znodes 5",
      "muster_sessions 6",
      "muster_ephemerals 7",
      "muster_watches 8",
      "muster_connections 9",
      "muster_outstanding_bytes 10",
      "muster_znode_data_bytes 11",
      "muster_journal_bytes 12",
      "muster_journal_segments 13",
      "muster_snapshot_zxid 14",
      "muster_snapshot_bytes 15",
      "muster_snapshot_wal_bytes 16",
      "muster_outstanding_requests 17",
      "muster_grpc_streams 18",
      "muster_grpc_streams_total 19",
      "muster_worker_threads 30",
      "muster_worker_running_jobs 31",
      "muster_worker_queued_jobs 32",
      "muster_worker_queued_bytes 33",
      'muster_worker_jobs_total{kind="parse",outcome="done"} 34',
      'muster_worker_jobs_total{kind="parse",outcome="timeout"} 35',
      "muster_zookeeper_connections 20",
      "muster_zookeeper_outstanding_requests 21",
      "muster_zookeeper_connections_rejected_total 22",
      "muster_zookeeper_received_total 23",
      "muster_zookeeper_sent_total 24",
      "muster_zookeeper_received_bytes_total 25",
      "muster_zookeeper_sent_bytes_total 26",
      "muster_zookeeper_authentication_failures_total 27",
      "muster_zookeeper_malformed_total 28",
      "muster_zookeeper_defects_total 29",
    ]),
  );
});

test("a counter shows its total at every scrape, not the sum of scrapes", async () => {
  metrics.connect(everySource);
  await metrics.text();
  expect(await lines()).toContain("muster_grpc_streams_total 19");
});

test("a metric whose source is not there is left out, not shown as 0", async () => {
  const before = await lines();
  expect(before.filter((line) => /^muster_(zxid|journal_bytes|grpc_streams_total) /.test(line))).toEqual([]);
  metrics.connect({ status: () => status });
  const after = await lines();
  expect(after).toContain("muster_epoch 4");
  expect(after.some((line) => line.startsWith("muster_journal_bytes"))).toBe(false);
});

test("every metric of the table is in a scrape, in its unit", async () => {
  metrics.connect(everySource);
  const text = await metrics.text();
  for (const { name, type, help } of metricRows) {
    expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name}`);
    expect(name.endsWith("_total")).toBe(type === "counter");
  }
  for (const { name } of histogramRows) expect(text).toContain(`# TYPE ${name} histogram\n`);
});

test("an fsync, a commit and a job are each one observation in a bucket", async () => {
  metrics.observeFsync(0.0004);
  metrics.observeFsync(3);
  metrics.observeCommit(0.002);
  metrics.observeJob(0.45);
  expect(await lines()).toEqual(
    expect.arrayContaining([
      'muster_fsync_seconds_bucket{le="0.00025"} 0',
      'muster_fsync_seconds_bucket{le="0.0005"} 1',
      'muster_fsync_seconds_bucket{le="2.5"} 1',
      "muster_fsync_seconds_count 2",
      "muster_fsync_seconds_sum 3.0004",
      'muster_commit_seconds_bucket{le="0.0025"} 1',
      'muster_worker_job_seconds_bucket{le="0.4"} 0',
      'muster_worker_job_seconds_bucket{le="0.5"} 1',
    ]),
  );
});

test("the process's own numbers are there from the start", async () => {
  const values = new Map((await lines()).map((line) => line.split(" ") as [string, string]));
  for (const name of ["muster_resident_memory_bytes", "muster_heap_used_bytes", "muster_cpu_seconds_total"]) {
    expect(Number(values.get(name)), name).toBeGreaterThan(0);
  }
  for (const quantile of ["0.5", "0.99", "1"]) {
    expect(Number(values.get(`muster_event_loop_delay_seconds{quantile="${quantile}"}`))).toBeGreaterThanOrEqual(0);
  }
});
