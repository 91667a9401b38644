import type { BenchRun, MeasuredLoad } from "../harness/bench-run.ts";
import type { GeneratorRound } from "../harness/generator.ts";
import { median } from "../harness/median.ts";
import { PeerEnsemble } from "../harness/peer-ensemble.ts";
import { auditLoads, costs, operationOf } from "./throughput.ts";
import type { Asked, Finding, Workload, WorkloadResult } from "./workload.ts";

/**
 * Sets on Muster and on a peer's ensemble of three in turns, each through a client of its own kind; medians of the
 * rounds. The first round of each is a warm-up and does not count: a JVM's first is several times slower.
 */
export const versus: Workload = {
  name: "versus",
  about: "sets, in turns with an ensemble of etcd or ZooKeeper on the same disk (--peer)",
  defaults: { seconds: 10, clients: 30, outstanding: 100, nodes: 10_000, bytes: 1024, members: 3 },
  run: runVersus,
};

async function runVersus(run: BenchRun): Promise<WorkloadResult> {
  const { options } = run;
  const { peer: chosen, clients, outstanding, bytes, seconds, connect } = options;
  if (chosen === undefined) throw new Error("--peer is not given");
  if (connect === "followers") throw new Error("the peers' generators cannot be told to leave out the leader");
  const peer = await PeerEnsemble.start(chosen, run.folder);
  const ours: MeasuredLoad[] = [];
  const theirs: GeneratorRound[] = [];
  const all: MeasuredLoad[] = [];
  let paths: readonly string[] = [];
  try {
    await run.startMembers();
    await run.openClients(clients);
    ({ paths } = await run.fill("/versus", options.nodes, bytes));
    const operation = operationOf(run, "set", paths);
    for (let round = 0; round <= options.rounds; round++) {
      const measured = await run.closedLoop(outstanding, seconds, operation);
      const other = await peer.round({ clients, outstanding, bytes, seconds, atLeader: connect === "leader" });
      all.push(measured);
      console.log(
        `round ${round}: ${summary(measured)}; ${chosen.kind} ${other.operationsPerSecond}/s, ${other.p50} ms`,
      );
      if (round === 0) continue;
      ours.push(measured);
      theirs.push(other);
    }
  } finally {
    await peer.stop();
  }
  const audit = await auditLoads(run, "set", paths, all);
  return {
    findings: [...comparison(run, chosen.kind, ours, theirs), ...costs(ours.at(-1) as MeasuredLoad), ...audit.findings],
    details: { ours, theirs, audit: audit.details },
  };
}

function summary({ load }: MeasuredLoad): string {
  return `${load.operationsPerSecond.toFixed(0)}/s, p50 ${load.latencyMs.p50.toFixed(2)} ms`;
}

function comparison(
  run: BenchRun,
  kind: string,
  ours: readonly MeasuredLoad[],
  theirs: readonly GeneratorRound[],
): Finding[] {
  const { clients, outstanding } = run.options;
  const of = (pick: (each: MeasuredLoad) => number): number => median(ours.map(pick));
  const peer = (pick: (each: GeneratorRound) => number): number => median(theirs.map(pick));
  const peerP50 = peer(({ p50 }) => p50);
  const perSecond = peer(({ operationsPerSecond }) => operationsPerSecond);
  const single = clients * outstanding === 1;
  const faster: { asked: Asked } | object = single ? {} : { asked: { atLeast: perSecond } };
  const sooner: { asked: Asked } | object = single ? { asked: { atMost: peerP50 } } : {};
  const rate = of(({ load }) => load.operationsPerSecond);
  return [
    { name: "set/s, median", value: rate, unit: "/s", ...faster },
    { name: `${kind} set/s, median`, value: perSecond, unit: "/s" },
    { name: `set/s, times ${kind}'s`, value: rate / perSecond, unit: "x" },
    { name: "set, p50", value: of(({ load }) => load.latencyMs.p50), unit: "ms", ...sooner },
    { name: `${kind} set, p50`, value: peerP50, unit: "ms" },
    { name: "set, p99", value: of(({ load }) => load.latencyMs.p99), unit: "ms" },
    { name: `${kind} set, p99`, value: peer(({ p99 }) => p99), unit: "ms" },
    { name: "all members: CPU per set", value: of(cpuOfAll), unit: "µs" },
    { name: `${kind}, all members: CPU per set`, value: peer((each) => each.cpuMicrosPerOperation), unit: "µs" },
    { name: `${kind}: requests that failed`, value: theirs.reduce((sum, { errors }) => sum + errors, 0), unit: "" },
  ];
}

function cpuOfAll({ servers }: MeasuredLoad): number {
  return servers.reduce((sum, { cpuMicrosPerOperation }) => sum + cpuMicrosPerOperation, 0);
}
