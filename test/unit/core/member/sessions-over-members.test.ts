import { describe, expect, it } from "vitest";
import { secretHash } from "../../../support/solo-member.ts";
import { MemberRig } from "./member-rig.ts";

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
