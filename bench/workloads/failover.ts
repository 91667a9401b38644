import { auditDetails, auditEnsemble, auditFindings } from "../harness/audit.ts";
import type { Fault } from "../harness/bench-options.ts";
import type { BenchRun } from "../harness/bench-run.ts";
import { faultLeader, restoreMember } from "../harness/leader-fault.ts";
import { median } from "../harness/median.ts";
import { SteadyLoad } from "../harness/steady-load.ts";
import { sleep, until } from "../harness/waiting.ts";
import { operationOf } from "./throughput.ts";
import type { Finding, Workload, WorkloadResult } from "./workload.ts";

/** Steady writes before each fault, ms. */
const STEADY_MS = 2_000;
/** How long writes may stay away before the run is given up, ms. */
const RESUME_TIMEOUT_MS = 30_000;
/** Looked at after the writes came back: a second silence belongs to the same fault, ms. */
const AFTERMATH_MS = 2_000;
const POLL_MS = 5;

interface Asked {
  readonly median?: number;
  readonly worst: number;
}

/**
 * From the fault to the next acknowledged write, ms. A leader that stops in good order may go on until another one has
 * taken over: there it is the longest time without an acknowledged write.
 */
const asked: Record<Fault, Asked> = {
  kill: { median: 300, worst: 600 },
  pause: { worst: 3_000 },
  stop: { worst: 100 },
};

interface Round {
  readonly fault: Fault;
  /** From the fault to the first acknowledged write that another leader committed. */
  readonly resumedMs: number;
  /** The longest time in which no client had a write acknowledged, as the peers' tools measure it. */
  readonly silenceMs: number;
  /** The longest time that any one client had no write acknowledged. */
  readonly worstClientMs: number;
}

/** How long nobody's writes are acknowledged when the leader is killed, paused or stopped. */
export const failover: Workload = {
  name: "failover",
  about: "the leader killed, paused, stopped: from then to the next acknowledged write, seen by SDK clients",
  defaults: { seconds: 0, clients: 30, outstanding: 100, nodes: 1000, bytes: 1024, members: 3, rate: 1000, rounds: 10 },
  run: runFailover,
};

async function runFailover(run: BenchRun): Promise<WorkloadResult> {
  const { options, ensemble } = await startedWithRoamingClients(run);
  const { paths } = await run.fill("/failover", options.nodes, options.bytes);
  const { clients, outstanding, rate } = options;
  const load = new SteadyLoad({ clients, outstanding, ratePerSecond: rate }, operationOf(run, "set", paths));
  const rounds: Round[] = [];
  for (const fault of options.faults) {
    for (let round = 1; round <= options.rounds; round++) {
      const measured = await measureFault(run, load, fault);
      rounds.push(measured);
      const { resumedMs, silenceMs, worstClientMs } = measured;
      const shown = [resumedMs, silenceMs, worstClientMs].map((ms) => ms.toFixed(0));
      console.log(
        `${fault} ${round}: next write after ${shown[0]} ms; without one ${shown[1]}, one client ${shown[2]}`,
      );
    }
  }
  await load.stop();
  const audit = await auditEnsemble(ensemble, paths);
  const { answered, unknown } = load;
  return {
    findings: [
      ...options.faults.flatMap((fault) => findings(fault, rounds)),
      ...rejections(load),
      ...auditFindings(audit, { acknowledged: answered, unknown }),
    ],
    details: { rounds, rejected: load.rejected, audit: auditDetails(audit) },
  };
}

/** Members, and clients that know all of them. */
export async function startedWithRoamingClients(run: BenchRun) {
  await run.startMembers();
  await run.openRoamingClients(run.options.clients);
  return { options: run.options, ensemble: run.ensemble };
}

async function measureFault(run: BenchRun, { answers }: SteadyLoad, fault: Fault): Promise<Round> {
  const { ensemble } = run;
  const leader = await ensemble.agreed();
  await sleep(STEADY_MS);
  const { epoch } = await ensemble.status(leader);
  const since = performance.now();
  const done = faultLeader(ensemble, leader, fault);
  // Answers that were on their way when the old leader was hit are not what is waited for: another one's are.
  const resumedAt = await until(RESUME_TIMEOUT_MS, POLL_MS, "a write under another leader", async () => {
    return answers.firstOfLaterEpoch(epoch, since);
  });
  await sleep(AFTERMATH_MS);
  const end = performance.now();
  const each = Array.from({ length: run.options.clients }, (_, client) => answers.longestSilence(since, end, client));
  await done;
  await restoreMember(ensemble, leader, fault);
  return {
    fault,
    resumedMs: resumedAt - since,
    silenceMs: answers.longestSilence(since, end).ms,
    worstClientMs: Math.max(...each.map(({ ms }) => ms)),
  };
}

function findings(fault: Fault, rounds: readonly Round[]): Finding[] {
  const own = rounds.filter((round) => round.fault === fault);
  const resumed = own.map(({ resumedMs }) => resumedMs);
  const silences = own.map(({ silenceMs }) => silenceMs);
  const limits = asked[fault];
  const ofNext = fault === "stop" ? {} : { asked: { atMost: limits.worst } };
  const ofSilence = fault === "stop" ? { asked: { atMost: limits.worst } } : {};
  const ofMedian = limits.median === undefined ? {} : { asked: { atMost: limits.median } };
  return [
    { name: `${fault}: next write, median of ${own.length}`, value: median(resumed), unit: "ms", ...ofMedian },
    { name: `${fault}: next write, worst`, value: Math.max(...resumed), unit: "ms", ...ofNext },
    { name: `${fault}: without a write, median`, value: median(silences), unit: "ms" },
    { name: `${fault}: without a write, worst`, value: Math.max(...silences), unit: "ms", ...ofSilence },
    {
      name: `${fault}: one client without a write, worst`,
      value: Math.max(...own.map(({ worstClientMs }) => worstClientMs)),
      unit: "ms",
    },
  ];
}

/** The calls that were rejected, and why. */
export function rejections({ rejected, rejections: all, slowestCallMs }: SteadyLoad): Finding[] {
  return [
    { name: "calls rejected", value: all, unit: "" },
    ...Object.entries(rejected).map(([reason, value]) => ({ name: `calls rejected: ${reason}`, value, unit: "" })),
    { name: "slowest call", value: slowestCallMs, unit: "ms" },
  ];
}
