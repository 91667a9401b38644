import { describe, expect, it } from "vitest";
import { Prng } from "../../../../src/core/base/prng.ts";
import type { EventType, WatchMode } from "../../../../src/core/tree/operation.ts";
import { WatchHub } from "../../../../src/core/tree/watch-hub.ts";
import {
  append,
  CHILDREN_CHANGED,
  CREATED,
  DATA_CHANGED,
  DELETED,
  type Delivery,
  MODES,
  newHistory,
  OPEN_ACL,
  record,
  SECRET_ACL,
  Subscriber,
  TYPES,
} from "./watch-hub-rig.ts";

/** The rules again, written for reading: every watch looks at every event. */
class NaiveHub {
  watches: { owner: number; id: number; path: string; mode: WatchMode }[] = [];

  /** Same events as the hub's, but in order of registration. */
  fire(owner: number, type: EventType, path: string, mayRead: boolean, fired: Set<object>): string[] {
    const found: string[] = [];
    for (const watch of this.watches) {
      if (watch.owner !== owner || !mayRead || fired.has(watch)) continue;
      const same = watch.path === path;
      const below = path.startsWith(watch.path === "/" ? "/" : `${watch.path}/`);
      const hit =
        watch.mode === "persistent-recursive"
          ? (same || below) && type !== CHILDREN_CHANGED
          : same &&
            (watch.mode === "persistent" ||
              type === DELETED ||
              (type === DATA_CHANGED && watch.mode !== "children") ||
              (type === CREATED && watch.mode === "exists") ||
              (type === CHILDREN_CHANGED && watch.mode === "children"));
      if (!hit) continue;
      found.push(`${watch.id}:${type}:${path}`);
      if (!watch.mode.startsWith("persistent")) fired.add(watch);
    }
    return found;
  }
}

/** The naive matcher has no order among the watches of one event; the order of the events themselves must hold. */
function inAnyWatchOrder(delivery: Delivery): { zxid: number; events: { event: string; watches: string[] }[] } {
  const events: { event: string; watches: string[] }[] = [];
  for (const text of delivery.events) {
    const [watch, ...rest] = text.split(":");
    const event = rest.join(":");
    const last = events.at(-1);
    if (last?.event === event) last.watches.push(watch as string);
    else events.push({ event, watches: [watch as string] });
  }
  for (const { watches } of events) watches.sort();
  return { zxid: delivery.zxid, events };
}

describe("watch hub against a naive matcher", () => {
  const paths = ["/", "/a", "/ab", "/a/b", "/a/b/c", "/a/bc", "/ä", "/ä/b"];
  const acls = [OPEN_ACL, OPEN_ACL, OPEN_ACL, SECRET_ACL];
  const owners = 4;

  for (let seed = 1; seed <= 60; seed++) {
    it(`agrees on a random sequence, live and resumed, seed ${seed}`, () => {
      const random = new Prng(seed);
      const hub = new WatchHub();
      const naive = new NaiveHub();
      const history = newHistory();
      const kept: { zxid: number; type: EventType; path: string; aclId: number }[] = [];
      const subscribers = Array.from({ length: owners }, () => new Subscriber());
      (subscribers[1] as Subscriber).forbidden.add(SECRET_ACL);
      const expected: Delivery[][] = subscribers.map(() => []);
      const mayRead = (owner: number, aclId: number): boolean => (subscribers[owner] as Subscriber).mayRead(aclId);
      for (let zxid = 1; zxid <= 150; zxid++) {
        for (let i = random.below(3); i > 0; i--) change(zxid - 1);
        const failed = random.chance(0.2);
        const fired = new Set<object>();
        const found = subscribers.map((): string[] => []);
        for (let i = random.below(4); i > 0; i--) {
          const event = { zxid, type: random.pick(TYPES), path: random.pick(paths), aclId: random.pick(acls) };
          record(hub, event.type, event.path, zxid, event.aclId);
          append(history, event.type, event.path, zxid, event.aclId);
          if (failed) continue;
          kept.push(event);
          found.forEach((list, owner) => {
            list.push(...naive.fire(owner, event.type, event.path, mayRead(owner, event.aclId), fired));
          });
        }
        if (failed) {
          hub.discard();
          history.discard(zxid);
        }
        hub.flush();
        naive.watches = naive.watches.filter((watch) => !fired.has(watch));
        found.forEach((events, owner) => {
          if (events.length > 0) expected[owner]?.push({ zxid, events });
        });
        expect(hub.count).toBe(naive.watches.length);
      }
      subscribers.forEach((s, owner) => {
        expect(s.deliveries.map(inAnyWatchOrder)).toEqual(expected[owner]?.map(inAnyWatchOrder));
      });
      expect(subscribers.flatMap((s) => s.flat).length).toBeGreaterThan(50);

      function change(appliedZxid: number): void {
        const owner = random.below(owners);
        const subscriber = subscribers[owner] as Subscriber;
        const id = random.below(6);
        const others = naive.watches.filter((w) => w.owner !== owner || w.id !== id);
        const had = others.length !== naive.watches.length;
        const choice = random.below(10);
        if (choice === 0) {
          hub.removeAll(subscriber);
          naive.watches = naive.watches.filter((w) => w.owner !== owner);
        } else if (choice === 1) {
          expect(hub.remove(subscriber, id)).toBe(had);
          naive.watches = others;
        } else if (choice < 8) {
          const watch = { owner, id, path: random.pick(paths), mode: random.pick(MODES) };
          hub.add(subscriber, id, watch.path, watch.mode);
          naive.watches = [...others, watch];
        } else {
          resume(owner, id, random.below(appliedZxid + 1));
        }
      }

      /** Resuming is watching alone from that zxid on. */
      function resume(owner: number, id: number, afterZxid: number): void {
        const watch = { owner, id, path: random.pick(paths), mode: random.pick(MODES) };
        const alone = new NaiveHub();
        alone.watches = [watch];
        const fired = new Set<object>();
        const told = new Map<number, string[]>();
        for (const event of kept.filter((e) => e.zxid > afterZxid)) {
          const events = alone.fire(owner, event.type, event.path, mayRead(owner, event.aclId), fired);
          if (events.length > 0) told.set(event.zxid, [...(told.get(event.zxid) ?? []), ...events]);
        }
        for (const [zxid, events] of told) expected[owner]?.push({ zxid, events });
        expect(hub.resume(history, subscribers[owner] as Subscriber, id, watch.path, watch.mode, afterZxid)).toBe(true);
        naive.watches = naive.watches.filter((w) => w.owner !== owner || w.id !== id);
        if (fired.size === 0) naive.watches.push(watch);
      }
    });
  }
});
