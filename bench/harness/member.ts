import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const START_TIMEOUT_MS = 120_000;
/** Lines of the member's log kept for messages about its end. */
const LOG_LINES_KEPT = 50;

export interface MemberOptions {
  readonly dataDir: string;
  /** host:port; any free port by default. */
  readonly grpcListen?: string;
  readonly httpListen?: string;
  /** Must be a fixed port where other members are to reach it. */
  readonly peerListen?: string;
  /** Called with every line of its log. */
  readonly onLogLine?: (line: string) => void;
  /** More flags of `muster server`. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** How a member's process ended. */
export interface MemberExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A member in its own process, started as a user starts it: `muster server`. */
export class Member {
  readonly dataDir: string;
  /** The member itself, not the `muster` process it was started by. */
  readonly pid: number;
  readonly grpc: string;
  readonly http: string;
  /** From the start of the process to the moment it said that it serves, ms. */
  readonly startMs: number;
  /** Settles when the member and the process it was started by have ended. */
  readonly exited: Promise<MemberExit>;
  private readonly parent: ChildProcess;
  private readonly log: string[];

  private constructor(parent: ChildProcess, exited: Promise<MemberExit>, log: string[], serving: Serving) {
    this.parent = parent;
    this.exited = exited;
    this.log = log;
    this.dataDir = serving.dataDir;
    this.pid = serving.pid;
    this.grpc = serving.grpc;
    this.http = serving.http;
    this.startMs = serving.startMs;
  }

  /** Resolves once the member serves; rejects with the end of its log when it ends before. */
  static async start(options: MemberOptions): Promise<Member> {
    const addressesFile = path.join(options.dataDir, "addresses.json");
    // One from the run before would name ports nobody listens on.
    await rm(addressesFile, { force: true });
    const begin = performance.now();
    const parent = spawnMember(options);
    const log: string[] = [];
    createInterface({ input: parent.stderr as NodeJS.ReadableStream }).on("line", (line) => {
      options.onLogLine?.(line);
      log.push(line);
      if (log.length > LOG_LINES_KEPT) log.shift();
    });
    const exited = once(parent, "close").then(([code, signal]) => ({ code, signal }) as MemberExit);
    const timer = setTimeout(() => parent.kill("SIGKILL"), START_TIMEOUT_MS);
    try {
      await Promise.race([readyLine(parent), exited.then((exit) => Promise.reject(endedEarly(exit, log)))]);
      const startMs = performance.now() - begin;
      const addresses = JSON.parse(await readFile(addressesFile, "utf8"));
      const pid = Number.parseInt(await readFile(path.join(options.dataDir, "muster.pid"), "utf8"), 10);
      const serving = { dataDir: options.dataDir, pid, grpc: addresses.grpc, http: addresses.http, startMs };
      return new Member(parent, exited, log, serving);
    } catch (error) {
      parent.kill("SIGKILL");
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The last lines of its log. */
  get logTail(): string {
    return this.log.join("\n");
  }

  get alive(): boolean {
    return this.parent.exitCode === null && this.parent.signalCode === null;
  }

  /** Asks it to stop; resolves when it has. */
  async stop(): Promise<MemberExit> {
    this.parent.kill("SIGTERM");
    return this.exited;
  }

  /** kill -9 of the member; resolves when nothing of it is left. */
  async kill(): Promise<MemberExit> {
    this.signal("SIGKILL");
    return this.exited;
  }

  /** Sends the member itself, not the process it was started by, a signal; nothing when it has ended. */
  signal(signal: NodeJS.Signals): void {
    if (!this.alive) return;
    try {
      process.kill(this.pid, signal);
    } catch (error) {
      // It ended by itself a moment ago.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Starts `muster server` without waiting for anything; its member is a child of the process returned. */
export function spawnMember(options: MemberOptions): ChildProcess {
  return spawn(process.execPath, ["bin/muster.js", "server", ...flagsOf(options)], {
    cwd: ROOT,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

interface Serving {
  readonly dataDir: string;
  readonly pid: number;
  readonly grpc: string;
  readonly http: string;
  readonly startMs: number;
}

function flagsOf(options: MemberOptions): string[] {
  const anyPort = "127.0.0.1:0";
  return [
    ...["--data-dir", options.dataDir],
    ...["--grpc-listen", options.grpcListen ?? anyPort],
    ...["--http-listen", options.httpListen ?? anyPort],
    ...["--peer-listen", options.peerListen ?? anyPort],
    ...["--log-format", "json"],
    ...(options.flags ?? []),
  ];
}

/** `muster server` prints one line of JSON on standard output when the member serves. */
async function readyLine(parent: ChildProcess): Promise<void> {
  for await (const line of createInterface({ input: parent.stdout as NodeJS.ReadableStream })) {
    if (line.startsWith("{") && JSON.parse(line).ready === true) {
      parent.stdout?.resume();
      return;
    }
  }
  // The output ended without the line: the exit says why.
  await new Promise(() => {});
}

function endedEarly(exit: MemberExit, log: readonly string[]): Error {
  return new Error(`the member ended (${exit.signal ?? exit.code}) before it served:\n${log.join("\n")}`);
}
