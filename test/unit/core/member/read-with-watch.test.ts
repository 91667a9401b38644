import { expect, test } from "vitest";
import type { Answer } from "../../../../src/core/tree/answer.ts";
import type { ReadOperation, WatchMode } from "../../../../src/core/tree/operation.ts";
import { Client, SoloMember } from "../../../support/solo-member.ts";

const FREE = { minZxid: 0, linearizable: false };

function read(client: Client, number: number, operation: ReadOperation, mode: WatchMode, watchId = number): void {
  client.connection.read(number, operation, { ...FREE, watch: { watchId, mode } });
}

/** A member with a znode /a, and a client with nothing under way. */
function rig(): { solo: SoloMember; client: Client; writer: Client } {
  const solo = SoloMember.leading();
  const writer = solo.session();
  writer.create("/a", "1");
  solo.settle();
  const client = solo.session();
  client.take();
  return { solo, client, writer };
}

test("a read leaves its watch at just the point of the tree its answer shows", () => {
  const { solo, client, writer } = rig();
  read(client, 50, { kind: "get", path: "/a" }, "exists");
  writer.set("/a", "2");
  solo.settle();
  expect(client.take()).toEqual(["50 get 1", "events 50:3:/a"]);
});

test("core.md 14: behind its session's own unanswered write it sees and watches what comes after that", () => {
  const { solo, client } = rig();
  client.set("/a", "2", 10);
  read(client, 50, { kind: "get", path: "/a" }, "exists");
  client.set("/a", "3", 11);
  solo.settle();
  expect(client.take()).toEqual(["10 stat", "50 get 2", "events 50:3:/a", "11 stat"]);
});

test("where the read fails there is no watch, but for exists of what is not there", () => {
  const { solo, client, writer } = rig();
  read(client, 50, { kind: "get", path: "/new" }, "exists");
  read(client, 51, { kind: "list", path: "/new", limit: 0, cursor: new Uint8Array(0) }, "children");
  read(client, 52, { kind: "exists", path: "/new" }, "exists");
  read(client, 53, { kind: "exists", path: "bad" }, "exists");
  expect(solo.member.hub.count).toBe(1);
  writer.create("/new");
  solo.settle();
  const failed = ["50 NODE_NOT_FOUND", "51 NODE_NOT_FOUND", "52 NODE_NOT_FOUND", "53 INVALID_PATH"];
  expect(client.take()).toEqual([...failed, "events 52:1:/new"]);
});

test("a znode that may not be read leaves none, whether or not it is there to be waited for", () => {
  const { solo, client } = rig();
  const acl = [{ scheme: "digest", id: "ann:x", permissions: 31 }];
  client.connection.submit(1, 0, { kind: "create", path: "/own", data: new Uint8Array(0), mode: 0, acl });
  solo.settle();
  client.take();
  read(client, 50, { kind: "exists", path: "/own" }, "exists");
  expect([client.take(), solo.member.hub.count]).toEqual([["50 NO_PERMISSION"], 0]);
});

test("a watch of the connection with the same id is replaced, path and mode", () => {
  const { solo, client, writer } = rig();
  read(client, 50, { kind: "get", path: "/a" }, "persistent", 7);
  read(client, 51, { kind: "exists", path: "/b" }, "exists", 7);
  expect(solo.member.hub.count).toBe(1);
  writer.set("/a", "2");
  writer.create("/b");
  solo.settle();
  expect(client.take()).toEqual(["50 get 1", "51 NODE_NOT_FOUND", "events 7:1:/b"]);
});

test("one that waits at a barrier registers when it is answered", () => {
  const { solo, client, writer } = rig();
  const zxid = solo.member.tree.zxid + 1;
  const watch = { watchId: 9, mode: "exists" as const };
  client.connection.read(50, { kind: "get", path: "/a" }, { minZxid: zxid, linearizable: false, watch });
  expect(solo.member.hub.count).toBe(0);
  writer.set("/a", "2");
  solo.settle();
  writer.set("/a", "3");
  solo.settle();
  expect(client.take()).toEqual(["50 get 2", "events 9:3:/a"]);
});

test("a read asked for while another is being answered comes after it, whatever the first one still shows", () => {
  const { solo } = rig();
  const shown: string[] = [];
  class Asking extends Client {
    override onAnswer(answer: Answer): void {
      if (answer.number === 50) {
        this.connection.read(51, { kind: "exists", path: "/none" }, FREE);
        this.connection.removeWatch(52, 99);
        this.connection.sync(53);
        this.connection.read(54, { kind: "get", path: "/a" }, FREE);
      }
      shown.push(`${answer.number} ${answer.code} ${answer.kind}`);
      super.onAnswer(answer);
    }
  }
  const client = new Asking(solo, []);
  client.connection.read(50, { kind: "get", path: "/a" }, FREE);
  solo.settle();
  expect(client.take()).toEqual(["50 get 1", "51 NODE_NOT_FOUND", "52 NO_WATCH", "53 none", "54 get 1"]);
  expect(shown[0]).toBe("50 0 get");
});

test("a client that leaves while it is being answered is told nothing more", () => {
  const { solo } = rig();
  class Leaving extends Client {
    override onAnswer(answer: Answer): void {
      super.onAnswer(answer);
      this.connection.read(51, { kind: "get", path: "/a" }, FREE);
      this.connection.detach();
    }
  }
  const client = new Leaving(solo, []);
  client.connection.read(50, { kind: "get", path: "/a" }, FREE);
  solo.settle();
  expect(client.take()).toEqual(["50 get 1"]);
});
