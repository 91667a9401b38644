import { readdirSync } from "node:fs";
import type { RowSink, SnapshotMeta } from "../../../../src/core/tree/snapshot-row.ts";
import { installSnapshot } from "../../../../src/storage/snapshot/install-snapshot.ts";
import { MemorySnapshotDirectory } from "../../../../src/storage/snapshot/memory-install.ts";
import { MemorySnapshotStore } from "../../../../src/storage/snapshot/memory-snapshot-store.ts";
import { currentSnapshot, removeLeftovers, snapshotFileName } from "../../../../src/storage/snapshot/snapshot-files.ts";
import { loadSnapshot } from "../../../../src/storage/snapshot/snapshot-loader.ts";
import { openSnapshotStore, type SnapshotStore } from "../../../../src/storage/snapshot/snapshot-store.ts";
import type { SnapshotInstall } from "../../../../src/storage/snapshot/snapshot-transfer.ts";
import type { TransferLimits } from "../../../../src/storage/snapshot/snapshot-transfers.ts";
import { type Change, Collector, encode, temporaryDirectory } from "./snapshot-fixtures.ts";

/** A store under test with its medium. */
export interface Rig {
  open(limits?: TransferLimits): Promise<OpenStore>;
  load(sink: RowSink): SnapshotMeta | undefined;
  /** Begins to receive a snapshot. */
  install(): SnapshotInstall;
  /** The journal's SNAPSHOT record is durable: the installed snapshot is current from now on. */
  name(zxid: number): void;
  removeLeftovers(): void;
  /** Names of the files there are, but for what SQLite keeps beside a database that somebody has read. */
  files(): string[];
}

export class OpenStore {
  store!: SnapshotStore;
  readonly committed: number[] = [];
  private readonly waiting: { zxid: number; resolve: () => void; reject: (error: Error) => void }[] = [];
  private fatal: Error | undefined;
  private readonly fatalWaiting: ((error: Error) => void)[] = [];

  readonly events = {
    onCommitted: (zxid: number): void => {
      this.committed.push(zxid);
      this.waiting.shift()?.resolve();
    },
    onFatal: (error: Error): void => {
      this.fatal = error;
      for (const { reject } of this.waiting.splice(0)) reject(error);
      for (const resolve of this.fatalWaiting.splice(0)) resolve(error);
    },
  };

  /** Writes one round in one hand-over and waits until it is committed. */
  async round(change: Change, meta: SnapshotMeta): Promise<void> {
    const rows = encode(change);
    if (rows.length > 0) this.store.write(rows);
    await this.commit(meta);
  }

  commit(meta: SnapshotMeta): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.fatal) return reject(this.fatal);
      this.waiting.push({ zxid: meta.zxid, resolve, reject });
      // The store takes the history's memory, and fixtures are used again.
      this.store.commit({ ...meta, history: meta.history.slice() });
    });
  }

  failure(): Promise<Error> {
    return new Promise((resolve) => {
      if (this.fatal) resolve(this.fatal);
      else this.fatalWaiting.push(resolve);
    });
  }
}

/** SQLite and its worker thread, in a directory of its own. */
export function sqliteRig(directory: string = temporaryDirectory()): Rig & { readonly directory: string } {
  let installed: number | undefined;
  return {
    directory,
    async open(limits = {}) {
      const opened = new OpenStore();
      opened.store = await openSnapshotStore({ directory, installed, ...limits }, opened.events);
      return opened;
    },
    load(sink) {
      const current = currentSnapshot(directory, installed);
      return current && loadSnapshot(current.file, sink);
    },
    install: () => installSnapshot({ directory, installed }),
    name: (zxid) => {
      installed = zxid;
    },
    removeLeftovers: () => void removeLeftovers(directory, installed),
    files: () => readdirSync(directory).filter((name) => !/\.db-(wal|shm)$/.test(name)),
  };
}

export function memoryRig(): Rig {
  const directory = new MemorySnapshotDirectory();
  let installed: number | undefined;
  return {
    async open() {
      const opened = new OpenStore();
      opened.store = new MemorySnapshotStore(opened.events, { medium: directory.current(installed) });
      return opened;
    },
    load: (sink) => directory.current(installed).load(sink),
    install: () => directory.install(installed),
    name: (zxid) => {
      installed = zxid;
    },
    removeLeftovers: () => directory.removeLeftovers(installed),
    files: () => [...directory.files.keys()].map(snapshotFileName).sort(),
  };
}

/** What a load delivers, with the meta. */
export function content(
  rig: Pick<Rig, "load">,
  collector: Collector = new Collector(),
): { meta: SnapshotMeta | undefined; rows: unknown[] } {
  return { meta: rig.load(collector), rows: collector.rows };
}
