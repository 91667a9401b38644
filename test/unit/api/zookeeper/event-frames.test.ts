import { expect, test } from "vitest";
import { EventFrames, notification } from "../../../../src/api/zookeeper/event-frames.ts";
import type { NodeEvent } from "../../../../src/core/tree/watch-event.ts";
import { JuteReader } from "../../../conformance/differential/jute.ts";

function eventOf(path: string, zxid: number): NodeEvent {
  return { type: 3, path, zxid, encoded: undefined };
}

function fieldsOf(frame: Buffer) {
  const reader = new JuteReader(frame);
  const size = reader.int();
  const header = [reader.int(), Number(reader.long()), reader.int()];
  return { size, header, type: reader.int(), state: reader.int(), path: reader.string(), left: reader.left };
}

test("reference 2.4: a notification has xid -1, the transaction's zxid, no error, type, SyncConnected and path", () => {
  const zxid = 3 * 2 ** 32 + 5;
  expect(fieldsOf(notification(4, "/a/ö", zxid))).toEqual({
    size: 16 + 4 + 4 + 4 + 5,
    header: [-1, zxid, 0],
    type: 4,
    state: 3,
    path: "/a/ö",
    left: 0,
  });
});

test("reference 1.5: one made by setWatches has zxid -1", () => {
  expect(fieldsOf(notification(2, "/a", -1)).header).toEqual([-1, -1, 0]);
});

test("an event is encoded once, however many connections are told; those of one zxid side by side", () => {
  const frames = new EventFrames();
  const [one, two] = [eventOf("/a", 7), eventOf("/b", 7)];
  const first = frames.frameOf(one);
  expect(fieldsOf(frames.frameOf(two)).path).toBe("/b");
  expect(frames.frameOf(one)).toBe(first);
  expect(fieldsOf(first)).toMatchObject({ path: "/a", header: [-1, 7, 0] });
});

test("events of a later zxid take the place of the earlier ones, and these are still told right", () => {
  const frames = new EventFrames();
  const old = eventOf("/a", 7);
  const first = frames.frameOf(old);
  expect(fieldsOf(frames.frameOf(eventOf("/a", 8))).header).toEqual([-1, 8, 0]);
  const again = frames.frameOf(old);
  expect(again).not.toBe(first);
  expect(again).toEqual(first);
});
