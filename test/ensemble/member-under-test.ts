import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { readStatus } from "@muster/client";
import { nodeFlags } from "../../src/cli/member-process.ts";
import { resolveOptions } from "../../src/server/options.ts";
import { encodeOptions, type MemberMessage } from "../../src/server/options-handover.ts";
import { checkout } from "../support/checkout.ts";

const ENTRY = path.join(checkout, "dist", "server", "main.js");
/** A member is small here: many run at once. */
const MEMORY = "512MiB";
const LOG_LINES_SHOWN = 60;
const STATUS_MS = 1_000;

export interface MemberSettings {
  readonly id: number;
  /** The rig's folder, for data. */
  readonly folder: string;
  readonly logFolder: string;
  readonly grpc: string;
  readonly http: string;
  readonly peerListen: string;
  /** Options of `muster server` by their names in code, over the rig's own. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
}

/** A line of a member's log, as far as tests read them. */
export interface LogLine {
  readonly member: number;
  readonly msg: string;
  /** performance.now() of this process when it was read. */
  readonly at: number;
  readonly role?: string;
  readonly epoch?: number;
  readonly leader?: number;
  readonly [field: string]: unknown;
}

export interface MemberEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One member of a {@link EnsembleRig}, over all its processes: it is killed, stopped, wiped and started again. */
export class MemberUnderTest {
  readonly id: number;
  readonly grpc: string;
  readonly http: string;
  /** Where the member itself listens for others, behind the faulty network. */
  readonly peerListen: string;
  /** Another one may be put in its place while it does not run. */
  dataDir: string;
  /** What the log says of it; "" while it does not run. */
  role = "";
  epoch = 0;
  private readonly settings: MemberSettings;
  private readonly onLine: (line: LogLine) => void;
  private readonly lines: string[] = [];
  private readonly logFile: string;
  private child: ChildProcess | undefined;
  private isPaused = false;
  private ending = false;

  constructor(settings: MemberSettings, onLine: (line: LogLine) => void) {
    this.settings = settings;
    this.onLine = onLine;
    this.id = settings.id;
    this.grpc = settings.grpc;
    this.http = settings.http;
    this.peerListen = settings.peerListen;
    this.dataDir = path.join(settings.folder, `member-${settings.id}`);
    this.logFile = path.join(settings.logFolder, `member-${settings.id}.log`);
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Whether what it last said is still so: it runs, and is not held. */
  get isAwake(): boolean {
    return this.isRunning && !this.isPaused;
  }

  /** The last lines of its log. */
  get logTail(): string {
    return this.lines.slice(-LOG_LINES_SHOWN).join("\n");
  }

  /** Starts the process; resolves when it serves, rejects with the end of its log when it ends before. */
  async start(): Promise<void> {
    if (this.isRunning) throw new Error(`member ${this.id} runs already`);
    const { id, grpc, http, peerListen, options, env } = this.settings;
    const given = { id, dataDir: this.dataDir, grpcListen: grpc, httpListen: http, peerListen, memory: MEMORY };
    const flags = { ...given, logFormat: "json", ...options };
    const resolved = resolveOptions({ command: "server", flags, env: {}, cwd: this.settings.folder, terminal: false });
    const child = spawn(
      process.execPath,
      [...nodeFlags(resolved.options), ENTRY, encodeOptions(resolved.options)],
      // The channel is also the member's tie to life: it stops when this process is gone.
      { stdio: ["ignore", "ignore", "pipe", "ipc"], env: { ...process.env, ...env } },
    );
    this.child = child;
    this.ending = false;
    this.isPaused = false;
    this.role = "starting";
    this.epoch = 0;
    this.note(`--- process ${child.pid} starts`);
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on("line", (line) => this.read(line));
    child.on("exit", (code, signal) => {
      this.note(`--- process ${child.pid} ended: ${signal ?? code}`);
      if (this.child === child) this.role = "";
    });
    await new Promise<void>((resolve, reject) => {
      let failure = "";
      child.on("message", (message: MemberMessage) => {
        if (message.type === "ready") resolve();
        else failure = `: ${message.message}`;
      });
      child.on("exit", (code, signal) => {
        // Ended on purpose before it served: whoever ended it does not wait for it.
        if (this.ending) resolve();
        else reject(new Error(`member ${id} ended (${signal ?? code}) before it served${failure}\n${this.logTail}`));
      });
    });
  }

  /** kill -9. */
  kill(): Promise<MemberEnd> {
    return this.end("SIGKILL");
  }

  /** Asks it to stop. */
  stop(): Promise<MemberEnd> {
    return this.end("SIGTERM");
  }

  /** SIGSTOP: it stands still, with its connections open. */
  pause(): void {
    this.child?.kill("SIGSTOP");
    this.isPaused = true;
    this.note("--- SIGSTOP");
  }

  resume(): void {
    this.note("--- SIGCONT");
    this.isPaused = false;
    this.child?.kill("SIGCONT");
  }

  /** What it had on disk is gone: its next start begins with nothing. For a member that does not run. */
  wipe(): void {
    if (this.isRunning) throw new Error(`member ${this.id} runs`);
    rmSync(this.dataDir, { recursive: true });
    this.note("--- wiped");
  }

  /** Resolves when the process has ended, by itself or not. */
  async ended(): Promise<MemberEnd> {
    const { child } = this;
    if (child === undefined) throw new Error(`member ${this.id} was never started`);
    if (this.isRunning) await once(child, "exit");
    return { code: child.exitCode, signal: child.signalCode };
  }

  /** All of its log. */
  get log(): string {
    return readFileSync(this.logFile, "utf8");
  }

  /** What it has applied, and what it has in its journal; zeros when it does not answer. */
  async zxids(): Promise<readonly [number, number]> {
    try {
      const { memberId, zxid, members } = await readStatus({ endpoints: this.grpc, timeoutMs: STATUS_MS });
      return [zxid, members.find(({ id }) => id === memberId)?.lastZxid ?? 0];
    } catch {
      return [0, 0];
    }
  }

  private end(signal: NodeJS.Signals): Promise<MemberEnd> {
    this.ending = true;
    if (this.isRunning) {
      this.child?.kill(signal);
      // A process that stands still takes no signal but the two that cannot be caught.
      if (this.isPaused) this.child?.kill("SIGCONT");
      this.isPaused = false;
    }
    return this.ended();
  }

  private read(text: string): void {
    this.note(text);
    if (!text.startsWith("{")) return;
    const line = { ...(JSON.parse(text) as object), at: performance.now() } as LogLine;
    if (line.role !== undefined && line.msg.startsWith("member is ")) {
      this.role = line.role;
      this.epoch = line.epoch ?? 0;
    }
    this.onLine(line);
  }

  private note(line: string): void {
    this.lines.push(line);
    if (this.lines.length > 4 * LOG_LINES_SHOWN) this.lines.splice(0, 2 * LOG_LINES_SHOWN);
    appendFileSync(this.logFile, `${line}\n`);
  }
}
