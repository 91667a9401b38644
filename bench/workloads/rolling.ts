import { auditDetails, auditEnsemble, auditFindings } from "../harness/audit.ts";
import type { BenchRun } from "../harness/bench-run.ts";
import type { Operation } from "../harness/load.ts";
import { SteadyLoad } from "../harness/steady-load.ts";
import { sleep } from "../harness/waiting.ts";
import { rejections, startedWithRoamingClients } from "./failover.ts";
import { backInSync } from "./follower-restart.ts";
import { operationOf } from "./throughput.ts";
import type { Workload, WorkloadResult } from "./workload.ts";

/** Between one member's return and the next one's stop, as an operator would look around, ms. */
const BETWEEN_MS = 2_000;
const SLOWEST_CALL_MS = 2_000;

/** Every member stopped and started again, one after the other, while applications write and read. */
export const rolling: Workload = {
  name: "rolling",
  about: "all members restarted one by one under an open loop of sets and gets: rejected calls, slowest call",
  defaults: { seconds: 5, clients: 30, outstanding: 100, nodes: 10_000, bytes: 1024, members: 3, rate: 2000 },
  run: runRolling,
};

async function runRolling(run: BenchRun): Promise<WorkloadResult> {
  const { options, ensemble } = await startedWithRoamingClients(run);
  const { paths } = await run.fill("/rolling", options.nodes, options.bytes);
  const written = { sets: 0 };
  const { clients, outstanding, rate } = options;
  const load = new SteadyLoad({ clients, outstanding, ratePerSecond: rate }, setsAndGets(run, paths, written));
  const begin = performance.now();
  await sleep((options.warmupSeconds + options.seconds) * 1000);
  const steady = load.answers.waits(begin + options.warmupSeconds * 1000, performance.now());
  const rollingSince = performance.now();
  for (const { id } of ensemble.places) {
    const wasLeader = (await ensemble.agreed()) === id;
    const since = performance.now();
    await ensemble.stopMember(id);
    await ensemble.startMember(id);
    await backInSync(ensemble, id);
    await sleep(BETWEEN_MS);
    const silence = load.answers.longestSilence(since, performance.now()).ms;
    console.log(`member ${id}${wasLeader ? ", leader" : ""}: longest time without an answer ${silence.toFixed(0)} ms`);
  }
  const end = performance.now();
  await load.stop();
  const during = load.answers.waits(rollingSince, end);
  const audit = await auditEnsemble(ensemble, paths);
  const reasons = rejections(load).filter(({ name }) => name.startsWith("calls rejected: "));
  const silence = load.answers.longestSilence(rollingSince, end).ms;
  return {
    findings: [
      { name: "calls rejected", value: load.rejections, unit: "", asked: { atMost: 0 } },
      ...reasons,
      { name: "slowest call", value: load.slowestCallMs, unit: "ms", asked: { atMost: SLOWEST_CALL_MS } },
      { name: "longest time without an answer", value: silence, unit: "ms" },
      { name: "calls, p99 before", value: steady.p99, unit: "ms" },
      { name: "calls, p99 while restarting", value: during.p99, unit: "ms" },
      ...auditFindings(audit, { acknowledged: written.sets, unknown: load.unknown }),
    ],
    details: { steady, during, rejected: load.rejected, audit: auditDetails(audit) },
  };
}

/** Sets and gets in turns; counts the sets that were answered. */
function setsAndGets(run: BenchRun, paths: readonly string[], written: { sets: number }): Operation {
  const set = operationOf(run, "set", paths);
  const get = operationOf(run, "get", paths);
  return (client, sequence) => {
    if (sequence % 2 === 1) return get(client, sequence);
    return set(client, sequence).then(() => {
      written.sets++;
    });
  };
}
