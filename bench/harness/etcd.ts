import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import path from "node:path";
import { promisify } from "node:util";
import { processStats } from "./process-stats.ts";

const run = promisify(execFile);
const SERVING_TIMEOUT_MS = 30_000;

export interface EtcdRound {
  readonly operationsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly errors: number;
  readonly cpuMicrosPerOperation: number;
}

export async function isEtcdInstalled(): Promise<boolean> {
  return run("etcd", ["--version"]).then(
    () => true,
    () => false,
  );
}

/** Builds the load generator if it is Go source; Debian's golang-etcd-server-dev has the client it needs. */
export async function buildEtcdGenerator(generator: string, folder: string): Promise<string> {
  if (!generator.endsWith(".go")) return generator;
  const output = path.join(folder, "etcd-generator");
  const env = { ...process.env, GO111MODULE: "off", GOPATH: process.env["GOPATH"] ?? "/usr/share/gocode" };
  await run("go", ["build", "-o", output, generator], { env });
  return output;
}

/** One etcd member on loopback with its data under `folder`, fsync on. */
export class Etcd {
  readonly endpoint: string;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, endpoint: string) {
    this.child = child;
    this.endpoint = endpoint;
  }

  static async start(folder: string): Promise<Etcd> {
    const [client, peer] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const child = spawn(
      "etcd",
      [
        ...["--name", "bench", "--data-dir", path.join(folder, "etcd"), "--logger", "zap", "--log-level", "error"],
        ...["--listen-client-urls", `http://${client}`, "--advertise-client-urls", `http://${client}`],
        ...["--listen-peer-urls", `http://${peer}`, "--initial-advertise-peer-urls", `http://${peer}`],
        ...["--initial-cluster", `bench=http://${peer}`],
      ],
      { stdio: "ignore" },
    );
    const etcd = new Etcd(child, client);
    await etcd.serving();
    return etcd;
  }

  /** Runs the generator for one round and reads its line. */
  async round(generator: string, mode: string, bytes: number, seconds: number): Promise<EtcdRound> {
    const before = processStats(this.child.pid as number).cpuSeconds;
    const { stdout } = await run(generator, [this.endpoint, mode, "1", "1", String(bytes), String(seconds)]);
    const cpuSeconds = processStats(this.child.pid as number).cpuSeconds - before;
    const at = (name: string): number => {
      const match = new RegExp(`${name}=([\\d.]+)`).exec(stdout);
      if (match === null) throw new Error(`the etcd generator did not print ${name}: ${stdout}`);
      return Number(match[1]);
    };
    const operationsPerSecond = at("ops/s");
    return {
      operationsPerSecond,
      p50: at("p50"),
      p99: at("p99"),
      p999: at("p999"),
      errors: at("err"),
      cpuMicrosPerOperation: (cpuSeconds * 1e6) / (operationsPerSecond * seconds),
    };
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const closed = once(this.child, "close");
    this.child.kill("SIGTERM");
    await closed;
  }

  private async serving(): Promise<void> {
    const deadline = performance.now() + SERVING_TIMEOUT_MS;
    while (performance.now() < deadline && this.child.exitCode === null) {
      const answer = await fetch(`http://${this.endpoint}/health`).catch(() => undefined);
      if (answer?.ok === true) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await this.stop();
    throw new Error("etcd did not come up");
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
