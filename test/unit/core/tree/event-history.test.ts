import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import { EventHistory } from "../../../../src/core/tree/event-history.ts";
import type { EventType } from "../../../../src/core/tree/operation.ts";
import { eventType } from "../../../../src/core/tree/operation.ts";

const RING = 64 * 1024;
const TYPES = Object.values(eventType);

interface Event {
  readonly zxid: number;
  readonly type: EventType;
  readonly path: string;
  readonly aclId: number;
}

/** Counts uses of ACLs, and refuses a release of one that is not in use. */
class Uses {
  readonly counts = new Map<number, number>();
  retain(aclId: number): void {
    this.counts.set(aclId, (this.counts.get(aclId) ?? 0) + 1);
  }
  release(aclId: number): void {
    const left = (this.counts.get(aclId) ?? 0) - 1;
    expect(left).toBeGreaterThanOrEqual(0);
    if (left === 0) this.counts.delete(aclId);
    else this.counts.set(aclId, left);
  }
}

function append(history: EventHistory, event: Event): void {
  const bytes = encodeUtf8(`..${event.path}.`);
  history.append(event.zxid, event.type, bytes, 2, bytes.length - 1, event.aclId);
}

function all(history: EventHistory, after: number): Event[] | undefined {
  const events: Event[] = [];
  return history.replay(after, (zxid, type, path, aclId) => events.push({ zxid, type, path, aclId }))
    ? events
    : undefined;
}

function at(history: EventHistory, after: number, where: string, below: boolean): Event[] | undefined {
  const events: Event[] = [];
  const visit = (zxid: number, type: EventType, path: string, aclId: number): void => {
    events.push({ zxid, type, path, aclId });
  };
  return history.replayAt(after, where, below, visit) ? events : undefined;
}

describe("event history (core.md 17)", () => {
  it("gives events back as they were, oldest first, from after the zxid asked for", () => {
    const history = new EventHistory(RING, new Uses());
    const events: Event[] = [
      { zxid: 3, type: eventType.CREATED, path: "/", aclId: 0 },
      { zxid: 3, type: eventType.CHILDREN_CHANGED, path: "/ä/𝄞", aclId: 2 ** 32 - 1 },
      { zxid: 2 ** 53 - 1, type: eventType.DELETED, path: `/${"p".repeat(4000)}`, aclId: 7 },
    ];
    for (const event of events) append(history, event);
    expect(all(history, 0)).toEqual(events);
    expect(all(history, 2)).toEqual(events);
    expect(all(history, 3)).toEqual(events.slice(2));
    expect(all(history, 2 ** 53 - 1)).toEqual([]);
  });

  it("says compacted below its floor, never a shortened history", () => {
    const history = new EventHistory(RING, new Uses());
    for (let zxid = 1; zxid <= 5000; zxid++) append(history, { zxid, type: 3, path: "/some/path", aclId: 1 });
    const floor = history.floorZxid;
    expect(floor).toBeGreaterThan(0);
    expect(all(history, floor - 1)).toBeUndefined();
    expect(at(history, floor - 1, "/none", false)).toBeUndefined();
    expect(all(history, floor)).toHaveLength(5000 - floor);
    expect((5000 - floor) * 40).toBeGreaterThan(RING - 100);
  });

  it("one zxid larger than the whole ring is compacted as a whole", () => {
    const uses = new Uses();
    const history = new EventHistory(RING, uses);
    append(history, { zxid: 1, type: 3, path: "/a", aclId: 1 });
    for (let i = 0; i < 5000; i++) append(history, { zxid: 2, type: 2, path: `/tree/${i}`, aclId: 1 });
    expect(history.floorZxid).toBe(2);
    expect(all(history, 1)).toBeUndefined();
    expect(all(history, 2)).toEqual([]);
    append(history, { zxid: 3, type: 3, path: "/a", aclId: 1 });
    expect(all(history, 2)).toHaveLength(1);
  });

  it("a path larger than the whole ring is compacted, and the history goes on", () => {
    const uses = new Uses();
    const history = new EventHistory(RING, uses);
    append(history, { zxid: 1, type: 3, path: "/a", aclId: 1 });
    append(history, { zxid: 2, type: 3, path: `/${"x".repeat(RING)}`, aclId: 1 });
    expect(uses.counts.size).toBe(0);
    expect(all(history, 1)).toBeUndefined();
    append(history, { zxid: 3, type: 3, path: "/a", aclId: 1 });
    expect(all(history, 2)).toHaveLength(1);
  });

  it("reset empties it, gives its ACLs back and begins after the zxid", () => {
    const uses = new Uses();
    const history = new EventHistory(RING, uses);
    for (let zxid = 1; zxid <= 100; zxid++) append(history, { zxid, type: 3, path: "/a", aclId: zxid % 5 });
    history.reset(40);
    expect(uses.counts.size).toBe(0);
    expect(history.floorZxid).toBe(40);
    expect(all(history, 39)).toBeUndefined();
    expect(all(history, 40)).toEqual([]);
    append(history, { zxid: 41, type: 1, path: "/b", aclId: 1 });
    expect(at(history, 40, "/b", false)).toHaveLength(1);
    expect(at(history, 40, "/a", false)).toEqual([]);
  });

  it("refuses events out of order", () => {
    const history = new EventHistory(RING, new Uses());
    append(history, { zxid: 5, type: 3, path: "/a", aclId: 1 });
    expect(() => append(history, { zxid: 4, type: 3, path: "/a", aclId: 1 })).toThrow("out of order");
  });

  for (let seed = 1; seed <= 12; seed++) {
    it(`agrees with a plain list over many turns of the ring, seed ${seed}`, () => {
      const random = new Prng(seed);
      const uses = new Uses();
      const history = new EventHistory(RING + random.below(100), uses);
      let list: Event[] = [];
      const leaves = random.pick([4, 200, 5000]);
      const longest = random.pick([1, 30, 3000]);
      const leaf = (): string => `/${"n".repeat(random.below(longest))}${random.below(leaves)}`;
      const path = (): string =>
        random.chance(0.05) ? "/" : `/d${random.below(4)}${random.chance(0.2) ? "" : leaf()}`;
      let zxid = 1;
      for (let round = 0; round < 4000; round++) {
        zxid += 1 + random.below(3);
        const batch: Event[] = [];
        for (let i = random.below(random.chance(0.01) ? 200 : 3); i >= 0; i--) {
          batch.push({ zxid, type: random.pick(TYPES), path: path(), aclId: random.below(20) });
        }
        for (const event of batch) append(history, event);
        if (random.chance(0.1)) history.discard(zxid);
        else list.push(...batch);
        list = list.filter((event) => event.zxid > history.floorZxid);
        if (round % 50 === 0) compare();
      }
      compare();
      expect(history.floorZxid).toBeGreaterThan(1);

      function compare(): void {
        const floor = history.floorZxid;
        expect(all(history, floor)?.length, `events after the floor ${floor}`).toBe(list.length);
        expect(all(history, floor)).toEqual(list);
        const after = floor + random.below(zxid - floor + 1);
        const since = list.filter((event) => event.zxid > after);
        expect(all(history, after)?.length, `events after ${after}`).toBe(since.length);
        expect(all(history, after)).toEqual(since);
        const where = since.length > 0 && random.chance(0.8) ? random.pick(since).path : path();
        expect(at(history, after, where, false)).toEqual(since.filter((event) => event.path === where));
        const prefix = where === "/" ? "/" : `${where}/`;
        expect(at(history, after, where, true)).toEqual(
          since.filter((event) => event.path === where || event.path.startsWith(prefix)),
        );
        const counts = new Map<number, number>();
        for (const event of list) counts.set(event.aclId, (counts.get(event.aclId) ?? 0) + 1);
        // Events of the floor's own zxid may still be in the ring: they hold ACLs too, but nobody sees them.
        for (const [aclId, count] of counts) expect(uses.counts.get(aclId) ?? 0).toBeGreaterThanOrEqual(count);
      }
    });
  }
});
