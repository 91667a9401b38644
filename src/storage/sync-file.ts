import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** Makes renames, creations and removals in a directory durable. */
export function syncDirectory(directory: string): void {
  syncPath(directory, "r");
}

/** Makes a file's bytes durable. */
export function syncFile(file: string): void {
  syncPath(file, "r+");
}

/** Writes a file whole or not at all: temporary name, fsync, rename, fsync of the directory. */
export function writeFileAtomically(file: string, text: string, mode: number): void {
  const temporary = `${file}.tmp`;
  const descriptor = openSync(temporary, "w", mode);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
  syncDirectory(dirname(file));
}

function syncPath(path: string, flags: string): void {
  const descriptor = openSync(path, flags);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
