import { assert } from "../base/assert.ts";
import { decodeUtf8 } from "../base/bytes.ts";
import type { EventHistory } from "./event-history.ts";
import type { EventType, WatchMode } from "./operation.ts";
import type { NodeEvent, WatchEvent } from "./watch-event.ts";
import type { WatchOwner, WatchSubscriber } from "./watch-table.ts";
import { Watch, WatchTable } from "./watch-table.ts";

export type { WatchSubscriber } from "./watch-table.ts";

/**
 * Matches the events of each applied command with the watches of this member's connections.
 *
 * - `record` matches at once, `flush` delivers: a subscriber gets all its events of a zxid in one call, in the order
 *   they happened. For one event, watches of the path itself come first, in order of registration, then recursive ones
 *   of its ancestors, the nearest first.
 * - A one-shot watch that matched is removed by the flush; `discard` leaves it armed.
 * - ACLs (ZooKeeper's CVE-2024-23944): an event of a znode its subscriber may not read is not delivered, **and leaves
 *   a one-shot watch armed**. ZooKeeper uses the watch up in silence; then a client that is let in later waits for
 *   ever for a change it has asked about.
 * - Without watches an event costs one comparison; with them, its path is decoded once.
 */
export class WatchHub {
  private readonly exact = new WatchTable();
  private readonly recursive = new WatchTable();
  private readonly owners = new Map<WatchSubscriber, WatchOwner>();
  /** Owners with pending events, in order of their first. */
  private matched: WatchOwner[] = [];
  private fired: Watch[] = [];
  private recordedZxid = 0;
  private flushing = false;

  /** Watches registered. */
  get count(): number {
    return this.exact.count + this.recursive.count;
  }

  /** Registers a watch for events from now on. A watch the subscriber has under the same id is replaced. */
  add(subscriber: WatchSubscriber, watchId: number, path: string, mode: WatchMode): void {
    assert(this.flushing || this.matched.length === 0, "a watch was added in the middle of a zxid");
    this.link(this.owner(subscriber), watchId, path, mode);
  }

  /**
   * Delivers every event after `afterZxid` from the history, one call per zxid, then registers the watch; a one-shot
   * watch that finds its event there fires once and is not registered. False, and nothing else, when the history
   * does not reach back that far (COMPACTED).
   */
  resume(
    history: EventHistory,
    subscriber: WatchSubscriber,
    watchId: number,
    path: string,
    mode: WatchMode,
    afterZxid: number,
  ): boolean {
    assert(this.flushing || this.matched.length === 0, "a watch was resumed in the middle of a zxid");
    const owner = this.owner(subscriber);
    owner.resuming = true;
    const watch = new Watch(owner, watchId, mode);
    let events: WatchEvent[] = [];
    let zxidOfEvents = 0;
    const deliver = (): void => {
      if (events.length === 0 || owner.gone) return;
      const batch = events;
      events = [];
      subscriber.deliver(batch, zxidOfEvents);
    };
    const complete = history.replayAt(afterZxid, path, watch.recursive, (zxid, type, eventPath, aclId) => {
      if (zxid !== zxidOfEvents) deliver();
      if (owner.gone || watch.fired || !watch.wants(type) || !subscriber.mayRead(aclId)) return;
      zxidOfEvents = zxid;
      events.push({ watchId, event: { type, path: eventPath, zxid, encoded: undefined } });
      watch.fired = watch.oneShot;
    });
    deliver();
    owner.resuming = false;
    if (complete && !owner.gone) {
      if (watch.fired) this.remove(subscriber, watchId);
      else this.link(owner, watchId, path, mode);
    }
    this.release(owner);
    return complete;
  }

  /** True when there was such a watch. */
  remove(subscriber: WatchSubscriber, watchId: number): boolean {
    const owner = this.owners.get(subscriber);
    const watch = owner?.watches.get(watchId);
    if (owner === undefined || watch === undefined) return false;
    this.unlink(watch);
    this.release(owner);
    return true;
  }

  /** Forgets a subscriber: it is called no more, not even with what was recorded already. */
  removeAll(subscriber: WatchSubscriber): void {
    const owner = this.owners.get(subscriber);
    if (owner === undefined) return;
    owner.gone = true;
    for (const watch of owner.watches.values()) this.tableOf(watch).remove(watch);
    owner.watches.clear();
    this.owners.delete(subscriber);
  }

  /**
   * One event of the command being applied; the path is the bytes from `start` to `end`. All events between two
   * flushes are of one zxid. `aclId` is the ACL of the znode at the path (as it was, for a deleted one).
   */
  record(type: EventType, pathBytes: Uint8Array, start: number, end: number, zxid: number, aclId: number): void {
    if (this.exact.count === 0 && this.recursive.count === 0) return;
    assert(!this.flushing, "an event was recorded while events were delivered");
    assert(this.matched.length === 0 || this.recordedZxid === zxid, "events of two zxids without a flush");
    this.recordedZxid = zxid;
    const path = decodeUtf8(pathBytes, start, end);
    let event = this.match(this.exact.first(path), type, path, zxid, aclId, undefined);
    if (this.recursive.count === 0) return;
    for (let at = path; ; ) {
      event = this.match(this.recursive.first(at), type, path, zxid, aclId, event);
      if (at.length <= 1) return;
      const slash = at.lastIndexOf("/");
      at = slash <= 0 ? "/" : at.slice(0, slash);
    }
  }

  /** The zxid is done: every subscriber with matches gets them, in the order of their first match. */
  flush(): void {
    if (this.matched.length === 0) return;
    assert(!this.flushing, "a flush within a flush");
    const matched = this.matched;
    const zxid = this.recordedZxid;
    this.matched = [];
    this.dropFired();
    this.flushing = true;
    try {
      for (const owner of matched) {
        const events = owner.pending;
        owner.pending = [];
        this.release(owner);
        if (!owner.gone) owner.subscriber.deliver(events, zxid);
      }
    } finally {
      this.flushing = false;
    }
  }

  /** Takes back what was recorded since the last flush: the command failed. */
  discard(): void {
    for (const watch of this.fired) watch.fired = false;
    this.fired = [];
    for (const owner of this.matched) {
      owner.pending = [];
      this.release(owner);
    }
    this.matched = [];
  }

  private match(
    first: Watch | undefined,
    type: EventType,
    path: string,
    zxid: number,
    aclId: number,
    shared: NodeEvent | undefined,
  ): NodeEvent | undefined {
    let event = shared;
    for (let watch = first; watch !== undefined; watch = watch.next) {
      if (watch.fired || !watch.wants(type) || !watch.owner.subscriber.mayRead(aclId)) continue;
      event ??= { type, path, zxid, encoded: undefined };
      const owner = watch.owner;
      if (owner.pending.length === 0) this.matched.push(owner);
      owner.pending.push({ watchId: watch.watchId, event });
      if (!watch.oneShot) continue;
      watch.fired = true;
      this.fired.push(watch);
    }
    return event;
  }

  private dropFired(): void {
    const fired = this.fired;
    if (fired.length === 0) return;
    this.fired = [];
    // One that was removed since it matched has no list: what stands under its id now, if anything, is another watch.
    for (const watch of fired) if (watch.list !== undefined) this.unlink(watch);
  }

  private owner(subscriber: WatchSubscriber): WatchOwner {
    let owner = this.owners.get(subscriber);
    if (owner === undefined) {
      owner = { subscriber, watches: new Map(), pending: [], gone: false, resuming: false };
      this.owners.set(subscriber, owner);
    }
    return owner;
  }

  /** Forgets an owner without watches, unless something is still to be delivered to it. */
  private release(owner: WatchOwner): void {
    if (owner.watches.size > 0 || owner.pending.length > 0 || owner.resuming || owner.gone) return;
    this.owners.delete(owner.subscriber);
  }

  private link(owner: WatchOwner, watchId: number, path: string, mode: WatchMode): void {
    const replaced = owner.watches.get(watchId);
    if (replaced !== undefined) this.unlink(replaced);
    const watch = new Watch(owner, watchId, mode);
    owner.watches.set(watchId, watch);
    this.tableOf(watch).add(path, watch);
  }

  private unlink(watch: Watch): void {
    this.tableOf(watch).remove(watch);
    watch.owner.watches.delete(watch.watchId);
  }

  private tableOf(watch: Watch): WatchTable {
    return watch.recursive ? this.recursive : this.exact;
  }
}
