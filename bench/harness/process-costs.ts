import type { LoopDelays } from "./loop-ticker.ts";
import { type ProcessStats, processStats } from "./process-stats.ts";

/** What a process spent on a measured load. */
export interface ProcessCost {
  readonly cpuMicrosPerOperation: number;
  /** Of one core. */
  readonly cpuShare: number;
  readonly rssBytes: number;
  readonly rssPeakBytes: number;
  readonly writtenBytesPerOperation: number;
}

/** What a member spent on a measured load. */
export interface ServerCost extends ProcessCost {
  readonly id: number;
  /** What it was when the load ended. */
  readonly role: string;
  readonly loopDelayMs: LoopDelays | undefined;
  /** The member's own figures at the end. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** What a process spent from `before` to now, over the operations and the time. */
export function costSince(before: ProcessStats, pid: number, operations: number, seconds: number): ProcessCost {
  const after = processStats(pid);
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  const each = Math.max(1, operations);
  return {
    cpuMicrosPerOperation: (cpuSeconds * 1e6) / each,
    cpuShare: cpuSeconds / seconds,
    rssBytes: after.rssBytes,
    rssPeakBytes: after.rssPeakBytes,
    writtenBytesPerOperation: (after.writtenBytes - before.writtenBytes) / each,
  };
}
