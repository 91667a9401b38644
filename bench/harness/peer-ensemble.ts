import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { PeerKind, PeerOptions } from "./bench-options.ts";
import { buildGenerator, type GeneratorRound, runGenerator } from "./generator.ts";
import { until } from "./waiting.ts";

const SERVING_TIMEOUT_MS = 60_000;
const POLL_MS = 500;

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
  private readonly generator: string | undefined;

  private constructor(options: PeerOptions, folder: string, generator: string | undefined) {
    this.options = options;
    this.folder = folder;
    this.generator = generator;
  }

  /** Resolves once there is a leader. */
  static async start(options: PeerOptions, scratch: string): Promise<PeerEnsemble> {
    const given = options.generator;
    const generator = given && (await buildGenerator(given, path.join(scratch, "peer-generator")));
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

  /** Where its members serve, by id from 1. */
  get endpoints(): readonly string[] {
    return this.dialect.endpoints;
  }

  /** Runs the generator once with sets and reads its line. */
  async round({ clients, outstanding, bytes, seconds, atLeader }: PeerLoad): Promise<GeneratorRound> {
    if (this.generator === undefined) throw new Error("--peer-generator is not given");
    const endpoints = atLeader ? [await this.waitForLeader()] : this.endpoints;
    const load = { endpoints, operation: this.dialect.set, clients, outstanding, bytes, seconds };
    return runGenerator(this.generator, load, await this.pids());
  }

  /** Starts one member again, whose process has ended; resolves once there is a leader, and all answer. */
  async startMember(id: number): Promise<void> {
    await this.script("one", String(id));
    await this.waitForLeader();
  }

  async stop(): Promise<void> {
    await this.script("stop");
    await this.script("wipe");
  }

  private get dialect(): Dialect {
    return dialects[this.options.kind];
  }

  /** Where the leader serves, once there is one and all members answer. */
  waitForLeader(): Promise<string> {
    return until(SERVING_TIMEOUT_MS, POLL_MS, `${this.options.kind} to have a leader`, () => this.leader());
  }

  /** Where it serves; undefined while there is none. */
  private async leader(): Promise<string | undefined> {
    const lines = (await this.script("leader")).split("\n").filter((line) => line.trim() !== "");
    const index = lines.findIndex((line) => this.dialect.leads.test(line.replace(/^\d /, "")));
    // A member that does not answer has no line, or one that runs into the next: all must be there.
    return lines.length === this.dialect.endpoints.length ? this.dialect.endpoints[index] : undefined;
  }

  /** Of its members' processes, by id from 1. */
  pids(): Promise<number[]> {
    const files = this.endpoints.map((_, index) => this.dialect.pidFile(this.folder, index + 1));
    return Promise.all(files.map(async (file) => Number.parseInt(await readFile(file, "utf8"), 10)));
  }

  /** What it prints; nothing of `start` and `one`, whose members live on and may keep its output open. */
  private async script(command: string, ...args: readonly string[]): Promise<string> {
    const env = { ...process.env, [this.dialect.folderVariable]: this.folder };
    const starts = command === "start" || command === "one";
    const child = spawn(this.options.script, [command, ...args], {
      env,
      stdio: ["ignore", starts ? "ignore" : "pipe", "ignore"],
    });
    let output = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    const [code] = await once(child, starts ? "exit" : "close");
    if (code !== 0 && starts) throw new Error(`${this.options.script} ${command} ended with ${code}`);
    return output;
  }
}
