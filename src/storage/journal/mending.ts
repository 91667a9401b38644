import { basename, dirname, join } from "node:path";
import type { Disk, DiskFile, OpenMode } from "../disk.ts";
import { CLAIMING_NAME, RESERVE_NAME, SEGMENT_SUFFIX, SPARE_SUFFIX } from "./journal-files.ts";

/**
 * A repair writes a whole new journal beside the damaged one, in the same directory, each file under a name with this
 * at its end. When all of it is durable a marker appears: from then on the new one is the journal, and whoever opens
 * it next finishes the exchange of names. Without the marker the files mean nothing.
 */
const MENDING_SUFFIX = ".mending";
/** The new journal counts; the old one's files are being removed. */
const MENDED_NAME = "mended";
/** The old one's files are gone; the new one's are being given their names. */
const CLEARED_NAME = "mended-cleared";

/** The directory as the journal in the making sees it: only its files, under the names they will have. */
export class MendingDisk implements Disk {
  protected readonly disk: Disk;

  constructor(disk: Disk) {
    this.disk = disk;
  }

  makeDirectory(path: string): void {
    this.disk.makeDirectory(path);
  }

  list(directory: string): string[] {
    return mendingNames(this.disk, directory).map((name) => name.slice(0, -MENDING_SUFFIX.length));
  }

  open(path: string, mode: OpenMode): DiskFile {
    return this.disk.open(path + MENDING_SUFFIX, mode);
  }

  rename(from: string, to: string): void {
    this.disk.rename(from + MENDING_SUFFIX, to + MENDING_SUFFIX);
  }

  unlink(path: string): void {
    this.disk.unlink(path + MENDING_SUFFIX);
  }

  syncDirectory(directory: string): void {
    this.disk.syncDirectory(directory);
  }

  freeBytes(directory: string): number {
    return this.disk.freeBytes(directory);
  }
}

/** The directory as it will be once an exchange of names that a crash interrupted is finished. For reading only. */
class HalfMendedDisk extends MendingDisk {
  override list(directory: string): string[] {
    const names = this.disk.list(directory);
    // Before the old files are gone only the new ones count; after that, both the renamed and those still to be.
    const placed = names.includes(CLEARED_NAME) ? names.filter(isOfJournal) : [];
    return [...new Set([...placed, ...super.list(directory)])].sort();
  }

  override open(path: string, mode: OpenMode): DiskFile {
    const isMending = this.disk.list(dirname(path)).includes(basename(path) + MENDING_SUFFIX);
    return isMending ? super.open(path, mode) : this.disk.open(path, mode);
  }
}

/** For those who only read: the journal as its next start will find it. */
export function asNextFound(disk: Disk, directory: string): Disk {
  const names = disk.list(directory);
  return names.includes(MENDED_NAME) || names.includes(CLEARED_NAME) ? new HalfMendedDisk(disk) : disk;
}

/** Makes the new journal the one that counts: nothing of it may be unsynced. */
export function markMended(disk: Disk, directory: string): void {
  disk.syncDirectory(directory);
  disk.open(join(directory, MENDED_NAME), "create").close();
  disk.syncDirectory(directory);
}

/** Finishes what a crash interrupted: the exchange of names after the marker, or else the making of a new journal. */
export function finishMending(disk: Disk, directory: string): void {
  const names = disk.list(directory);
  // After a kill the marker may be there and not durable; what follows must not outlive it.
  if (names.includes(CLEARED_NAME) || names.includes(MENDED_NAME)) disk.syncDirectory(directory);
  if (names.includes(CLEARED_NAME)) place(disk, directory);
  else if (names.includes(MENDED_NAME)) {
    for (const name of names.filter(isOfJournal)) disk.unlink(join(directory, name));
    disk.syncDirectory(directory);
    disk.rename(join(directory, MENDED_NAME), join(directory, CLEARED_NAME));
    disk.syncDirectory(directory);
    place(disk, directory);
  } else for (const name of mendingNames(disk, directory)) disk.unlink(join(directory, name));
}

function place(disk: Disk, directory: string): void {
  for (const name of mendingNames(disk, directory)) {
    disk.rename(join(directory, name), join(directory, name.slice(0, -MENDING_SUFFIX.length)));
  }
  disk.syncDirectory(directory);
  disk.unlink(join(directory, CLEARED_NAME));
  disk.syncDirectory(directory);
}

function mendingNames(disk: Disk, directory: string): string[] {
  return disk.list(directory).filter((name) => name.endsWith(MENDING_SUFFIX));
}

/** What a repair cut off, and anything that is not the journal's, stays. */
function isOfJournal(name: string): boolean {
  return (
    name.endsWith(SEGMENT_SUFFIX) || name.endsWith(SPARE_SUFFIX) || name === RESERVE_NAME || name === CLAIMING_NAME
  );
}
