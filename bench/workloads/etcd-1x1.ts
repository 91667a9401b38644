import type { BenchRun, MeasuredLoad } from "../harness/bench-run.ts";
import { buildEtcdGenerator, Etcd, type EtcdRound, isEtcdInstalled } from "../harness/etcd.ts";
import { median } from "../harness/median.ts";
import { operationOf } from "./throughput.ts";
import type { Workload, WorkloadResult } from "./workload.ts";

/**
 * One durable write after the other, on Muster and on etcd in turns, each through its own stock client; medians of the
 * rounds. The first round of each is a warm-up and does not count.
 */
export const etcdSideBySide: Workload = {
  name: "etcd-1x1",
  about: "set of one client, one after the other, in turns with etcd on the same disk",
  defaults: { seconds: 10, clients: 1, outstanding: 1, nodes: 1000, bytes: 1024 },
  run: runSideBySide,
};

async function runSideBySide(run: BenchRun): Promise<WorkloadResult> {
  const { options } = run;
  if (!(await isEtcdInstalled())) throw new Error("etcd is not installed (Debian: etcd-server)");
  if (options.etcdGenerator === undefined) throw new Error("--etcd-generator is not given");
  const generator = await buildEtcdGenerator(options.etcdGenerator, run.folder);
  const etcd = await Etcd.start(run.folder);
  const ours: MeasuredLoad[] = [];
  const theirs: EtcdRound[] = [];
  try {
    await run.startMembers();
    await run.openClients(1);
    const { paths } = await run.fill("/bench", options.nodes, options.bytes);
    const operation = operationOf(run, "set", paths);
    for (let round = 0; round <= options.rounds; round++) {
      const measured = await run.closedLoop(1, options.seconds, operation);
      const peer = await etcd.round(generator, "put", options.bytes, options.seconds);
      if (round === 0) continue;
      ours.push(measured);
      theirs.push(peer);
    }
  } finally {
    await etcd.stop();
  }
  const etcdP50 = median(theirs.map((round) => round.p50));
  return {
    findings: [
      {
        name: "set 1x1, p50",
        value: median(ours.map((o) => o.load.latencyMs.p50)),
        unit: "ms",
        asked: { atMost: etcdP50 },
      },
      { name: "etcd put 1x1, p50", value: etcdP50, unit: "ms" },
      { name: "set 1x1, p99", value: median(ours.map((o) => o.load.latencyMs.p99)), unit: "ms" },
      { name: "etcd put 1x1, p99", value: median(theirs.map((round) => round.p99)), unit: "ms" },
      { name: "set 1x1", value: median(ours.map((o) => o.load.operationsPerSecond)), unit: "/s" },
      { name: "etcd put 1x1", value: median(theirs.map((round) => round.operationsPerSecond)), unit: "/s" },
      { name: "server CPU per set", value: median(ours.map((o) => o.server.cpuMicrosPerOperation)), unit: "µs" },
      { name: "etcd CPU per put", value: median(theirs.map((round) => round.cpuMicrosPerOperation)), unit: "µs" },
    ],
    details: { ours, theirs },
  };
}
