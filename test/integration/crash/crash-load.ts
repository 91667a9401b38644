import { connect, type MusterClient } from "@muster/client";
import { expect } from "vitest";
import type { Prng } from "../../../src/core/base/prng.ts";
import { type Acknowledged, type Change, compareTree, makeValue, replay, tokenOf } from "./acknowledged-history.ts";
import { CounterWriter } from "./counter-writer.ts";

export const ROOT = "/crash";
const CLIENTS = 3;
const COUNTER_OUTSTANDING = 16;
const SEQUENCE_OUTSTANDING = 8;
/** Of a counter's value: so that the journal grows by segments and snapshot rounds run. */
const COUNTER_BYTES = 8192;
/** Sequential znodes each client adds between two crashes, at most: they are all read at the end. */
const SEQUENCE_PER_ROUND = 300;
/** Sequential znodes looked at after each crash. */
const SAMPLE = 100;
/** Longer than any restart: a session lost is a failure of the test. */
const SESSION_TIMEOUT_MS = 120_000;
const REQUEST_TIMEOUT_MS = 120_000;

/** What was acknowledged at a moment. */
export interface Acknowledgements {
  readonly counters: readonly number[];
  readonly pairs: readonly number[];
  readonly sequence: ReadonlyMap<string, string>;
}

/**
 * Load that goes on through crashes. Its clients keep their sessions and repeat what was unanswered, so in the end
 * every request has been answered, and the whole tree follows from the answers.
 */
export class CrashLoad {
  readonly history: Acknowledged[] = [];
  private readonly clients: readonly MusterClient[];
  private readonly observerEndpoint: string;
  private readonly random: Prng;
  private readonly counters: CounterWriter[];
  private readonly pairs: number[];
  private readonly sequence = new Map<string, string>();
  private sequenceLeft: number[];
  private readonly expired: string[] = [];
  /** Why a writer gave up: no request may be refused. */
  private readonly failures: unknown[] = [];
  private running: Promise<unknown> = Promise.resolve();
  private stopping = false;
  /** Released when a new round begins, for writers that have done their part of one. */
  private wakeUps: (() => void)[] = [];

  private constructor(clients: readonly MusterClient[], endpoint: string, random: Prng) {
    this.clients = clients;
    this.observerEndpoint = endpoint;
    this.random = random;
    this.counters = clients.map((c, i) => new CounterWriter(c, `${ROOT}/counter-${i}`, COUNTER_BYTES, this.history));
    this.pairs = clients.map(() => 0);
    this.sequenceLeft = clients.map(() => SEQUENCE_PER_ROUND);
    for (const client of clients) {
      client.diagnostics.on("session-expired", ({ sessionId }) => this.expired.push(`session ${sessionId} expired`));
    }
  }

  static async start(endpoint: string, random: Prng): Promise<CrashLoad> {
    const options = { endpoints: endpoint, sessionTimeoutMs: SESSION_TIMEOUT_MS, requestTimeoutMs: REQUEST_TIMEOUT_MS };
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect(options)));
    const load = new CrashLoad(clients, endpoint, random);
    await load.prepare();
    load.running = Promise.all(clients.map((_, i) => load.write(i)));
    load.running.catch((error: unknown) => load.failures.push(error));
    return load;
  }

  /** Lets writers that wait for it go on. */
  nextRound(): void {
    this.sequenceLeft = this.clients.map(() => SEQUENCE_PER_ROUND);
    const wakeUps = this.wakeUps;
    this.wakeUps = [];
    for (const wakeUp of wakeUps) wakeUp();
  }

  acknowledgements(): Acknowledgements {
    const counters = this.counters.map((counter) => counter.acknowledged);
    return { counters, pairs: [...this.pairs], sequence: new Map(this.sequence) };
  }

  /** After a restart: what had been acknowledged before the crash is there, and nothing is there twice. */
  async check(before: Acknowledgements): Promise<void> {
    if (this.failures.length > 0) throw this.failures[0];
    expect(this.expired).toEqual([]);
    await using observer = await connect({ endpoints: this.observerEndpoint });
    for (const [i, counter] of this.counters.entries()) await counter.check(observer, before.counters[i] ?? 0);
    for (const [i, acknowledged] of before.pairs.entries()) {
      const [a, b] = pairPaths(i);
      const read = await observer.znodes.multiRead([
        { type: "get", path: a },
        { type: "get", path: b },
      ]);
      const [first, second] = read.results;
      if (!first.ok || !second.ok) return expect.fail(`the pair of client ${i} is gone`);
      expect(first.value.stat.version, `pair ${i}`).toBeGreaterThanOrEqual(acknowledged);
      expect(second.value.stat.version, `pair ${i}, half applied`).toBe(first.value.stat.version);
      expect(tokenOf(second.value.data).split("#")[1]).toBe(tokenOf(first.value.data).split("#")[1]);
    }
    const paths = [...before.sequence.keys()];
    for (let i = 0; i < Math.min(SAMPLE, paths.length); i++) {
      const path = this.random.pick(paths);
      expect(tokenOf((await observer.znodes.get(path)).data), path).toBe(before.sequence.get(path));
    }
  }

  /** Ends the load, waits for every answer, and compares the whole tree with a replay of the answers. */
  async finish(): Promise<void> {
    this.stopping = true;
    this.nextRound();
    await this.running;
    expect(this.expired).toEqual([]);
    for (const [i, client] of this.clients.entries()) {
      expect((await client.znodes.get(`${ROOT}/ephemeral-${i}`)).stat.ephemeralOwner).toBe(client.session.id);
      const token = `ephemeral-${i}`;
      const { zxid } = await client.znodes.delete(`${ROOT}/${token}`);
      this.history.push({ zxid, changes: [{ type: "delete", path: `${ROOT}/${token}`, token: "", bytes: 0 }] });
    }
    const client = this.clients[0] as MusterClient;
    await compareTree(client, ROOT, replay(this.history, ROOT));
  }

  async close(): Promise<void> {
    this.stopping = true;
    this.nextRound();
    await Promise.all(this.clients.map((client) => client.close()));
  }

  private async prepare(): Promise<void> {
    const [first] = this.clients as readonly [MusterClient];
    await this.create(first, ROOT);
    await this.create(first, `${ROOT}/sequence`);
    for (const [i, client] of this.clients.entries()) {
      await this.counters[i]?.create();
      for (const path of pairPaths(i)) await this.create(client, path);
      const token = `ephemeral-${i}`;
      const { zxid, path } = await client.znodes.create(`${ROOT}/${token}`, token, { mode: "ephemeral" });
      this.history.push({ zxid, changes: [{ type: "create", path, token, bytes: 0 }] });
    }
  }

  private async create(client: MusterClient, path: string): Promise<void> {
    const token = `${path}#0`;
    const { zxid } = await client.znodes.create(path, makeValue(token, 0));
    this.history.push({ zxid, changes: [{ type: "create", path, token, bytes: 0 }] });
  }

  private async write(i: number): Promise<void> {
    const loops: Promise<void>[] = [this.writePairs(i), this.writeLives(i)];
    for (let n = 0; n < COUNTER_OUTSTANDING; n++) loops.push(this.writeCounter(i));
    for (let n = 0; n < SEQUENCE_OUTSTANDING; n++) loops.push(this.writeSequence(i, n));
    await Promise.all(loops);
  }

  private async writeCounter(i: number): Promise<void> {
    while (!this.stopping) await this.counters[i]?.set();
  }

  /** Two znodes in one multi, each on condition of its version: a second application would be refused. */
  private async writePairs(i: number): Promise<void> {
    const { znodes } = this.clients[i] as MusterClient;
    const paths = pairPaths(i);
    for (let number = 1; !this.stopping; number++) {
      const changes: Change[] = paths.map((path) => ({ type: "set", path, token: `${path}#${number}`, bytes: 0 }));
      const version = number - 1;
      const operations = changes.map(({ path, token }) => ({ type: "set", path, data: token, version }) as const);
      const { zxid } = await znodes.multi(operations);
      this.pairs[i] = number;
      this.history.push({ zxid, changes });
    }
  }

  /** A znode created and deleted in turns: a second application of either is refused. */
  private async writeLives(i: number): Promise<void> {
    const { znodes } = this.clients[i] as MusterClient;
    const path = `${ROOT}/life-${i}`;
    for (let number = 1; !this.stopping; number++) {
      const token = `${path}#${number}`;
      const created = await znodes.create(path, token);
      this.history.push({ zxid: created.zxid, changes: [{ type: "create", path, token, bytes: 0 }] });
      const deleted = await znodes.delete(path, { version: 0 });
      this.history.push({ zxid: deleted.zxid, changes: [{ type: "delete", path, token: "", bytes: 0 }] });
    }
  }

  /** Sequential creates: a second application would leave a znode nobody was told of. */
  private async writeSequence(i: number, slot: number): Promise<void> {
    const { znodes } = this.clients[i] as MusterClient;
    for (let number = 0; !this.stopping; number++) {
      if ((this.sequenceLeft[i] ?? 0) <= 0) {
        await new Promise<void>((resolve) => this.wakeUps.push(resolve));
        continue;
      }
      this.sequenceLeft[i] = (this.sequenceLeft[i] ?? 0) - 1;
      const token = `sequence-${i}-${slot}-${number}`;
      const { zxid, path } = await znodes.create(`${ROOT}/sequence/of-${i}-`, token, { sequential: true });
      expect(this.sequence.has(path), `${path} was given away twice`).toBe(false);
      this.sequence.set(path, token);
      this.history.push({ zxid, changes: [{ type: "create", path, token, bytes: 0 }] });
    }
  }
}

function pairPaths(i: number): readonly [string, string] {
  return [`${ROOT}/pair-${i}-a`, `${ROOT}/pair-${i}-b`];
}
