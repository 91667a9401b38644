import { mkdirSync, statfsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { measureFdatasync } from "./disk-speed.ts";
import type { Percentiles } from "./latency-histogram.ts";

/** f_type of tmpfs and ramfs, from statfs(2). */
const MEMORY_FILE_SYSTEMS = [0x01021994, 0x858458f6];

/** Where a result was measured: figures of two machines are not compared. */
export interface Machine {
  readonly cpus: number;
  readonly cpuModel: string;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  /** Load average of the last minute before the run: above 0.5 something else is running. */
  readonly loadBefore: number;
  /** True: the folder is in memory, and no figure of a write means anything. */
  readonly inMemory: boolean;
  /** A write of 4 KiB and its fdatasync, ms. */
  readonly fdatasyncMs: Percentiles;
}

/** The conditions of a run, looked at again when it is over. */
export interface Conditions {
  readonly loadBefore: number;
  readonly fdatasyncBeforeMs: Percentiles;
  readonly fdatasyncAfterMs: Percentiles;
  /** Why the run's figures are not to be quoted; empty on a quiet machine. */
  readonly doubts: readonly string[];
}

/** Above this share of the cores, something else was running before the run. */
const LOAD_SHARE_MAX = 0.25;
/** A disk whose fdatasync differs more than this from before the run to after it was shared. */
const DISK_DRIFT_MAX = 1.5;

/**
 * Judges a run by what the machine was like before and after: one look at a shared disk may be off by several times.
 */
export function judgeConditions(machine: Machine, folder: string): Conditions {
  const before = machine.fdatasyncMs;
  const after = measureFdatasync(folder);
  const drift = Math.max(before.p50, after.p50) / Math.min(before.p50, after.p50);
  const doubts: string[] = [];
  if (machine.inMemory) doubts.push("the folder is in memory: figures of writes mean nothing (use --folder)");
  if (machine.loadBefore > machine.cpus * LOAD_SHARE_MAX) {
    doubts.push(`load average ${machine.loadBefore.toFixed(1)} before the run: something else was running`);
  }
  if (drift > DISK_DRIFT_MAX) {
    doubts.push(`fdatasync p50 went from ${before.p50.toFixed(2)} to ${after.p50.toFixed(2)} ms: the disk was shared`);
  }
  return { loadBefore: machine.loadBefore, fdatasyncBeforeMs: before, fdatasyncAfterMs: after, doubts };
}

export function describeMachine(folder: string): Machine {
  mkdirSync(folder, { recursive: true });
  return {
    cpus: os.cpus().length,
    cpuModel: os.cpus()[0]?.model ?? "unknown",
    memoryBytes: os.totalmem(),
    kernel: os.release(),
    node: process.version,
    loadBefore: os.loadavg()[0] ?? 0,
    inMemory: MEMORY_FILE_SYSTEMS.includes(statfsSync(folder).type),
    fdatasyncMs: measureFdatasync(folder),
  };
}

/** A folder for a run's data on the disk to be measured, removed when the run is over. */
export async function withScratchFolder<T>(parent: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(parent, "muster-bench-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
