import { describe, expect, it } from "vitest";
import { type Client, secretHash } from "../../../support/solo-member.ts";
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

  it("core.md 12: writes are taken for as long as an election lasts; then what no leader has had is refused", () => {
    const { rig, client } = left();
    const reader = rig.at(1).client();
    rig.pass(2_000);
    client.set("/a", "2");
    client.get("/a");
    reader.get("/a");
    expect([client.take(), reader.take()]).toEqual([[], ["1 get 1"]]);
    rig.pass(900);
    expect(client.closed).toBeUndefined();
    rig.pass(200);
    expect([client.take(), client.closed, reader.closed]).toEqual([["2 NO_QUORUM", "3 get 1"], undefined, undefined]);
    expect(rig.at(1).member.outstandingBytes).toBe(0);
  });

  it("core.md 12: a close that no leader has had ends its connection, and is no answer to anything", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(1, 60_000);
    client.take();
    client.connection.close();
    rig.kill(3);
    rig.kill(2);
    rig.pass(3_200);
    expect(client.take()).toEqual(["closed NOT_READY"]);
  });

  it("plain reads go on however long; writes are NO_QUORUM and openings NOT_READY at once", () => {
    const { rig, client } = left();
    rig.pass(60_000);
    client.get("/a");
    client.watch("/a", "data");
    expect(client.take()).toEqual(["2 get 1", "3 none"]);
    client.set("/a", "2");
    client.get("/a");
    expect(client.take()).toEqual(["4 NO_QUORUM", "5 get 1"]);
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
