import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import type { PeerKind, PeerOptions } from "./bench-options.ts";
import { processStats } from "./process-stats.ts";
import { until } from "./waiting.ts";

const run = promisify(execFile);
const SERVING_TIMEOUT_MS = 60_000;
const POLL_MS = 500;

export interface PeerRound {
  readonly operationsPerSecond: number;
  /** ms */
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
  /** Of all members together; the generator's warm-up and connecting are in it. */
  readonly cpuMicrosPerOperation: number;
}

export interface PeerLoad {
  readonly clients: number;
  readonly outstanding: number;
  readonly bytes: number;
  readonly seconds: number;
  /** True: all clients at the leader; false: at all members. */
  readonly atLeader: boolean;
}

/** What differs between the peers: how their scripts and generators are spoken to. */
interface Dialect {
  /** The variable that names the script's folder. */
  readonly folderVariable: string;
  readonly endpoints: readonly string[];
  readonly pidFile: (folder: string, id: number) => string;
  /** The generator's word for a set. */
  readonly set: string;
  /** In the output of the script's `leader`, one member a line: that this one leads. */
  readonly leads: RegExp;
}

const dialects: Readonly<Record<PeerKind, Dialect>> = {
  etcd: {
    folderVariable: "ETE",
    endpoints: [23791, 23792, 23793].map((port) => `127.0.0.1:${port}`),
    pidFile: (folder, id) => path.join(folder, `${id}.pid`),
    set: "put",
    // endpoint, id, version, size, whether it leads, ...
    leads: /^[^,]+,[^,]+,[^,]+,[^,]+, true/,
  },
  zookeeper: {
    folderVariable: "ZKE",
    endpoints: [22181, 22182, 22183].map((port) => `127.0.0.1:${port}`),
    pidFile: (folder, id) => path.join(folder, String(id), "pid"),
    set: "set",
    leads: /Mode: leader/,
  },
};

/** Three members of a peer on loopback, their data under the run's folder, fsync on. */
export class PeerEnsemble {
  private readonly options: PeerOptions;
  private readonly folder: string;
  private readonly generator: string;

  private constructor(options: PeerOptions, folder: string, generator: string) {
    this.options = options;
    this.folder = folder;
    this.generator = generator;
  }

  static async start(options: PeerOptions, scratch: string): Promise<PeerEnsemble> {
    const generator = await build(options.generator, path.join(scratch, "peer-generator"));
    const peer = new PeerEnsemble(options, path.join(scratch, "peer"), generator);
    await peer.script("start");
    try {
      await peer.waitForLeader();
    } catch (error) {
      await peer.stop();
      throw error;
    }
    return peer;
  }

  /** Runs the generator once and reads its line. */
  async round({ clients, outstanding, bytes, seconds, atLeader }: PeerLoad): Promise<PeerRound> {
    const { endpoints, set } = this.dialect;
    const used = atLeader ? [await this.waitForLeader()] : endpoints;
    const numbers = [clients, outstanding, bytes, seconds].map(String);
    const before = await this.cpuSeconds();
    const { stdout } = await run(this.generator, [used.join(","), set, ...numbers]);
    const cpuSeconds = (await this.cpuSeconds()) - before;
    const operationsPerSecond = figure(stdout, "ops/s");
    return {
      operationsPerSecond,
      p50: figure(stdout, "p50"),
      p99: figure(stdout, "p99"),
      errors: figure(stdout, "err(?:ors)?"),
      cpuMicrosPerOperation: (cpuSeconds * 1e6) / (operationsPerSecond * seconds),
    };
  }

  async stop(): Promise<void> {
    await this.script("stop");
    await this.script("wipe");
  }

  private get dialect(): Dialect {
    return dialects[this.options.kind];
  }

  private waitForLeader(): Promise<string> {
    return until(SERVING_TIMEOUT_MS, POLL_MS, `${this.options.kind} to have a leader`, () => this.leader());
  }

  /** Where it serves; undefined while there is none. */
  private async leader(): Promise<string | undefined> {
    const lines = (await this.script("leader")).split("\n").filter((line) => line.trim() !== "");
    const index = lines.findIndex((line) => this.dialect.leads.test(line.replace(/^\d /, "")));
    // A member that does not answer has no line, or one that runs into the next: all must be there.
    return lines.length === this.dialect.endpoints.length ? this.dialect.endpoints[index] : undefined;
  }

  private async cpuSeconds(): Promise<number> {
    const pids = this.dialect.endpoints.map((_, index) =>
      readFile(this.dialect.pidFile(this.folder, index + 1), "utf8"),
    );
    return (await Promise.all(pids)).reduce((sum, pid) => sum + processStats(Number.parseInt(pid, 10)).cpuSeconds, 0);
  }

  /** What it prints; nothing of `start`, whose members live on and may keep its output open. */
  private async script(command: string): Promise<string> {
    const env = { ...process.env, [this.dialect.folderVariable]: this.folder };
    const starts = command === "start";
    const child = spawn(this.options.script, [command], {
      env,
      stdio: ["ignore", starts ? "ignore" : "pipe", "ignore"],
    });
    let output = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    const [code] = await once(child, starts ? "exit" : "close");
    if (code !== 0 && starts) throw new Error(`${this.options.script} start ended with ${code}`);
    return output;
  }
}

function figure(output: string, name: string): number {
  const match = new RegExp(`(?:^|\\s)${name}=([\\d.]+)`).exec(output);
  if (match === null) throw new Error(`the generator did not print ${name}: ${output}`);
  return Number(match[1]);
}

/** Go source as Debian's packages build it, C source with the stock ZooKeeper client where it includes that. */
async function build(generator: string, output: string): Promise<string> {
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
