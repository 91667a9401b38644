import type { WatchMode } from "./operation.ts";
import { eventType } from "./operation.ts";
import type { WatchEvent } from "./watch-event.ts";

/** Somebody who watches: one per connection. */
export interface WatchSubscriber {
  /** All events of one zxid for this subscriber, in order. The array is the subscriber's to keep. */
  deliver(events: readonly WatchEvent[], zxid: number): void;
  /** May this subscriber be told of a znode with this ACL? */
  mayRead(aclId: number): boolean;
}

/** A subscriber with what the hub keeps about it, for as long as it has a watch. */
export interface WatchOwner {
  readonly subscriber: WatchSubscriber;
  readonly watches: Map<number, Watch>;
  /** What it is told at the next flush. */
  pending: WatchEvent[];
  /** Set by `removeAll`: it is told nothing any more. */
  gone: boolean;
  /** A resume is under way: it is kept although it has no watch yet. */
  resuming: boolean;
}

const bit = (type: number): number => 1 << type;
const { CREATED, DELETED, DATA_CHANGED, CHILDREN_CHANGED } = eventType;

/** Which event types a mode is told of, as a sum of `1 << type`: ZooKeeper's table of watches and events. */
const MASK: Record<WatchMode, number> = {
  data: bit(DATA_CHANGED) | bit(DELETED),
  exists: bit(CREATED) | bit(DATA_CHANGED) | bit(DELETED),
  children: bit(CHILDREN_CHANGED) | bit(DELETED),
  persistent: bit(CREATED) | bit(DATA_CHANGED) | bit(DELETED) | bit(CHILDREN_CHANGED),
  "persistent-recursive": bit(CREATED) | bit(DATA_CHANGED) | bit(DELETED),
};

/** One registered watch, a link of its path's list. */
export class Watch {
  readonly owner: WatchOwner;
  readonly watchId: number;
  readonly mask: number;
  readonly oneShot: boolean;
  readonly recursive: boolean;
  /** A one-shot that matched since the last flush: it matches no more, and goes with the flush. */
  fired = false;
  list: WatchList | undefined = undefined;
  previous: Watch | undefined = undefined;
  next: Watch | undefined = undefined;

  constructor(owner: WatchOwner, watchId: number, mode: WatchMode) {
    this.owner = owner;
    this.watchId = watchId;
    this.mask = MASK[mode];
    this.recursive = mode === "persistent-recursive";
    this.oneShot = mode !== "persistent" && !this.recursive;
  }

  wants(type: number): boolean {
    return (this.mask & (1 << type)) !== 0;
  }
}

/** The watches of one path, in order of registration. */
class WatchList {
  readonly path: string;
  first: Watch | undefined = undefined;
  last: Watch | undefined = undefined;

  constructor(path: string) {
    this.path = path;
  }
}

/**
 * Watches by path. Linked lists instead of sets: with a watch on each of a million paths, and with a hundred thousand
 * watches on one path, adding and removing one stays O(1) and costs one small object.
 */
export class WatchTable {
  private readonly lists = new Map<string, WatchList>();
  count = 0;

  first(path: string): Watch | undefined {
    return this.lists.get(path)?.first;
  }

  add(path: string, watch: Watch): void {
    let list = this.lists.get(path);
    if (list === undefined) {
      list = new WatchList(path);
      this.lists.set(path, list);
    }
    watch.list = list;
    watch.previous = list.last;
    if (list.last === undefined) list.first = watch;
    else list.last.next = watch;
    list.last = watch;
    this.count++;
  }

  /** Its links forwards stay, so that a walk standing on it goes on. */
  remove(watch: Watch): void {
    const list = watch.list;
    if (list === undefined) return;
    if (watch.previous === undefined) list.first = watch.next;
    else watch.previous.next = watch.next;
    if (watch.next === undefined) list.last = watch.previous;
    else watch.next.previous = watch.previous;
    watch.list = undefined;
    if (list.first === undefined) this.lists.delete(list.path);
    this.count--;
  }
}
