import { describe, expect, it } from "vitest";
import { encodeUtf8, FormatError } from "../../../../src/core/base/bytes.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import { AclTable, aclText, OPEN_ACL } from "../../../../src/core/tree/acl-table.ts";
import { EventHistory } from "../../../../src/core/tree/event-history.ts";
import { checkTail, exportTail, importTail, TAIL_BYTES_MIN } from "../../../../src/core/tree/history-tail.ts";
import { LoadError } from "../../../../src/core/tree/loader.ts";
import { type EventType, eventType } from "../../../../src/core/tree/operation.ts";
import { Tree } from "../../../../src/core/tree/tree.ts";

const RING = 1024 * 1024;
const TYPES = Object.values(eventType);

interface Event {
  readonly zxid: number;
  readonly type: EventType;
  readonly path: string;
  readonly acl: string;
}

/** A history with its ACLs, and in plain form what was put into it. */
class Rig {
  readonly acls = new AclTable();
  readonly history: EventHistory;
  readonly list: Event[] = [];

  constructor(bytesMax = RING) {
    this.history = new EventHistory(bytesMax, this.acls);
  }

  user(name: string): number {
    return this.acls.acquire([{ scheme: "digest", id: `${name}:hash`, permissions: 3 }]);
  }

  append(zxid: number, path: string, aclId: number = OPEN_ACL, type: EventType = eventType.DATA_CHANGED): void {
    const bytes = encodeUtf8(path);
    this.history.append(zxid, type, bytes, 0, bytes.length, aclId);
    this.list.push({ zxid, type, path, acl: this.acls.text(aclId) });
  }

  events(after = this.history.floorZxid): Event[] | undefined {
    const events: Event[] = [];
    const complete = this.history.replay(after, (zxid, type, path, aclId) =>
      events.push({ zxid, type, path, acl: aclText(this.acls.entries(aclId)) }),
    );
    return complete ? events : undefined;
  }

  export(bytesMax = RING): Uint8Array {
    return exportTail(this.history, this.acls, bytesMax);
  }

  /** Another process: a table of its own, where ids are given differently. */
  static import(bytes: Uint8Array, zxid: number, bytesMax = RING): Rig {
    const rig = new Rig(bytesMax);
    for (let i = 0; i < 5; i++) rig.user(`other${i}`);
    importTail(rig.history, rig.acls, bytes, zxid);
    return rig;
  }
}

describe("the tail of the event history (core.md 17)", () => {
  it("comes back whole, with the ACL of each event, under other ids", () => {
    const rig = new Rig();
    rig.history.reset(2 ** 32);
    const [ada, bob] = [rig.user("ada"), rig.user("bob")];
    rig.append(2 ** 32 + 3, "/", OPEN_ACL, eventType.CHILDREN_CHANGED);
    rig.append(2 ** 32 + 3, "/ä/𝄞", bob, eventType.CREATED);
    rig.append(2 ** 32 + 9, `/${"p".repeat(4000)}`, ada, eventType.DELETED);
    const loaded = Rig.import(rig.export(), 2 ** 32 + 9);
    expect(loaded.history.floorZxid).toBe(2 ** 32);
    expect(loaded.events()).toEqual(rig.list);
    expect(loaded.events(2 ** 32 - 1)).toBeUndefined();
    loaded.append(2 ** 32 + 10, "/later");
    expect(loaded.events()).toHaveLength(4);
  });

  it("holds ACLs as long as their events, and not longer", () => {
    const rig = new Rig();
    rig.append(1, "/a", rig.user("ada"));
    const loaded = new Rig();
    importTail(loaded.history, loaded.acls, rig.export(), 1);
    loaded.acls.collect();
    expect(loaded.acls.size).toBe(2);
    loaded.history.reset(1);
    loaded.acls.collect();
    expect(loaded.acls.size).toBe(1);
  });

  it("is empty where the history is: it begins where that did", () => {
    const rig = new Rig();
    rig.history.reset(77);
    const loaded = Rig.import(rig.export(), 90);
    expect(loaded.history.floorZxid).toBe(77);
    expect(loaded.events()).toEqual([]);
  });

  it("no bytes at all: the history begins at the snapshot's zxid", () => {
    const loaded = Rig.import(new Uint8Array(0), 90);
    expect(loaded.history.floorZxid).toBe(90);
  });

  it("core.md 17: has whole zxids only, the newest ones, within the bytes allowed", () => {
    const rig = new Rig();
    const random = new Prng(3);
    let zxid = 0;
    for (let i = 0; i < 4000; i++) {
      zxid += 1 + random.below(2);
      for (let event = random.below(4); event >= 0; event--) rig.append(zxid, `/some/path/${i}/${event}`);
    }
    const bytes = rig.export(TAIL_BYTES_MIN);
    expect(bytes.length).toBeLessThanOrEqual(TAIL_BYTES_MIN);
    expect(bytes.length).toBeGreaterThan(TAIL_BYTES_MIN / 4);
    const loaded = Rig.import(bytes, zxid);
    const floor = loaded.history.floorZxid;
    expect(loaded.events()).toEqual(rig.list.filter((event) => event.zxid > floor));
    expect(loaded.events(floor - 1)).toBeUndefined();
  });

  it("knows its floor wherever the cut falls", () => {
    const rig = new Rig();
    for (let zxid = 1; zxid <= 3000; zxid++) {
      rig.append(zxid, "/12345");
      if (zxid < 2900) continue;
      const loaded = Rig.import(rig.export(TAIL_BYTES_MIN), zxid);
      const floor = loaded.history.floorZxid;
      expect(loaded.events()).toEqual(rig.list.slice(floor));
      expect(floor).toBeGreaterThan(zxid - TAIL_BYTES_MIN / 32);
    }
  });

  it("one zxid with more events than are allowed is left out as a whole", () => {
    const rig = new Rig();
    rig.append(1, "/before");
    for (let i = 0; i < 3000; i++) rig.append(2, `/tree/${i}`);
    const loaded = Rig.import(rig.export(TAIL_BYTES_MIN), 2);
    expect(loaded.history.floorZxid).toBe(2);
    expect(loaded.events()).toEqual([]);
  });

  it.each([
    ["many ACLs", 6000, 1],
    ["long ACLs", 400, 60],
  ])("%s cost events, never the limit", (_, users, entries) => {
    const rig = new Rig();
    for (let zxid = 1; zxid <= users; zxid++) {
      const acl = Array.from({ length: entries }, (__, i) => ({
        scheme: "digest",
        id: `user${zxid}-${i}:hash`,
        permissions: 1,
      }));
      rig.append(zxid, "/a", rig.acls.acquire(acl));
    }
    const bytes = rig.export(256 * 1024);
    expect(bytes.length).toBeLessThanOrEqual(256 * 1024);
    const loaded = Rig.import(bytes, users);
    expect(loaded.events()).toEqual(rig.list.slice(loaded.history.floorZxid));
    expect(loaded.events()?.length).toBeGreaterThan(30);
  });

  it("a smaller ring keeps the newest of it", () => {
    const rig = new Rig();
    for (let zxid = 1; zxid <= 5000; zxid++) rig.append(zxid, "/some/path");
    const loaded = Rig.import(rig.export(), 5000, 64 * 1024);
    const floor = loaded.history.floorZxid;
    expect(floor).toBeGreaterThan(2000);
    expect(loaded.events()).toEqual(rig.list.slice(floor));
  });

  for (let seed = 1; seed <= 8; seed++) {
    it(`agrees with the ring over many of its turns, discards included, seed ${seed}`, () => {
      const random = new Prng(seed);
      const rig = new Rig(64 * 1024 + 8 * random.below(50));
      const users = Array.from({ length: 20 }, (_, i) => rig.user(`user${i}`));
      const longest = random.pick([4, 60, 3000]);
      let zxid = 1;
      for (let round = 0; round < 3000; round++) {
        zxid += 1 + random.below(2);
        for (let i = random.below(random.chance(0.01) ? 100 : 3); i >= 0; i--) {
          const path = `/${"n".repeat(random.below(longest))}`;
          rig.append(zxid, path, random.chance(0.5) ? OPEN_ACL : random.pick(users), random.pick(TYPES));
        }
        if (random.chance(0.1)) rig.history.discard(zxid);
        if (round % 20 !== 0) continue;
        const loaded = Rig.import(rig.export(TAIL_BYTES_MIN), zxid);
        const floor = loaded.history.floorZxid;
        expect(floor).toBeGreaterThanOrEqual(rig.history.floorZxid);
        expect(loaded.events()).toEqual(rig.events(floor));
      }
    });
  }
});

describe("a damaged tail", () => {
  const rig = new Rig();
  rig.history.reset(10);
  rig.append(11, "/a", rig.user("ada"));
  rig.append(12, "/b/c");
  const bytes = rig.export();

  it("every truncation is refused, and what the history had is kept", () => {
    const other = new Rig();
    other.append(3, "/kept");
    for (let length = 1; length < bytes.length; length++) {
      expect(() => importTail(other.history, other.acls, bytes.subarray(0, length), 12), `${length}`).toThrow(
        FormatError,
      );
    }
    expect(other.events()).toEqual(other.list);
    expect(other.acls.size).toBe(1);
  });

  it("bytes left over are refused", () => {
    expect(() => checkTail(new Uint8Array([...bytes, 0, 0, 0, 0, 0, 0, 0, 0]), 12)).toThrow(FormatError);
  });

  it("any byte changed is refused, or still makes a history", () => {
    let refused = 0;
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = bytes.slice();
        damaged[at] = (damaged[at] as number) ^ (1 << bit);
        try {
          checkTail(damaged, 12);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
          refused++;
          continue;
        }
        expect(Rig.import(damaged, 12).events()?.length).toBeGreaterThan(0);
      }
    }
    expect(refused).toBeGreaterThan(400);
  });

  it("events above the snapshot's zxid are refused", () => {
    expect(() => checkTail(bytes, 12)).not.toThrow();
    expect(() => checkTail(bytes, 11)).toThrow("events out of order");
    expect(() => checkTail(bytes, 9)).toThrow("floor of the history out of range");
  });

  it("is named when the snapshot is loaded, as any other damage of its meta", () => {
    const fresh = Tree.fresh(1, { record: () => undefined });
    const meta = fresh.snapshotMeta(bytes.subarray(0, 20));
    expect(() => Tree.load(1, { record: () => undefined }, () => meta)).toThrow(LoadError);
    expect(() => Tree.load(1, { record: () => undefined }, () => meta)).toThrow(/meta: its history cannot be read/);
  });
});
