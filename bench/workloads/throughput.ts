import { auditDetails, auditEnsemble, auditFindings, must } from "../harness/audit.ts";
import type { BenchRun, MeasuredLoad } from "../harness/bench-run.ts";
import { makeValues } from "../harness/clients.ts";
import type { Operation } from "../harness/load.ts";
import type { ServerCost } from "../harness/process-costs.ts";
import { type Finding, mebibytes, type Workload, type WorkloadResult } from "./workload.ts";

type Kind = "set" | "get";

const ASKED_PER_SECOND: Record<Kind, number> = { set: 40_000, get: 80_000 };
/** Of sets to an ensemble of three, by how many are under way: 30 x 100, 30 x 1. */
const ASKED_OF_THREE: ReadonlyMap<number, number> = new Map([
  [3000, 35_000],
  [30, 10_000],
]);

/**
 * 30 clients with 100 requests each, single operations, over 100,000 znodes of 1 KiB: first as fast as it goes (closed
 * loop), then at half that rate with latencies counted from when each request was due (open loop).
 */
export function throughput(kind: Kind): Workload {
  return {
    name: kind,
    about: `${kind} requests of 30 clients x 100 over 100,000 znodes of 1 KiB, closed loop, then open loop`,
    defaults: { seconds: 60, clients: 30, outstanding: 100, nodes: 100_000, bytes: 1024 },
    run: (run) => runThroughput(run, kind),
  };
}

/** 1 client with 1 request: what a single caller waits. */
export function single(kind: Kind): Workload {
  return {
    name: `${kind}-1x1`,
    about: `${kind} requests of one client, one after the other, 1 KiB`,
    defaults: { seconds: 20, clients: 1, outstanding: 1, nodes: 1000, bytes: 1024, connect: "leader" },
    run: (run) => runSingle(run, kind),
  };
}

async function runThroughput(run: BenchRun, kind: Kind): Promise<WorkloadResult> {
  const { options } = run;
  await run.startMembers();
  await run.openClients(options.clients);
  const filled = await run.fill("/bench", options.nodes, options.bytes);
  const operation = operationOf(run, kind, filled.paths);
  const closed = await run.closedLoop(options.outstanding, options.seconds, operation);
  const rate = options.rate > 0 ? options.rate : closed.load.operationsPerSecond / 2;
  const open = await run.openLoop(rate, options.seconds, operation);
  const audit = await auditLoads(run, kind, filled.paths, [closed, open]);
  return {
    findings: [
      { name: `${kind}/s, closed loop`, value: closed.load.operationsPerSecond, unit: "/s", ...asked(run, kind) },
      ...latencies(`${kind}, closed loop`, closed),
      { name: `${kind}/s, open loop`, value: open.load.operationsPerSecond, unit: "/s" },
      ...latencies(`${kind}, open loop`, open),
      ...costs(closed),
      ...audit.findings,
    ],
    details: { fillPerSecond: options.nodes / filled.seconds, closed, open, audit: audit.details },
  };
}

function asked({ options }: BenchRun, kind: Kind): Pick<Finding, "asked"> {
  const { members, clients, outstanding } = options;
  if (members === 1) return { asked: { atLeast: ASKED_PER_SECOND[kind] } };
  const atLeast = members === 3 && kind === "set" ? ASKED_OF_THREE.get(clients * outstanding) : undefined;
  return atLeast === undefined ? {} : { asked: { atLeast } };
}

async function runSingle(run: BenchRun, kind: Kind): Promise<WorkloadResult> {
  const { options } = run;
  await run.startMembers();
  await run.openClients(options.clients);
  const { paths } = await run.fill("/bench", options.nodes, options.bytes);
  const closed = await run.closedLoop(options.outstanding, options.seconds, operationOf(run, kind, paths));
  const audit = await auditLoads(run, kind, paths, [closed]);
  return {
    findings: [
      { name: `${kind}/s, one at a time`, value: closed.load.operationsPerSecond, unit: "/s" },
      ...latencies(`${kind}, one at a time`, closed),
      ...costs(closed),
      ...audit.findings,
    ],
    details: { closed, audit: audit.details },
  };
}

/** Whether all members of an ensemble hold exactly the sets that were answered. The members are down afterwards. */
export async function auditLoads(
  run: BenchRun,
  kind: Kind,
  paths: readonly string[],
  loads: readonly MeasuredLoad[],
): Promise<{ findings: Finding[]; details: unknown }> {
  const failed = loads.flatMap(({ load }) => Object.values(load.failures)).reduce((a, b) => a + b, 0);
  const none = must("requests that failed", failed);
  if (run.options.members === 1 || kind === "get") return { findings: [none], details: undefined };
  const audit = await auditEnsemble(run.ensemble, paths);
  const acknowledged = loads.reduce((sum, { load }) => sum + load.answered, 0);
  return { findings: [none, ...auditFindings(audit, { acknowledged, unknown: failed })], details: auditDetails(audit) };
}

/** Requests go over all paths in a fixed stride that visits each once before any comes again. */
export function operationOf(run: BenchRun, kind: Kind, paths: readonly string[]): Operation {
  const values = makeValues(run.options.bytes);
  const stride = coprime(paths.length);
  return (client, sequence) => {
    const path = paths[(sequence * stride) % paths.length] as string;
    const { znodes } = run.client(client);
    return kind === "set" ? znodes.set(path, values[sequence % values.length] as Buffer) : znodes.get(path);
  };
}

export function latencies(name: string, { load }: MeasuredLoad): Finding[] {
  const { p50, p99, p999, max } = load.latencyMs;
  return [
    { name: `${name}: p50`, value: p50, unit: "ms" },
    { name: `${name}: p99`, value: p99, unit: "ms" },
    { name: `${name}: p99.9`, value: p999, unit: "ms" },
    { name: `${name}: longest`, value: max, unit: "ms" },
  ];
}

/** What the load cost: the only member, or each member of an ensemble, and this process. */
export function costs({ server, servers, generator }: MeasuredLoad): Finding[] {
  const all = servers.reduce((sum, { cpuMicrosPerOperation }) => sum + cpuMicrosPerOperation, 0);
  return [
    ...(servers.length === 1 ? costsOf("server", server) : servers.flatMap((each) => costsOf(nameOf(each), each))),
    ...(servers.length === 1 ? [] : [{ name: "all members: CPU per operation", value: all, unit: "µs" }]),
    { name: "generator: CPU per operation", value: generator.cpuMicrosPerOperation, unit: "µs" },
    { name: "generator: CPU, of one core", value: generator.cpuShare * 100, unit: "%" },
  ];
}

function nameOf({ id, role }: ServerCost): string {
  return `${role} ${id}`;
}

function costsOf(name: string, server: ServerCost): Finding[] {
  const delays = server.loopDelayMs;
  return [
    { name: `${name}: CPU per operation`, value: server.cpuMicrosPerOperation, unit: "µs" },
    { name: `${name}: CPU, of one core`, value: server.cpuShare * 100, unit: "%" },
    { name: `${name}: RSS`, value: mebibytes(server.rssBytes), unit: "MiB" },
    { name: `${name}: RSS, highest`, value: mebibytes(server.rssPeakBytes), unit: "MiB" },
    { name: `${name}: loop delay p99.9`, value: delays?.p999 ?? Number.NaN, unit: "ms" },
    { name: `${name}: loop delay, longest`, value: delays?.max ?? Number.NaN, unit: "ms" },
  ];
}

/** Near the golden section of n, and without a common divisor with it. */
function coprime(n: number): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  let stride = Math.max(1, Math.floor(n * 0.618));
  while (gcd(stride, n) !== 1) stride++;
  return stride;
}
