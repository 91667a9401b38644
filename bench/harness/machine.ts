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
