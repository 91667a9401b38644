import { auditDetails, auditEnsemble, auditFindings } from "../harness/audit.ts";
import type { BenchRun } from "../harness/bench-run.ts";
import type { Ensemble } from "../harness/ensemble.ts";
import { SteadyLoad } from "../harness/steady-load.ts";
import { sleep, until } from "../harness/waiting.ts";
import { rejections, startedWithRoamingClients } from "./failover.ts";
import { operationOf } from "./throughput.ts";
import type { Workload, WorkloadResult } from "./workload.ts";

const MISSED_TIMEOUT_MS = 600_000;
const SYNC_TIMEOUT_MS = 120_000;
const POLL_MS = 10;
/** Looked at after the follower is back: its clients come back to it, ms. */
const AFTERMATH_MS = 3_000;
/** Of the mean before: below it nobody's second may fall. */
const POOREST_SHARE = 0.7;

/** A follower killed under load and started again once it has missed many writes. */
export const followerRestart: Workload = {
  name: "follower-restart",
  about: "a follower killed under load, restarted 100,000 writes later: the load's dip, the time to be back by DIFF",
  defaults: { seconds: 10, clients: 30, outstanding: 100, nodes: 10_000, bytes: 1024, members: 3 },
  run: runFollowerRestart,
};

async function runFollowerRestart(run: BenchRun): Promise<WorkloadResult> {
  const { options, ensemble } = await startedWithRoamingClients(run);
  const { paths } = await run.fill("/restart", options.nodes, options.bytes);
  const { clients, outstanding, rate } = options;
  const load = new SteadyLoad({ clients, outstanding, ratePerSecond: rate }, operationOf(run, "set", paths));
  const { answers } = load;
  await sleep(options.warmupSeconds * 1000);
  const begin = performance.now();
  await sleep(options.seconds * 1000);
  const meanBefore = answers.count(begin, performance.now()) / ((performance.now() - begin) / 1000);

  const victim = await aFollower(ensemble);
  const killedAt = performance.now();
  await ensemble.killMember(victim);
  await until(MISSED_TIMEOUT_MS, POLL_MS, `${options.missed} writes`, async () => {
    return answers.count(killedAt, performance.now()) >= options.missed ? true : undefined;
  });
  const startedAt = performance.now();
  const missed = answers.count(killedAt, startedAt);
  await ensemble.startMember(victim);
  const servingMs = performance.now() - startedAt;
  await backInSync(ensemble, victim);
  const syncedMs = performance.now() - startedAt;
  await sleep(AFTERMATH_MS);
  const end = performance.now();
  await load.stop();
  await ensemble.quiet();
  const linked = ensemble.saidAt(victim, "linked with member", startedAt);
  const snapshots = ensemble.saidAt(victim, "installed a snapshot", startedAt) === undefined ? 0 : 1;
  const audit = await auditEnsemble(ensemble, paths);
  const poorest = (answers.poorestSecond(killedAt - 1000, end) / meanBefore) * 100;
  const silence = answers.longestSilence(killedAt, end).ms;
  const fromLink = linked === undefined ? Number.NaN : startedAt + syncedMs - linked;
  return {
    findings: [
      { name: "set/s before", value: meanBefore, unit: "/s" },
      {
        name: "poorest second, of the mean before",
        value: poorest,
        unit: "%",
        asked: { atLeast: POOREST_SHARE * 100 },
      },
      { name: "longest time without an answer", value: silence, unit: "ms", asked: { atMost: 250 } },
      { name: "writes missed", value: missed, unit: "" },
      { name: "process start to in sync", value: syncedMs / 1000, unit: "s", asked: { atMost: 2 } },
      { name: "process start to serving", value: servingMs / 1000, unit: "s" },
      { name: "first link to in sync", value: fromLink / 1000, unit: "s" },
      { name: "snapshots it was sent (0: by DIFF)", value: snapshots, unit: "", asked: { atMost: 0 } },
      ...rejections(load),
      ...auditFindings(audit, { acknowledged: load.answered, unknown: load.unknown }),
    ],
    details: { meanBefore, poorest, silence, missed, servingMs, syncedMs, fromLink, audit: auditDetails(audit) },
  };
}

/** A member that does not lead. */
export async function aFollower(ensemble: Ensemble): Promise<number> {
  const leader = await ensemble.agreed();
  const follower = ensemble.runningIds.find((id) => id !== leader);
  if (follower === undefined) throw new Error("there is no follower: give --members 3 or more");
  return follower;
}

/** Resolves once the member serves and has all that the leader had when it was asked. */
export async function backInSync(ensemble: Ensemble, id: number): Promise<void> {
  await until(SYNC_TIMEOUT_MS, POLL_MS, `member ${id} to be in sync`, async () => {
    const { leaderId } = await ensemble.status(id);
    return leaderId !== 0 && (await ensemble.caughtUp(id, leaderId)) ? true : undefined;
  });
}
