import { describe, expect, it } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import { AclTable } from "../../../../src/core/tree/acl-table.ts";
import { EventBuffer, type EventSink } from "../../../../src/core/tree/event-buffer.ts";
import { type EventType, eventType } from "../../../../src/core/tree/operation.ts";

class Recorder implements EventSink {
  readonly events: [EventType, string, number, number][] = [];
  record(type: EventType, path: Uint8Array, start: number, end: number, zxid: number, aclId: number): void {
    this.events.push([type, decodeUtf8(path, start, end), zxid, aclId]);
  }
}

function add(buffer: EventBuffer, type: EventType, path: string, aclId = 0): void {
  const bytes = encodeUtf8(`<${path}>`);
  buffer.add(type, bytes, 1, bytes.length - 1, aclId);
  bytes.fill(0xa5);
}

describe("EventBuffer", () => {
  it("core.md 18: releases the events in order, each with its path, its zxid and the ACL to check it with", () => {
    const buffer = new EventBuffer();
    const sink = new Recorder();
    add(buffer, eventType.CREATED, "/a/é", 5);
    add(buffer, eventType.CHILDREN_CHANGED, "/a", 6);
    add(buffer, eventType.DATA_CHANGED, "/");
    buffer.release(sink, 77, new AclTable());
    expect(sink.events).toEqual([
      [eventType.CREATED, "/a/é", 77, 5],
      [eventType.CHILDREN_CHANGED, "/a", 77, 6],
      [eventType.DATA_CHANGED, "/", 77, 0],
    ]);
    buffer.release(sink, 78, new AclTable());
    expect(sink.events).toHaveLength(3);
  });

  it("core.md 4: tells nobody of a command that failed", () => {
    const buffer = new EventBuffer();
    const sink = new Recorder();
    add(buffer, eventType.CREATED, "/failed");
    buffer.clear();
    add(buffer, eventType.DELETED, "/fine");
    buffer.release(sink, 1, new AclTable());
    expect(sink.events.map(([, path]) => path)).toEqual(["/fine"]);
  });

  it("takes paths written into its own space, and grows without losing any", () => {
    const buffer = new EventBuffer();
    const sink = new Recorder();
    const paths = Array.from({ length: 500 }, (_, at) => `/${"x".repeat(at % 60)}${at}`);
    for (const [at, path] of paths.entries()) {
      if (at % 2 === 0) {
        add(buffer, eventType.CREATED, path);
        continue;
      }
      const text = encodeUtf8(path);
      const { bytes, end } = buffer.reserve(text.length);
      bytes.set(text, end - text.length);
      buffer.push(eventType.CREATED, text.length, 0);
    }
    buffer.release(sink, 1, new AclTable());
    expect(sink.events.map(([, path]) => path)).toEqual(paths);
  });

  it("lets the ACLs the command freed go only after its events were checked with them", () => {
    const acls = new AclTable();
    const id = acls.acquire([{ scheme: "digest", id: "a:b", permissions: 1 }]);
    const buffer = new EventBuffer();
    add(buffer, eventType.DELETED, "/a", id);
    acls.release(id);
    let seen: unknown;
    buffer.release({ record: (_type, _path, _start, _end, _zxid, aclId) => (seen = acls.entries(aclId)) }, 1, acls);
    expect(seen).toEqual([{ scheme: "digest", id: "a:b", permissions: 1 }]);
    expect(acls.size).toBe(1);
  });
});
