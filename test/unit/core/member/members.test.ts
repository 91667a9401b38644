import { describe, expect, it } from "vitest";
import { ByteWriter, encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import { encodeForward } from "../../../../src/core/member/member-message.ts";
import {
  type Issuer,
  writeExpireSession,
  writeOperation,
  writeRaiseFeatureLevel,
  writeReap,
  writeReconfigure,
} from "../../../../src/core/tree/command.ts";
import { encodeConfiguration } from "../../../../src/core/zab/ensemble-configuration.ts";
import { type Client, secretHash } from "../../../support/solo-member.ts";
import { ensemble } from "../zab/rig-batches.ts";
import { MemberRig } from "./member-rig.ts";

/** Answers to requests by number, in the order they came. */
function answered(client: Client): number[] {
  return client.told.filter((line) => /^\d+ /.test(line)).map((line) => Number.parseInt(line, 10));
}

describe("a write at a follower", () => {
  it("ARCHITECTURE 3: is answered by the member that took it, from its own apply", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(1);
    client.take();
    client.create("/a");
    rig.until(() => rig.queue(1, 3).length > 0);
    rig.settleBut(3, 1);
    expect([rig.leader.member.tree.zxid > rig.at(1).member.tree.zxid, client.take()]).toEqual([true, []]);
    rig.unclog(3, 1);
    rig.settle();
    expect(client.take()).toEqual(["1 create /a"]);
  });

  it("core.md 14: its own reads see it, in order, and so do reads behind it at once", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(1);
    client.create("/a", "1");
    client.get("/a");
    client.set("/a", "2");
    client.get("/a");
    rig.settle();
    expect(client.take()).toEqual(["opened", "1 create /a", "2 get 1", "3 stat", "4 get 2"]);
  });

  it("a turn's commands go as one message, and become one batch with those of other members", () => {
    const rig = MemberRig.of(3);
    const clients = [rig.session(1), rig.session(2), rig.session(3)];
    const from = rig.sent.length;
    for (const client of clients) for (let i = 0; i < 10; i++) client.create(`/${client.connection.sessionId}-${i}`);
    rig.settle();
    expect(rig.since(from, "FORWARD")).toEqual(["1>3 FORWARD", "2>3 FORWARD"]);
    for (const client of clients) expect(answered(client)).toHaveLength(10);
  });

  it("core.md 14: a watch at a follower tells the event before the answer that reveals it", () => {
    const rig = MemberRig.of(3);
    const [writer, watcher] = [rig.session(3), rig.session(1)];
    writer.create("/a", "1");
    rig.settle();
    watcher.watch("/a", "data");
    rig.settle();
    watcher.take();
    writer.set("/a", "2");
    watcher.sync();
    watcher.get("/a");
    rig.settle();
    expect(watcher.take()).toEqual(["events 1:3:/a", "2 none", "3 get 2"]);
  });
});

describe("a linearizable read at a follower", () => {
  it("core.md 16: sees a write that was answered elsewhere before it was asked", () => {
    const rig = MemberRig.of(3);
    const [writer, reader] = [rig.session(3), rig.session(1)];
    writer.create("/a", "1");
    rig.settle();
    rig.clog(3, 1);
    writer.set("/a", "2");
    rig.settle();
    expect(writer.take().at(-1)).toBe("2 stat");
    reader.take();
    // Of one connection a read behind a barrier waits; of another it does not.
    const stale = rig.at(1).client();
    stale.get("/a");
    reader.get("/a", { linearizable: true });
    rig.settle();
    expect([stale.take(), reader.take()]).toEqual([["1 get 1"], []]);
    rig.unclog(3, 1);
    rig.settle();
    expect(reader.take()).toEqual(["1 get 2"]);
  });

  it("core.md 16: is not answered by a leader that others have left", () => {
    const rig = MemberRig.of(3);
    const [old, fresh] = [rig.session(3), rig.session(1)];
    fresh.create("/a", "1");
    rig.settle();
    rig.partition([3], [1, 2]);
    rig.settle();
    rig.pass(300);
    fresh.set("/a", "2");
    rig.pass(300);
    expect(fresh.take().at(-1)).toBe("2 stat");
    old.take();
    old.get("/a", { linearizable: true });
    rig.pass(500);
    expect(old.take()).toEqual([]);
    rig.heal();
    rig.pass(2_000);
    expect(old.take()).toEqual(["1 get 2"]);
  });

  it("core.md 16: those of one turn share a round, and one question", () => {
    const rig = MemberRig.of(3);
    const clients = [1, 2, 3, 4].map(() => rig.session(1));
    const from = rig.sent.length;
    for (const client of clients) client.sync();
    rig.settle();
    expect(rig.since(from, "BARRIER", "BARRIER_AT")).toEqual(["1>3 BARRIER", "3>1 BARRIER_AT"]);
    expect(clients.map((client) => client.told.at(-1))).toEqual(clients.map(() => "1 none"));
  });

  it("core.md 12, 16: outlives its leader: the next one is asked", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(1);
    client.create("/a", "1");
    rig.settle();
    client.take();
    rig.clog(1, 3);
    client.get("/a", { linearizable: true });
    rig.settle();
    rig.kill(3);
    rig.settle();
    rig.pass(500);
    expect(client.take()).toEqual(["2 get 1"]);
  });
});

describe("a session over members", () => {
  it("core.md 10: a keep-alive through a follower is acknowledged only once the leader has heard it", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(1);
    client.take();
    rig.clog(1, 3);
    client.connection.touch(7);
    rig.settle();
    expect(client.take()).toEqual([]);
    rig.unclog(1, 3);
    rig.clog(3, 1);
    rig.settle();
    expect(client.take()).toEqual([]);
    rig.unclog(3, 1);
    rig.settle();
    // Only after a round of the quorum that began behind it: a leader that is none any more acknowledges nothing.
    expect(client.take()).toEqual([]);
    rig.pass(100);
    expect(client.take()).toEqual(["touched 7"]);
  });

  it("core.md 10: without a leader none is acknowledged; the next one acknowledges it", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(1, 30_000);
    client.take();
    rig.kill(3);
    rig.part(1, 2);
    rig.pass(2_000);
    client.connection.touch(1);
    rig.pass(3_000);
    expect(client.take()).toEqual([]);
    rig.join(1, 2);
    rig.pass(2_000);
    expect(client.take()).toEqual(["touched 1"]);
  });

  it("core.md 10: those of one turn are one message", () => {
    const rig = MemberRig.of(3);
    const clients = Array.from({ length: 20 }, () => rig.session(1));
    rig.pass(50);
    const from = rig.sent.length;
    for (const client of clients) client.connection.touch(1);
    rig.settle();
    rig.pass(100);
    expect(rig.since(from, "TOUCH", "TOUCHED")).toEqual(["1>3 TOUCH", "3>1 TOUCHED"]);
  });

  it("core.md 9: moves between members; the old connection is ended SESSION_MOVED, its commands are refused", () => {
    const rig = MemberRig.of(3);
    const old = rig.session(1);
    old.create("/e", "", 1);
    rig.settle();
    old.take();
    const fresh = rig.at(2).client();
    fresh.connection.resume(old.connection.sessionId, secretHash(1));
    rig.until(() => rig.queue(2, 3).length > 0);
    old.set("/e", "late");
    rig.settle();
    // Whichever came first; the move came before.
    expect(old.take().at(-1)).toBe("closed SESSION_MOVED");
    fresh.get("/e");
    fresh.set("/e", "mine");
    fresh.get("/e");
    rig.settle();
    expect(fresh.take().slice(-2)).toEqual(["2 stat", "3 get mine"]);
    expect(rig.at(3).member.tree.state.sessions.get(fresh.connection.sessionId)?.generation).toBe(2);
  });

  it("core.md 13: a request repeated at another member is applied once and gets its first answer", () => {
    const rig = MemberRig.of(3);
    const old = rig.session(1);
    old.create("/q-", "", 2);
    rig.settle();
    const fresh = rig.at(2).client();
    fresh.connection.resume(old.connection.sessionId, secretHash(1));
    rig.settle();
    fresh.create("/q-", "", 2);
    fresh.create("/q-", "", 2);
    rig.settle();
    expect(fresh.take()).toEqual(["resumed", "1 create /q-0000000000", "2 create /q-0000000001"]);
  });

  it("core.md 11: expires by the leader's clock, at every member, after its time-out and not before", () => {
    const rig = MemberRig.of(3);
    const [quiet, alive] = [rig.session(1, 3_000), rig.session(1, 3_000)];
    for (let i = 0; i < 5; i++) {
      alive.connection.touch(i);
      rig.pass(580);
    }
    expect(quiet.closed).toBeUndefined();
    alive.connection.touch(9);
    rig.pass(800);
    expect([quiet.closed?.reason, alive.closed]).toEqual(["SESSION_EXPIRED", undefined]);
    expect(rig.running.map(({ member }) => member.tree.state.sessions.size)).toEqual([1, 1, 1]);
  });

  it("core.md 11: a new leader gives it its whole time-out again", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(1, 4_000);
    rig.pass(3_800);
    rig.kill(3);
    rig.pass(3_800);
    expect([client.closed, rig.leader.id]).toEqual([undefined, 2]);
    rig.pass(1_000);
    expect(client.closed?.reason).toBe("SESSION_EXPIRED");
  });

  it("core.md 11: no member without a quorum lets one expire, however long", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(3, 2_000);
    rig.partition([1], [2, 3]);
    rig.part(2, 3);
    rig.pass(60_000);
    expect(rig.running.map(({ member }) => member.tree.state.sessions.size)).toEqual([1, 1, 1]);
    rig.heal();
    rig.pass(1_500);
    expect(client.closed).toBeUndefined();
    rig.pass(2_000);
    expect(client.closed?.reason).toBe("SESSION_EXPIRED");
  });

  it("core.md 11: what a follower heard before the round that decides saves the session", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(1, 2_000);
    client.create("/a");
    rig.settle();
    // Reads at a follower are life signs as well, told with the round's answer.
    for (let i = 0; i < 60; i++) {
      client.get("/a");
      rig.pass(100);
    }
    expect(client.closed).toBeUndefined();
  });
});

describe("the death of a leader", () => {
  it("core.md 12: what was in flight is resubmitted and applied exactly once, in order, wherever it was", () => {
    for (let cut = 0; cut < 24; cut++) {
      const rig = MemberRig.of(3);
      const client = rig.session(1);
      client.take();
      for (let i = 0; i < 20; i++) {
        client.create("/q-", "", 2);
        if (i % 3 === 0) rig.at(1).work();
        if (i % 5 === 0) rig.step();
      }
      for (let i = 0; i < cut; i++) rig.step();
      rig.kill(3);
      rig.pass(2_000);
      const paths = client.take().map((line) => line.replace(/^\d+ create \/q-0*(?=\d)/, ""));
      expect([cut, paths]).toEqual([cut, Array.from({ length: 20 }, (_, at) => String(at))]);
    }
  });

  it("core.md 12: also of requests without a session, which nothing but the order of links protects", () => {
    for (let cut = 0; cut < 16; cut++) {
      const rig = MemberRig.of(3);
      const client = rig.at(1).client();
      client.create("/p");
      rig.settle();
      for (let i = 0; i < 10; i++) {
        client.create("/p/q-", "", 2);
        rig.step();
      }
      for (let i = 0; i < cut; i++) rig.step();
      rig.kill(3);
      rig.pass(2_000);
      const done = client.take().length - 1;
      const { table } = rig.at(1).member.tree.state;
      expect([cut, done, table.size]).toEqual([cut, 10, 5 + 10]);
    }
  });

  it("core.md 12: connections stay open, and reads behind writes in flight see them after all", () => {
    const rig = MemberRig.of(3);
    const [client, other] = [rig.session(1), rig.session(2)];
    rig.clog(1, 3);
    client.create("/a", "1");
    client.get("/a");
    other.create("/b");
    rig.settle();
    rig.kill(3);
    rig.pass(2_000);
    expect(client.take()).toEqual(["opened", "1 create /a", "2 get 1"]);
    expect(other.take()).toEqual(["opened", "1 create /b"]);
    expect([client.closed, other.closed]).toEqual([undefined, undefined]);
  });

  it("a leader that is deposed answers what it took for its own clients from the next one's log", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(3);
    client.take();
    rig.partition([3], [1, 2]);
    for (let i = 0; i < 5; i++) client.create("/q-", "", 2);
    rig.settle();
    rig.pass(2_500);
    expect(client.take()).toEqual([]);
    rig.heal();
    rig.pass(2_000);
    expect(client.take()).toEqual([0, 1, 2, 3, 4].map((at) => `${at + 1} create /q-000000000${at}`));
  });

  it("core.md 22: a leader that stops hands over: what is in flight is answered, nobody waits for a time-out", () => {
    const rig = MemberRig.of(3);
    const [own, other] = [rig.session(3), rig.session(1)];
    own.take();
    other.take();
    const { time } = rig;
    own.create("/own");
    other.create("/other");
    rig.step();
    rig.at(3).member.stop();
    other.create("/after");
    own.create("/refused");
    rig.settle();
    expect([rig.leader.id === 3, rig.time]).toEqual([false, time]);
    expect(own.take()).toEqual(["1 create /own", "2 STOPPING"]);
    expect(other.take()).toEqual(["1 create /other", "2 create /after"]);
    expect(rig.at(3).member.isIdle).toBe(true);
  });
});

describe("a link that is lost and comes back under the same leader", () => {
  it.each([
    ["a session's", true, true],
    ["without a session", false, true],
    ["without a session, on a link that stayed", false, false],
  ])("core.md 12: what the leader had taken and not proposed is applied once: %s", (_, hasSession, isLinkLost) => {
    const rig = MemberRig.of(3);
    const client = hasSession ? rig.session(1) : rig.at(1).client();
    client.create("/p");
    rig.settle();
    client.take();
    const { leader } = rig;
    leader.isFull = true;
    for (let i = 0; i < 3; i++) client.create("/p/q-", "", 2);
    rig.settle();
    if (isLinkLost) rig.unlink(1, 3);
    else {
      // It gives up a leader that it cannot hear, and comes back over the same link.
      rig.clog(3, 1);
      rig.pass(1_100);
      rig.unclog(3, 1);
    }
    rig.pass(500);
    leader.isFull = false;
    leader.member.roomMade();
    rig.pass(500);
    expect(client.take()).toEqual([0, 1, 2].map((at) => `${at + 2} create /p/q-000000000${at}`));
    expect(rig.at(2).member.tree.state.table.size).toBe(5 + 3);
  });
});

describe("without a leader", () => {
  /** Member 1 of three is the only one left. */
  function left(options = {}): { rig: MemberRig; client: Client } {
    const rig = MemberRig.of(3, options);
    const client = rig.session(1, 60_000);
    client.create("/a", "1");
    rig.settle();
    client.take();
    rig.kill(3);
    rig.kill(2);
    return { rig, client };
  }

  it("core.md 12: writes are taken for as long as an election lasts; then whoever waits for one asks elsewhere", () => {
    const { rig, client } = left();
    const reader = rig.at(1).client();
    rig.pass(4_000);
    client.set("/a", "2");
    client.get("/a");
    reader.get("/a");
    expect([client.take(), reader.take()]).toEqual([[], ["1 get 1"]]);
    rig.pass(900);
    expect(client.closed).toBeUndefined();
    rig.pass(200);
    expect([client.take(), reader.closed]).toEqual([["closed NOT_READY"], undefined]);
    expect(rig.at(1).member.outstandingBytes).toBe(0);
  });

  it("plain reads go on however long; writes and openings are NOT_READY at once", () => {
    const { rig, client } = left();
    rig.pass(60_000);
    client.get("/a");
    client.watch("/a", "data");
    expect(client.take()).toEqual(["2 get 1", "3 none"]);
    client.set("/a", "2");
    client.get("/a");
    expect(client.take()).toEqual(["4 NOT_READY", "5 get 1"]);
    const late = rig.at(1).client();
    late.connection.open(secretHash(2), 5_000);
    expect(late.take()).toEqual(["closed NOT_READY"]);
  });

  it("a linearizable read is NO_QUORUM after its bound", () => {
    const { rig, client } = left({ barrierWaitMs: 1_000 });
    rig.pass(2_000);
    client.get("/", { linearizable: true });
    rig.pass(950);
    expect(client.take()).toEqual([]);
    rig.pass(100);
    expect(client.take()).toEqual(["2 NO_QUORUM"]);
  });
});

describe("what a leader takes from a follower", () => {
  const duty = (generation: number): Issuer => ({ sessionId: 0, generation, identities: new Uint8Array([0]) });

  function chunk(write: (writer: ByteWriter) => void): Uint8Array {
    const writer = new ByteWriter();
    writer.u32(0);
    write(writer);
    writer.putU32(0, writer.length - 4);
    return encodeForward({ commands: writer.copy(), count: 1 });
  }

  const set = (writer: ByteWriter, issuer: Issuer): void =>
    writeOperation(writer, issuer, 1, 0, { kind: "set", path: "/", data: encodeUtf8("x"), version: -1 });

  it.each([
    ["an expiry", (writer: ByteWriter) => writeExpireSession(writer, duty(1), 5, 1)],
    ["a reap", (writer: ByteWriter) => writeReap(writer, duty(1), encodeUtf8("/a"), 1, 1)],
    ["a raise", (writer: ByteWriter) => writeRaiseFeatureLevel(writer, duty(1), 2)],
    ["a change", (writer: ByteWriter) => writeReconfigure(writer, duty(1), 1, 0, encodeConfiguration(ensemble(1)))],
    ["another member's", (writer: ByteWriter) => set(writer, duty(2))],
    ["what is no command", (writer: ByteWriter) => writer.raw(new Uint8Array(40).fill(255))],
    [
      "bytes behind a command",
      (writer: ByteWriter) => {
        set(writer, duty(1));
        writer.u8(0);
      },
    ],
  ])("core.md 2: %s is refused, before anything of it is journalled, and the link dropped", (_, write) => {
    const rig = MemberRig.of(3);
    const { leader } = rig;
    const before = leader.records.length;
    leader.member.receive(1, chunk(write));
    leader.member.endTurn();
    expect(leader.drops).toHaveLength(1);
    expect(leader.drops[0]).toMatch(/^1: message of type 32: /);
    expect(leader.records).toHaveLength(before);
    rig.pass(1_000);
    expect(rig.at(1).member.role).toBe("follower");
  });

  it("core.md 2: one bad command in a chunk refuses the whole chunk", () => {
    const rig = MemberRig.of(3);
    const { leader } = rig;
    const [good, bad] = [chunk((writer) => set(writer, duty(1))), chunk((writer) => set(writer, duty(2)))];
    const both = new Uint8Array([...good.subarray(5), ...bad.subarray(5)]);
    const before = leader.records.length;
    leader.member.receive(1, encodeForward({ commands: both, count: 2 }));
    leader.member.endTurn();
    expect([leader.drops.length, leader.records.length]).toEqual([1, before]);
    leader.member.receive(2, encodeForward({ commands: both.slice(good.length - 5), count: 1 }));
    leader.member.endTurn();
    expect([leader.drops.length, leader.records.length]).toEqual([1, before + 1]);
  });

  it("core.md 9: what comes while this member does not lead, or from one that is not in sync, is left aside", () => {
    const rig = MemberRig.of(3);
    const frame = chunk((writer) => set(writer, duty(1)));
    const before = rig.at(2).records.length;
    rig.at(2).member.receive(1, frame);
    rig.at(2).member.endTurn();
    expect([rig.at(2).records.length, rig.at(2).drops]).toEqual([before, []]);
    const { leader } = rig;
    leader.member.receive(9, frame);
    leader.member.endTurn();
    expect(leader.drops).toEqual([]);
  });
});
