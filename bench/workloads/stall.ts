import type { BenchRun } from "../harness/bench-run.ts";
import { costs, latencies, operationOf } from "./throughput.ts";
import type { Workload, WorkloadResult } from "./workload.ts";

/** Ten minutes of full load with 1,000,000 znodes: how long is the member's loop ever kept from a 5 ms timer? */
export const stall: Workload = {
  name: "stall",
  about: "a 5 ms ticker in the server over 10 minutes of sets with 1,000,000 znodes",
  defaults: { seconds: 600, clients: 30, outstanding: 100, nodes: 1_000_000, bytes: 100 },
  run: runStall,
};

async function runStall(run: BenchRun): Promise<WorkloadResult> {
  const { options } = run;
  await run.startMembers();
  await run.openClients(options.clients);
  const { paths } = await run.fill("/stall", options.nodes, options.bytes);
  const closed = await run.closedLoop(options.outstanding, options.seconds, operationOf(run, "set", paths));
  const delays = closed.server.loopDelayMs;
  if (delays === undefined) throw new Error("the ticker in the member wrote nothing");
  return {
    findings: [
      { name: "5 ms ticker: delay p99.9", value: delays.p999, unit: "ms", asked: { atMost: 50 } },
      { name: "5 ms ticker: longest delay", value: delays.max, unit: "ms", asked: { atMost: 250 } },
      { name: "set/s", value: closed.load.operationsPerSecond, unit: "/s" },
      ...latencies("set", closed),
      ...costs(closed),
    ],
    details: { closed },
  };
}
