import type { RowSink, SnapshotMeta } from "../../../../src/core/tree/snapshot-row.ts";
import { MemorySnapshot, MemorySnapshotStore } from "../../../../src/storage/snapshot/memory-snapshot-store.ts";
import { currentSnapshot } from "../../../../src/storage/snapshot/snapshot-files.ts";
import { loadSnapshot } from "../../../../src/storage/snapshot/snapshot-loader.ts";
import { openSnapshotStore, type SnapshotStore } from "../../../../src/storage/snapshot/snapshot-store.ts";
import { type Change, Collector, encode, temporaryDirectory } from "./snapshot-fixtures.ts";

/** A store under test with its medium. */
export interface Rig {
  open(): Promise<OpenStore>;
  load(sink: RowSink): SnapshotMeta | undefined;
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
  return {
    directory,
    async open() {
      const opened = new OpenStore();
      opened.store = await openSnapshotStore({ directory }, opened.events);
      return opened;
    },
    load(sink) {
      const current = currentSnapshot(directory);
      return current && loadSnapshot(current.file, sink);
    },
  };
}

export function memoryRig(): Rig {
  const medium = new MemorySnapshot();
  return {
    async open() {
      const opened = new OpenStore();
      opened.store = new MemorySnapshotStore(opened.events, { medium });
      return opened;
    },
    load: (sink) => medium.load(sink),
  };
}

/** What a load delivers, with the meta. */
export function content(rig: Pick<Rig, "load">): { meta: SnapshotMeta | undefined; rows: unknown[] } {
  const collector = new Collector();
  return { meta: rig.load(collector), rows: collector.rows };
}
