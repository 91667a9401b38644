import path from "node:path";
import { auditDetails, auditEnsemble, auditFindings, must } from "../harness/audit.ts";
import type { BenchRun } from "../harness/bench-run.ts";
import { ContentFeed, type PieceOutcome } from "../harness/content-feed.ts";
import { hostileContent as pieces } from "../harness/hostile-content.ts";
import { SteadyLoad } from "../harness/steady-load.ts";
import { sleep } from "../harness/waiting.ts";
import { rejections } from "./failover.ts";
import { operationOf } from "./throughput.ts";
import type { Finding, Workload, WorkloadResult } from "./workload.ts";

/** In which each piece is to be refused: the workers' 500 ms, and the way there and back. */
const ASKED_MS = 600;
/** Of the sets' p99, times what it was before. */
const ASKED_TIMES = 2;
/** In which what was given last is refused, ms. */
const SETTLE_MS = 1_000;

/** Sets go on at a steady rate while the workers of all members are given content made to hold them up. */
export const hostileContent: Workload = {
  name: "hostile-content",
  about: "catastrophic pattern, YAML bomb, 1 MiB of XML entities, zip bomb, beside sets at 10,000/s",
  defaults: { seconds: 15, clients: 30, outstanding: 100, nodes: 10_000, bytes: 1024, members: 3, rate: 10_000 },
  run: runHostileContent,
};

async function runHostileContent(run: BenchRun): Promise<WorkloadResult> {
  const { options } = run;
  const feed = await ContentFeed.prepare(path.join(run.folder, "content"), pieces(), options.contentRate);
  await run.startMembers({ feed: feed.folder });
  const { ensemble } = run;
  await run.openClients(options.clients);
  const { paths } = await run.fill("/bench", options.nodes, options.bytes);
  const { clients, outstanding, rate } = options;
  const load = new SteadyLoad({ clients, outstanding, ratePerSecond: rate }, operationOf(run, "set", paths));
  await sleep(options.warmupSeconds * 1000);
  const from = performance.now();
  await sleep(options.seconds * 1000);
  feed.go();
  const going = performance.now();
  await sleep(options.seconds * 1000);
  const to = performance.now();
  feed.halt();
  await sleep(SETTLE_MS);
  await load.stop();
  const outcomes = ensemble.runningIds.map((id) => feed.outcome(ensemble.member(id).pid));
  const [before, during] = [load.answers.waits(from, going), load.answers.waits(going, to)];
  const audit = await auditEnsemble(ensemble, paths);
  return {
    findings: [
      ...refusals(outcomes),
      { name: "sets: p50 before", value: before.p50, unit: "ms" },
      { name: "sets: p50 during it", value: during.p50, unit: "ms" },
      { name: "sets: p99 before", value: before.p99, unit: "ms" },
      { name: "sets: p99 during it", value: during.p99, unit: "ms" },
      { name: "sets: p99, times before", value: during.p99 / before.p99, unit: "x", asked: { atMost: ASKED_TIMES } },
      { name: "sets: longest during it", value: during.max, unit: "ms" },
      ...rejections(load),
      ...auditFindings(audit, { acknowledged: load.answered, unknown: load.unknown }),
    ],
    details: { before, during, outcomes, audit: auditDetails(audit) },
  };
}

/** Of each piece, over all members: how often it was given, how long it took at most, and whether it was refused. */
function refusals(outcomes: readonly (readonly PieceOutcome[])[]): Finding[] {
  return pieces().flatMap(({ name, rule }, index) => {
    const own = outcomes.map((each) => each[index] as PieceOutcome);
    const given = sum(own.flatMap(({ ends }) => Object.values(ends)));
    const refused = sum(own.map(({ ends }) => ends[rule] ?? 0));
    const killed = sum(own.map(({ ends }) => ends["time"] ?? 0));
    const longest = Math.max(...own.map(({ longestMs }) => longestMs));
    return [
      { name: `${name}: refused for what it is`, value: refused, unit: "" },
      { name: `${name}: killed for its time`, value: killed, unit: "" },
      must(`${name}: not refused`, given - refused - killed),
      { name: `${name}: refused after, longest`, value: longest, unit: "ms", asked: { atMost: ASKED_MS } },
    ];
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
