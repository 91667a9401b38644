import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { vi } from "vitest";

/** How long an answer or an event may take on a slow machine, ms. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 5;

/** How to talk to a command line client. */
export interface Dialect {
  /** The program and its arguments for these hosts. */
  readonly command: (hosts: string) => readonly string[];
  /** A command that changes nothing, and the line it prints: the end of what the command before it printed. */
  readonly end: (count: number) => { readonly command: string; readonly printed: string };
  /** The event a line tells of, as transcripts name it; undefined for any other line, "" for one to leave out. */
  readonly event: (line: string) => string | undefined;
}

/** A command line client that is told one command at a time. */
export class TranscriptClient {
  private readonly child: ChildProcess;
  private readonly dialect: Dialect;
  private readonly lines: string[] = [];
  private readonly events: string[] = [];
  /** All it printed. */
  private readonly said: string[] = [];
  private count = 0;

  constructor(dialect: Dialect, hosts: string) {
    this.dialect = dialect;
    // What it prints on its two outputs is one text to its user, and has one order.
    const command = ["sh", "-c", 'exec "$0" "$@" 2>&1', ...dialect.command(hosts)];
    const [program, ...args] = command as [string, ...string[]];
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.on("error", () => {});
    createInterface({ input: child.stdout }).on("line", (line) => this.read(line));
    this.child = child;
  }

  /** Does one command; resolves with what it printed. */
  async run(command: string): Promise<string[]> {
    const { command: after, printed } = this.dialect.end(++this.count);
    this.child.stdin?.write(`${command}\n${after}\n`);
    await this.until(() => this.lines.includes(printed), `the end of "${command}"`);
    const output = this.lines.splice(0, this.lines.indexOf(printed) + 1);
    return output.slice(0, -1);
  }

  /** The next event, waited for. */
  async nextEvent(): Promise<string> {
    await this.until(() => this.events.length > 0, "an event");
    return this.events.shift() as string;
  }

  /** Events nobody has asked for. */
  get leftEvents(): readonly string[] {
    return this.events;
  }

  /** Tells it to end; resolves with whether it did so by itself. */
  async quit(): Promise<boolean> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.stdin?.write("quit\n");
      const impatience = setTimeout(() => this.child.kill("SIGKILL"), PATIENCE_MS);
      await once(this.child, "exit");
      clearTimeout(impatience);
    }
    return this.child.signalCode === null;
  }

  private read(line: string): void {
    this.said.push(line);
    const event = this.dialect.event(line);
    if (event !== undefined) {
      if (event !== "") this.events.push(event);
    } else if (line.trim() !== "") this.lines.push(line);
  }

  private async until(holds: () => boolean, what: string): Promise<void> {
    try {
      await vi.waitUntil(holds, { timeout: PATIENCE_MS, interval: LOOK_MS });
    } catch {
      throw new Error(`waited ${PATIENCE_MS} ms for ${what}; it said:\n${this.said.slice(-40).join("\n")}`);
    }
  }
}
