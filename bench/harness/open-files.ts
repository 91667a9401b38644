import { readFileSync } from "node:fs";

/** What a process has open besides the connections counted: files, its own doors, timers. */
const BESIDES = 200;

/**
 * Throws, with what to do, when a process may not have as many files open as a workload needs.
 * @param pid of a process that runs
 */
export function requireOpenFiles(who: string, connections: number, pid: number | "self" = "self"): void {
  const allowed = openFilesMax(pid);
  if (allowed >= connections + BESIDES) return;
  throw new Error(
    `${who} may have ${allowed} files open, and ${connections} connections need ${connections + BESIDES}; raise it ` +
      `(ulimit -n ${connections + BESIDES}, before the harness is started), or ask for fewer connections`,
  );
}

/** Node raises its own soft limit to the hard one when it starts. */
function openFilesMax(pid: number | "self"): number {
  const text = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.[1];
  return text === undefined || text === "unlimited" ? Number.POSITIVE_INFINITY : Number(text);
}
