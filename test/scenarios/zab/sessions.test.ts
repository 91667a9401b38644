import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/core/base/bytes.ts";
import type { WriteOperation } from "../../../src/core/tree/operation.ts";
import { type Client, secretHash } from "../../support/solo-member.ts";
import { MemberRig } from "../../unit/core/member/member-rig.ts";

const EPHEMERAL = 1;
const SEQUENTIAL = 2;

function cutOff(rig: MemberRig, id: number): void {
  rig.partition(
    [id],
    [1, 2, 3].filter((other) => other !== id),
  );
}

/** What a fresh client of each member that runs is told of this path. */
function everywhere(rig: MemberRig, path: string): string[] {
  const readers = rig.running.map(({ id }) => rig.at(id).client());
  for (const reader of readers) reader.get(path);
  rig.settle();
  return readers.map((reader) => reader.take().join().replace(/^\d+ /, ""));
}

function sessionCounts(rig: MemberRig): number[] {
  return rig.running.map(({ member }) => member.tree.state.sessions.size);
}

/** The session's client comes back at another member. */
function resume(rig: MemberRig, from: Client, at: number): Client {
  const client = rig.at(at).client();
  client.connection.resume(from.connection.sessionId, secretHash(1));
  return client;
}

describe("ephemerals", () => {
  it("Z-2355, Z-1208, Z-1496: a create that arrives behind its session's expiry makes nothing, anywhere", () => {
    // Nobody is taken for gone within the session's time.
    const rig = MemberRig.of(3, { peerTimeoutMs: 20_000 });
    const client = rig.session(1, 2_000);
    client.create("/before", "", EPHEMERAL);
    rig.settle();
    rig.clog(1, 3);
    client.create("/late", "", EPHEMERAL);
    rig.pass(4_000);
    expect([rig.leader.id, rig.at(1).member.role, sessionCounts(rig)]).toEqual([3, "follower", [0, 0, 0]]);
    const { zxid } = rig.leader.member.tree;
    rig.unclog(1, 3);
    rig.settle();
    // It is in the log all the same, as one that failed.
    expect(rig.leader.member.tree.zxid).toBeGreaterThan(zxid);
    expect(client.closed?.reason).toBe("SESSION_EXPIRED");
    expect([everywhere(rig, "/before"), everywhere(rig, "/late")]).toEqual([
      ["NODE_NOT_FOUND", "NODE_NOT_FOUND", "NODE_NOT_FOUND"],
      ["NODE_NOT_FOUND", "NODE_NOT_FOUND", "NODE_NOT_FOUND"],
    ]);
  });

  it("Z-2355, Z-1208, Z-1496: nor does one that races with a close, or a move and a close, whoever is first", () => {
    for (let head = 0; head < 10; head++) {
      const rig = MemberRig.of(3);
      const old = rig.session(1);
      old.create("/e", "", EPHEMERAL);
      const fresh = resume(rig, old, 2);
      for (let i = 0; i < head; i++) rig.step();
      // The old member's client goes on; the new one's makes another, and closes.
      for (let i = 0; i < 3; i++) old.create(`/old-${i}`, "", EPHEMERAL);
      rig.settle();
      expect(fresh.opened?.resumed).toBe(true);
      fresh.create("/fresh", "", EPHEMERAL);
      fresh.connection.close();
      for (let i = 0; i < 3; i++) old.create(`/later-${i}`, "", EPHEMERAL);
      rig.settle();
      expect([head, sessionCounts(rig)]).toEqual([head, [0, 0, 0]]);
      const paths = ["/e", "/fresh", ...[0, 1, 2].flatMap((i) => [`/old-${i}`, `/later-${i}`])];
      expect([...new Set(paths.flatMap((path) => everywhere(rig, path)))]).toEqual(["NODE_NOT_FOUND"]);
    }
  });

  it("Z-5010: one whose session ended while a member was away is gone there too, once it has the DIFF", () => {
    const rig = MemberRig.of(3);
    const [closes, expires] = [rig.session(3, 60_000), rig.session(2, 3_000)];
    closes.create("/closed", "", EPHEMERAL);
    expires.create("/expired", "", EPHEMERAL);
    rig.settle();
    cutOff(rig, 1);
    closes.connection.close();
    rig.pass(5_000);
    const stale = rig.at(1).member.tree;
    expect([rig.leader.id, stale.state.sessions.size, stale.zxid < rig.leader.member.tree.zxid]).toEqual([3, 2, true]);
    rig.heal();
    rig.pass(2_000);
    expect([rig.at(1).member.role, sessionCounts(rig)]).toEqual(["follower", [0, 0, 0]]);
    for (const path of ["/closed", "/expired"])
      expect(everywhere(rig, path)).toEqual(["NODE_NOT_FOUND", "NODE_NOT_FOUND", "NODE_NOT_FOUND"]);
  });

  it("Z-2832, Z-4837: one that was made by a leader nobody followed any more goes with its truncation", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(3, 60_000);
    const other = rig.session(1, 60_000);
    client.create("/kept", "", EPHEMERAL);
    rig.settle();
    cutOff(rig, 3);
    client.create("/lost", "", EPHEMERAL);
    rig.settle();
    rig.pass(2_500);
    // Its own client gives up and comes back at another member before the old leader does.
    const fresh = resume(rig, client, 2);
    other.create("/other");
    rig.settle();
    expect(fresh.opened?.resumed).toBe(true);
    client.connection.detach();
    rig.heal();
    rig.pass(2_500);
    expect(rig.at(3).records.some(({ lastZxid }) => lastZxid > rig.leader.member.tree.zxid)).toBe(false);
    expect([everywhere(rig, "/kept"), everywhere(rig, "/other")]).toEqual([
      ["get ", "get ", "get "],
      ["get ", "get ", "get "],
    ]);
    // Resubmitted by the old leader under the older generation, it was refused as moved (core.md 9).
    expect(everywhere(rig, "/lost")).toEqual(["NODE_NOT_FOUND", "NODE_NOT_FOUND", "NODE_NOT_FOUND"]);
  });
});

describe("a session, when the leader dies at any step", () => {
  it("Z-335, Z-790, Z-1367: of its opening, is opened once, and is the same at all members", () => {
    for (let step = 0; step < 12; step++) {
      const rig = MemberRig.of(3);
      const client = rig.at(1).client();
      client.connection.open(secretHash(1), 10_000);
      for (let i = 0; i < step; i++) rig.step();
      rig.kill(3);
      rig.pass(2_000);
      client.create("/e", "", EPHEMERAL);
      rig.settle();
      expect([step, client.take(), sessionCounts(rig)]).toEqual([step, ["opened", "1 create /e"], [1, 1]]);
      client.connection.close();
      rig.settle();
      expect([step, everywhere(rig, "/e")]).toEqual([step, ["NODE_NOT_FOUND", "NODE_NOT_FOUND"]]);
    }
  });

  it("Z-1863, Z-4537, Z-1505: of its pipelined writes and reads, reads each of its own, in its place", () => {
    for (let step = 0; step < 20; step++) {
      const rig = MemberRig.of(3);
      const client = rig.session(1, 60_000);
      client.create("/a", "0");
      for (let i = 1; i <= 10; i++) {
        client.set("/a", String(i));
        client.get("/a");
        if (i % 3 === 0) rig.step();
      }
      for (let i = 0; i < step; i++) rig.step();
      rig.kill(3);
      rig.pass(2_000);
      const read = client.take().flatMap((line) => /get (\d+)/.exec(line)?.[1] ?? []);
      expect([step, read]).toEqual([step, Array.from({ length: 10 }, (_, at) => String(at + 1))]);
    }
  });

  it("Z-1412: of a watch that is carried to another member, is told each change once, and nothing else", () => {
    for (let step = 0; step < 12; step++) {
      const rig = MemberRig.of(3);
      const [writer, client] = [rig.session(2, 60_000), rig.session(1, 60_000)];
      writer.create("/a", "0");
      rig.settle();
      client.watch("/a", "persistent");
      writer.set("/a", "1");
      rig.settle();
      const seen = rig.at(1).member.tree.zxid;
      expect(client.take().at(-1)).toMatch(/^events/);
      client.connection.detach();
      writer.set("/a", "2");
      for (let i = 0; i < step; i++) rig.step();
      rig.kill(3);
      const again = resume(rig, client, 2);
      again.watch("/a", "persistent", seen);
      rig.pass(2_000);
      const events = again.take().filter((line) => line.startsWith("events"));
      expect([step, events]).toEqual([step, ["events 1:3:/a"]]);
      writer.set("/a", "3");
      rig.settle();
      expect(again.take()).toEqual(["events 1:3:/a"]);
    }
  });
});

describe("a follower that is cut off", () => {
  it("CH#121361: cannot keep a session alive by serving its reads: the leader's clock decides", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(1, 3_000);
    client.create("/e", "", EPHEMERAL);
    rig.settle();
    cutOff(rig, 1);
    client.take();
    for (let i = 0; i < 40; i++) {
      client.get("/e");
      client.connection.touch(i);
      rig.pass(100);
    }
    expect(sessionCounts(rig)).toEqual([1, 0, 0]);
    expect(client.take().every((line) => / get $/.test(line))).toBe(true);
    // Plain reads promise no more than an order of their own, and go on; what promises more is not answered.
    client.get("/e", { linearizable: true });
    rig.pass(1_000);
    expect(client.take()).toEqual([]);
    rig.heal();
    rig.pass(2_000);
    expect([client.closed?.reason, sessionCounts(rig)]).toEqual(["SESSION_EXPIRED", [0, 0, 0]]);
    expect(everywhere(rig, "/e")).toEqual(["NODE_NOT_FOUND", "NODE_NOT_FOUND", "NODE_NOT_FOUND"]);
  });
});

describe("a multi", () => {
  const multi = (...operations: Extract<WriteOperation, { kind: "multi" }>["operations"]): WriteOperation => ({
    kind: "multi",
    operations,
  });

  it("Z-1624: that fails, at a follower and through an election, leaves sequence, cversion, pzxid as they were", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(1, 60_000);
    client.create("/p");
    client.create("/p/q-", "", SEQUENTIAL);
    rig.settle();
    const { table } = rig.at(1).member.tree.state;
    client.take();
    const failing = multi(
      { kind: "create", path: "/p/q-", data: encodeUtf8(""), mode: SEQUENTIAL },
      { kind: "create", path: "/p/r-", data: encodeUtf8(""), mode: SEQUENTIAL },
      { kind: "delete", path: "/p/q-0000000000", version: -1 },
      { kind: "check", path: "/p", version: 77 },
    );
    for (let i = 0; i < 5; i++) client.connection.submit(100 + i, 0, failing);
    rig.step();
    rig.kill(3);
    rig.pass(2_000);
    client.create("/p/q-", "", SEQUENTIAL);
    rig.settle();
    expect(client.take().at(-1)).toBe("3 create /p/q-0000000001");
    expect([rig.at(1).member.tree.state.table, rig.at(2).member.tree.state.table.size]).toEqual([table, table.size]);
  });

  it("Z-2623: of nothing but checks is applied everywhere, and changes nothing but the session's window", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(1, 60_000);
    client.create("/p", "1");
    rig.settle();
    const before = rig.at(2).member.tree.state.table.size;
    client.connection.submit(10, 0, multi({ kind: "check", path: "/p", version: 0 }));
    client.connection.submit(11, 0, multi({ kind: "check", path: "/p", version: 5 }));
    client.set("/p", "2");
    client.get("/p");
    rig.settle();
    expect(client.take().slice(-4)).toEqual(["10 multi", "11 VERSION_MISMATCH", "2 stat", "3 get 2"]);
    expect(rig.running.map(({ member }) => member.tree.state.table.size)).toEqual([before, before, before]);
  });
});
