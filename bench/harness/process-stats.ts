import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What Linux says about a process, all its threads together. */
export interface ProcessStats {
  /** User and system time used so far, s. */
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  /** The highest resident size so far, bytes. */
  readonly rssPeakBytes: number;
  /** Bytes handed to write calls so far, files and sockets alike. */
  readonly writtenBytes: number;
  /** Bytes sent to the disk so far (page cache writes that were dirtied, less those cancelled). */
  readonly diskWrittenBytes: number;
}

let ticksPerSecond = 0;

export function processStats(pid: number): ProcessStats {
  ticksPerSecond ||= Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
  // The command's name, in parentheses, may hold spaces: count the fields behind it.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const io = readFileSync(`/proc/${pid}/io`, "utf8");
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    rssBytes: field(status, "VmRSS") * 1024,
    rssPeakBytes: field(status, "VmHWM") * 1024,
    writtenBytes: field(io, "wchar"),
    diskWrittenBytes: field(io, "write_bytes") - field(io, "cancelled_write_bytes"),
  };
}

/** Bytes handed to write calls so far by each thread that has written at all. */
export function writtenByThread(pid: number): ReadonlyMap<number, number> {
  const threads = new Map<number, number>();
  for (const name of readdirSync(`/proc/${pid}/task`)) {
    try {
      const written = field(readFileSync(`/proc/${pid}/task/${name}/io`, "utf8"), "wchar");
      if (written > 0) threads.set(Number(name), written);
    } catch {
      // The thread ended between the two calls.
    }
  }
  return threads;
}

/** Sockets the process has open: listening ones and connections. */
export function openSockets(pid: number): number {
  let count = 0;
  for (const name of readdirSync(`/proc/${pid}/fd`)) {
    try {
      if (readlinkSync(`/proc/${pid}/fd/${name}`).startsWith("socket:")) count++;
    } catch {
      // It was closed between the two calls.
    }
  }
  return count;
}

function field(text: string, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text);
  if (match === null) throw new Error(`no field ${name} in /proc`);
  return Number(match[1]);
}
