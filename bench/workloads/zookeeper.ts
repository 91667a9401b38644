import path from "node:path";
import { auditDetails, auditEnsemble, must, stateFindings } from "../harness/audit.ts";
import type { NamedLoad } from "../harness/bench-options.ts";
import type { BenchRun } from "../harness/bench-run.ts";
import { buildGenerator, type GeneratorRound, runGenerator } from "../harness/generator.ts";
import { median } from "../harness/median.ts";
import { PeerEnsemble } from "../harness/peer-ensemble.ts";
import { sleep } from "../harness/waiting.ts";
import { deleteAll } from "../harness/zookeeper/delete-tree.ts";
import type { Asked, Finding, Workload, WorkloadResult } from "./workload.ts";

/** Reads of the load of both. */
const READ_PERCENT = 90;
/** Between two rounds: for what one side still does about its own, ms. */
const REST_MS = 1_000;

/** Of Muster, times ZooKeeper's operations a second. */
const askedTimes: ReadonlyMap<string, number> = new Map([
  ["set:30x100", 3],
  ["create:30x100", 2.5],
  ["get:30x100", 4],
  ["mixed:30x100", 2.5],
  ["set:30x1", 1.3],
]);

/** One side of the comparison. */
interface Side {
  readonly name: string;
  readonly endpoints: readonly string[];
  leader(): Promise<string>;
  pids(): Promise<readonly number[]>;
}

interface Comparison {
  readonly load: NamedLoad;
  readonly ours: readonly GeneratorRound[];
  readonly theirs: readonly GeneratorRound[];
}

/**
 * Muster's ZooKeeper door and ZooKeeper in turns, under one and the same generator; medians of the rounds. The first
 * round of each side and load is a warm-up and does not count. After each round what it created is deleted again, on
 * both sides alike, so that neither has a larger tree to serve the more it did.
 */
export const zookeeper: Workload = {
  name: "zookeeper",
  about: "the ZooKeeper door, in turns with ZooKeeper under one generator (--peer zookeeper): set, create, get, mixed",
  defaults: { seconds: 5, clients: 30, outstanding: 100, nodes: 0, bytes: 1024, members: 3 },
  run: runZookeeper,
};

async function runZookeeper(run: BenchRun): Promise<WorkloadResult> {
  const { options } = run;
  if (options.peer?.kind !== "zookeeper") throw new Error("--peer zookeeper is not given");
  if (options.peer.generator === undefined) throw new Error("--peer-generator is not given");
  const program = await buildGenerator(options.peer.generator, path.join(run.folder, "generator"));
  const peer = await PeerEnsemble.start(options.peer, run.folder);
  const comparisons: Comparison[] = [];
  try {
    await run.startMembers({ zookeeper: true });
    const sides: readonly Side[] = [
      musterSide(run),
      { name: "zookeeper", endpoints: peer.endpoints, leader: () => peer.waitForLeader(), pids: () => peer.pids() },
    ];
    for (const load of options.loads) {
      const [ours, theirs] = await compare(run, program, load, sides);
      comparisons.push({ load, ours: ours ?? [], theirs: theirs ?? [] });
    }
  } finally {
    await peer.stop();
  }
  const audit = await auditEnsemble(run.ensemble, []);
  return {
    findings: [...comparisons.flatMap(findings), ...stateFindings(audit)],
    details: { comparisons, audit: auditDetails(audit) },
  };
}

function musterSide(run: BenchRun): Side {
  const { ensemble } = run;
  return {
    name: "muster",
    endpoints: ensemble.places.map((place) => place.zookeeper),
    leader: async () => ensemble.place(await ensemble.agreed()).zookeeper,
    pids: async () => ensemble.runningIds.map((id) => ensemble.member(id).pid),
  };
}

/** The rounds of each side that count. */
async function compare(
  { options }: BenchRun,
  program: string,
  load: NamedLoad,
  sides: readonly Side[],
): Promise<GeneratorRound[][]> {
  const { bytes, seconds } = options;
  const { operation, clients, outstanding } = load;
  const readPercent = operation === "mixed" ? { readPercent: READ_PERCENT } : {};
  const counted: GeneratorRound[][] = sides.map(() => []);
  for (let round = 0; round <= options.rounds; round++) {
    for (const [index, side] of sides.entries()) {
      // A client alone would be at whichever member comes first; at the leader on both sides, it is the same way.
      const endpoints = clients === 1 ? [await side.leader()] : side.endpoints;
      const shape = { endpoints, operation, clients, outstanding, bytes, seconds, ...readPercent };
      const measured = await runGenerator(program, shape, await side.pids());
      const { operationsPerSecond, p50, cpuMicrosPerOperation: cpu } = measured;
      console.log(
        `${load.name} ${round === 0 ? "warm-up" : round}: ${side.name} ${operationsPerSecond}/s, p50 ${p50} ms, ` +
          `CPU ${cpu.toFixed(1)} µs`,
      );
      if (round > 0) counted[index]?.push(measured);
      await deleteAll(side.endpoints);
      await sleep(REST_MS);
    }
  }
  return counted;
}

function findings({ load, ours, theirs }: Comparison): Finding[] {
  const { name } = load;
  const isSingle = load.clients * load.outstanding === 1;
  const of = (rounds: readonly GeneratorRound[], pick: (each: GeneratorRound) => number) => median(rounds.map(pick));
  const [rate, peerRate] = [of(ours, perSecond), of(theirs, perSecond)];
  const times = askedTimes.get(name);
  const faster: { asked: Asked } | object = times === undefined ? {} : { asked: { atLeast: times } };
  const sooner: { asked: Asked } | object = isSingle ? { asked: { atMost: of(theirs, ({ p50 }) => p50) } } : {};
  return [
    { name: `${name}: operations, median`, value: rate, unit: "/s" },
    { name: `${name}: zookeeper, median`, value: peerRate, unit: "/s" },
    { name: `${name}: times zookeeper's`, value: rate / peerRate, unit: "x", ...faster },
    { name: `${name}: p50`, value: of(ours, ({ p50 }) => p50), unit: "ms", ...sooner },
    { name: `${name}: zookeeper, p50`, value: of(theirs, ({ p50 }) => p50), unit: "ms" },
    { name: `${name}: p99`, value: of(ours, ({ p99 }) => p99), unit: "ms" },
    { name: `${name}: zookeeper, p99`, value: of(theirs, ({ p99 }) => p99), unit: "ms" },
    { name: `${name}: CPU per operation, all members`, value: of(ours, cpuOf), unit: "µs" },
    { name: `${name}: zookeeper, the same`, value: of(theirs, cpuOf), unit: "µs" },
    must(`${name}: errors`, errorsOf(ours)),
    { name: `${name}: zookeeper, errors`, value: errorsOf(theirs), unit: "" },
  ];
}

function perSecond({ operationsPerSecond }: GeneratorRound): number {
  return operationsPerSecond;
}

function cpuOf({ cpuMicrosPerOperation }: GeneratorRound): number {
  return cpuMicrosPerOperation;
}

function errorsOf(rounds: readonly GeneratorRound[]): number {
  return rounds.reduce((sum, { errors }) => sum + errors, 0);
}
