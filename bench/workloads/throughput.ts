import type { BenchRun, MeasuredLoad } from "../harness/bench-run.ts";
import { makeValues } from "../harness/clients.ts";
import type { Operation } from "../harness/load.ts";
import { type Finding, mebibytes, type Workload, type WorkloadResult } from "./workload.ts";

type Kind = "set" | "get";

const ASKED_PER_SECOND: Record<Kind, number> = { set: 40_000, get: 80_000 };

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
    defaults: { seconds: 20, clients: 1, outstanding: 1, nodes: 1000, bytes: 1024 },
    run: (run) => runSingle(run, kind),
  };
}

async function runThroughput(run: BenchRun, kind: Kind): Promise<WorkloadResult> {
  const { options } = run;
  await run.startMember();
  await run.openClients(options.clients);
  const filled = await run.fill("/bench", options.nodes, options.bytes);
  const operation = operationOf(run, kind, filled.paths);
  const closed = await run.closedLoop(options.outstanding, options.seconds, operation);
  const rate = options.rate > 0 ? options.rate : closed.load.operationsPerSecond / 2;
  const open = await run.openLoop(rate, options.seconds, operation);
  const perSecond = { value: closed.load.operationsPerSecond, asked: { atLeast: ASKED_PER_SECOND[kind] } };
  return {
    findings: [
      { name: `${kind}/s, closed loop`, unit: "/s", ...perSecond },
      ...latencies(`${kind}, closed loop`, closed),
      { name: `${kind}/s, open loop`, value: open.load.operationsPerSecond, unit: "/s" },
      ...latencies(`${kind}, open loop`, open),
      ...costs(closed),
    ],
    details: { fillPerSecond: options.nodes / filled.seconds, closed, open },
  };
}

async function runSingle(run: BenchRun, kind: Kind): Promise<WorkloadResult> {
  const { options } = run;
  await run.startMember();
  await run.openClients(options.clients);
  const { paths } = await run.fill("/bench", options.nodes, options.bytes);
  const closed = await run.closedLoop(options.outstanding, options.seconds, operationOf(run, kind, paths));
  return {
    findings: [
      { name: `${kind}/s, one at a time`, value: closed.load.operationsPerSecond, unit: "/s" },
      ...latencies(`${kind}, one at a time`, closed),
      ...costs(closed),
    ],
    details: { closed },
  };
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
    { name: `${name}: failed`, value: Object.values(load.failures).reduce((a, b) => a + b, 0), unit: "" },
  ];
}

export function costs({ server }: MeasuredLoad): Finding[] {
  const delays = server.loopDelayMs;
  return [
    { name: "server CPU per operation", value: server.cpuMicrosPerOperation, unit: "µs" },
    { name: "server CPU, of one core", value: server.cpuShare * 100, unit: "%" },
    { name: "server RSS", value: mebibytes(server.rssBytes), unit: "MiB" },
    { name: "server RSS, highest", value: mebibytes(server.rssPeakBytes), unit: "MiB" },
    { name: "server loop delay p99.9", value: delays?.p999 ?? Number.NaN, unit: "ms" },
    { name: "server loop delay, longest", value: delays?.max ?? Number.NaN, unit: "ms" },
  ];
}

/** Near the golden section of n, and without a common divisor with it. */
function coprime(n: number): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  let stride = Math.max(1, Math.floor(n * 0.618));
  while (gcd(stride, n) !== 1) stride++;
  return stride;
}
