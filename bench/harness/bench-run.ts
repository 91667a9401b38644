import path from "node:path";
import type { MusterClient } from "@muster/client";
import type { BenchOptions } from "./bench-options.ts";
import { closeClients, forEachOf, makeValues, openClients, openRoamingClients } from "./clients.ts";
import { feedEnvironment } from "./content-feed.ts";
import { Ensemble } from "./ensemble.ts";
import { liveMemory } from "./live-memory.ts";
import { closedLoop, type LoadResult, type Operation, openLoop } from "./load.ts";
import { readTicker, tickerEnvironment } from "./loop-ticker.ts";
import type { Member } from "./member.ts";
import { type Metrics, pickMetrics, scrapeMetrics } from "./metrics.ts";
import { costSince, type ProcessCost, type ServerCost } from "./process-costs.ts";
import { type ProcessStats, processStats } from "./process-stats.ts";
import { profileGenerator, profilerEnvironment } from "./profiling.ts";

/** Children of one parent at most, as people lay large trees out. */
const CHILDREN_PER_PARENT = 1000;
const roles = ["leader", "follower", "observer", "looking", "starting", "stopped"];
const METRICS_REPORTED = /^(muster_|nodejs_eventloop_lag)/;

export interface MeasuredLoad<Load extends LoadResult = LoadResult> {
  readonly load: Load;
  /** The leader's; the only member's where there is one. */
  readonly server: ServerCost;
  /** All members', by id. */
  readonly servers: readonly ServerCost[];
  /** This process, which sends the load and takes the answers. */
  readonly generator: ProcessCost;
}

interface StartOptions {
  readonly zookeeper?: boolean;
  readonly feed?: string;
}

/** The members under test with their clients and what is measured about them. */
export class BenchRun {
  readonly options: BenchOptions;
  readonly folder: string;
  private current: Ensemble | undefined;
  private clients: MusterClient[] = [];
  private leader = 1;
  private profiled = false;

  constructor(options: BenchOptions, folder: string) {
    this.options = options;
    this.folder = folder;
  }

  get ensemble(): Ensemble {
    if (this.current === undefined) throw new Error("no member is started");
    return this.current;
  }

  /** The leader as of the start; the only member where there is one. */
  get member(): Member {
    return this.ensemble.member(this.leader);
  }

  /** The leader's id as of the start. */
  get id(): number {
    return this.leader;
  }

  /** The clients opened last. */
  client(index: number): MusterClient {
    const client = this.clients[index];
    if (client === undefined) throw new Error(`there is no client ${index}`);
    return client;
  }

  get allClients(): readonly MusterClient[] {
    return this.clients;
  }

  /**
   * Starts as many members as the options say, or those that were stopped again; answers the leader.
   * @param options.zookeeper with their ZooKeeper door open
   * @param options.feed the folder of the content their workers are fed with
   */
  async startMembers(options: StartOptions = {}): Promise<Member> {
    if (this.current === undefined) this.current = await this.newEnsemble(options);
    else await this.current.startAll();
    this.leader = await this.current.agreed();
    return this.member;
  }

  private newEnsemble({ zookeeper = false, feed }: StartOptions): Promise<Ensemble> {
    const { members, memory, serverFlags, profile, seconds } = this.options;
    const flags = memory === undefined ? [] : ["--memory", memory];
    return Ensemble.start({
      members,
      folder: this.folder,
      flags: [...flags, ...serverFlags],
      zookeeper,
      env: (id) => {
        // A profile slows the member down: the ticker would measure that.
        const watched =
          profile === undefined ? tickerEnvironment(this.tickerFile(id)) : profilerEnvironment(profile, id, seconds);
        return feed === undefined ? watched : feedEnvironment(feed, watched);
      },
    });
  }

  /** Closes the clients and stops the members; {@link startMembers} brings them back. */
  async stopMembers(): Promise<void> {
    const clients = this.clients;
    this.clients = [];
    await closeClients(clients);
    await this.current?.stopAll();
  }

  /** Opens clients that stay at the members asked for. */
  async openClients(count: number): Promise<void> {
    await closeClients(this.clients);
    this.clients = [];
    this.clients = await openClients(this.endpointsToUse(), count);
  }

  /** Opens clients that know all members, as applications do. */
  async openRoamingClients(count: number): Promise<void> {
    await closeClients(this.clients);
    this.clients = [];
    this.clients = await openRoamingClients(this.ensemble.endpoints, count);
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

  /** What each member that runs refers to when its garbage is collected, bytes; NaN where it is profiled. */
  async liveMemory(): Promise<number[]> {
    const { runningIds } = this.ensemble;
    if (this.options.profile !== undefined) return runningIds.map(() => Number.NaN);
    return Promise.all(runningIds.map((id) => liveMemory(this.ensemble.member(id).pid, this.tickerFile(id))));
  }

  async close(): Promise<void> {
    await this.stopMembers();
    this.current = undefined;
  }

  private endpointsToUse(): string[] {
    const { places } = this.ensemble;
    const { connect } = this.options;
    const used = places.filter(({ id }) => connect === "all" || (id === this.leader) === (connect === "leader"));
    // A member alone has no followers.
    return (used.length === 0 ? places : used).map(({ grpc }) => grpc);
  }

  private tickerFile(id: number): string {
    return path.join(this.folder, `ticker-${id}.json`);
  }

  private shape(outstanding: number, seconds: number) {
    return { clients: this.clients.length, outstanding, seconds, warmupSeconds: this.options.warmupSeconds };
  }

  private async measured<Load extends LoadResult>(run: (onMeasure: () => void) => Promise<Load>) {
    const members = this.ensemble.runningIds.map((id) => ({ id, pid: this.ensemble.member(id).pid }));
    const pids = [process.pid, ...members.map(({ pid }) => pid)];
    let before = new Map<number, ProcessStats>();
    let profiling: Promise<void> | undefined;
    const load = await run(() => {
      before = new Map(pids.map((pid) => [pid, processStats(pid)]));
      for (const { pid } of members) process.kill(pid, "SIGUSR2");
      profiling = this.profileOnce();
    });
    const cost = (pid: number): ProcessCost => {
      return costSince(before.get(pid) as ProcessStats, pid, load.operations, load.seconds);
    };
    const spent = new Map(pids.map((pid) => [pid, cost(pid)]));
    await profiling;
    const servers = await Promise.all(
      members.map(async ({ id, pid }): Promise<ServerCost> => {
        const metrics = await scrapeMetrics(this.ensemble.place(id).http);
        const role = roles.find((each) => metrics.get(`muster_role{role="${each}"}`) === 1) ?? "unknown";
        const loopDelayMs = await readTicker(this.tickerFile(id));
        return { id, role, ...(spent.get(pid) as ProcessCost), loopDelayMs, metrics: reported(metrics) };
      }),
    );
    const server = servers.find(({ role }) => role === "leader") ?? (servers[0] as ServerCost);
    return { load, server, servers, generator: spent.get(process.pid) as ProcessCost };
  }

  private async profileOnce(): Promise<void> {
    const { profile, seconds } = this.options;
    if (profile === undefined || this.profiled) return;
    this.profiled = true;
    await profileGenerator(profile, seconds);
  }
}

function reported(metrics: Metrics): Record<string, number> {
  return pickMetrics(metrics, METRICS_REPORTED);
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
