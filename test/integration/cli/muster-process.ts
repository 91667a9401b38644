import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { checkout } from "../../support/checkout.ts";

const program = join(checkout, "bin", "muster.js");
/** What stops by itself does so well within this, ms. */
const STOP_MS = 10_000;

/** One run of `muster`, its output as bytes. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A directory of its own and the `muster` processes started in it; all gone after `dispose`. */
export class MusterHome {
  readonly directory = mkdtempSync(join(tmpdir(), "muster-cli-"));
  readonly #children = new Set<ChildProcess>();

  /** The environment, without what the caller's own may say to Muster. */
  #environment(env: Record<string, string>): NodeJS.ProcessEnv {
    const rest = Object.entries(process.env).filter(([name]) => !name.startsWith("MUSTER_"));
    return { ...Object.fromEntries(rest), ...env };
  }

  /** @param using another build's program */
  start(args: readonly string[], env: Record<string, string> = {}, using = program): ChildProcess {
    const child = spawn(process.execPath, [using, ...args], { cwd: this.directory, env: this.#environment(env) });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  async run(args: readonly string[], env: Record<string, string> = {}, stdin: string | Uint8Array = ""): Promise<Ran> {
    const child = this.start(args, env);
    child.stdin?.end(stdin);
    return outcomeOf(child);
  }

  /** Starts `muster server` on free ports; resolves with its ready line. */
  async server(args: readonly string[] = []): Promise<RunningServer> {
    const doors = ["--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];
    const child = this.start(["server", "--data-dir", "data", "--log-level", "warn", ...doors, ...args]);
    child.stderr?.resume();
    return { child, ready: await readyOf(child) };
  }

  /** Stops what still runs, by force only what does not: the members of a `muster dev` killed would outlive it. */
  async dispose(): Promise<void> {
    await Promise.all(
      [...this.#children].map(async (child) => {
        const ended = once(child, "exit");
        child.kill("SIGTERM");
        const impatience = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
        await ended;
        clearTimeout(impatience);
      }),
    );
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

export interface ReadyLine {
  readonly ready: boolean;
  readonly id: number;
  readonly pid: number;
  readonly grpc: string;
  readonly http: string;
}

export interface RunningServer {
  readonly child: ChildProcess;
  readonly ready: ReadyLine;
}

/** Resolves with all that a process said, once it has ended. */
export async function outcomeOf(child: ChildProcess): Promise<Ran> {
  const [stdout, stderr, [code]] = await Promise.all([
    buffer(child.stdout as Readable),
    text(child.stderr as Readable),
    once(child, "exit") as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}

/** Resolves with what `muster server` says once its member serves. */
export async function readyOf(child: ChildProcess): Promise<ReadyLine> {
  const lines = createInterface({ input: child.stdout as Readable });
  const [line] = (await Promise.race([once(lines, "line"), once(child, "exit").then(() => [undefined])])) as [string?];
  if (line === undefined) throw new Error(`muster server ended with ${child.exitCode} before it was ready`);
  return JSON.parse(line) as ReadyLine;
}

/** Resolves with code and signal once the process has ended. */
export async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode;
}
