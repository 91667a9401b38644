import { auditDetails, auditEnsemble, auditFindings, must } from "../harness/audit.ts";
import type { BenchRun } from "../harness/bench-run.ts";
import { forEachOf, makeValues } from "../harness/clients.ts";
import type { Ensemble } from "../harness/ensemble.ts";
import { Onslaught, type OnslaughtOutcome } from "../harness/hostile/onslaught.ts";
import { HOSTILE_PARENT } from "../harness/hostile/sample-frames.ts";
import type { Operation } from "../harness/load.ts";
import { scrapeMetrics } from "../harness/metrics.ts";
import { requireOpenFiles } from "../harness/open-files.ts";
import { processStats } from "../harness/process-stats.ts";
import { SteadyLoad } from "../harness/steady-load.ts";
import { sleep, until } from "../harness/waiting.ts";
import { ZookeeperClient } from "../harness/zookeeper/client.ts";
import { deleteAll } from "../harness/zookeeper/delete-tree.ts";
import { rejections } from "./failover.ts";
import { type Finding, mebibytes, type Workload, type WorkloadResult } from "./workload.ts";

/** Of the others' p99, times what it was before. */
const ASKED_TIMES = 3;
/** Of a member's memory when it is over, times what it was before: of all it has, and of what it refers to. */
const ASKED_RSS_TIMES = 1.5;
const ASKED_LIVE_TIMES = 1.2;

const SESSION_TIMEOUT_MS = 30_000;
/** Every so many operations of the others is a set. */
const SET_EVERY = 10;
const PARENT = "others";
/** How often the members are looked at, ms. */
const LOOK_MS = 500;
/** In which all hostile connections and sessions must be gone: the longest session time-out of theirs is 10 s. */
const GONE_TIMEOUT_MS = 60_000;
/** From then to the last look at the memory: so that what they held is collected, ms. */
const SETTLE_MS = 10_000;

/** What the members hold at a moment. */
interface Holdings {
  /** Of each, by id. */
  readonly rssBytes: readonly number[];
  readonly connections: number;
  readonly defects: number;
  readonly malformed: number;
}

interface Stretch {
  readonly since: number;
  readonly until: number;
}

/** Others work at a steady rate while somebody does everything to the same members that a client should not. */
export const zookeeperHostile: Workload = {
  name: "zookeeper-hostile",
  about: "1,000,000 mutated frames, slow, silent and 20,000 sudden connections, while others work at 10,000/s",
  defaults: { seconds: 15, clients: 30, outstanding: 100, nodes: 1000, bytes: 1024, members: 3, rate: 10_000 },
  run: runHostile,
};

async function runHostile(run: BenchRun): Promise<WorkloadResult> {
  const { options } = run;
  await run.startMembers({ zookeeper: true });
  const { ensemble } = run;
  const share = Math.ceil(options.burst / options.members) + 2 * options.idlers + options.clients;
  for (const id of ensemble.runningIds) requireOpenFiles("a member", share, ensemble.member(id).pid);
  const endpoints = ensemble.places.map(({ zookeeper }) => zookeeper);
  const clients = await Promise.all(
    Array.from({ length: options.clients }, (_, index) => {
      const endpoint = endpoints[index % endpoints.length] as string;
      return ZookeeperClient.connect({ endpoint, timeoutMs: SESSION_TIMEOUT_MS });
    }),
  );
  const onslaught = new Onslaught(options, endpoints);
  const sets = { answered: 0 };
  try {
    const paths = await fill(clients, options.nodes, options.bytes);
    const { clients: count, outstanding, rate } = options;
    const operation = mixed(clients, paths, options.bytes, sets);
    const load = new SteadyLoad({ clients: count, outstanding, ratePerSecond: rate }, operation);
    await sleep(options.warmupSeconds * 1000);
    const story = await endure(run, onslaught, endpoints);
    await load.stop();
    const lost = clients.filter(({ ended }) => ended).length;
    const crashed = ensemble.runningIds.filter((id) => !ensemble.member(id).alive).length;
    await Promise.all(clients.map((client) => client.close()));
    const audit = await auditEnsemble(ensemble, paths);
    return {
      findings: [
        ...findings(load, story),
        {
          name: "mutated frames dealt with",
          value: story.onslaught.frames,
          unit: "",
          asked: { atLeast: options.frames },
        },
        must("members that crashed", crashed),
        must("others: connections lost", lost),
        must("others: requests that failed", load.rejections),
        ...rejections(load),
        ...auditFindings(audit, { acknowledged: sets.answered, unknown: load.rejections }),
      ],
      details: { ...story, seed: options.seed, audit: auditDetails(audit) },
    };
  } finally {
    await onslaught.end();
  }
}

interface Story {
  readonly before: Stretch;
  readonly during: Stretch;
  readonly after: Stretch;
  readonly held: { readonly before: Holdings; readonly highest: Holdings; readonly after: Holdings };
  readonly onslaught: OnslaughtOutcome;
  /** From the end of those that act to the moment no connection but the others' is left. */
  readonly goneMs: number;
  /** What each member refers to, bytes. */
  readonly live: { readonly before: readonly number[]; readonly after: readonly number[] };
  /** Still there though their sessions are over. */
  readonly left: number;
}

/** Quiet, onslaught, quiet: with the others' load going on all the time. */
async function endure(run: BenchRun, onslaught: Onslaught, endpoints: readonly string[]): Promise<Story> {
  const { ensemble, options } = run;
  const stretch = async (work: () => Promise<unknown>): Promise<Stretch> => {
    const since = performance.now();
    await work();
    return { since, until: performance.now() };
  };
  const steady = () => sleep(options.seconds * 1000);
  const before = await stretch(steady);
  const heldBefore = await look(ensemble);
  const liveBefore = await run.liveMemory();
  const highest = watchHighest(ensemble);
  let outcome: OnslaughtOutcome | undefined;
  const during = await stretch(async () => {
    await onslaught.openIdlers();
    outcome = await onslaught.run();
  });
  await onslaught.endActive();
  const endedAt = performance.now();
  const left = () => look(ensemble).then(({ connections }) => connections - heldBefore.connections);
  // The stopped process still has its ends of the connections: the members must let go by themselves.
  await until(GONE_TIMEOUT_MS, LOOK_MS, "hostile connections to be gone", async () => {
    return (await left()) <= 0 ? true : undefined;
  }).catch(() => {});
  const goneMs = performance.now() - endedAt;
  const heldHighest = await highest();
  await onslaught.end();
  await deleteAll(endpoints, [PARENT]);
  await sleep(SETTLE_MS);
  const after = await stretch(steady);
  const held = { before: heldBefore, highest: heldHighest, after: await look(ensemble) };
  const live = { before: liveBefore, after: await run.liveMemory() };
  return { before, during, after, held, live, onslaught: outcome as OnslaughtOutcome, goneMs, left: await left() };
}

async function fill(clients: readonly ZookeeperClient[], count: number, bytes: number): Promise<string[]> {
  const [first] = clients as [ZookeeperClient];
  const values = makeValues(bytes);
  const paths = Array.from({ length: count }, (_, index) => `/${PARENT}/node${index}`);
  await first.create(HOSTILE_PARENT, Buffer.alloc(0));
  await first.create(`/${PARENT}`, Buffer.alloc(0));
  await forEachOf(count, 100, (index) => first.create(paths[index] as string, values[index % 64] as Buffer));
  return paths;
}

/** Gets, and a set now and then; counts the sets that were answered. */
function mixed(
  clients: readonly ZookeeperClient[],
  paths: readonly string[],
  bytes: number,
  sets: { answered: number },
): Operation {
  const values = makeValues(bytes);
  return async (client, sequence) => {
    const path = paths[sequence % paths.length] as string;
    const own = clients[client] as ZookeeperClient;
    // Not only every tenth znode, when their number is a multiple of ten.
    const turn = Math.floor(sequence / paths.length);
    const isSet = (sequence + turn) % SET_EVERY === 0;
    await (isSet ? own.set(path, values[sequence % values.length] as Buffer) : own.get(path));
    if (isSet) sets.answered++;
  };
}

async function look(ensemble: Ensemble): Promise<Holdings> {
  const scrapes = await Promise.all(ensemble.runningIds.map((id) => scrapeMetrics(ensemble.place(id).http)));
  const sum = (name: string): number =>
    scrapes.reduce((total, metrics) => total + (metrics.get(name) ?? Number.NaN), 0);
  return {
    rssBytes: ensemble.runningIds.map((id) => processStats(ensemble.member(id).pid).rssBytes),
    connections: sum("muster_zookeeper_connections"),
    defects: sum("muster_zookeeper_defects_total"),
    malformed: sum("muster_zookeeper_malformed_total"),
  };
}

/** Looks again and again until it is called; answers the highest of each figure. */
function watchHighest(ensemble: Ensemble): () => Promise<Holdings> {
  let isOver = false;
  const watching = (async () => {
    let highest = await look(ensemble);
    while (!isOver) {
      await sleep(LOOK_MS);
      const now = await look(ensemble);
      highest = {
        rssBytes: now.rssBytes.map((bytes, index) => Math.max(bytes, highest.rssBytes[index] ?? 0)),
        connections: Math.max(now.connections, highest.connections),
        defects: Math.max(now.defects, highest.defects),
        malformed: Math.max(now.malformed, highest.malformed),
      };
    }
    return highest;
  })();
  // It is waited for in the end; a member that crashes makes it reject long before.
  watching.catch(() => {});
  return () => {
    isOver = true;
    return watching;
  };
}

function findings(
  { answers }: SteadyLoad,
  { before, during, after, held, live, onslaught, goneMs, left }: Story,
): Finding[] {
  const [calm, rough, again] = [before, during, after].map((each) => answers.waits(each.since, each.until));
  const burst = answers.waits(onslaught.burstFrom, onslaught.burstTo);
  const [p99Before, p99During] = [calm?.p99 ?? Number.NaN, rough?.p99 ?? Number.NaN];
  const largest = ({ rssBytes }: Holdings): number => mebibytes(Math.max(...rssBytes));
  return [
    { name: "others: p50 before", value: calm?.p50 ?? Number.NaN, unit: "ms" },
    { name: "others: p50 during it", value: rough?.p50 ?? Number.NaN, unit: "ms" },
    { name: "others: p99 before", value: p99Before, unit: "ms" },
    { name: "others: p99 during it", value: p99During, unit: "ms" },
    { name: "others: p99, times before", value: p99During / p99Before, unit: "x", asked: { atMost: ASKED_TIMES } },
    { name: "others: longest during it", value: rough?.max ?? Number.NaN, unit: "ms" },
    { name: "others: p99 while the burst came", value: burst.p99, unit: "ms" },
    { name: "others: p99 after it", value: again?.p99 ?? Number.NaN, unit: "ms" },
    { name: "mutated frames", value: (onslaught.frames / onslaught.framesMs) * 1000, unit: "/s" },
    { name: "connections they took", value: onslaught.frameConnections, unit: "" },
    { name: "connections ended as malformed", value: held.after.malformed - held.before.malformed, unit: "" },
    { name: "burst: connected", value: onslaught.connected, unit: "" },
    { name: "burst: refused", value: onslaught.refused, unit: "" },
    { name: "burst: all connected after", value: onslaught.ms, unit: "ms" },
    { name: "connections, highest", value: held.highest.connections, unit: "" },
    must("hostile connections left", Math.max(0, left)),
    { name: "all let go after", value: goneMs / 1000, unit: "s" },
    must("defects of the door", held.after.defects),
    { name: "largest member: RSS before", value: largest(held.before), unit: "MiB" },
    { name: "largest member: RSS, highest", value: largest(held.highest), unit: "MiB" },
    { name: "largest member: RSS after", value: largest(held.after), unit: "MiB" },
    {
      name: "RSS after, times before, worst",
      value: worstTimes(held.before.rssBytes, held.after.rssBytes),
      unit: "x",
      asked: { atMost: ASKED_RSS_TIMES },
    },
    { name: "largest member: in use before", value: mebibytes(Math.max(...live.before)), unit: "MiB" },
    { name: "largest member: in use after", value: mebibytes(Math.max(...live.after)), unit: "MiB" },
    {
      name: "in use after, times before, worst",
      value: worstTimes(live.before, live.after),
      unit: "x",
      asked: { atMost: ASKED_LIVE_TIMES },
    },
  ];
}

/** Of all members, the one that grew most. */
function worstTimes(before: readonly number[], after: readonly number[]): number {
  return Math.max(...after.map((bytes, index) => bytes / (before[index] ?? Number.NaN)));
}
