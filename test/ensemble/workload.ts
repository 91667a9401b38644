import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { MusterClient, WatchMode } from "@muster/client";
import { Prng } from "../../src/core/base/prng.ts";
import {
  ANY_VERSION,
  type CreateMode,
  createMode,
  type LeafOperation,
  type WriteOperation,
} from "../../src/core/tree/operation.ts";
import type { EnsembleRig } from "./ensemble-rig.ts";
import { getText, listText, type RecordedWatch, Recorder } from "./recorder.ts";

export interface WorkloadOptions {
  readonly clients?: number;
  /** Loops of each client; what they do is pipelined on its one session. */
  readonly lanes?: number;
  /** A lane rests up to so long after each operation, ms. */
  readonly thinkMs?: number;
  /** Of a value. */
  readonly dataBytes?: number;
  readonly sessionTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  readonly seed?: number;
  /** Of the members to connect to; all by default. */
  readonly endpoints?: readonly string[];
}

const ROOT = "/load";
const SHARED = 6;
/** Sequential znodes a lane leaves behind before it deletes the oldest. */
const QUEUE_LENGTH = 4;
/** A session must outlive every fault of a test. */
const SESSION_TIMEOUT_MS = 30_000;

/** Set together, last of all: one for each kind of watch. */
const LAST_PATHS = [`${ROOT}/shared/0`, `${ROOT}/marker`] as const;
/** Until the last event has come. */
const TOLD_MS = 60_000;

const none = new Uint8Array(0);

/**
 * Mixed load of many clients, each with a session, standing watches and a standing ephemeral znode; everything is
 * recorded. Every value is written once, so that a read names its write.
 */
export class Workload {
  readonly recorder = new Recorder();
  readonly clients: MusterClient[] = [];
  private readonly options: Required<Omit<WorkloadOptions, "endpoints">>;
  private readonly random: Prng;
  private readonly defects: unknown[] = [];
  private stopping = false;
  private running: Promise<unknown> = Promise.resolve();
  private values = 0;
  private marker = 0;

  private constructor(options: WorkloadOptions) {
    this.options = {
      ...{ clients: 5, lanes: 4, thinkMs: 16, dataBytes: 64, seed: 1 },
      ...{ sessionTimeoutMs: SESSION_TIMEOUT_MS, requestTimeoutMs: 60_000 },
      ...options,
    };
    this.random = new Prng(this.options.seed);
  }

  /** Connects the clients, makes their znodes and begins. */
  static async start(rig: EnsembleRig, options: WorkloadOptions = {}): Promise<Workload> {
    const load = new Workload(options);
    const { clients, sessionTimeoutMs, requestTimeoutMs } = load.options;
    for (let number = 0; number < clients; number++) {
      const { endpoints = rig.endpoints } = options;
      const client = await rig.connect({ endpoints, sessionTimeoutMs, requestTimeoutMs });
      load.recorder.follow(client, number);
      load.clients.push(client);
    }
    await load.prepare();
    load.running = Promise.all(load.clients.map((_, number) => load.runClient(number)));
    load.running.catch((error: unknown) => load.defects.push(error));
    return load;
  }

  /** Ends the lanes, waits for every answer, and until every watch has told of the very last write. */
  async finish(): Promise<void> {
    this.stopping = true;
    await this.running;
    if (this.defects.length > 0) throw this.defects[0];
    const parts = LAST_PATHS.map((path) => ({ kind: "set", path, data: this.value(0), version: ANY_VERSION }) as const);
    this.marker = (await this.multi(0, parts))?.zxid ?? 0;
    if (this.marker === 0) throw new Error("the last write of all failed");
    await this.untilToldOfAll();
    for (const [number, client] of this.clients.entries()) {
      const owned = await client.znodes.ephemerals();
      const standing = aliveOf(number);
      if (!owned.includes(standing)) throw new Error(`client ${number} lost ${standing} although its session lives`);
    }
  }

  /** The last write, which every watch has told of. */
  get endZxid(): number {
    return this.marker;
  }

  private async untilToldOfAll(): Promise<void> {
    const isToldOfAll = ({ path, events }: RecordedWatch): boolean => {
      const last = events.at(-1);
      // The events of one zxid come in the order of its changes.
      return last?.zxid === this.marker && last.path === (path === ROOT ? LAST_PATHS[1] : LAST_PATHS[0]);
    };
    const begin = performance.now();
    while (!this.recorder.watches.every(isToldOfAll)) {
      const late = performance.now() - begin > TOLD_MS;
      if (late) throw new Error(`a watch was not told of the last write within ${TOLD_MS} ms`);
      if (this.defects.length > 0) throw this.defects[0];
      await sleep(10);
    }
  }

  async close(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.clients.map((client) => client.close()));
  }

  private async prepare(): Promise<void> {
    for (const path of [ROOT, ...["shared", "own", "pair", "queue", "ephemeral", "alive", "marker"].map(below)]) {
      await this.create(0, path);
    }
    for (let index = 0; index < SHARED; index++) await this.create(0, `${ROOT}/shared/${index}`);
    for (const [number, client] of this.clients.entries()) {
      await this.watch(client, number, ROOT, "persistent-recursive");
      await this.watch(client, number, `${ROOT}/shared/0`, "persistent");
      await this.create(number, `${ROOT}/own/${number}`);
      for (const path of pairOf(number)) await this.create(number, path);
      await this.create(number, aliveOf(number), createMode.EPHEMERAL);
    }
  }

  private async watch(client: MusterClient, number: number, path: string, mode: WatchMode): Promise<void> {
    const watch = client.znodes.watch(path, { mode, queueMax: 1_000_000 });
    const registeredAt = await watch.ready;
    const toldZxid = () => watch.zxid;
    const recorded: RecordedWatch = { client: number, path, mode, registeredAt, events: [], toldZxid };
    this.recorder.watches.push(recorded);
    const take = async () => {
      for await (const event of watch) recorded.events.push(event);
    };
    take().catch((error: unknown) => this.defects.push(error));
  }

  private async runClient(number: number): Promise<void> {
    const lanes = Array.from({ length: this.options.lanes }, (_, lane) => this.runLane(number, lane));
    await Promise.all(lanes);
  }

  private async runLane(number: number, lane: number): Promise<void> {
    const mine: string[] = [];
    while (!this.stopping) {
      await this.step(number, lane, mine);
      const rest = this.random.below(this.options.thinkMs + 1);
      if (rest > 0) await sleep(rest);
    }
  }

  /** The first lane writes what only one may write at a time; the others anything. */
  private async step(number: number, lane: number, mine: string[]): Promise<void> {
    const choice = this.random.below(100);
    const shared = `${ROOT}/shared/${this.random.below(SHARED)}`;
    if (lane === 0 && choice < 45) await this.countUp(number);
    else if (lane === 0 && choice < 60) await this.setPair(number);
    else if (choice < 20) await this.set(number, shared, ANY_VERSION);
    else if (choice < 30) await this.compareAndSet(number, shared);
    else if (choice < 45) await this.queue(number, mine, lane);
    else if (choice < 52) await this.passing(number, lane);
    else if (choice < 60) await this.get(number, shared, "linearizable");
    else if (choice < 64) await this.recorder.sync(this.client(number), number);
    else if (choice < 70) await this.list(number, this.random.chance(0.3) ? "linearizable" : "read");
    else if (choice < 78) await this.readPair(number, this.random.below(this.clients.length));
    else await this.get(number, shared, "read");
  }

  /** Resolves once a write has been answered that was called after now. */
  async progress(): Promise<void> {
    const from = performance.now();
    while (this.recorder.firstWriteAfter(from) === Number.POSITIVE_INFINITY) {
      const late = performance.now() - from > TOLD_MS;
      if (late) throw new Error(`no write that was called in the last ${TOLD_MS} ms was answered`);
      if (this.defects.length > 0) throw this.defects[0];
      await sleep(5);
    }
  }

  /** Resolves once values of so many bytes were written in all. */
  async written(bytes: number): Promise<void> {
    while (this.values * this.options.dataBytes < bytes) {
      await this.progress();
      await sleep(20);
    }
  }

  /** A linearizable read of each client, called now; they are answered when they are. */
  probe(): Promise<unknown> {
    return Promise.all(this.clients.map((_, number) => this.get(number, `${ROOT}/shared/0`, "linearizable")));
  }

  private readonly versions = new Map<number, number>();

  /** A counter whose every version is asked for: what is lost or doubled is refused. */
  private async countUp(number: number): Promise<void> {
    const version = this.versions.get(number) ?? 0;
    const done = await this.set(number, `${ROOT}/own/${number}`, version);
    // Otherwise nobody knows: the next one asks.
    if (done !== undefined) this.versions.set(number, version + 1);
    else {
      const now = await this.get(number, `${ROOT}/own/${number}`, "linearizable");
      if (now !== undefined) this.versions.set(number, now.stat.version);
    }
  }

  private async setPair(number: number): Promise<void> {
    const data = this.value(number);
    await this.multi(
      number,
      pairOf(number).map((path) => ({ kind: "set", path, data, version: ANY_VERSION })),
    );
  }

  private async compareAndSet(number: number, path: string): Promise<void> {
    const read = await this.get(number, path, this.random.chance(0.5) ? "linearizable" : "read");
    if (read !== undefined) await this.set(number, path, read.stat.version);
  }

  /** Adds a sequential znode, and takes the lane's oldest away. */
  private async queue(number: number, mine: string[], lane: number): Promise<void> {
    const created = await this.create(number, `${ROOT}/queue/${number}-${lane}-`, createMode.PERSISTENT_SEQUENTIAL);
    if (created !== undefined) mine.push(created.path);
    const oldest = mine.length > QUEUE_LENGTH ? mine.shift() : undefined;
    if (oldest !== undefined) await this.delete(number, oldest);
  }

  /** An ephemeral znode that comes and goes. */
  private async passing(number: number, lane: number): Promise<void> {
    const path = `${ROOT}/ephemeral/${number}-${lane}`;
    await this.create(number, path, createMode.EPHEMERAL);
    await this.delete(number, path);
  }

  // ---- One operation each -----------------------------------------------------------------------------------------

  private create(number: number, path: string, mode: CreateMode = createMode.PERSISTENT) {
    const data = this.value(number);
    const operation: WriteOperation = { kind: "create", path, data, mode };
    const isEphemeral = mode === createMode.EPHEMERAL || mode === createMode.EPHEMERAL_SEQUENTIAL;
    const sequential = mode === createMode.PERSISTENT_SEQUENTIAL || mode === createMode.EPHEMERAL_SEQUENTIAL;
    const options = { sequential, mode: isEphemeral ? "ephemeral" : "persistent" } as const;
    const client = this.client(number);
    return this.recorder.write(client, number, operation, () => client.znodes.create(path, data, options));
  }

  private set(number: number, path: string, version: number) {
    const data = this.value(number);
    const client = this.client(number);
    const options = version === ANY_VERSION ? {} : { version };
    return this.recorder.write(client, number, { kind: "set", path, data, version }, () => {
      return client.znodes.set(path, data, options);
    });
  }

  private delete(number: number, path: string) {
    const client = this.client(number);
    const operation: WriteOperation = { kind: "delete", path, version: ANY_VERSION };
    return this.recorder.write(client, number, operation, () => client.znodes.delete(path));
  }

  private multi(number: number, operations: readonly Extract<LeafOperation, { kind: "set" }>[]) {
    const client = this.client(number);
    const parts = operations.map(({ path, data }) => ({ type: "set", path, data }) as const);
    return this.recorder.write(client, number, { kind: "multi", operations }, () => client.znodes.multi(parts));
  }

  private get(number: number, path: string, kind: "read" | "linearizable") {
    const client = this.client(number);
    const options = { linearizable: kind === "linearizable" };
    const call = () => client.znodes.get(path, options);
    return this.recorder.read(client, number, kind, { kind: "get", path }, call, ({ data, stat }) => {
      return getText(data, stat);
    });
  }

  private list(number: number, kind: "read" | "linearizable") {
    const client = this.client(number);
    const path = `${ROOT}/queue`;
    const call = async () => {
      for await (const page of client.znodes.listPages(path, { linearizable: kind === "linearizable" })) return page;
      throw new Error("a list has at least one page");
    };
    const operation = { kind: "list", path, limit: 0, cursor: none } as const;
    return this.recorder.read(client, number, kind, operation, call, ({ names, stat }) => listText(names, stat));
  }

  private readPair(number: number, of: number) {
    const client = this.client(number);
    const [one, other] = pairOf(of);
    const call = () => client.znodes.multiRead([one, other].map((path) => ({ type: "get", path }) as const));
    const operations = [one, other].map((path) => ({ kind: "get", path }) as const);
    return this.recorder.read(client, number, "read", { kind: "multi-read", operations }, call, ({ results }) =>
      results.map((part) => (part.ok ? getText(part.value.data, part.value.stat) : "failed")).join(" | "),
    );
  }

  private client(number: number): MusterClient {
    return this.clients[number] as MusterClient;
  }

  /** Bytes that no other write has. */
  private value(number: number): Uint8Array {
    const token = `${number}:${++this.values} `;
    return new Uint8Array(Buffer.alloc(Math.max(this.options.dataBytes, token.length), token));
  }
}

function below(name: string): string {
  return `${ROOT}/${name}`;
}

function aliveOf(number: number): string {
  return `${ROOT}/alive/${number}`;
}

function pairOf(number: number): readonly [string, string] {
  return [`${ROOT}/pair/${number}-a`, `${ROOT}/pair/${number}-b`];
}
