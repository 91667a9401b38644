import type { ServerOptions } from "./options.ts";
import { explainStartFailure, formatAddresses, type MemberAddresses, type MemberMessage } from "./options-handover.ts";

/** A member process's tie to the `muster` process that started it. */
export interface ParentLink {
  /** Says that the member serves, and where. */
  ready(addresses: MemberAddresses): void;
  /** Says why the member could not start; the caller then exits with code 1. */
  failed(error: unknown): void;
}

/**
 * Ties this process to its parent. `stop` is called once: on SIGTERM, or when the parent is gone, so that no member is
 * left behind without one. SIGINT stops only a process without a parent: at a terminal Ctrl-C reaches parent and
 * child alike, and the parent decides.
 */
export function linkToParent(options: ServerOptions, stop: (why: string) => void): ParentLink {
  const hasParent = process.send !== undefined;
  let stopping = false;
  const stopOnce = (why: string) => {
    if (stopping) return;
    stopping = true;
    stop(why);
  };
  process.on("SIGTERM", () => stopOnce("asked to stop"));
  process.on("SIGINT", () => {
    if (!hasParent) stopOnce("interrupted");
  });
  if (hasParent) process.once("disconnect", () => stopOnce("the muster process that started this member is gone"));

  const tell = (message: MemberMessage): boolean => hasParent && process.connected && process.send?.(message) === true;
  return {
    ready(addresses) {
      const told = tell({ type: "ready", pid: process.pid, addresses });
      if (!told && !hasParent) process.stdout.write(formatAddresses(options.id, addresses));
    },
    failed(error) {
      const { message, fix } = explainStartFailure(error, options);
      const told = tell({ type: "failed", message, fix });
      if (!told) process.stderr.write(`muster: ${message}${fix === "" ? "" : `; ${fix}`}\n`);
    },
  };
}
