import type { MemberRole, Status } from "../../coordination/port.ts";
import type { PoolStats } from "../../products/floor/workers/worker-pool.ts";

/** Where the numbers of a scrape come from, called at a scrape only. One not given yet leaves its metrics out. */
export interface MetricSources {
  readonly status?: () => Status;
  readonly journal?: () => JournalNumbers;
  readonly snapshot?: () => SnapshotNumbers;
  readonly grpc?: () => GrpcNumbers;
  readonly zookeeper?: () => ZookeeperNumbers;
  readonly queue?: () => QueueNumbers;
  readonly workers?: () => PoolStats;
  /** The process itself; given by `createMetrics`. */
  readonly process?: () => ProcessNumbers;
}

export interface JournalNumbers {
  readonly bytes: number;
  readonly segments: number;
}

export interface SnapshotNumbers {
  /** zxid of the last round committed. */
  readonly lastZxid: number;
  readonly databaseBytes: number;
  /** Size of the SQLite -wal file beside it. */
  readonly walBytes: number;
  /** Written to both since the start. */
  readonly writtenBytes: number;
}

/** What the gRPC door has done since it was made; the first three are of this moment. */
export interface GrpcNumbers {
  readonly streams: number;
  readonly unsentBytes: number;
  readonly readAheadBytes: number;
  readonly streamsOpened: number;
  readonly streamsCut: number;
  readonly messagesReceived: number;
  readonly messagesSent: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly operations: number;
  readonly readsOverloaded: number;
  readonly malformed: number;
  readonly pauses: number;
  readonly unaryCalls: number;
  readonly unaryFailures: number;
  readonly callsRefused: number;
  readonly defects: number;
}

/** What the ZooKeeper door has done since it was made or since `srst`; the first two are of this moment. */
export interface ZookeeperNumbers {
  readonly connections: number;
  readonly outstanding: number;
  readonly connectionsRejected: number;
  readonly received: number;
  readonly sent: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly authenticationFailures: number;
  readonly malformed: number;
  readonly defects: number;
}

export interface QueueNumbers {
  /** Requests taken by the member and not yet answered. */
  readonly requests: number;
}

export interface ProcessNumbers {
  readonly startTimeSeconds: number;
  readonly cpuSecondsTotal: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly arrayBufferBytes: number;
  readonly externalBytes: number;
  /** How late the event loop's timers were since the scrape before. */
  readonly loopDelay: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** One value of a metric, with its labels where it has any. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricRow {
  /** With its base unit: `_seconds`, `_bytes`; counters end in `_total`. */
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly labels: readonly string[];
  /** undefined: its source is not there yet. */
  readonly read: (sources: MetricSources) => readonly Sample[] | undefined;
}

const roles: readonly MemberRole[] = ["starting", "looking", "leader", "follower", "observer", "stopped"];

type Read<Numbers> = (numbers: Numbers) => number;

function row<Source extends keyof MetricSources>(
  source: Source,
  type: "gauge" | "counter",
  name: string,
  help: string,
  read: Read<ReturnType<NonNullable<MetricSources[Source]>>>,
): MetricRow {
  return {
    name,
    type,
    help,
    labels: [],
    read: (sources) => {
      const numbers = sources[source]?.();
      return numbers === undefined ? undefined : [{ value: read(numbers as never) }];
    },
  };
}

function labelled<Source extends keyof MetricSources>(
  source: Source,
  name: string,
  labels: readonly string[],
  help: string,
  read: (numbers: ReturnType<NonNullable<MetricSources[Source]>>) => readonly Sample[],
): MetricRow {
  return {
    name,
    type: name.endsWith("_total") ? "counter" : "gauge",
    help,
    labels,
    read: (sources) => {
      const numbers = sources[source]?.();
      return numbers === undefined ? undefined : read(numbers as never);
    },
  };
}

/** Every metric but the histograms, in the order of docs/reference/metrics.md. */
export const metricRows: readonly MetricRow[] = [
  labelled(
    "status",
    "muster_member_info",
    ["ensemble_id", "member_id"],
    "Always 1; says which member this is.",
    (s) => [{ labels: { ensemble_id: s.ensembleId, member_id: String(s.memberId) }, value: 1 }],
  ),
  labelled("status", "muster_role", ["role"], "1 for the member's role, 0 for the others.", (s) =>
    roles.map((role) => ({ labels: { role }, value: role === s.role ? 1 : 0 })),
  ),
  row("status", "gauge", "muster_ready", "1 while the member serves, otherwise 0.", (s) =>
    s.notReady.length === 0 ? 1 : 0,
  ),
  row("status", "gauge", "muster_zxid", "Last zxid applied: epoch * 2^32 + counter.", (s) => s.zxid),
  row("status", "gauge", "muster_epoch", "Epoch the member is in.", (s) => s.epoch),
  row("status", "gauge", "muster_leader_id", "Who leads, as far as this member knows; 0: nobody.", (s) => s.leaderId),
  row(
    "status",
    "gauge",
    "muster_members",
    "Members of the ensemble's configuration, and joiners.",
    (s) => s.members.length,
  ),
  row(
    "status",
    "gauge",
    "muster_members_reachable",
    "Of these, itself and those this member hears.",
    (s) => s.members.filter(({ isReachable }) => isReachable).length,
  ),
  labelled(
    "status",
    "muster_member_lag",
    ["member"],
    "What each reachable member has still to apply of what this one has, in transactions of one epoch.",
    (s) =>
      s.members
        .filter(({ isReachable }) => isReachable)
        .map(({ id, zxid }) => ({ labels: { member: String(id) }, value: Math.max(0, s.zxid - zxid) })),
  ),
  row("status", "gauge", "muster_znodes", "Znodes of the tree.", (s) => s.counts.nodes),
  row("status", "gauge", "muster_znode_data_bytes", "Data of all znodes.", (s) => s.counts.dataBytes),
  row("status", "gauge", "muster_ephemerals", "Ephemeral znodes.", (s) => s.counts.ephemerals),
  row("status", "gauge", "muster_sessions", "Sessions open.", (s) => s.counts.sessions),
  row("status", "gauge", "muster_watches", "Watches registered at this member.", (s) => s.counts.watches),
  row("status", "gauge", "muster_connections", "Client connections at this member.", (s) => s.counts.connections),
  row(
    "status",
    "gauge",
    "muster_outstanding_bytes",
    "Size of the requests taken and not yet answered.",
    (s) => s.counts.outstandingBytes,
  ),
  row("queue", "gauge", "muster_outstanding_requests", "Requests taken and not yet answered.", (q) => q.requests),
  row("grpc", "gauge", "muster_grpc_streams", "Session streams open.", (g) => g.streams),
  row(
    "grpc",
    "gauge",
    "muster_grpc_unsent_bytes",
    "Queued for clients that read slower than they are written to.",
    (g) => g.unsentBytes,
  ),
  row(
    "grpc",
    "gauge",
    "muster_grpc_read_ahead_bytes",
    "Received and held back until earlier operations are answered.",
    (g) => g.readAheadBytes,
  ),
  row("grpc", "counter", "muster_grpc_streams_total", "Session streams opened.", (g) => g.streamsOpened),
  row(
    "grpc",
    "counter",
    "muster_grpc_streams_cut_total",
    "Session streams ended because their client read too slowly.",
    (g) => g.streamsCut,
  ),
  row("grpc", "counter", "muster_grpc_operations_total", "Operations taken from session streams.", (g) => g.operations),
  row("grpc", "counter", "muster_grpc_unary_calls_total", "Unary calls taken.", (g) => g.unaryCalls),
  row(
    "grpc",
    "counter",
    "muster_grpc_unary_failures_total",
    "Unary calls that ended with an error.",
    (g) => g.unaryFailures,
  ),
  row(
    "grpc",
    "counter",
    "muster_grpc_calls_refused_total",
    "Calls and streams that were not let in: nothing proved who asked, or they had no right to it.",
    (g) => g.callsRefused,
  ),
  row(
    "grpc",
    "counter",
    "muster_grpc_messages_received_total",
    "Messages received on session streams.",
    (g) => g.messagesReceived,
  ),
  row("grpc", "counter", "muster_grpc_messages_sent_total", "Messages sent on session streams.", (g) => g.messagesSent),
  row("grpc", "counter", "muster_grpc_received_bytes_total", "Size of the messages received.", (g) => g.bytesReceived),
  row("grpc", "counter", "muster_grpc_sent_bytes_total", "Size of the messages sent.", (g) => g.bytesSent),
  row(
    "grpc",
    "counter",
    "muster_grpc_reads_overloaded_total",
    "Reads refused with OVERLOADED.",
    (g) => g.readsOverloaded,
  ),
  row("grpc", "counter", "muster_grpc_malformed_total", "Messages that could not be decoded.", (g) => g.malformed),
  row(
    "grpc",
    "counter",
    "muster_grpc_pauses_total",
    "Times the operations of a stream were held back.",
    (g) => g.pauses,
  ),
  row("grpc", "counter", "muster_grpc_defects_total", "Defects of the door met, each one logged.", (g) => g.defects),
  row("zookeeper", "gauge", "muster_zookeeper_connections", "Connections of ZooKeeper clients.", (z) => z.connections),
  row(
    "zookeeper",
    "gauge",
    "muster_zookeeper_outstanding_requests",
    "Requests of ZooKeeper clients that are not answered yet.",
    (z) => z.outstanding,
  ),
  row(
    "zookeeper",
    "counter",
    "muster_zookeeper_connections_rejected_total",
    "Connections refused because there were too many, of one address or in all.",
    (z) => z.connectionsRejected,
  ),
  row("zookeeper", "counter", "muster_zookeeper_received_total", "Requests of ZooKeeper clients.", (z) => z.received),
  row("zookeeper", "counter", "muster_zookeeper_sent_total", "Replies and notifications sent.", (z) => z.sent),
  row("zookeeper", "counter", "muster_zookeeper_received_bytes_total", "Size of the requests.", (z) => z.receivedBytes),
  row("zookeeper", "counter", "muster_zookeeper_sent_bytes_total", "Size of what was sent.", (z) => z.sentBytes),
  row(
    "zookeeper",
    "counter",
    "muster_zookeeper_authentication_failures_total",
    "Auth packets and SASL tokens that proved nothing.",
    (z) => z.authenticationFailures,
  ),
  row(
    "zookeeper",
    "counter",
    "muster_zookeeper_malformed_total",
    "Connections ended for a frame that could not be read.",
    (z) => z.malformed,
  ),
  row(
    "zookeeper",
    "counter",
    "muster_zookeeper_defects_total",
    "Defects of the door met, each one logged.",
    (z) => z.defects,
  ),
  row("workers", "gauge", "muster_worker_threads", "Threads that read users' content, or may.", (w) => w.threads),
  row("workers", "gauge", "muster_worker_running_jobs", "Jobs running in these threads.", (w) => w.running),
  row("workers", "gauge", "muster_worker_queued_jobs", "Jobs waiting for a thread.", (w) => w.queuedJobs),
  row("workers", "gauge", "muster_worker_queued_bytes", "Size of the jobs waiting.", (w) => w.queuedBytes),
  labelled(
    "workers",
    "muster_worker_jobs_total",
    ["kind", "outcome"],
    "Jobs ended. timeout, memory: their thread was killed for it; crashed: by a defect, which is logged.",
    (w) => w.jobs.map(({ kind, outcome, count }) => ({ labels: { kind, outcome }, value: count })),
  ),
  row("journal", "gauge", "muster_journal_bytes", "Journal on disk.", (j) => j.bytes),
  row("journal", "gauge", "muster_journal_segments", "Journal segments on disk.", (j) => j.segments),
  row("snapshot", "gauge", "muster_snapshot_zxid", "zxid of the last snapshot round committed.", (s) => s.lastZxid),
  row("snapshot", "gauge", "muster_snapshot_bytes", "Snapshot database on disk, without -wal.", (s) => s.databaseBytes),
  row("snapshot", "gauge", "muster_snapshot_wal_bytes", "The snapshot's -wal file on disk.", (s) => s.walBytes),
  row(
    "snapshot",
    "counter",
    "muster_snapshot_written_bytes_total",
    "Written to the snapshot's files.",
    (s) => s.writtenBytes,
  ),
  labelled(
    "process",
    "muster_event_loop_delay_seconds",
    ["quantile"],
    "How late timers of the event loop were since the scrape before; quantile 1 is the longest.",
    ({ loopDelay }) => [
      { labels: { quantile: "0.5" }, value: loopDelay.p50 },
      { labels: { quantile: "0.99" }, value: loopDelay.p99 },
      { labels: { quantile: "1" }, value: loopDelay.max },
    ],
  ),
  row("process", "gauge", "muster_resident_memory_bytes", "Resident memory of the process.", (p) => p.residentBytes),
  row("process", "gauge", "muster_heap_used_bytes", "Heap in use.", (p) => p.heapUsedBytes),
  row("process", "gauge", "muster_heap_bytes", "Heap claimed.", (p) => p.heapTotalBytes),
  row(
    "process",
    "gauge",
    "muster_array_buffer_bytes",
    "Buffers outside the heap, znodes among them.",
    (p) => p.arrayBufferBytes,
  ),
  row(
    "process",
    "gauge",
    "muster_external_memory_bytes",
    "All memory outside the heap that objects hold.",
    (p) => p.externalBytes,
  ),
  row(
    "process",
    "counter",
    "muster_cpu_seconds_total",
    "CPU time of the process, user and system.",
    (p) => p.cpuSecondsTotal,
  ),
  row(
    "process",
    "gauge",
    "muster_start_time_seconds",
    "When the process started, since 1970.",
    (p) => p.startTimeSeconds,
  ),
];

/** What is observed as it happens: one observation per fsync, one per batch, one per job of a worker. */
export const histogramRows = [
  {
    name: "muster_fsync_seconds",
    help: "Time of one fdatasync of the journal.",
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  },
  {
    name: "muster_commit_seconds",
    help: "Time from proposing a batch until it is applied.",
    buckets: [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  },
  {
    name: "muster_worker_job_seconds",
    help: "Time of one job of a worker, from its start in the thread.",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
  },
] as const;
