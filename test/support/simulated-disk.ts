import { basename, dirname } from "node:path";
import { Prng } from "../../src/core/base/prng.ts";
import { type Disk, type DiskFile, type OpenMode, SECTOR_BYTES } from "../../src/storage/disk.ts";

/** Thrown by the call at which the power went, and by every call after it. */
export class PowerLoss extends Error {
  override readonly name = "PowerLoss";
}

export type DiskCall = "open" | "read" | "write" | "datasync" | "rename" | "unlink" | "syncDirectory";

interface Inode {
  /** What programs see. */
  cached: Uint8Array;
  /** What is on disk for sure. */
  durable: Uint8Array;
  /** Sectors that differ, or may. */
  dirty: Set<number>;
}

/** A change of names not yet synced: what disappears, what appears. */
interface NameChange {
  readonly removed: string | undefined;
  readonly added: { readonly name: string; readonly inode: Inode } | undefined;
}

interface Directory {
  readonly names: Map<string, Inode>;
  readonly durable: Map<string, Inode>;
  pending: NameChange[];
}

/**
 * A disk in memory that keeps what programs see and what is durable apart. When the power goes, each unsynced sector
 * is found old, new or garbage, and each unsynced change of a name done or not done, as the seed decides.
 */
export class SimulatedDisk implements Disk {
  /** Calls that change something, so far. */
  calls = 0;
  /** The power goes at the call with this number. */
  powerLossAt = Number.POSITIVE_INFINITY;
  /** May return the code of an error the call is to fail with, "EIO" say. */
  fault: (call: DiskCall, path: string) => string | undefined = () => undefined;
  /** Bytes all files together may have. */
  capacity = Number.POSITIVE_INFINITY;
  private readonly prng: Prng;
  private readonly directories = new Map<string, Directory>();
  private isDown = false;

  constructor(seed = 1) {
    this.prng = new Prng(seed);
  }

  makeDirectory(path: string): void {
    if (!this.directories.has(path)) {
      this.directories.set(path, { names: new Map(), durable: new Map(), pending: [] });
    }
  }

  list(directory: string): string[] {
    this.checkPower();
    return [...this.directoryAt(directory).names.keys()].sort();
  }

  open(path: string, mode: OpenMode): DiskFile {
    const directory = this.directoryAt(dirname(path));
    const name = basename(path);
    if (mode === "create") {
      this.change("open", path, () => {
        if (directory.names.has(name)) throw failure("EEXIST", path);
        const inode: Inode = { cached: new Uint8Array(0), durable: new Uint8Array(0), dirty: new Set() };
        directory.names.set(name, inode);
        directory.pending.push({ removed: undefined, added: { name, inode } });
      });
    } else this.observe("open", path);
    const inode = directory.names.get(name);
    if (inode === undefined) throw failure("ENOENT", path);
    return new SimulatedFile(this, path, inode);
  }

  rename(from: string, to: string): void {
    this.change("rename", from, () => {
      const directory = this.directoryAt(dirname(from));
      const inode = directory.names.get(basename(from));
      if (inode === undefined) throw failure("ENOENT", from);
      directory.names.delete(basename(from));
      directory.names.set(basename(to), inode);
      directory.pending.push({ removed: basename(from), added: { name: basename(to), inode } });
    });
  }

  unlink(path: string): void {
    this.change("unlink", path, () => {
      const directory = this.directoryAt(dirname(path));
      if (!directory.names.delete(basename(path))) throw failure("ENOENT", path);
      directory.pending.push({ removed: basename(path), added: undefined });
    });
  }

  syncDirectory(path: string): void {
    this.change("syncDirectory", path, () => {
      const directory = this.directoryAt(path);
      directory.durable.clear();
      for (const [name, inode] of directory.names) directory.durable.set(name, inode);
      directory.pending = [];
    });
  }

  freeBytes(): number {
    return Math.max(0, this.capacity - this.used());
  }

  /** The power comes back: programs see what survived. */
  restart(): void {
    for (const directory of this.directories.values()) {
      for (const { removed, added } of directory.pending) {
        if (this.prng.chance(0.5)) continue;
        if (removed !== undefined) directory.durable.delete(removed);
        if (added !== undefined) directory.durable.set(added.name, added.inode);
      }
      directory.pending = [];
      directory.names.clear();
      for (const inode of new Set(directory.durable.values())) this.lose(inode);
      for (const [name, inode] of directory.durable) directory.names.set(name, inode);
    }
    this.isDown = false;
    this.powerLossAt = Number.POSITIVE_INFINITY;
  }

  /** Not the power went but the process was killed: nothing is lost, and nothing more is synced than was. */
  resume(): void {
    this.isDown = false;
    this.powerLossAt = Number.POSITIVE_INFINITY;
  }

  /** A file's bytes as programs see them, to be looked at or damaged. */
  contents(path: string): Uint8Array {
    const inode = this.directoryAt(dirname(path)).names.get(basename(path));
    if (inode === undefined) throw failure("ENOENT", path);
    return inode.cached;
  }

  /** Puts a file there, durably. */
  place(path: string, bytes: Uint8Array): void {
    const directory = this.directoryAt(dirname(path));
    const inode: Inode = { cached: bytes.slice(), durable: bytes.slice(), dirty: new Set() };
    directory.names.set(basename(path), inode);
    directory.durable.set(basename(path), inode);
  }

  /** Performs a change that may fail, and at which the power may go: then it is done in the cache, or not at all. */
  change(call: DiskCall, path: string, action: () => void): void {
    this.observe(call, path);
    this.calls++;
    if (this.calls >= this.powerLossAt) {
      // A sync that was cut short made nothing certain.
      if (call !== "datasync" && call !== "syncDirectory" && this.prng.chance(0.5)) action();
      this.isDown = true;
      this.checkPower();
    }
    action();
  }

  observe(call: DiskCall, path: string): void {
    this.checkPower();
    const code = this.fault(call, path);
    if (code !== undefined) throw failure(code, path);
  }

  used(): number {
    let sum = 0;
    for (const { names } of this.directories.values()) for (const { cached } of names.values()) sum += cached.length;
    return sum;
  }

  private lose(inode: Inode): void {
    const { cached, durable, dirty } = inode;
    const size = cached.length === durable.length || this.prng.chance(0.5) ? durable.length : cached.length;
    const survived = new Uint8Array(size);
    survived.set(durable.subarray(0, size));
    for (const sector of dirty) {
      const from = sector * SECTOR_BYTES;
      const to = Math.min(from + SECTOR_BYTES, size);
      const fate = this.prng.below(5);
      if (from >= size || fate < 2) continue;
      if (fate < 4) survived.set(cached.subarray(from, to), from);
      else for (let at = from; at < to; at++) survived[at] = this.prng.uint32();
    }
    inode.cached = survived;
    inode.durable = survived.slice();
    dirty.clear();
  }

  private checkPower(): void {
    if (this.isDown) throw new PowerLoss("the power is off");
  }

  private directoryAt(path: string): Directory {
    const directory = this.directories.get(path);
    if (directory === undefined) throw failure("ENOENT", path);
    return directory;
  }
}

class SimulatedFile implements DiskFile {
  private readonly disk: SimulatedDisk;
  private readonly path: string;
  private readonly inode: Inode;

  constructor(disk: SimulatedDisk, path: string, inode: Inode) {
    this.disk = disk;
    this.path = path;
    this.inode = inode;
  }

  size(): number {
    return this.inode.cached.length;
  }

  read(position: number, into: Uint8Array): number {
    this.disk.observe("read", this.path);
    const found = this.inode.cached.subarray(position, position + into.length);
    into.set(found);
    return found.length;
  }

  write(position: number, bytes: Uint8Array): void {
    this.disk.change("write", this.path, () => {
      const { inode, disk } = this;
      const growth = position + bytes.length - inode.cached.length;
      if (growth > disk.freeBytes()) throw failure("ENOSPC", this.path);
      if (growth > 0) {
        const grown = new Uint8Array(position + bytes.length);
        grown.set(inode.cached);
        inode.cached = grown;
      }
      inode.cached.set(bytes, position);
      const last = Math.floor((position + bytes.length - 1) / SECTOR_BYTES);
      for (let sector = Math.floor(position / SECTOR_BYTES); sector <= last; sector++) inode.dirty.add(sector);
    });
  }

  datasync(): void {
    this.disk.change("datasync", this.path, () => {
      const { cached, dirty } = this.inode;
      if (this.inode.durable.length !== cached.length) this.inode.durable = cached.slice();
      for (const sector of dirty) {
        const from = sector * SECTOR_BYTES;
        this.inode.durable.set(cached.subarray(from, from + SECTOR_BYTES), from);
      }
      dirty.clear();
    });
  }

  close(): void {}
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, ${path}`), { code });
}
