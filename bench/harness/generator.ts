import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { processStats } from "./process-stats.ts";

const run = promisify(execFile);
/** How often the members' CPU time is looked at while a generator runs, ms. */
const SAMPLE_MS = 100;

/** One load as the peers' generators take it. */
export interface GeneratorLoad {
  readonly endpoints: readonly string[];
  /** The generator's word for it. */
  readonly operation: string;
  readonly clients: number;
  readonly outstanding: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Of a load of reads and writes. */
  readonly readPercent?: number;
}

export interface GeneratorRound {
  readonly operationsPerSecond: number;
  /** ms */
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
  /** Of all members together, in the seconds that the generator measured. */
  readonly cpuMicrosPerOperation: number;
}

interface Sample {
  readonly at: number;
  readonly cpuSeconds: number;
}

/**
 * Runs a generator once and reads its line.
 * @param pids the members' processes
 */
export async function runGenerator(
  program: string,
  { endpoints, operation, clients, outstanding, bytes, seconds, readPercent }: GeneratorLoad,
  pids: readonly number[],
): Promise<GeneratorRound> {
  const samples: Sample[] = [];
  const sample = (): void => {
    const cpuSeconds = pids.reduce((sum, pid) => sum + processStats(pid).cpuSeconds, 0);
    samples.push({ at: performance.now(), cpuSeconds });
  };
  const numbers = [clients, outstanding, bytes, seconds, ...(readPercent === undefined ? [] : [readPercent])];
  sample();
  const timer = setInterval(sample, SAMPLE_MS);
  try {
    // Exit code 1 tells of errors, which the line counts.
    const command = run(program, [endpoints.join(","), operation, ...numbers.map(String)]);
    const { stdout, stderr } = await command.catch((error: { stdout: string; stderr: string }) => error);
    sample();
    if (!stdout.includes("ops/s=")) throw new Error(`the generator failed: ${stdout}${stderr}`);
    const operationsPerSecond = figure(stdout, "ops/s");
    // Medians of rounds in which nobody answered would say nothing.
    if (operationsPerSecond === 0) throw new Error(`the generator got no answer: ${stdout}${stderr}`);
    return {
      operationsPerSecond,
      p50: figure(stdout, "p50"),
      p99: figure(stdout, "p99"),
      errors: figure(stdout, "err(?:ors)?"),
      cpuMicrosPerOperation: (cpuShare(samples, seconds) * 1e6) / operationsPerSecond,
    };
  } finally {
    clearInterval(timer);
  }
}

/** Of the last `seconds`, which are what a generator measures: before them it connects and warms up. */
function cpuShare(samples: readonly Sample[], seconds: number): number {
  const last = samples.at(-1) as Sample;
  const since = last.at - seconds * 1000;
  const first = samples.findLast(({ at }) => at <= since) ?? (samples[0] as Sample);
  return ((last.cpuSeconds - first.cpuSeconds) * 1000) / (last.at - first.at);
}

function figure(output: string, name: string): number {
  const match = new RegExp(`(?:^|\\s)${name}=([\\d.]+)`).exec(output);
  if (match === null) throw new Error(`the generator did not print ${name}: ${output}`);
  return Number(match[1]);
}

/** Go source as Debian's packages build it, C source with the stock ZooKeeper client where it includes that. */
export async function buildGenerator(generator: string, output: string): Promise<string> {
  if (generator.endsWith(".go")) {
    const env = { ...process.env, GO111MODULE: "off", GOPATH: process.env["GOPATH"] ?? "/usr/share/gocode" };
    await run("go", ["build", "-o", output, generator], { env });
    return output;
  }
  if (!generator.endsWith(".c")) return generator;
  const stock = (await readFile(generator, "utf8")).includes("<zookeeper/zookeeper.h>");
  const libraries = stock ? ["-DTHREADED", "-lzookeeper_mt", "-lpthread"] : [];
  await run("gcc", ["-O2", "-o", output, generator, ...libraries]);
  return output;
}
