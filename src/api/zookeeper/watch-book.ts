import type { WatchMode } from "../../core/tree/operation.ts";

/**
 * ZooKeeper's kinds of watches as the server keeps them: one each per path and connection. What `exists` leaves behind
 * is a data watch too; of what happens to a path, it sees the same.
 */
export const watchKind = { DATA: 0, CHILD: 1, PERSISTENT: 2, RECURSIVE: 3 } as const;
export type WatchKind = (typeof watchKind)[keyof typeof watchKind];

/** A data watch may wait for a znode to come: the mode that covers what `getData` and `exists` wait for alike. */
export const modeOfKind: Readonly<Record<WatchKind, WatchMode>> = {
  [watchKind.DATA]: "exists",
  [watchKind.CHILD]: "children",
  [watchKind.PERSISTENT]: "persistent",
  [watchKind.RECURSIVE]: "persistent-recursive",
};

const KINDS = 4;

interface PathWatches {
  readonly path: string;
  readonly index: number;
  /** Kinds that are registered, as a sum of `1 << kind`. */
  armed: number;
  /** Requests under way that will register one. */
  asked: number;
}

/**
 * The watches of one connection, in step with what the port has registered for it: changed as answers and events come,
 * in their order. A watch's id at the port says its path and kind, so that one asked for again takes its own place.
 */
export class WatchBook {
  private byPath: Map<string, PathWatches> | undefined;
  private byIndex: Map<number, PathWatches> | undefined;
  private nextIndex = 1;
  /** Watches registered. */
  count = 0;

  /** A request that may register a watch begins: its id at the port. {@link answered} follows. */
  ask(path: string, kind: WatchKind): number {
    this.byPath ??= new Map();
    this.byIndex ??= new Map();
    let entry = this.byPath.get(path);
    if (entry === undefined) {
      entry = { path, index: this.nextIndex++, armed: 0, asked: 0 };
      this.byPath.set(path, entry);
      this.byIndex.set(entry.index, entry);
    }
    entry.asked++;
    return entry.index * KINDS + kind;
  }

  /** The request has been answered: with the watch registered, or not. */
  answered(watchId: number, isRegistered: boolean): void {
    const entry = this.entryOf(watchId);
    if (entry === undefined) return;
    entry.asked--;
    if (isRegistered) this.arm(entry, watchId % KINDS);
    this.release(entry);
  }

  /** An event came for the watch; false if the client has taken it back, so that the event is not for it. */
  fired(watchId: number): boolean {
    const entry = this.entryOf(watchId);
    const kind = watchId % KINDS;
    if (entry === undefined || (entry.armed & (1 << kind)) === 0) return false;
    if (kind === watchKind.DATA || kind === watchKind.CHILD) this.disarmEntry(entry, kind);
    return true;
  }

  has(path: string, kind: WatchKind): boolean {
    const entry = this.byPath?.get(path);
    return entry !== undefined && (entry.armed & (1 << kind)) !== 0;
  }

  /** The id of a watch that is to be no more; undefined if there is none. */
  disarm(path: string, kind: WatchKind): number | undefined {
    const entry = this.byPath?.get(path);
    if (entry === undefined || (entry.armed & (1 << kind)) === 0) return undefined;
    this.disarmEntry(entry, kind);
    return entry.index * KINDS + kind;
  }

  /** Every path with a watch. */
  *paths(): Iterable<string> {
    for (const { path, armed } of this.byPath?.values() ?? []) if (armed !== 0) yield path;
  }

  private arm(entry: PathWatches, kind: number): void {
    if ((entry.armed & (1 << kind)) === 0) this.count++;
    entry.armed |= 1 << kind;
  }

  private disarmEntry(entry: PathWatches, kind: number): void {
    entry.armed &= ~(1 << kind);
    this.count--;
    this.release(entry);
  }

  private release(entry: PathWatches): void {
    if (entry.armed !== 0 || entry.asked !== 0) return;
    this.byPath?.delete(entry.path);
    this.byIndex?.delete(entry.index);
  }

  private entryOf(watchId: number): PathWatches | undefined {
    return this.byIndex?.get(Math.floor(watchId / KINDS));
  }
}
