import { describe, expect, it } from "vitest";
import { epochOf, makeZxid } from "../../../src/core/base/zxid.ts";
import { decodeEpoch, decodePromise } from "../../../src/core/zab/epoch-record.ts";
import { recordType } from "../../../src/core/zab/journal-record.ts";
import { decodeEpochMessage, decodeNewEpoch, readerOf } from "../../../src/core/zab/peer-message.ts";
import { ensemble } from "../../unit/core/zab/rig-batches.ts";
import { type RigMember, ZabRig } from "../../unit/core/zab/zab-rig.ts";
import { ELECTION_MS, haveConverged, isolate, logOf, oneHasMore, sentBy } from "./steps.ts";

/**
 * Member 3 leads with what it alone has; member 1 has promised, and was sent the history: nothing of that is synced.
 */
function syncing(): { readonly rig: ZabRig; readonly zxid: number; readonly learner: RigMember } {
  const { rig, zxid } = oneHasMore(3);
  const learner = rig.at(1);
  rig.restart(3);
  rig.restart(1);
  learner.holdsDisk = true;
  rig.settle();
  learner.sync();
  rig.settle();
  return { rig, zxid, learner };
}

function epochsOnDisk(member: RigMember): { readonly promised: number; readonly current: number } {
  const [promise, epoch] = [member.latest(recordType.PROMISE), member.latest(recordType.EPOCH)];
  return {
    promised: promise === undefined ? 0 : decodePromise(promise).epoch,
    current: epoch === undefined ? 0 : decodeEpoch(epoch),
  };
}

describe("power lost at any record of a synchronization", () => {
  it("Z-3911, Z-4646: what a learner's ACKLEADER made committed is on its disk, whenever the power goes", () => {
    const outcomes: unknown[] = [];
    for (const synced of [0, 1, 2]) {
      const { rig, zxid, learner } = syncing();
      expect([learner.written.slice(-2), learner.unsynced]).toEqual([["BATCH", "EPOCH"], 2]);
      learner.sync(synced);
      rig.settle();
      const wasCommitted = rig.at(3).zab.commitZxid >= zxid;
      rig.kill(3);
      rig.kill(1);
      learner.holdsDisk = false;
      rig.restart(1);
      rig.restart(2);
      rig.pass(ELECTION_MS);
      rig.commit();
      outcomes.push([synced, wasCommitted, rig.leader.applied.includes(zxid)]);
      expect(haveConverged(rig)).toBe(true);
    }
    expect(outcomes).toEqual([
      [0, false, false],
      [1, false, true],
      [2, true, true],
    ]);
  });

  it("Z-4643, core.md 19: the epoch record never reaches the disk before the data it stands for", () => {
    for (const synced of [0, 1, 2]) {
      const { rig, zxid, learner } = syncing();
      learner.sync(synced);
      rig.kill(1);
      const { promised, current } = epochsOnDisk(learner);
      expect([current === promised, logOf(learner).includes(zxid)]).toEqual([synced === 2, synced >= 1]);
      // And so it is never elected, by an epoch it has not got the history of, over one that has it.
      rig.kill(3);
      learner.holdsDisk = false;
      for (const id of [1, 2, 3]) rig.restart(id);
      rig.pass(ELECTION_MS);
      expect([rig.leader.applied.includes(zxid), haveConverged(rig)]).toEqual([true, true]);
    }
  });

  it("Z-2307, Z-4269, Z-2354: promise, data and epoch are one journal: any cut of it is a state to go on from", () => {
    // Whichever of the two: the leader writes the same records as its learner.
    for (const victim of [1, 3]) {
      for (let synced = 0; synced < 4; synced++) {
        const { rig, zxid } = oneHasMore(3);
        const member = rig.at(victim);
        member.holdsDisk = true;
        rig.restart(3);
        rig.restart(1);
        for (let i = 0; i < synced; i++) {
          rig.settle();
          member.sync(1);
        }
        rig.settle();
        rig.kill(victim);
        const { promised, current } = epochsOnDisk(member);
        const last = logOf(member).at(-1) ?? 0;
        expect(promised).toBeGreaterThanOrEqual(current);
        expect(current).toBeGreaterThanOrEqual(epochOf(last));
        member.holdsDisk = false;
        rig.restart(victim);
        rig.restart(2);
        rig.pass(ELECTION_MS);
        rig.commit();
        expect([victim, synced, haveConverged(rig), rig.leader.applied.includes(zxid)]).toEqual([
          victim,
          synced,
          true,
          true,
        ]);
      }
    }
  });
});

describe("a promise", () => {
  it("Z-1282, Z-1291, core.md 19: lost with the power before ACKEPOCH, leaves its epoch to one other leader", () => {
    const rig = new ZabRig(ensemble(1, 2, 3));
    rig.start(1, 2, 3);
    for (const id of [1, 2]) rig.at(id).holdsDisk = true;
    rig.settle();
    // 3 has promised itself epoch 1, on its disk; the others' promises are on none.
    expect([epochsOnDisk(rig.at(3)).promised, rig.since(0, "NEWEPOCH").length, rig.since(0, "ACKEPOCH")]).toEqual([
      1,
      2,
      [],
    ]);
    isolate(rig, 3);
    for (const id of [1, 2]) {
      rig.kill(id);
      rig.at(id).holdsDisk = false;
      rig.restart(id);
    }
    rig.settle();
    expect([rig.leader.id, rig.leader.zab.epoch, rig.at(3).zab.isLeading]).toEqual([2, 1, true]);
    rig.commit();
    // 3 is bound to its own epoch 1 and may not take part in another's: the leader begins one above.
    rig.heal();
    rig.pass(ELECTION_MS);
    expect([rig.leader.id, rig.leader.zab.epoch, rig.at(3).zab.isFollowing, haveConverged(rig)]).toEqual([
      2,
      2,
      true,
      true,
    ]);
  });
});

/**
 * A member comes back, one message of it and its leader at a time; after `moment` of them the leader proposes, and has
 * the other's acknowledgement. False when there were not so many.
 */
function proposesAt(moment: number): boolean {
  const rig = ZabRig.settled(3);
  rig.commit();
  rig.kill(1);
  rig.commit(3);
  rig.commit();
  rig.clog(1, 3);
  rig.clog(3, 1);
  rig.restart(1);
  rig.settle();
  for (let i = 0; i < moment; i++) {
    if (rig.queue(3, 1).length > 0) rig.deliver(3, 1);
    else if (rig.queue(1, 3).length > 0) rig.deliver(1, 3);
    else return false;
    rig.settle();
  }
  const [own, leader] = [rig.at(1), rig.leader];
  leader.propose(2);
  rig.settle();
  expect(leader.zab.commitZxid).toBe(leader.zab.lastZxid);
  rig.heal();
  rig.settle();
  expect([moment, own.zab.isFollowing, haveConverged(rig)]).toEqual([moment, true, true]);
  expect([logOf(own), own.applied.slice(-3)]).toEqual([logOf(leader), leader.applied.slice(-3)]);
  return true;
}

describe("acknowledgements", () => {
  it("Z-4685: those of proposals never overtake that of NEWLEADER, however the disk dawdles", () => {
    const rig = ZabRig.settled(3);
    rig.kill(1);
    rig.commit();
    rig.restart(1);
    const own = rig.at(1);
    own.holdsDisk = true;
    rig.settle();
    expect(own.written.slice(-2)).toEqual(["BATCH", "EPOCH"]);
    own.sync(1);
    rig.settle();
    // Its epoch record is on its way to the disk; three more proposals come.
    for (let i = 0; i < 3; i++) rig.leader.propose();
    rig.settle();
    rig.kill(2);
    const from = rig.sent.length;
    const commits: number[] = [];
    while (own.sync(1)) {
      rig.settle();
      commits.push(rig.at(3).zab.commitZxid);
    }
    expect(sentBy(rig, 1, from, "ACK", "ACKLEADER")).toEqual(["1>3 ACKLEADER", "1>3 ACK", "1>3 ACK", "1>3 ACK"]);
    expect(commits.at(-1)).toBe(makeZxid(1, 4));
    expect([own.zab.isFollowing, haveConverged(rig)]).toEqual([true, true]);
  });

  it("Z-3023, Z-4394, Z-962: a proposal at any moment of a learner's way in comes once and in order", () => {
    let moments = 0;
    while (proposesAt(moments)) moments++;
    expect(moments).toBeGreaterThan(10);
  });

  it("Z-4712, Z-4541, Z-4502: what the disk finishes after the role has ended speaks for no leader of later", () => {
    const rig = ZabRig.settled(3);
    rig.commit();
    const own = rig.at(1);
    own.holdsDisk = true;
    rig.leader.propose();
    rig.settle();
    // The batch is in its journal and not on its disk; its leader goes, and another one comes.
    rig.kill(3);
    rig.until(() => rig.at(1).zab.leaderId === 2);
    const from = rig.sent.length;
    rig.settle();
    expect(sentBy(rig, 1, from, "ACKEPOCH", "ACK", "ACKLEADER")).toEqual([]);
    own.sync(1);
    rig.settle();
    // That was the batch of epoch 1. The promise of epoch 2 is behind it.
    expect(sentBy(rig, 1, from, "ACKEPOCH", "ACK", "ACKLEADER")).toEqual([]);
    own.holdsDisk = false;
    rig.settle();
    const acks = rig.sent.slice(from).filter(({ from: sender, name }) => sender === 1 && name === "ACKLEADER");
    expect(acks.map(({ frame }) => decodeEpochMessage(readerOf(frame)))).toEqual([2]);
    expect([rig.leader.id, haveConverged(rig)]).toEqual([2, true]);
  });

  it("Z-4712, Z-4541, Z-4502: a leader whose disk dawdles through two reigns tells of the later epoch only", () => {
    const rig = new ZabRig(ensemble(1, 2, 3));
    rig.start(1, 2, 3);
    const leader = rig.at(3);
    leader.holdsDisk = true;
    rig.settle();
    rig.pass(1_500);
    const reigns = leader.take().filter((line) => line === "joins 3");
    expect([reigns.length > 1, rig.since(0, "NEWEPOCH")]).toEqual([true, []]);
    leader.holdsDisk = false;
    rig.pass(500);
    const told = rig.sent.filter(({ name }) => name === "NEWEPOCH");
    const epochs = new Set(told.map(({ frame }) => decodeNewEpoch(readerOf(frame)).epoch));
    expect([...epochs]).toEqual([leader.zab.replica.acceptedEpoch]);
    expect([leader.zab.isEstablished, leader.zab.epoch]).toEqual([true, leader.zab.replica.acceptedEpoch]);
  });
});

describe("recovery", () => {
  it("core.md 23: applies what is known committed; the tail waits for a leader, and is its to keep or to void", () => {
    for (const isKept of [true, false]) {
      const { rig, zxid } = oneHasMore(3);
      rig.restart(3);
      const late = rig.at(3);
      rig.pass(ELECTION_MS);
      expect([late.zab.lastZxid, late.applied.includes(zxid), late.zab.commitZxid < zxid]).toEqual([zxid, false, true]);
      if (isKept) rig.restart(2);
      else {
        rig.kill(3);
        rig.restart(1);
        rig.restart(2);
        rig.pass(ELECTION_MS);
        rig.restart(3);
      }
      rig.pass(ELECTION_MS);
      rig.commit();
      expect([isKept, late.applied.includes(zxid), haveConverged(rig)]).toEqual([isKept, isKept, true]);
    }
  });
});
