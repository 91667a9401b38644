import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import { LatencyHistogram, type Percentiles } from "./latency-histogram.ts";

const FILE_BYTES = 16 * 1024 * 1024;
const WRITE_BYTES = 4096;
const ROUNDS = 500;

/**
 * How long the disk under `folder` takes for a write of 4 KiB into claimed space and its fdatasync: no durable write
 * can be faster, whoever makes it.
 */
export function measureFdatasync(folder: string): Percentiles {
  const file = path.join(folder, `fdatasync-${process.pid}`);
  const descriptor = openSync(file, "w");
  try {
    const zeros = Buffer.alloc(FILE_BYTES);
    writeSync(descriptor, zeros, 0, FILE_BYTES, 0);
    fdatasyncSync(descriptor);
    const block = Buffer.alloc(WRITE_BYTES, 1);
    const histogram = new LatencyHistogram();
    for (let round = 0; round < ROUNDS; round++) {
      const begin = performance.now();
      writeSync(descriptor, block, 0, WRITE_BYTES, (round * WRITE_BYTES) % FILE_BYTES);
      fdatasyncSync(descriptor);
      histogram.record(performance.now() - begin);
    }
    return histogram.percentiles();
  } finally {
    closeSync(descriptor);
    rmSync(file, { force: true });
  }
}
