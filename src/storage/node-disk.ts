import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statfsSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import type { Disk, DiskFile, OpenMode } from "./disk.ts";

const flags = { read: "r", write: "r+", create: "wx+" } as const satisfies Record<OpenMode, string>;

/** The real disk. */
export const nodeDisk: Disk = {
  makeDirectory(path) {
    const first = mkdirSync(path, { recursive: true });
    if (first === undefined) return;
    // Each new name lives in its parent, from the deepest up to the one that was there.
    for (let made = path; made.length >= first.length; made = dirname(made)) this.syncDirectory(dirname(made));
  },

  list(directory) {
    return readdirSync(directory).sort();
  },

  open(path, mode) {
    return new NodeFile(openSync(path, flags[mode], 0o600));
  },

  rename(from, to) {
    renameSync(from, to);
  },

  unlink(path) {
    unlinkSync(path);
  },

  syncDirectory(directory) {
    const descriptor = openSync(directory, "r");
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  },

  freeBytes(directory) {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  },
};

class NodeFile implements DiskFile {
  private readonly descriptor: number;

  constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  size(): number {
    return fstatSync(this.descriptor).size;
  }

  read(position: number, into: Uint8Array): number {
    let done = 0;
    while (done < into.length) {
      const count = readSync(this.descriptor, into, done, into.length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  write(position: number, bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length) {
      const count = writeSync(this.descriptor, bytes, done, bytes.length - done, position + done);
      if (count === 0) throw Object.assign(new Error("EIO: the disk takes no more bytes, write"), { code: "EIO" });
      done += count;
    }
  }

  datasync(): void {
    fdatasyncSync(this.descriptor);
  }

  close(): void {
    closeSync(this.descriptor);
  }
}
