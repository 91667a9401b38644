import { describe, expect, it } from "vitest";
import type { EventHistory } from "../../../../src/core/tree/event-history.ts";
import type { EventType, WatchMode } from "../../../../src/core/tree/operation.ts";
import { WatchHub } from "../../../../src/core/tree/watch-hub.ts";
import {
  append,
  CHILDREN_CHANGED,
  CREATED,
  DATA_CHANGED,
  DELETED,
  MODES,
  newHistory,
  OPEN_ACL,
  record,
  SECRET_ACL,
  Subscriber,
  TYPES,
} from "./watch-hub-rig.ts";

describe("watch hub: which events fire which watch (reference 1.5)", () => {
  const expected: Record<WatchMode, readonly EventType[]> = {
    data: [DATA_CHANGED, DELETED],
    exists: [CREATED, DATA_CHANGED, DELETED],
    children: [CHILDREN_CHANGED, DELETED],
    persistent: [CREATED, DELETED, DATA_CHANGED, CHILDREN_CHANGED],
    "persistent-recursive": [CREATED, DELETED, DATA_CHANGED],
  };
  for (const mode of MODES) {
    for (const type of TYPES) {
      const fires = expected[mode].includes(type);
      it(`${mode} ${fires ? "fires" : "stays silent"} on event type ${type}`, () => {
        const hub = new WatchHub();
        const subscriber = new Subscriber();
        hub.add(subscriber, 7, "/a", mode);
        record(hub, type, "/a", 1);
        hub.flush();
        expect(subscriber.deliveries).toEqual(fires ? [{ zxid: 1, events: [`7:${type}:/a`] }] : []);
        const stays = !fires || mode.startsWith("persistent");
        expect(hub.count).toBe(stays ? 1 : 0);
      });
    }
  }

  it("only a recursive watch sees events below its path, and none of a sibling with the same beginning", () => {
    const hub = new WatchHub();
    const subscriber = new Subscriber();
    for (const [i, mode] of MODES.entries()) hub.add(subscriber, i, "/a", mode);
    record(hub, CREATED, "/a/b/c", 1);
    record(hub, CREATED, "/ab", 1);
    record(hub, CREATED, "/", 1);
    hub.flush();
    expect(subscriber.flat).toEqual(["4:1:/a/b/c"]);
  });

  it("a recursive watch on the root sees everything, the root itself included", () => {
    const hub = new WatchHub();
    const subscriber = new Subscriber();
    hub.add(subscriber, 1, "/", "persistent-recursive");
    record(hub, DATA_CHANGED, "/", 1);
    record(hub, CREATED, "/ä/𝄞", 1);
    record(hub, CHILDREN_CHANGED, "/ä", 1);
    hub.flush();
    expect(subscriber.deliveries).toEqual([{ zxid: 1, events: ["1:3:/", "1:1:/ä/𝄞"] }]);
  });

  it("a deletion fires the data and the child watch, each once, and modes on one path coexist", () => {
    const hub = new WatchHub();
    const subscriber = new Subscriber();
    for (const [i, mode] of MODES.entries()) hub.add(subscriber, i, "/a", mode);
    expect(hub.count).toBe(5);
    record(hub, DELETED, "/a", 3);
    hub.flush();
    expect(subscriber.flat).toEqual(["0:2:/a", "1:2:/a", "2:2:/a", "3:2:/a", "4:2:/a"]);
    expect(hub.count).toBe(2);
    record(hub, CREATED, "/a", 4);
    hub.flush();
    expect(subscriber.deliveries[1]).toEqual({ zxid: 4, events: ["3:1:/a", "4:1:/a"] });
  });
});

describe("watch hub: delivery", () => {
  it("core.md 14: events of one zxid are one call per subscriber, in order", () => {
    const hub = new WatchHub();
    const log: string[] = [];
    const first = new Subscriber("first", log);
    const second = new Subscriber("second", log);
    hub.add(first, 1, "/b", "persistent");
    hub.add(second, 1, "/", "persistent-recursive");
    hub.add(first, 2, "/a", "persistent");
    record(hub, DATA_CHANGED, "/c", 5);
    record(hub, DATA_CHANGED, "/a", 5);
    record(hub, DATA_CHANGED, "/b", 5);
    expect(log).toEqual([]);
    hub.flush();
    expect(log).toEqual(["second", "first"]);
    expect(first.deliveries).toEqual([{ zxid: 5, events: ["2:3:/a", "1:3:/b"] }]);
    expect(second.deliveries).toEqual([{ zxid: 5, events: ["1:3:/c", "1:3:/a", "1:3:/b"] }]);
    hub.flush();
    expect(log).toHaveLength(2);
  });

  it("shares one event object among all its subscribers, so that it is encoded once", () => {
    const hub = new WatchHub();
    const subscribers = [new Subscriber(), new Subscriber(), new Subscriber()];
    for (const s of subscribers.slice(1)) hub.add(s, 1, "/a", "data");
    hub.add(subscribers[0] as Subscriber, 1, "/", "persistent-recursive");
    record(hub, DATA_CHANGED, "/a", 1);
    hub.flush();
    const events = subscribers.map((s) => s.objects[0]?.event);
    expect(new Set(events).size).toBe(1);
  });

  it("a one-shot watch fires once, even when its zxid holds several events for it", () => {
    const hub = new WatchHub();
    const subscriber = new Subscriber();
    hub.add(subscriber, 1, "/a", "exists");
    record(hub, CREATED, "/a", 1);
    record(hub, DATA_CHANGED, "/a", 1);
    hub.flush();
    record(hub, DATA_CHANGED, "/a", 2);
    hub.flush();
    expect(subscriber.deliveries).toEqual([{ zxid: 1, events: ["1:1:/a"] }]);
  });

  it("a failed multi delivers nothing and leaves one-shot watches armed", () => {
    const hub = new WatchHub();
    const subscriber = new Subscriber();
    hub.add(subscriber, 1, "/a", "data");
    record(hub, DATA_CHANGED, "/a", 1);
    hub.discard();
    hub.flush();
    expect(subscriber.deliveries).toEqual([]);
    record(hub, DELETED, "/a", 2);
    hub.flush();
    expect(subscriber.deliveries).toEqual([{ zxid: 2, events: ["1:2:/a"] }]);
  });

  it("core.md 18: an event that may not be read is not delivered and does not use a one-shot watch up", () => {
    const hub = new WatchHub();
    const subscriber = new Subscriber();
    subscriber.forbidden.add(SECRET_ACL);
    hub.add(subscriber, 1, "/a", "data");
    hub.add(subscriber, 2, "/", "persistent-recursive");
    record(hub, DATA_CHANGED, "/a", 1, SECRET_ACL);
    hub.flush();
    expect(subscriber.deliveries).toEqual([]);
    expect(hub.count).toBe(2);
    record(hub, DATA_CHANGED, "/a", 2, OPEN_ACL);
    hub.flush();
    expect(subscriber.flat).toEqual(["1:3:/a", "2:3:/a"]);
  });

  it("refuses events of two zxids without a flush between them", () => {
    const hub = new WatchHub();
    hub.add(new Subscriber(), 1, "/a", "persistent");
    record(hub, DATA_CHANGED, "/a", 1);
    expect(() => record(hub, DATA_CHANGED, "/a", 2)).toThrow("events of two zxids");
  });
});

describe("watch hub: registration", () => {
  it("the same id on the same subscriber replaces, on another it does not", () => {
    const hub = new WatchHub();
    const subscriber = new Subscriber();
    const other = new Subscriber();
    hub.add(subscriber, 1, "/a", "persistent");
    hub.add(other, 1, "/a", "persistent");
    hub.add(subscriber, 1, "/b", "persistent-recursive");
    expect(hub.count).toBe(2);
    record(hub, DATA_CHANGED, "/a", 1);
    hub.flush();
    expect(subscriber.flat).toEqual([]);
    expect(other.flat).toEqual(["1:3:/a"]);
  });

  it("remove says whether there was one; removeAll leaves nothing", () => {
    const hub = new WatchHub();
    const subscriber = new Subscriber();
    for (const [i, mode] of MODES.entries()) hub.add(subscriber, i, "/a", mode);
    expect(hub.remove(subscriber, 0)).toBe(true);
    expect(hub.remove(subscriber, 0)).toBe(false);
    expect(hub.remove(new Subscriber(), 1)).toBe(false);
    hub.removeAll(subscriber);
    hub.removeAll(subscriber);
    expect(hub.count).toBe(0);
    record(hub, DELETED, "/a", 1);
    hub.flush();
    expect(subscriber.deliveries).toEqual([]);
  });

  it("who is removed while others are told is not told, though its only watch has just fired", () => {
    const hub = new WatchHub();
    const first = new Subscriber();
    const second = new Subscriber();
    hub.add(first, 1, "/a", "data");
    hub.add(second, 1, "/a", "data");
    first.onDeliver = () => hub.removeAll(second);
    record(hub, DATA_CHANGED, "/a", 1);
    hub.flush();
    expect(first.flat).toHaveLength(1);
    expect(second.deliveries).toEqual([]);
  });

  it("a watch set again while its event is told waits for the next one", () => {
    const hub = new WatchHub();
    const subscriber = new Subscriber();
    hub.add(subscriber, 1, "/a", "data");
    subscriber.onDeliver = () => hub.add(subscriber, 1, "/a", "data");
    record(hub, DATA_CHANGED, "/a", 1);
    hub.flush();
    record(hub, DATA_CHANGED, "/a", 2);
    hub.flush();
    expect(subscriber.deliveries.map((d) => d.zxid)).toEqual([1, 2]);
    expect(hub.count).toBe(1);
  });

  it("a watch removed after it matched, and another set under its id, stay apart", () => {
    const hub = new WatchHub();
    const subscriber = new Subscriber();
    hub.add(subscriber, 1, "/a", "data");
    record(hub, DATA_CHANGED, "/a", 1);
    hub.remove(subscriber, 1);
    hub.flush();
    hub.add(subscriber, 1, "/b", "data");
    expect(hub.count).toBe(1);
    record(hub, DATA_CHANGED, "/b", 2);
    hub.flush();
    expect(subscriber.flat).toEqual(["1:3:/a", "1:3:/b"]);
  });
});

describe("watch hub: resume (core.md 17)", () => {
  function filled(): EventHistory {
    const history = newHistory();
    append(history, CREATED, "/a", 1);
    append(history, CHILDREN_CHANGED, "/", 1);
    append(history, DATA_CHANGED, "/a", 2);
    append(history, CREATED, "/a/b", 3);
    append(history, CHILDREN_CHANGED, "/a", 3);
    append(history, DATA_CHANGED, "/ab", 4);
    append(history, DELETED, "/a/b", 5, SECRET_ACL);
    append(history, CHILDREN_CHANGED, "/a", 5);
    append(history, DATA_CHANGED, "/a", 5);
    return history;
  }

  it("delivers what happened since, one call per zxid, then goes on", () => {
    const hub = new WatchHub();
    const subscriber = new Subscriber();
    expect(hub.resume(filled(), subscriber, 9, "/a", "persistent", 1)).toBe(true);
    expect(subscriber.deliveries).toEqual([
      { zxid: 2, events: ["9:3:/a"] },
      { zxid: 3, events: ["9:4:/a"] },
      { zxid: 5, events: ["9:4:/a", "9:3:/a"] },
    ]);
    record(hub, DATA_CHANGED, "/a", 6);
    hub.flush();
    expect(subscriber.deliveries).toHaveLength(4);
  });

  it("core.md 18: replays of a recursive watch are checked with each event's own ACL", () => {
    const hub = new WatchHub();
    const subscriber = new Subscriber();
    subscriber.forbidden.add(SECRET_ACL);
    expect(hub.resume(filled(), subscriber, 9, "/a", "persistent-recursive", 2)).toBe(true);
    expect(subscriber.deliveries).toEqual([
      { zxid: 3, events: ["9:1:/a/b"] },
      { zxid: 5, events: ["9:3:/a"] },
    ]);
  });

  it("a one-shot watch that missed its event fires once and is gone; one that did not is armed", () => {
    const hub = new WatchHub();
    const subscriber = new Subscriber();
    hub.add(subscriber, 9, "/old", "persistent");
    expect(hub.resume(filled(), subscriber, 9, "/a", "data", 1)).toBe(true);
    expect(subscriber.deliveries).toEqual([{ zxid: 2, events: ["9:3:/a"] }]);
    expect(hub.count).toBe(0);
    expect(hub.resume(filled(), subscriber, 9, "/a", "data", 5)).toBe(true);
    expect(hub.count).toBe(1);
  });

  it("answers false and does nothing when the history does not reach back", () => {
    const hub = new WatchHub();
    const subscriber = new Subscriber();
    const history = newHistory();
    history.reset(10);
    append(history, DATA_CHANGED, "/a", 11);
    expect(hub.resume(history, subscriber, 1, "/a", "persistent", 9)).toBe(false);
    expect(subscriber.deliveries).toEqual([]);
    expect(hub.count).toBe(0);
    expect(hub.resume(history, subscriber, 1, "/a", "persistent", 10)).toBe(true);
    expect(subscriber.flat).toEqual(["1:3:/a"]);
  });

  it("a subscriber that goes away during its replay is told no more and leaves no watch", () => {
    const hub = new WatchHub();
    const subscriber = new Subscriber();
    subscriber.onDeliver = () => hub.removeAll(subscriber);
    hub.resume(filled(), subscriber, 9, "/a", "persistent", 0);
    expect(subscriber.deliveries).toHaveLength(1);
    expect(hub.count).toBe(0);
  });
});
