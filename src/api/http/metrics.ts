import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { histogramRows, type MetricRow, type MetricSources, metricRows, type ProcessNumbers } from "./metric-table.ts";

/** What a member measures of itself, as Prometheus reads it. */
export interface Metrics {
  readonly contentType: string;
  /** The text of one scrape. */
  text(): Promise<string>;
  /** Tells where numbers come from; sources given before stay. */
  connect(sources: MetricSources): void;
  /** One fdatasync took this long, seconds. */
  observeFsync(seconds: number): void;
  /** One batch took this long from proposal to apply, seconds. */
  observeCommit(seconds: number): void;
  /** One job of a worker took this long, seconds. */
  observeJob(seconds: number): void;
  /** Ends the measuring of the event loop. */
  stop(): void;
}

/** Timers of the event loop are checked this often, ms. */
const LOOP_RESOLUTION_MS = 10;

/** Numbers are read at a scrape; between scrapes measuring costs an addition per fsync, batch and job. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const loopDelay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  loopDelay.enable();
  let sources: MetricSources = { process: () => processNumbers(loopDelay) };
  for (const row of metricRows) addRow(registry, row, () => sources);
  const [fsync, commit, job] = histogramRows.map(
    ({ name, help, buckets }) => new Histogram({ name, help, buckets: [...buckets], registers: [registry] }),
  ) as [Histogram, Histogram, Histogram];
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    connect: (more) => {
      sources = { ...sources, ...more };
    },
    observeFsync: (seconds) => fsync.observe(seconds),
    observeCommit: (seconds) => commit.observe(seconds),
    observeJob: (seconds) => job.observe(seconds),
    stop: () => void loopDelay.disable(),
  };
}

function addRow(registry: Registry, row: MetricRow, sources: () => MetricSources): void {
  const { name, help } = row;
  const settings = { name, help, labelNames: [...row.labels], registers: [registry] };
  if (row.type === "gauge") {
    const gauge: Gauge = new Gauge({
      ...settings,
      collect: () => {
        gauge.reset();
        const samples = row.read(sources());
        // Without this a metric whose source is not there yet would show as 0.
        if (samples === undefined && row.labels.length === 0) gauge.remove();
        for (const { labels, value } of samples ?? []) gauge.set(labels ?? {}, value);
      },
    });
    return;
  }
  const counter: Counter = new Counter({
    ...settings,
    collect: () => {
      counter.reset();
      const samples = row.read(sources());
      if (samples === undefined && row.labels.length === 0) counter.remove();
      for (const { labels, value } of samples ?? []) counter.inc(labels ?? {}, value);
    },
  });
}

function processNumbers(loopDelay: IntervalHistogram): ProcessNumbers {
  const memory = process.memoryUsage();
  const cpu = process.cpuUsage();
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - LOOP_RESOLUTION_MS / 1e3);
  // An empty histogram, as right after a scrape, has no percentiles.
  const measured = loopDelay.count > 0;
  const delay = {
    p50: measured ? late(loopDelay.percentile(50)) : 0,
    p99: measured ? late(loopDelay.percentile(99)) : 0,
    max: measured ? late(loopDelay.max) : 0,
  };
  return {
    startTimeSeconds: Date.now() / 1e3 - process.uptime(),
    cpuSecondsTotal: (cpu.user + cpu.system) / 1e6,
    residentBytes: memory.rss,
    heapUsedBytes: memory.heapUsed,
    heapTotalBytes: memory.heapTotal,
    arrayBufferBytes: memory.arrayBuffers,
    externalBytes: memory.external,
    loopDelay: delay,
  };
}
