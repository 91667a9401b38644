/**
 * What the storage needs of a file system, synchronously: the seam between the logic of journal and data directory and
 * the disk below. Implementations: `node-disk.ts` (real), and the simulated one of the tests and the simulator, which
 * loses what was not synced.
 *
 * Failures are thrown as Node throws them: an Error with a `code` such as "ENOSPC" or "EIO".
 *
 * Durability is what POSIX gives and no more: bytes are durable after `datasync` of their file, names after
 * `syncDirectory` of their directory. Before that any subset of 512-byte sectors, and of name changes, may survive.
 */
export interface Disk {
  /** Creates the directory, and its parents, unless it is there; durable on return. */
  makeDirectory(path: string): void;
  /** Names in the directory, sorted. */
  list(directory: string): string[];
  /** "create" fails on an existing file; the others on a missing one. */
  open(path: string, mode: OpenMode): DiskFile;
  /** Replaces an existing target. */
  rename(from: string, to: string): void;
  unlink(path: string): void;
  syncDirectory(directory: string): void;
  /** Bytes an unprivileged writer can still claim on the directory's file system. */
  freeBytes(directory: string): number;
}

export type OpenMode = "read" | "write" | "create";

export interface DiskFile {
  size(): number;
  /** Fills `into` from `position`; returns the bytes read, fewer only at the end of the file. */
  read(position: number, into: Uint8Array): number;
  /** Writes all of `bytes` at `position`, extending the file as needed. */
  write(position: number, bytes: Uint8Array): void;
  /** Makes everything written so far, and the size, durable. */
  datasync(): void;
  close(): void;
}

/** The unit a disk writes atomically: no synced sector is ever written again with new neighbours. */
export const SECTOR_BYTES = 512;

/** The first multiple of the sector size at or after `offset`. */
export function alignToSector(offset: number): number {
  return Math.ceil(offset / SECTOR_BYTES) * SECTOR_BYTES;
}

/** True for the errors that say "full", which pass when space returns; every other failure is of the disk itself. */
export function isOutOfSpace(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === "ENOSPC" || code === "EDQUOT";
}
