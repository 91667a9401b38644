import { describe, expect, it } from "vitest";
import { counterOf, epochOf, makeZxid } from "../../../../src/core/base/zxid.ts";
import { recordType } from "../../../../src/core/zab/journal-record.ts";
import { encodePulse, peerMessage } from "../../../../src/core/zab/peer-message.ts";
import { ensemble } from "./rig-batches.ts";
import { ZabRig } from "./zab-rig.ts";

describe("check-quorum", () => {
  it("core.md 22: a leader that does not hear a quorum for the time-out steps down, not before", () => {
    const rig = ZabRig.settled(3);
    const { leader } = rig;
    leader.take();
    rig.partition([3], [1, 2]);
    rig.pass(900);
    expect([leader.take().filter((line) => line.startsWith("looks")), leader.zab.isEstablished]).toEqual([[], true]);
    rig.pass(250);
    expect(leader.take()).toContain("looks: a quorum has not been heard for the time-out");
    expect(rig.leader.id).toBe(2);
  });

  it("core.md 22: one that still hears a quorum goes on, whoever else is lost", () => {
    const rig = ZabRig.settled(5);
    rig.partition([1, 2], [3, 4, 5]);
    rig.pass(5_000);
    expect([rig.leader.id, rig.leader.zab.epoch, rig.followers.map(({ id }) => id)]).toEqual([5, 1, [3, 4]]);
  });

  it("core.md 40: any bytes from a peer count as its life sign", () => {
    const rig = ZabRig.settled(3);
    rig.clog(1, 3);
    for (let i = 0; i < 40; i++) {
      rig.at(3).zab.heard(1);
      rig.pass(100);
    }
    expect(
      rig
        .at(3)
        .take()
        .filter((line) => line.startsWith("drops")),
    ).toEqual([]);
  });

  it("a silent learner's link is let go after the time-out", () => {
    const rig = ZabRig.settled(3);
    rig.at(3).take();
    rig.clog(1, 3);
    rig.pass(1_200);
    expect(rig.at(3).take()).toContain("drops 1: silent for the time-out");
    expect(rig.leader.id).toBe(3);
  });

  it("core.md 11: a pause of the own loop is nobody's fault: nobody is dropped for it, and nobody looks", () => {
    for (const paused of [3, 1]) {
      const rig = ZabRig.settled(3);
      for (const member of rig.running) member.take();
      const others = rig.running.filter(({ id }) => id !== paused);
      // Its clock and everybody else's go on; only its loop stands still, for less than others bear.
      for (let i = 0; i < 15; i++) {
        rig.time += 50;
        for (const { zab } of others) zab.tick();
        for (const from of others)
          for (const to of others) {
            while (from !== to && rig.queue(from.id, to.id).length > 0) rig.deliver(from.id, to.id);
          }
      }
      rig.pass(500);
      expect(rig.running.flatMap((member) => member.take())).toEqual([]);
    }
  });

  it("core.md 11: nor if all stood still, however long", () => {
    const rig = ZabRig.settled(3);
    for (const member of rig.running) member.take();
    rig.time += 60_000;
    rig.pass(1_000);
    expect(rig.running.flatMap((member) => member.take())).toEqual([]);
    expect(rig.leader.zab.epoch).toBe(1);
  });
});

describe("a round", () => {
  it("core.md 16: is confirmed when a quorum has answered it, and by nothing that was sent before it began", () => {
    const rig = ZabRig.settled(3);
    const { leader } = rig;
    rig.clog(1, 3);
    rig.clog(2, 3);
    const before = leader.zab.beginRound();
    for (const id of [1, 2]) rig.deliverUntil(3, id, "PING");
    const round = leader.zab.beginRound();
    rig.deliverUntil(1, 3, "PONG");
    expect([leader.confirmedRound, round]).toEqual([before, before + 1]);
    rig.unclog(2, 3);
    rig.settle();
    expect(leader.confirmedRound).toBe(round);
  });

  it("core.md 16: of a leader that another has followed is never confirmed", () => {
    const rig = ZabRig.settled(3);
    const old = rig.at(3);
    rig.partition([3], [1, 2]);
    const round = old.zab.beginRound();
    rig.pass(800);
    expect(old.zab.isEstablished).toBe(true);
    expect(rig.at(2).zab.isEstablished).toBe(true);
    old.zab.beginRound();
    rig.pass(3_000);
    expect(old.confirmedRound).toBeLessThan(round);
  });

  it("core.md 16: a member that promised a later epoch answers no round of an earlier one", () => {
    const rig = ZabRig.settled(3);
    const own = rig.at(1);
    own.zab.replica.promise(5, 2, () => undefined);
    const from = rig.sent.length;
    const ping = { round: 99, zxid: 0, digest0: 0, digest1: 0 };
    for (const epoch of [1, 5]) own.zab.receive(3, encodePulse(peerMessage.PING, { epoch, ...ping }));
    expect(rig.since(from, "PONG")).toEqual([]);
  });

  it("core.md 16: none is confirmed before the epoch's history has its quorum", () => {
    const rig = new ZabRig(ensemble(1, 2, 3));
    rig.start(1, 2, 3);
    for (const id of [1, 2]) rig.at(id).holdsDisk = true;
    rig.settle();
    for (const id of [1, 2]) rig.at(id).sync();
    rig.settle();
    rig.at(3).zab.beginRound();
    rig.settle();
    expect([rig.at(3).zab.isLeading, rig.at(3).zab.isEstablished, rig.at(3).confirmedRound]).toEqual([true, false, 0]);
    rig.at(1).sync();
    rig.pass(100);
    expect(rig.at(3).confirmedRound).toBeGreaterThan(0);
  });

  it("core.md 24: counts voters only", () => {
    const rig = new ZabRig(ensemble(1, 2, 3, { id: 4, role: "observer" }, { id: 5, role: "observer" }));
    rig.start(1, 2, 3, 4, 5);
    rig.pass(600);
    const { leader } = rig;
    rig.clog(1, leader.id);
    rig.clog(2, leader.id);
    const round = leader.zab.beginRound();
    rig.settle();
    expect(leader.confirmedRound).toBeLessThan(round);
  });
});

describe("the end of an epoch's counter, among several (core.md 22, ZOOKEEPER-1277)", () => {
  it("begins a new epoch under the same leader; nobody looks, nothing is lost", () => {
    const rig = ZabRig.settled(3, { counterMax: 10 });
    for (const member of rig.running) member.take();
    const proposed: number[] = [];
    for (let i = 0; i < 40; i++) {
      const { leader } = rig;
      if (!leader.propose(1 + (i % 4))) i--;
      else proposed.push(leader.zab.lastZxid);
      rig.settle();
    }
    expect(epochOf(rig.leader.zab.lastZxid)).toBeGreaterThan(8);
    for (const member of rig.running) {
      expect(member.applied).toEqual(proposed);
      expect(member.take().filter((line) => line.startsWith("looks"))).toEqual([]);
    }
    expect(rig.leader.id).toBe(3);
  });

  it("takes what was in flight along, and one that is away meanwhile catches up across the epochs", () => {
    const rig = ZabRig.settled(3, { counterMax: 4 });
    rig.kill(1);
    for (const id of [2, 3]) rig.at(id).holdsDisk = true;
    rig.leader.propose(3);
    expect(rig.leader.propose(2)).toBe(false);
    for (const id of [2, 3]) rig.at(id).holdsDisk = false;
    rig.settle();
    rig.commit(2);
    expect(rig.leader.applied).toEqual([makeZxid(1, 3), makeZxid(2, 2)]);
    rig.restart(1);
    rig.settle();
    expect(rig.at(1).applied).toEqual(rig.leader.applied);
  });

  it("a follower serves on meanwhile, and one that dies in between comes back", () => {
    const rig = ZabRig.settled(3, { counterMax: 4 });
    rig.commit(3);
    rig.at(1).holdsDisk = true;
    expect(rig.leader.propose(2)).toBe(false);
    rig.settle();
    expect(rig.at(1).zab.isFollowing).toBe(true);
    rig.kill(1);
    rig.at(1).holdsDisk = false;
    rig.settle();
    rig.restart(1);
    rig.settle();
    rig.commit(2);
    expect([rig.at(1).applied.at(-1), counterOf(rig.at(1).zab.lastZxid)]).toEqual([makeZxid(2, 2), 2]);
  });
});

describe("a hand-over (core.md 22)", () => {
  it("makes the voter that was named lead, with everything, and without waiting for anybody's time-out", () => {
    const rig = ZabRig.settled(5);
    rig.commit(3);
    const { time } = rig;
    expect(rig.leader.zab.handOver(2)).toBe(true);
    rig.settle();
    expect([rig.leader.id, rig.time]).toEqual([2, time]);
    rig.commit();
    expect(rig.followers).toHaveLength(4);
  });

  it("holds proposals until the next one has everything, and commits all of it first", () => {
    const rig = ZabRig.settled(3);
    const old = rig.leader;
    rig.at(2).holdsDisk = true;
    old.propose(3);
    rig.settle();
    const { lastZxid } = old.zab;
    expect(old.zab.handOver(2)).toBe(true);
    rig.settle();
    expect([old.zab.isEstablished, old.zab.nextZxid(1), old.zab.isLeading]).toEqual([false, 0, true]);
    rig.at(2).sync();
    rig.at(2).holdsDisk = false;
    rig.settle();
    expect([rig.leader.id, rig.leader.zab.commitZxid]).toEqual([2, lastZxid]);
  });

  it("for nobody in particular goes to the voter that has most", () => {
    const rig = ZabRig.settled(3);
    rig.at(2).holdsDisk = true;
    rig.commit();
    rig.leader.zab.handOver(0);
    rig.settle();
    expect(rig.at(1).zab.isLeading).toBe(true);
  });

  it("is not undone by the others, who hear of it first: they wait for whom the leader named, not for ever", () => {
    for (const comes of [true, false]) {
      const rig = ZabRig.settled(3);
      rig.clog(3, 1);
      rig.leader.zab.handOver(1);
      rig.settle();
      expect(rig.at(1).zab.leaderId).toBe(3);
      expect(rig.at(2).zab.leaderId + rig.at(3).zab.leaderId).toBe(0);
      if (comes) rig.unclog(3, 1);
      else rig.pass(1_200);
      rig.settle();
      expect(rig.leader.id === 1).toBe(comes);
    }
  });

  it("is given up after the time-out when the next one does not catch up: the leader goes on", () => {
    const rig = ZabRig.settled(3);
    const old = rig.leader;
    rig.at(2).holdsDisk = true;
    old.propose();
    rig.settle();
    old.zab.handOver(2);
    rig.pass(1_200);
    expect([old.zab.isEstablished, old.zab.handingTo, rig.leader.id]).toEqual([true, 0, 3]);
    rig.commit();
    expect(rig.at(1).applied).toEqual(old.applied);
  });

  it("is refused without anybody who could: not synced, an observer, or nobody there", () => {
    const rig = new ZabRig(ensemble(1, 2, 3, { id: 4, role: "observer" }));
    rig.start(1, 2, 3, 4);
    rig.pass(600);
    const { leader } = rig;
    rig.kill(1);
    expect([leader.zab.handOver(4), leader.zab.handOver(1), leader.zab.handOver(9)]).toEqual([false, false, false]);
    expect(leader.zab.isEstablished).toBe(true);
    const alone = ZabRig.settled(1);
    expect(alone.leader.zab.handOver(0)).toBe(false);
  });

  it("of a member that stops: it does not stand for election, and the next leader is found at once", () => {
    const rig = ZabRig.settled(3);
    const { time } = rig;
    rig.leader.zab.refuseToLead();
    rig.leader.zab.handOver(0);
    rig.settle();
    expect([rig.leader.id, rig.time]).toEqual([2, time]);
    rig.kill(3);
    rig.settle();
    rig.commit();
    expect(rig.leader.zab.epoch).toBe(2);
  });
});

describe("a leader with a slow disk that begins another epoch", () => {
  it("core.md 19: does not take the record of the epoch before for that of the present one", () => {
    const rig = ZabRig.settled(3);
    rig.commit();
    const { leader } = rig;
    leader.holdsDisk = true;
    const damage = (): void => {
      rig.kill(1);
      rig.startWith(1, { isDamaged: true, configuration: ensemble(1, 2, 3) });
      rig.settle();
    };
    // One that may have forgotten a promise makes the leader begin a new epoch, and another one meanwhile.
    damage();
    leader.sync(1);
    rig.settle();
    expect([leader.records.at(-1)?.type, leader.unsynced]).toEqual([recordType.EPOCH, 1]);
    damage();
    expect(leader.records.slice(-2).map(({ type }) => type)).toEqual([recordType.EPOCH, recordType.PROMISE]);
    for (let left = 2; left > 0; left--) {
      leader.sync(1);
      rig.settle();
      expect(leader.zab.isEstablished).toBe(false);
    }
    expect([leader.records.at(-1)?.type, leader.unsynced]).toEqual([recordType.EPOCH, 1]);
    leader.sync(1);
    rig.settle();
    expect(leader.zab.isEstablished).toBe(true);
  });
});
