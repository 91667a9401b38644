import { randomBytes } from "node:crypto";
import { MemoryDisk } from "./memory-disk.ts";
import { MemorySnapshot } from "./snapshot/memory-snapshot-store.ts";

/**
 * What a member in memory has in place of a data directory: what outlives a kill of it, and not the process. One member
 * at a time.
 */
export class MemoryMedium {
  /** 32 hex digits each, random: no two media are of one ensemble. */
  readonly ensembleId = randomBytes(16).toString("hex");
  readonly incarnation = randomBytes(16).toString("hex");
  readonly disk = new MemoryDisk();
  readonly snapshot = new MemorySnapshot();
}
