import { auditDetails, auditEnsemble, auditFindings } from "../harness/audit.ts";
import type { BenchRun } from "../harness/bench-run.ts";
import type { Ensemble } from "../harness/ensemble.ts";
import { SteadyLoad } from "../harness/steady-load.ts";
import { sleep, until } from "../harness/waiting.ts";
import { rejections, startedWithRoamingClients } from "./failover.ts";
import { aFollower, backInSync } from "./follower-restart.ts";
import { operationOf } from "./throughput.ts";
import type { Workload, WorkloadResult } from "./workload.ts";

const SYNC_TIMEOUT_MS = 600_000;
const POLL_MS = 20;
/** Of the closed loop's throughput, where no --rate is given. */
const LOAD_SHARE = 0.25;
const P99_TIMES_MAX = 3;

/** A follower that lost all it had, back by a snapshot of 1,000,000 znodes while writes go on. */
export const followerWipe: Workload = {
  name: "follower-wipe",
  about: "a wiped follower of 1,000,000 znodes back by SNAP while writes go on at 25 % of peak: their p99, the time",
  defaults: { seconds: 20, clients: 30, outstanding: 100, nodes: 1_000_000, bytes: 100, members: 3 },
  run: runFollowerWipe,
};

async function runFollowerWipe(run: BenchRun): Promise<WorkloadResult> {
  const { options, ensemble } = await startedWithRoamingClients(run);
  const { paths } = await run.fill("/wipe", options.nodes, options.bytes);
  const operation = operationOf(run, "set", paths);
  const peak = await run.closedLoop(options.outstanding, options.seconds, operation);
  const rate = options.rate > 0 ? options.rate : peak.load.operationsPerSecond * LOAD_SHARE;
  const { clients, outstanding } = options;
  const load = new SteadyLoad({ clients, outstanding, ratePerSecond: rate }, operation);
  await sleep(options.warmupSeconds * 1000);
  const begin = performance.now();
  await sleep(options.seconds * 1000);
  const wipedAt = performance.now();

  const victim = await aFollower(ensemble);
  await ensemble.killMember(victim);
  await ensemble.wipe(victim);
  const startedAt = performance.now();
  const votesMs = await comeBack(ensemble, victim, startedAt);
  const end = performance.now();
  await sleep(options.warmupSeconds * 1000);
  await load.stop();
  await ensemble.quiet();
  const before = load.answers.waits(begin, wipedAt);
  const during = load.answers.waits(wipedAt, end);
  const snapshots = ensemble.saidAt(victim, "installed a snapshot", startedAt) === undefined ? 0 : 1;
  const audit = await auditEnsemble(ensemble, paths);
  const acknowledged = peak.load.answered + load.answered;
  const unknown = load.unknown + Object.values(peak.load.failures).reduce((a, b) => a + b, 0);
  const times = during.p99 / before.p99;
  return {
    findings: [
      { name: "set/s, closed loop", value: peak.load.operationsPerSecond, unit: "/s" },
      { name: "set/s, open loop", value: rate, unit: "/s" },
      { name: "p99 before", value: before.p99, unit: "ms" },
      { name: "p99 while it comes back", value: during.p99, unit: "ms" },
      { name: "p99 while it comes back, times before", value: times, unit: "x", asked: { atMost: P99_TIMES_MAX } },
      { name: "longest while it comes back", value: during.max, unit: "ms" },
      { name: "process start to in sync, with its vote", value: votesMs / 1000, unit: "s" },
      { name: "snapshots it was sent (0: by DIFF)", value: snapshots, unit: "", asked: { atLeast: 1 } },
      ...rejections(load),
      ...auditFindings(audit, { acknowledged, unknown }),
    ],
    details: { peak, rate, before, during, votesMs, rejected: load.rejected, audit: auditDetails(audit) },
  };
}

/**
 * Starts a member without data, as its operator does: it joins, and once it has caught up it is given its vote again
 * if it did not get it by itself. Answers how long that took.
 */
async function comeBack(ensemble: Ensemble, id: number, since: number): Promise<number> {
  const serving = ensemble.startMember(id);
  serving.catch(() => undefined);
  const leader = await ensemble.agreed(id);
  await until(SYNC_TIMEOUT_MS, POLL_MS, `member ${id} to be connected`, async () => {
    const { members } = await ensemble.status(leader);
    return members.some((member) => member.id === id && member.isReachable) ? true : undefined;
  });
  await until(SYNC_TIMEOUT_MS, POLL_MS, `member ${id} to have its vote`, async () => {
    const { members } = await ensemble.status(leader);
    const own = members.filter((member) => member.id === id);
    const isBack = own.some(({ votingRole, role }) => votingRole === "voter" && role === "follower");
    if (isBack && own.every(({ votingRole }) => votingRole === "voter")) return true;
    await ensemble.admin().addMember({ id });
    return undefined;
  });
  await serving;
  await backInSync(ensemble, id);
  return performance.now() - since;
}
