import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { ServerOptions } from "../server/options.ts";
import { encodeOptions, type MemberAddresses, type MemberMessage } from "../server/options-handover.ts";
import { nodeFlags, type ProcessSurroundings, realSurroundings, SAME_SIGNAL_MS } from "./member-process.ts";

/** What happens in the processes of several members, told to the command that started them. */
export interface MemberGroupEvents {
  /** A line that a member wrote, of its log most often. */
  onLine(id: number, line: string): void;
  /** All of them serve, for the first time. */
  onReady(addresses: ReadonlyMap<number, MemberAddresses>): void;
  /** One that died serves again. */
  onBack(id: number): void;
  onFailed(id: number, message: string, fix: string): void;
  /** One died without being asked to; it is started again after `restartMs`. */
  onDied(id: number, death: { readonly how: string; readonly lastWords: string; readonly restartMs: number }): void;
  onStopping(): void;
  onKilled(ids: readonly number[], why: string): void;
}

/** The first restart of a member comes after this, each further one after twice as long, up to the most, ms. */
const RESTART_MS = 200;
const RESTART_MS_MAX = 5_000;
/** One that lived this long begins anew, ms. */
const SETTLED_MS = 30_000;

/**
 * Runs members as child processes until all have ended; resolves with the exit code to pass on. One that dies is
 * started again; SIGINT and SIGTERM ask all of them to stop, at once, and give them `stopTimeoutMs`; a second one ends
 * them. A member that cannot start before all have served ends the group: waiting would not help. When this process
 * dies, the members stop too.
 */
export function runMembers(
  members: readonly ServerOptions[],
  events: MemberGroupEvents,
  surroundings: ProcessSurroundings & { readonly restartMs?: number } = realSurroundings(),
): Promise<number> {
  return new MemberGroup(members, events, surroundings).run();
}

/** One member: its process of the moment, and what became of those before. */
interface Slot {
  readonly options: ServerOptions;
  child: ChildProcess | undefined;
  restart: NodeJS.Timeout | undefined;
  addresses: MemberAddresses | undefined;
  startedAt: number;
  deaths: number;
  lastWords: string;
}

class MemberGroup {
  private readonly slots: readonly Slot[];
  private readonly events: MemberGroupEvents;
  private readonly surroundings: ProcessSurroundings & { readonly restartMs?: number };
  private firstSignalAt: number | undefined;
  private stopping = false;
  private wereReady = false;
  private exitCode = 0;
  private deadline: NodeJS.Timeout | undefined;
  private resolve: (code: number) => void = () => undefined;

  constructor(
    members: readonly ServerOptions[],
    events: MemberGroupEvents,
    surroundings: ProcessSurroundings & { readonly restartMs?: number },
  ) {
    this.events = events;
    this.surroundings = surroundings;
    const blank = { child: undefined, restart: undefined, addresses: undefined };
    this.slots = members.map((options) => ({ options, ...blank, startedAt: 0, deaths: 0, lastWords: "" }));
  }

  run(): Promise<number> {
    const { signals } = this.surroundings;
    signals.on("SIGINT", this.onSignal).on("SIGTERM", this.onSignal).on("SIGHUP", this.onHangup);
    return new Promise<number>((resolve) => {
      this.resolve = resolve;
      // All of them before any is waited for: a member serves only once a quorum of them is there.
      for (const slot of this.slots) this.start(slot);
    });
  }

  private start(slot: Slot): void {
    const { options } = slot;
    slot.restart = undefined;
    slot.startedAt = this.surroundings.now();
    slot.lastWords = "";
    const child = spawn(process.execPath, [...nodeFlags(options), this.surroundings.entry, encodeOptions(options)], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    slot.child = child;
    for (const stream of [child.stdout, child.stderr]) this.follow(slot, stream as Readable);
    child.on("message", (message: MemberMessage) => this.receive(slot, message));
    child.on("error", (error) => {
      if (child.pid !== undefined) return;
      this.events.onFailed(options.id, `its process cannot be started: ${error.message}`, "");
      this.ended(slot, 1, "could not be started");
    });
    // Not "close": it never comes after an IPC channel that was closed on purpose. The last words are waited for.
    child.on("exit", (code, signal) => {
      const passedOn = code ?? 128 + (signal === null ? 1 : constants.signals[signal]);
      const how = signal === null ? `ended with code ${passedOn}` : `was ended by ${signal}`;
      const ends = [child.stdout, child.stderr].map((stream) => ended(stream as Readable));
      void Promise.all([...ends, disconnected(child)]).then(() => this.ended(slot, passedOn, how));
    });
  }

  private follow(slot: Slot, stream: Readable): void {
    createInterface({ input: stream }).on("line", (line) => {
      // What is indented goes with a line before it: the frames of a stack, the fields of a log line.
      if (/^\S/.test(line)) slot.lastWords = wordsOf(line);
      this.events.onLine(slot.options.id, line);
    });
  }

  private receive(slot: Slot, message: MemberMessage): void {
    if (message.type === "failed") {
      this.events.onFailed(slot.options.id, message.message, message.fix);
      if (!this.wereReady) this.stop(1);
      return;
    }
    slot.addresses = message.addresses;
    if (this.wereReady) this.events.onBack(slot.options.id);
    else if (!this.stopping && this.slots.every(({ addresses }) => addresses !== undefined)) {
      this.wereReady = true;
      const pairs = this.slots.map(({ options, addresses }) => [options.id, addresses as MemberAddresses] as const);
      this.events.onReady(new Map(pairs));
    }
  }

  private ended(slot: Slot, code: number, how: string): void {
    slot.child = undefined;
    slot.addresses = undefined;
    if (this.stopping) {
      if (this.exitCode === 0) this.exitCode = code;
      this.finishIfOver();
      return;
    }
    if (this.surroundings.now() - slot.startedAt >= SETTLED_MS) slot.deaths = 0;
    const restartMs = Math.min(RESTART_MS_MAX, (this.surroundings.restartMs ?? RESTART_MS) * 2 ** slot.deaths);
    slot.deaths = Math.min(slot.deaths + 1, 16);
    this.events.onDied(slot.options.id, { how, lastWords: slot.lastWords, restartMs });
    slot.restart = setTimeout(() => this.start(slot), restartMs);
  }

  private readonly onSignal = (): void => {
    const now = this.surroundings.now();
    if (this.firstSignalAt === undefined) {
      this.firstSignalAt = now;
      this.events.onStopping();
      this.stop(0);
    } else if (now - this.firstSignalAt >= SAME_SIGNAL_MS) this.kill("a second signal came");
  };

  private readonly onHangup = (): void => {
    if (this.surroundings.hasLostTerminal()) this.onSignal();
    else for (const { child } of this.slots) child?.kill("SIGHUP");
  };

  /** Asks all of them at once. */
  private stop(exitCode: number): void {
    if (this.stopping) return;
    this.stopping = true;
    this.exitCode = exitCode;
    const { stopTimeoutMs } = (this.slots[0] as Slot).options;
    this.deadline = setTimeout(() => this.kill(`they did not stop within ${stopTimeoutMs} ms`), stopTimeoutMs);
    for (const slot of this.slots) {
      clearTimeout(slot.restart);
      slot.child?.kill("SIGTERM");
    }
    this.finishIfOver();
  }

  private kill(why: string): void {
    const left = this.slots.filter(({ child }) => child !== undefined);
    if (left.length === 0) return;
    this.events.onKilled(
      left.map(({ options }) => options.id),
      why,
    );
    for (const { child } of left) child?.kill("SIGKILL");
  }

  private finishIfOver(): void {
    if (this.slots.some(({ child }) => child !== undefined)) return;
    const { signals } = this.surroundings;
    clearTimeout(this.deadline);
    signals.off("SIGINT", this.onSignal).off("SIGTERM", this.onSignal).off("SIGHUP", this.onHangup);
    this.resolve(this.exitCode);
  }
}

/** What a line says: of one of the log in JSON its message, and the error's. */
function wordsOf(line: string): string {
  if (!line.startsWith("{")) return line;
  try {
    const { msg, err } = JSON.parse(line) as { msg?: unknown; err?: { message?: unknown } };
    const error = err?.message === undefined ? "" : `: ${String(err.message)}`;
    return msg === undefined ? line : `${String(msg)}${error}`;
  } catch {
    return line;
  }
}

/** Resolves once the stream has been read to its end. */
function ended(stream: Readable): Promise<void> {
  if (stream.readableEnded || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("end", resolve).once("close", resolve);
  });
}

/** Resolves once the messages still in its channel have been read. */
function disconnected(child: ChildProcess): Promise<void> {
  if (!child.connected) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("disconnect", resolve);
  });
}
