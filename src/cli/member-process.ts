import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { constants } from "node:os";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import type { ServerOptions } from "../server/options.ts";
import { encodeOptions, type MemberAddresses, type MemberMessage } from "../server/options-handover.ts";

/** What happens in a member's process, told to the command that started it. */
export interface MemberEvents {
  onReady(addresses: MemberAddresses, pid: number): void;
  onFailed(message: string, fix: string): void;
  /** The first signal: the member has been asked to stop. */
  onStopping(): void;
  /** It took too long, or a second signal came. */
  onKilled(why: string): void;
}

/** Where signals come from, and the time, so that tests need neither. */
export interface ProcessSurroundings {
  readonly entry: string;
  readonly signals: NodeJS.EventEmitter;
  now(): number;
  /** The terminal this process was started at has been closed. */
  hasLostTerminal(): boolean;
}

const MIB = 2 ** 20;
/** npm forwards the Ctrl-C that the terminal has sent already: within this time it is the same one, ms. */
export const SAME_SIGNAL_MS = 1000;
const HEAP_MIB_MIN = 128;
/**
 * By how much the old generation may grow before it is collected, percent: V8's own largest factor, always. V8 counts
 * the bytes of messages and batches, which live outside the heap and for a moment only, as growth of it; by its own
 * reckoning a busy member, whose heap is small, is collected five times a second, for a quarter of its time.
 */
const HEAP_GROWING_PERCENT = 300;

/**
 * Node's flags for a member (core.md 39): a larger young generation, so that what lives for one request dies young,
 * an old one that is collected seldom, and half of the memory for objects; znodes live outside the heap, in the other
 * half.
 */
export function nodeFlags(options: Pick<ServerOptions, "memoryBytes" | "semiSpaceBytes">): string[] {
  const heap = Math.max(HEAP_MIB_MIN, Math.floor(options.memoryBytes / 2 / MIB));
  return [
    `--max-semi-space-size=${options.semiSpaceBytes / MIB}`,
    `--max-old-space-size=${heap}`,
    `--heap-growing-percent=${HEAP_GROWING_PERCENT}`,
  ];
}

export function realSurroundings(): ProcessSurroundings {
  const entry = fileURLToPath(new URL("../server/main.js", import.meta.url));
  const hadTerminal = hasTerminal();
  const hasLostTerminal = () => hadTerminal && !hasTerminal();
  return { entry, signals: process, now: () => performance.now(), hasLostTerminal };
}

/** A process whose terminal closes gets SIGHUP, as one that shall read files again; but then there is none any more. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a member as a child process until it ends; resolves with the exit code to pass on. SIGINT and SIGTERM ask it to
 * stop and give it `stopTimeoutMs`; a second one ends it at once. SIGHUP is passed on: the member reads its TLS files
 * again; at a terminal that was closed it is as the others. When this process dies, the member stops too.
 */
export function runMember(
  options: ServerOptions,
  events: MemberEvents,
  surroundings: ProcessSurroundings = realSurroundings(),
): Promise<number> {
  const { entry, signals, now } = surroundings;
  const child = spawn(process.execPath, [...nodeFlags(options), entry, encodeOptions(options)], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  let firstSignalAt: number | undefined;
  let deadline: NodeJS.Timeout | undefined;
  const kill = (why: string) => {
    events.onKilled(why);
    child.kill("SIGKILL");
  };
  const onSignal = () => {
    if (firstSignalAt === undefined) {
      firstSignalAt = now();
      events.onStopping();
      child.kill("SIGTERM");
      deadline = setTimeout(() => kill(`it did not stop within ${options.stopTimeoutMs} ms`), options.stopTimeoutMs);
    } else if (now() - firstSignalAt >= SAME_SIGNAL_MS) {
      kill("a second signal came");
    }
  };
  const onHangup = () => {
    if (surroundings.hasLostTerminal()) onSignal();
    else child.kill("SIGHUP");
  };
  signals.on("SIGINT", onSignal).on("SIGTERM", onSignal).on("SIGHUP", onHangup);
  child.on("message", (message: MemberMessage) => {
    if (message.type === "ready") events.onReady(message.addresses, message.pid);
    else events.onFailed(message.message, message.fix);
  });
  return new Promise<number>((resolve) => {
    const finish = (code: number) => {
      clearTimeout(deadline);
      signals.off("SIGINT", onSignal).off("SIGTERM", onSignal).off("SIGHUP", onHangup);
      resolve(code);
    };
    child.on("error", (error) => {
      events.onFailed(`the member process cannot be started: ${error.message}`, "");
      finish(1);
    });
    // Not "close": it never comes after an IPC channel that was closed on purpose. What the channel still holds is
    // read before it disconnects, so a last word of the member is not lost.
    child.on("exit", (code, signal) => {
      const passedOn = code ?? 128 + (signal === null ? 1 : constants.signals[signal]);
      if (child.connected) child.once("disconnect", () => finish(passedOn));
      else finish(passedOn);
    });
  });
}
