import path from "node:path";
import type { MusterClient } from "@muster/client";
import type { BenchOptions } from "./bench-options.ts";
import { closeClients, forEachOf, makeValues, openClients } from "./clients.ts";
import { closedLoop, type LoadResult, type Operation, openLoop } from "./load.ts";
import { type LoopDelays, readTicker, resetTicker, tickerEnvironment } from "./loop-ticker.ts";
import { Member } from "./member.ts";
import { pickMetrics, scrapeMetrics } from "./metrics.ts";
import { type ProcessStats, processStats } from "./process-stats.ts";

/** Children of one parent at most, as people lay large trees out. */
const CHILDREN_PER_PARENT = 1000;
const METRICS_REPORTED = /^(muster_|nodejs_eventloop_lag)/;

/** What the server spent on a measured load. */
export interface ServerCost {
  readonly cpuMicrosPerOperation: number;
  /** Of one core. */
  readonly cpuShare: number;
  readonly rssBytes: number;
  readonly rssPeakBytes: number;
  readonly writtenBytesPerOperation: number;
  readonly loopDelayMs: LoopDelays | undefined;
  /** The server's own figures at the end. */
  readonly metrics: Readonly<Record<string, number>>;
}

export interface MeasuredLoad<Load extends LoadResult = LoadResult> {
  readonly load: Load;
  readonly server: ServerCost;
}

/** A member under test with its clients and what is measured about it. */
export class BenchRun {
  readonly options: BenchOptions;
  readonly folder: string;
  private current: Member | undefined;
  private clients: MusterClient[] = [];

  constructor(options: BenchOptions, folder: string) {
    this.options = options;
    this.folder = folder;
  }

  get member(): Member {
    if (this.current === undefined) throw new Error("the member is not started");
    return this.current;
  }

  /** The clients opened last. */
  client(index: number): MusterClient {
    const client = this.clients[index];
    if (client === undefined) throw new Error(`there is no client ${index}`);
    return client;
  }

  async startMember(): Promise<Member> {
    const flags = this.options.memory === undefined ? [] : ["--memory", this.options.memory];
    this.current = await Member.start({
      dataDir: path.join(this.folder, "member"),
      flags: [...flags, ...this.options.serverFlags],
      env: tickerEnvironment(this.tickerFile),
    });
    return this.current;
  }

  async openClients(count: number): Promise<void> {
    await closeClients(this.clients);
    this.clients = await openClients(this.member.grpc, count);
  }

  /** Creates `count` znodes with values of `bytes`, returning their paths; answered means durable. */
  async fill(root: string, count: number, bytes: number): Promise<{ paths: string[]; seconds: number }> {
    const begin = performance.now();
    const values = makeValues(bytes);
    const parents = Array.from({ length: Math.ceil(count / CHILDREN_PER_PARENT) }, (_, i) => `${root}/d${pad(i, 6)}`);
    const width = this.clients.length * this.options.outstanding;
    await this.client(0).znodes.create(root, Buffer.alloc(0));
    await forEachOf(parents.length, width, async (i) =>
      this.client(i % this.clients.length).znodes.create(parents[i] as string, Buffer.alloc(0)),
    );
    const paths = Array.from(
      { length: count },
      (_, i) => `${parents[Math.floor(i / CHILDREN_PER_PARENT)]}/node${pad(i, 8)}`,
    );
    await forEachOf(count, width, async (i) =>
      this.client(i % this.clients.length).znodes.create(paths[i] as string, values[i % values.length] as Buffer),
    );
    return { paths, seconds: (performance.now() - begin) / 1000 };
  }

  async closedLoop(outstanding: number, seconds: number, operation: Operation): Promise<MeasuredLoad> {
    return this.measured((onMeasure) => closedLoop({ ...this.shape(outstanding, seconds), onMeasure }, operation));
  }

  async openLoop(rate: number, seconds: number, operation: Operation): Promise<MeasuredLoad> {
    const shape = this.shape(this.options.outstanding, seconds);
    return this.measured((onMeasure) => openLoop({ ...shape, onMeasure }, rate, operation));
  }

  /** What the ticker in the member says since it was reset last. */
  async loopDelays(): Promise<LoopDelays | undefined> {
    return readTicker(this.tickerFile);
  }

  async close(): Promise<void> {
    await closeClients(this.clients);
    this.clients = [];
    await this.current?.stop();
    this.current = undefined;
  }

  private get tickerFile(): string {
    return path.join(this.folder, "ticker.json");
  }

  private shape(outstanding: number, seconds: number) {
    return { clients: this.clients.length, outstanding, seconds, warmupSeconds: this.options.warmupSeconds };
  }

  private async measured<Load extends LoadResult>(run: (onMeasure: () => void) => Promise<Load>) {
    const { pid } = this.member;
    let before: ProcessStats = processStats(pid);
    const load = await run(() => {
      before = processStats(pid);
      resetTicker(pid);
    });
    const after = processStats(pid);
    const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
    const operations = Math.max(1, load.operations);
    const server: ServerCost = {
      cpuMicrosPerOperation: (cpuSeconds * 1e6) / operations,
      cpuShare: cpuSeconds / load.seconds,
      rssBytes: after.rssBytes,
      rssPeakBytes: after.rssPeakBytes,
      writtenBytesPerOperation: (after.writtenBytes - before.writtenBytes) / operations,
      loopDelayMs: await this.loopDelays(),
      metrics: pickMetrics(await scrapeMetrics(this.member.http), METRICS_REPORTED),
    };
    return { load, server };
  }
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
