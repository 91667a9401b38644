import { expect, test } from "vitest";
import { COMMAND_BYTES_MAX } from "../../../../src/core/base/limits.ts";
import { SoloMember, secretHash } from "../../../support/solo-member.ts";

test("core.md 14: a read behind its session's unanswered write waits for it, and holds up nobody else", () => {
  const solo = SoloMember.leading();
  const [one, two] = [solo.session(), solo.session()];
  one.create("/a", "1");
  solo.settle();
  one.take();
  two.take();
  one.set("/a", "2");
  one.get("/a");
  two.get("/a");
  expect(one.take()).toEqual([]);
  expect(two.take()).toEqual(["1 get 1"]);
  solo.settle();
  expect(one.take()).toEqual(["2 stat", "3 get 2"]);
});

test("core.md 14: queued reads are answered before the session's next write is applied", () => {
  const solo = SoloMember.leading();
  const client = solo.session();
  client.create("/a", "0");
  client.get("/a");
  client.set("/a", "1");
  client.get("/a");
  client.set("/a", "2");
  client.get("/a");
  solo.settle();
  expect(client.take()).toEqual(["opened", "1 create /a", "2 get 0", "3 stat", "4 get 1", "5 stat", "6 get 2"]);
});

test("core.md 14: an event at a zxid comes before any answer at or after it", () => {
  const solo = SoloMember.leading();
  const [writer, watcher] = [solo.session(), solo.session()];
  watcher.watch("/a", "persistent");
  writer.create("/a", "x");
  watcher.get("/a");
  solo.settle();
  watcher.get("/a");
  expect(watcher.take()).toEqual(["opened", "1 none", "2 NODE_NOT_FOUND", "events 1:1:/a", "3 get x"]);
  watcher.set("/a", "y");
  solo.settle();
  expect(watcher.take()).toEqual(["events 1:3:/a", "4 stat"]);
});

test("core.md 14: a watch is registered at its place among the session's requests", () => {
  const solo = SoloMember.leading();
  const client = solo.session();
  client.create("/a");
  client.watch("/a", "data");
  client.set("/a", "1");
  client.set("/a", "2");
  solo.settle();
  expect(client.take()).toEqual(["opened", "1 create /a", "2 none", "events 2:3:/a", "3 stat", "4 stat"]);
});

test("core.md 15: a read waits for its min_zxid, later writes behind it; after the bound it is NOT_CAUGHT_UP", () => {
  const solo = SoloMember.leading();
  const client = solo.session();
  client.create("/a", "1");
  solo.settle();
  client.take();
  client.get("/a", { minZxid: solo.member.tree.zxid + 2 });
  client.set("/a", "2");
  solo.settle();
  expect(client.take()).toEqual([]);
  const other = solo.session();
  other.set("/a", "3");
  solo.settle();
  expect(client.take()).toEqual(["2 get 3", "3 stat"]);
  client.get("/a", { minZxid: solo.member.tree.zxid + 1 });
  client.get("/a");
  solo.pass(600);
  expect(client.take()).toEqual(["4 NOT_CAUGHT_UP", "5 get 2"]);
});

test("core.md 14: a read behind a write that a barrier holds waits for it, and later writes stay behind", () => {
  const solo = SoloMember.leading();
  const client = solo.session();
  client.create("/a", "1");
  client.sync();
  client.set("/a", "2");
  client.get("/a");
  client.set("/a", "3");
  client.watch("/a", "data");
  client.get("/a");
  solo.sync();
  // Held until the read before it has its answer; and so is what comes now.
  client.set("/a", "4");
  client.get("/a");
  solo.settle();
  const answers = ["1 create /a", "2 none", "3 stat", "4 get 2", "5 stat", "6 none", "7 get 3"];
  expect(client.take()).toEqual(["opened", ...answers, "events 6:3:/a", "8 stat", "9 get 4"]);
  expect(client.connection.outstandingBytes).toBe(0);
});

test("a held write that is too large is refused in its place", () => {
  const solo = SoloMember.leading({ outstandingBytesMax: 16 * 1024 * 1024 });
  const client = solo.session();
  client.create("/a", "1");
  client.sync();
  client.set("/a", "x".repeat(COMMAND_BYTES_MAX));
  client.get("/a");
  solo.settle();
  expect(client.take()).toEqual(["opened", "1 create /a", "2 none", "3 MESSAGE_TOO_LARGE", "4 get 1"]);
  expect(client.connection.outstandingBytes).toBe(0);
});

test("core.md 16: a barrier waits for a leader, and passes once there is one", () => {
  const solo = new SoloMember();
  const early = solo.client();
  early.sync();
  solo.member.start();
  early.get("/", { linearizable: true });
  solo.member.endTurn();
  expect(early.take()).toEqual([]);
  solo.pass(200);
  expect(early.take()).toEqual(["1 none", "2 get "]);
  early.sync();
  early.get("/", { linearizable: true });
  expect(early.take()).toEqual(["3 none", "4 get "]);
});

test("core.md 16: a barrier that found no quorum until its deadline is NO_QUORUM, and holds up nobody after it", () => {
  const solo = new SoloMember();
  const early = solo.client();
  early.sync();
  early.get("/", { linearizable: true });
  early.get("/");
  for (const [ms, told] of [
    [500, ["1 NO_QUORUM"]],
    [499, []],
    [1, ["2 NO_QUORUM", "3 NOT_READY"]],
  ] as const) {
    solo.time += ms;
    solo.member.tick();
    expect(early.take()).toEqual(told);
  }
});

test("a refusal keeps its place behind the connection's unanswered writes", () => {
  const solo = SoloMember.leading({ outstandingBytesMax: 60 });
  const client = solo.session();
  client.take();
  client.create("/a");
  client.create("/b");
  client.get("/a");
  client.create("/c");
  expect(client.take()).toEqual([]);
  solo.settle();
  expect(client.take()).toEqual(["1 create /a", "2 create /b", "3 get ", "4 OVERLOADED"]);
});

test("core.md 9: a move ends the older connection and refuses its commands", () => {
  const solo = SoloMember.leading();
  const [old, fresh] = [solo.session(), solo.client()];
  old.create("/a", "1");
  solo.settle();
  const { sessionId } = old.connection;
  fresh.connection.resume(sessionId, secretHash(1));
  old.set("/a", "late");
  solo.settle();
  expect(old.take()).toEqual(["opened", "1 create /a", "closed SESSION_MOVED"]);
  expect(fresh.take()).toEqual(["resumed"]);
  fresh.get("/a");
  expect(fresh.take()).toEqual(["1 get 1"]);
  expect(solo.member.tree.state.sessions.get(sessionId)?.generation).toBe(2);
});

test("core.md 8: a wrong secret resumes nothing", () => {
  const solo = SoloMember.leading();
  const [owner, thief] = [solo.session(), solo.client()];
  thief.connection.resume(owner.connection.sessionId, secretHash(9));
  thief.connection.resume(owner.connection.sessionId + 99, secretHash(1));
  solo.settle();
  expect(thief.closed?.reason).toBe("WRONG_SECRET");
  owner.create("/still-mine");
  solo.settle();
  expect(owner.take()).toEqual(["opened", "1 create /still-mine"]);
});

test("core.md 13: a request repeated after a move is applied once and gets its first answer", () => {
  const solo = SoloMember.leading();
  const [old, fresh] = [solo.session(), solo.client()];
  old.create("/q-", "", 2);
  solo.settle();
  old.connection.detach();
  fresh.connection.resume(old.connection.sessionId, secretHash(1));
  solo.settle();
  fresh.create("/q-", "", 2);
  solo.settle();
  expect(fresh.take()).toEqual(["resumed", "1 create /q-0000000000"]);
  expect(solo.member.tree.state.table.size).toBe(5);
});

test("closing ends the session after everything before it, and its ephemerals with it", () => {
  const solo = SoloMember.leading();
  const client = solo.session();
  client.create("/e", "", 1);
  client.connection.close();
  client.create("/late");
  solo.settle();
  expect(client.take()).toEqual(["opened", "1 create /e", "2 SESSION_EXPIRED", "closed as asked"]);
  expect(solo.member.tree.state.sessions.size).toBe(0);
  expect(solo.member.tree.state.table.size).toBe(4);
});

test("a detached connection is told nothing more, and its session lives on", () => {
  const solo = SoloMember.leading();
  const client = solo.session();
  client.watch("/", "persistent-recursive");
  client.take();
  client.create("/a");
  client.connection.detach();
  solo.settle();
  expect(client.take()).toEqual([]);
  expect(solo.member.tree.state.sessions.size).toBe(1);
  expect(solo.member.hub.count).toBe(0);
});

test("without a session writes are answered, but ephemerals are refused", () => {
  const solo = SoloMember.leading();
  const client = solo.client();
  client.create("/a");
  client.create("/e", "", 1);
  solo.settle();
  expect(client.take()).toEqual(["1 create /a", "2 SESSION_REQUIRED"]);
});

test("core.md 17: a watch resumes from a zxid, or learns that the history is gone", () => {
  const solo = SoloMember.leading({ historyBytesMax: 64 * 1024 });
  const [writer, watcher] = [solo.session(), solo.session()];
  writer.create("/a");
  solo.settle();
  const seen = solo.member.tree.zxid;
  writer.set("/a", "1");
  writer.set("/a", "2");
  solo.settle();
  watcher.take();
  watcher.watch("/a", "persistent", seen);
  expect(watcher.take()).toEqual(["events 1:3:/a", "events 1:3:/a", "1 none"]);
  for (let i = 0; i < 4_000; i++) writer.set("/a", "again");
  solo.settle();
  watcher.take();
  watcher.watch("/a", "persistent", seen);
  expect(watcher.take()).toEqual(["2 COMPACTED"]);
});

test("a path that breaks the rules is refused for a watch as for a read", () => {
  const solo = SoloMember.leading();
  const client = solo.session();
  client.watch("a", "data");
  client.get("/a/");
  expect(client.take()).toEqual(["opened", "1 INVALID_PATH", "2 INVALID_PATH"]);
});

test("identities hold for the requests after them: a read that waits is checked as who asked it", () => {
  const solo = SoloMember.leading();
  const owner = [{ scheme: "digest", id: "ann:hash" }];
  const client = solo.session(10_000, owner);
  const acl = [{ scheme: "digest", id: "ann:hash", permissions: 31 }];
  client.connection.submit(1, 0, { kind: "create", path: "/mine", data: new Uint8Array(0), mode: 0, acl });
  client.connection.read(2, { kind: "exists", path: "/mine" }, { minZxid: 0, linearizable: false });
  client.connection.setIdentities([]);
  client.connection.read(3, { kind: "exists", path: "/mine" }, { minZxid: 0, linearizable: false });
  solo.settle();
  expect(client.take()).toEqual(["opened", "1 create /mine", "2 stat", "3 NO_PERMISSION"]);
});
