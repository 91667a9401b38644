import { must } from "../harness/audit.ts";
import type { BenchRun } from "../harness/bench-run.ts";
import { forEachOf } from "../harness/clients.ts";
import { median } from "../harness/median.ts";
import { requireOpenFiles } from "../harness/open-files.ts";
import { processStats } from "../harness/process-stats.ts";
import { sleep, until } from "../harness/waiting.ts";
import { ZookeeperClient } from "../harness/zookeeper/client.ts";
import type { Finding, Workload, WorkloadResult } from "./workload.ts";

const ASKED_LAST_MS = 100;
const ASKED_BYTES_PER_CONNECTION = 30 * 1024;

const SESSION_TIMEOUT_MS = 40_000;
/** Watchers are pinged when this much has passed, so that none expires, ms. */
const PING_EVERY_MS = 10_000;
const OPENED_AT_ONCE = 100;
/** Opened and closed before the memory is looked at: what a member needs for its first connections is not theirs. */
const WARM_UP_CONNECTIONS = 300;
/** Before each look at the memory, so that what was only needed to open is collected, ms. */
const SETTLE_MS = 5_000;
const NOTIFIED_TIMEOUT_MS = 30_000;
const BETWEEN_CHANGES_MS = 200;
const KIB = 1024;
const PATH = "/fanout";

/** Where the watchers are. */
type Layout = "at one member" | "over all members";
const layouts: readonly Layout[] = ["at one member", "over all members"];

interface Change {
  /** From the set's sending to the arrival of the last watcher's notification. */
  readonly lastMs: number;
  /** From the set's sending to its answer. */
  readonly answeredMs: number;
  /** CPU time of this process, which receives all notifications. */
  readonly generatorMs: number;
}

interface Outcome {
  readonly layout: Layout;
  readonly openedPerSecond: number;
  readonly changes: readonly Change[];
  readonly bytesPerConnection: number;
  /** Notifications that came besides the one of each watcher and change. */
  readonly surplus: number;
  readonly ended: number;
}

/** One znode that thousands of connections watch: how long until all know of a change, and what they cost in memory. */
export const zookeeperFanout: Workload = {
  name: "zookeeper-fanout",
  about: "5,000 ZooKeeper connections with a persistent watch on one znode: until the last one is notified; memory",
  defaults: { seconds: 0, clients: 5000, outstanding: 1, nodes: 1, bytes: 1024, members: 3, rounds: 20 },
  run: runFanout,
};

async function runFanout(run: BenchRun): Promise<WorkloadResult> {
  const outcomes: Outcome[] = [];
  requireOpenFiles("this process", run.options.clients);
  for (const layout of layouts) {
    // Members that just started, each time: memory that one layout left would hide what the next one needs.
    await run.startMembers({ zookeeper: true });
    outcomes.push(await measure(run, layout));
    await run.stopMembers();
  }
  return { findings: outcomes.flatMap(findings), details: { outcomes } };
}

async function measure(run: BenchRun, layout: Layout): Promise<Outcome> {
  const { ensemble, options } = run;
  // A follower: the one that a client of a large ensemble is most likely at.
  const follower = ensemble.runningIds.find((id) => id !== run.id) ?? run.id;
  const ids = layout === "over all members" ? ensemble.runningIds : [follower];
  const pids = ids.map((id) => ensemble.member(id).pid);
  for (const pid of pids) requireOpenFiles("a member", Math.ceil(options.clients / ids.length), pid);
  const endpoints = ids.map((id) => ensemble.place(id).zookeeper);
  const writer = await ZookeeperClient.connect({ endpoint: endpoints[0] as string, timeoutMs: SESSION_TIMEOUT_MS });
  await writer.create(PATH, Buffer.alloc(options.bytes));
  const audience = new Audience(endpoints);
  try {
    await audience.open(WARM_UP_CONNECTIONS);
    await audience.close();
    await sleep(SETTLE_MS);
    const before = residentBytes(pids);
    const begin = performance.now();
    await audience.open(options.clients);
    const openedPerSecond = (options.clients / (performance.now() - begin)) * 1000;
    await sleep(SETTLE_MS);
    const bytesPerConnection = (residentBytes(pids) - before) / options.clients;
    const changes = await makeChanges(writer, audience, options.rounds, options.bytes);
    const { surplus, ended } = audience;
    return { layout, openedPerSecond, changes, bytesPerConnection, surplus, ended };
  } finally {
    await audience.close();
    // The next layout's members have the same data.
    await writer.delete(PATH);
    await writer.close();
  }
}

async function makeChanges(writer: ZookeeperClient, audience: Audience, rounds: number, bytes: number) {
  const changes: Change[] = [];
  let pingedAt = 0;
  // The first one warms up the way from a change to a notification and does not count.
  for (let round = 0; round <= rounds; round++) {
    if (performance.now() - pingedAt > PING_EVERY_MS) {
      pingedAt = performance.now();
      await audience.ping();
      await writer.ping();
    }
    await sleep(BETWEEN_CHANGES_MS);
    const arrived = audience.expectAll();
    const cpu = process.cpuUsage();
    const begin = performance.now();
    await writer.set(PATH, Buffer.alloc(bytes, `${round}`));
    const answeredMs = performance.now() - begin;
    const lastMs = (await arrived) - begin;
    const { user, system } = process.cpuUsage(cpu);
    if (round > 0) changes.push({ lastMs, answeredMs, generatorMs: (user + system) / 1000 });
  }
  return changes;
}

/** Connections that watch, and wait. */
class Audience {
  surplus = 0;
  private readonly endpoints: readonly string[];
  private clients: ZookeeperClient[] = [];
  private missing = 0;
  private lastAt = 0;
  private onLast: () => void = () => {};

  constructor(endpoints: readonly string[]) {
    this.endpoints = endpoints;
  }

  /** Connections that are no more though nobody closed them. */
  get ended(): number {
    return this.clients.filter(({ ended }) => ended).length;
  }

  async open(count: number): Promise<void> {
    const clients: ZookeeperClient[] = [];
    await forEachOf(count, OPENED_AT_ONCE, async (index) => {
      const endpoint = this.endpoints[index % this.endpoints.length] as string;
      const onNotification = () => this.notified();
      const client = await ZookeeperClient.connect({ endpoint, timeoutMs: SESSION_TIMEOUT_MS, onNotification });
      clients[index] = client;
      await client.addWatch(PATH);
    });
    this.clients = clients;
  }

  /** Resolves with the moment the last of all notifications of the next change has come. */
  async expectAll(): Promise<number> {
    this.missing = this.clients.length;
    const all = new Promise<void>((resolve) => {
      this.onLast = resolve;
    });
    const inVain = until(NOTIFIED_TIMEOUT_MS, 1_000, "all notifications", async () => {
      return this.missing === 0 ? true : undefined;
    });
    await Promise.race([all, inVain]);
    return this.lastAt;
  }

  async ping(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.ping()));
  }

  async close(): Promise<void> {
    const { clients } = this;
    this.clients = [];
    await forEachOf(clients.length, OPENED_AT_ONCE, async (index) => clients[index]?.close());
  }

  private notified(): void {
    if (this.missing === 0) {
      this.surplus++;
      return;
    }
    this.missing--;
    if (this.missing > 0) return;
    this.lastAt = performance.now();
    this.onLast();
  }
}

function residentBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + processStats(pid).rssBytes, 0);
}

function findings({ layout, changes, openedPerSecond, bytesPerConnection, surplus, ended }: Outcome): Finding[] {
  const of = (pick: (change: Change) => number): number => median(changes.map(pick));
  const last = changes.map(({ lastMs }) => lastMs);
  const perConnection = { value: bytesPerConnection / KIB, unit: "KiB" };
  return [
    { name: `${layout}: connections opened`, value: openedPerSecond, unit: "/s" },
    { name: `${layout}: last notified, median`, value: median(last), unit: "ms", asked: { atMost: ASKED_LAST_MS } },
    { name: `${layout}: last notified, worst`, value: Math.max(...last), unit: "ms" },
    { name: `${layout}: change answered, median`, value: of(({ answeredMs }) => answeredMs), unit: "ms" },
    { name: `${layout}: CPU of their receiver, median`, value: of(({ generatorMs }) => generatorMs), unit: "ms" },
    { name: `${layout}: RSS a connection`, ...perConnection, asked: { atMost: ASKED_BYTES_PER_CONNECTION / KIB } },
    must(`${layout}: surplus notifications`, surplus),
    must(`${layout}: connections lost`, ended),
  ];
}
