import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeEvents } from "../../../../src/api/grpc/event-encoder.ts";
import { type EventBatch, SessionResponse } from "../../../../src/api/grpc/gen/muster/coordination/v1/session.ts";
import type { EventType } from "../../../../src/core/tree/operation.ts";
import type { NodeEvent, WatchEvent } from "../../../../src/core/tree/watch-event.ts";

function decoded(bytes: Uint8Array): EventBatch {
  const { response } = SessionResponse.decode(new Uint8Array(bytes));
  if (response?.$case !== "events") throw new Error("not events");
  return response.value;
}

test("the generated decoder reads the events of a zxid, each once with all its watches, in order", () => {
  const path = fc.string({ unit: "grapheme", maxLength: 200 });
  const nodes = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), path), { minLength: 1, maxLength: 4 });
  const picks = fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 0, max: 2 ** 32 - 1 })), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(nodes, picks, fc.maxSafeNat(), (of, picked, zxid) => {
      const all = of.map(([type, at]): NodeEvent => ({ type: type as EventType, path: at, zxid, encoded: undefined }));
      const events = picked.map(([at, watchId]): WatchEvent => {
        return { watchId, event: all[at % all.length] as NodeEvent };
      });
      const order = [...new Set(events.map(({ event }) => event))];
      const expected = order.map((event) => ({
        event: { type: event.type, path: event.path },
        watchIds: events.filter((each) => each.event === event).map(({ watchId }) => watchId),
      }));
      expect(decoded(encodeEvents(events, zxid))).toEqual({ zxid, events: expected });
    }),
  );
});

test("an event is encoded once for all its subscribers", () => {
  const event: NodeEvent = { type: 3, path: "/a", zxid: 7, encoded: undefined };
  encodeEvents([{ watchId: 1, event }], 7);
  const { encoded } = event;
  encodeEvents([{ watchId: 2, event }], 7);
  expect(encoded).toBeDefined();
  expect(event.encoded).toBe(encoded);
});
