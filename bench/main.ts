import { writeFile } from "node:fs/promises";
import { type BenchOptions, readBenchOptions, UsageError } from "./harness/bench-options.ts";
import { BenchRun } from "./harness/bench-run.ts";
import { describeMachine, judgeConditions, withScratchFolder } from "./harness/machine.ts";
import { formatMachine, formatResult } from "./harness/report.ts";
import { etcdSideBySide } from "./workloads/etcd-1x1.ts";
import { failover } from "./workloads/failover.ts";
import { fill } from "./workloads/fill.ts";
import { followerRestart } from "./workloads/follower-restart.ts";
import { followerWipe } from "./workloads/follower-wipe.ts";
import { hostileContent } from "./workloads/hostile-content.ts";
import { idleSessions } from "./workloads/idle-sessions.ts";
import { rolling } from "./workloads/rolling.ts";
import { stall } from "./workloads/stall.ts";
import { single, throughput } from "./workloads/throughput.ts";
import { versus } from "./workloads/versus.ts";
import { isBroken, type Workload, type WorkloadResult } from "./workloads/workload.ts";
import { zookeeper } from "./workloads/zookeeper.ts";
import { zookeeperFailover } from "./workloads/zookeeper-failover.ts";
import { zookeeperFanout } from "./workloads/zookeeper-fanout.ts";
import { zookeeperHostile } from "./workloads/zookeeper-hostile.ts";

const workloads: readonly Workload[] = [
  throughput("set"),
  throughput("get"),
  single("set"),
  single("get"),
  fill,
  stall,
  etcdSideBySide,
  failover,
  idleSessions,
  followerRestart,
  followerWipe,
  rolling,
  versus,
  hostileContent,
  zookeeper,
  zookeeperFailover,
  zookeeperFanout,
  zookeeperHostile,
];

function workloadNamed(name: string): Workload {
  const workload = workloads.find((each) => each.name === name);
  if (workload !== undefined) return workload;
  const list = workloads.map((each) => `  ${each.name.padEnd(18)} ${each.about}`).join("\n");
  throw new UsageError(`there is no workload "${name}"; there are\n\n${list}\n`);
}

async function runOne(workload: Workload, options: BenchOptions): Promise<WorkloadResult> {
  return withScratchFolder(options.folder, async (folder) => {
    const run = new BenchRun(options, folder);
    try {
      return await workload.run(run);
    } finally {
      await run.close();
    }
  });
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const options = readBenchOptions(args, (name) => workloadNamed(name).defaults);
  const workload = workloadNamed(options.workload);
  const machine = describeMachine(options.folder);
  console.log(formatMachine(machine));
  const result = await runOne(workload, options);
  const conditions = judgeConditions(machine, options.folder);
  console.log(formatResult(workload, options, result, conditions));
  if (options.json !== undefined) {
    const report = { at: new Date().toISOString(), workload: workload.name, options, machine, conditions, ...result };
    await writeFile(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  return result.findings.some(isBroken) ? 1 : 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const message = error instanceof UsageError ? error.message : ((error as Error).stack ?? String(error));
    process.stderr.write(`${message}\n`);
    process.exitCode = 1;
  },
);
