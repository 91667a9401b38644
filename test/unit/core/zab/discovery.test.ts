import { describe, expect, it } from "vitest";
import { makeZxid } from "../../../../src/core/base/zxid.ts";
import { decodePromise } from "../../../../src/core/zab/epoch-record.ts";
import { recordType } from "../../../../src/core/zab/journal-record.ts";
import {
  decodeAckEpoch,
  decodeNewEpoch,
  encodeCurrentEpoch,
  encodeNewEpoch,
  readerOf,
} from "../../../../src/core/zab/peer-message.ts";
import { ensemble, hadBatches } from "./rig-batches.ts";
import { type MessageName, type RigMember, type Sent, ZabRig } from "./zab-rig.ts";

const three = ensemble(1, 2, 3);

/** What a learner says that has promised epoch 5 to another. */
const laterPromise = encodeCurrentEpoch({
  acceptedEpoch: 5,
  promisedTo: 1,
  currentEpoch: 0,
  lastZxid: 0,
  isDamaged: false,
});

function promiseOf(member: RigMember): { epoch: number; leaderId: number } {
  return decodePromise(member.latest(recordType.PROMISE) as Uint8Array);
}

function sentBy(rig: ZabRig, from: number, to: number, name: MessageName): Sent[] {
  return rig.sent.filter((sent) => sent.from === from && sent.to === to && sent.name === name);
}

/** Members that promised these epochs to member 1, on empty histories. */
function promised(epochs: readonly number[]): ZabRig {
  const rig = new ZabRig(ensemble(...epochs.map((_, at) => at + 1)));
  for (const [at, acceptedEpoch] of epochs.entries()) rig.startWith(at + 1, { acceptedEpoch, promisedTo: 1 });
  return rig;
}

describe("discovery", () => {
  it("DSN'11, figure 3: the new epoch is above all that a quorum has promised", () => {
    const rig = promised([4, 9, 6]);
    rig.settle();
    expect(rig.leader.zab.epoch).toBe(10);
    for (const { zab } of rig.running)
      expect(promiseOf(rig.at(zab.id))).toEqual({ epoch: 10, leaderId: rig.leader.id });
  });

  it("DSN'11, figure 3: no epoch is chosen before a quorum has told what it promised", () => {
    const rig = new ZabRig(three);
    rig.start(1, 2, 3);
    rig.until(() => rig.at(3).zab.isLeading);
    rig.clog(1, 3);
    rig.clog(2, 3);
    rig.settle();
    expect([rig.at(3).written, rig.since(0, "NEWEPOCH")]).toEqual([["CONFIGURATION"], []]);
    rig.unclog(1, 3);
    rig.settle();
    expect([rig.at(3).zab.isEstablished, rig.since(0, "NEWEPOCH")]).toEqual([true, ["3>1 NEWEPOCH"]]);
  });

  it("core.md 19, ZOOKEEPER-1291: the leader's own promise is on disk before NEWEPOCH", () => {
    const rig = new ZabRig(three);
    rig.start(1, 2, 3);
    rig.at(3).holdsDisk = true;
    rig.settle();
    expect([rig.at(3).written.at(-1), rig.since(0, "NEWEPOCH")]).toEqual(["PROMISE", []]);
    rig.at(3).sync();
    expect(rig.since(0, "NEWEPOCH")).toEqual(["3>1 NEWEPOCH", "3>2 NEWEPOCH"]);
  });

  it("core.md 19: nor does an earlier promise of the leader count for the epoch it has gone on to meanwhile", () => {
    const rig = new ZabRig(three);
    rig.start(1, 2, 3);
    const { zab } = rig.at(3);
    rig.at(3).holdsDisk = true;
    rig.settle();
    zab.receive(1, laterPromise);
    expect(rig.at(3).written.slice(-2)).toEqual(["PROMISE", "PROMISE"]);
    rig.at(3).sync(2);
    rig.settle();
    expect(rig.since(0, "NEWEPOCH")).toEqual([]);
    rig.at(3).sync();
    expect(rig.since(0, "NEWEPOCH")).toEqual(["3>1 NEWEPOCH", "3>2 NEWEPOCH"]);
  });

  it("core.md 24: nor does an earlier epoch's record: the new one's is on disk before it is established", () => {
    const rig = new ZabRig(three);
    rig.start(1, 2, 3);
    const { zab } = rig.at(3);
    rig.at(3).holdsDisk = true;
    rig.settle();
    rig.at(3).sync();
    rig.settle();
    zab.receive(1, laterPromise);
    expect(rig.at(3).written.slice(-2)).toEqual(["EPOCH", "PROMISE"]);
    rig.at(3).sync();
    rig.settle();
    expect([rig.at(3).written.at(-1), zab.isEstablished]).toEqual(["EPOCH", false]);
    rig.at(3).sync();
    expect([zab.epoch, zab.isEstablished]).toEqual([6, true]);
  });

  it("core.md 19, ZOOKEEPER-1282: a learner's promise is on disk before ACKEPOCH", () => {
    const rig = new ZabRig(three);
    rig.start(1, 2, 3);
    for (const id of [1, 2]) rig.at(id).holdsDisk = true;
    rig.settle();
    expect([rig.at(1).written.at(-1), rig.at(2).written.at(-1), rig.since(0, "ACKEPOCH")]).toEqual([
      "PROMISE",
      "PROMISE",
      [],
    ]);
    rig.at(1).sync();
    expect(rig.since(0, "ACKEPOCH")).toEqual(["1>3 ACKEPOCH"]);
    // And one that answers twice waits for the disk twice.
    rig.at(2).zab.receive(3, encodeNewEpoch({ epoch: 1, attempt: 1 }));
    expect(rig.since(0, "ACKEPOCH")).toEqual(["1>3 ACKEPOCH"]);
    rig.at(2).sync();
    expect(rig.since(0, "ACKEPOCH").filter((each) => each.startsWith("2"))).not.toEqual([]);
  });

  it("core.md 19: a promise that reached the disk binds after a crash; one that did not binds nobody", () => {
    for (const isSynced of [false, true]) {
      const rig = new ZabRig(three);
      rig.start(1, 2, 3);
      rig.at(1).holdsDisk = true;
      rig.settle();
      const own = rig.at(1);
      expect(own.written.at(-1)).toBe("PROMISE");
      if (isSynced) own.sync();
      rig.kill(1);
      rig.kill(2);
      rig.kill(3);
      own.holdsDisk = false;
      rig.restart(1);
      expect(own.zab.replica.acceptedEpoch).toBe(isSynced ? 1 : 0);
    }
  });

  it("a learner bound to another leader's epoch makes the leader begin a new one, without an election", () => {
    const rig = new ZabRig(three);
    rig.start(1, 2);
    rig.settle();
    expect([rig.leader.id, rig.leader.zab.epoch]).toEqual([2, 1]);
    rig.startWith(3, { acceptedEpoch: 1, promisedTo: 3 });
    rig.settle();
    expect([rig.leader.id, rig.leader.zab.epoch, rig.at(3).zab.isFollowing]).toEqual([2, 2, true]);
    expect(rig.at(2).take()).toEqual(["joins 2", "leads 1", "leads 2"]);
    expect(
      rig
        .at(1)
        .take()
        .filter((line) => line.startsWith("looks")),
    ).toEqual([]);
  });

  it("a learner that promised a later epoch, too: the new one is above that", () => {
    const rig = new ZabRig(three);
    rig.start(1, 2);
    rig.settle();
    rig.startWith(3, { acceptedEpoch: 17, promisedTo: 1 });
    rig.settle();
    expect([rig.leader.id, rig.leader.zab.epoch, rig.at(3).zab.isFollowing]).toEqual([2, 18, true]);
  });

  it("DSN'11, figure 3: a learner never acknowledges an epoch below its promise, or promised to another", () => {
    const rig = ZabRig.settled(3);
    const before = rig.sent.length;
    rig.at(1).zab.receive(3, encodeNewEpoch({ epoch: 9, attempt: 1 }));
    rig.settle();
    expect(rig.at(1).zab.replica.acceptedEpoch).toBeGreaterThanOrEqual(9);
    const first = rig.sent.length;
    rig.at(1).zab.receive(3, encodeNewEpoch({ epoch: 3, attempt: 2 }));
    expect(rig.since(first)).toEqual(["1>3 CEPOCH"]);
    expect(before).toBeLessThan(first);
  });

  it("only the answer to the last NEWEPOCH counts: what was sent after an earlier one, the learner drops", () => {
    const rig = new ZabRig(three);
    rig.start(1, 2);
    rig.settle();
    rig.commit();
    rig.start(3);
    rig.until(() => rig.at(3).zab.leaderId === 2);
    rig.clog(2, 3);
    rig.settle();
    const again = { acceptedEpoch: 0, promisedTo: 0, currentEpoch: 0, lastZxid: 0, isDamaged: false };
    rig.at(2).zab.receive(3, encodeCurrentEpoch(again));
    expect(sentBy(rig, 2, 3, "NEWEPOCH")).toHaveLength(2);
    rig.deliverUntil(2, 3, "NEWEPOCH");
    rig.settle();
    expect(sentBy(rig, 3, 2, "ACKEPOCH")).toHaveLength(1);
    expect(sentBy(rig, 2, 3, "SYNC")).toHaveLength(0);
    rig.unclog(2, 3);
    rig.settle();
    expect(sentBy(rig, 2, 3, "SYNC")).toHaveLength(1);
    expect([rig.at(3).zab.isFollowing, rig.at(3).applied]).toEqual([true, rig.at(2).applied]);
  });

  it("a NEWEPOCH that was lost, because its learner looked for a leader then, is not waited for", () => {
    const rig = new ZabRig(three);
    rig.start(1, 2);
    rig.settle();
    rig.start(3);
    rig.until(() => rig.at(3).zab.leaderId === 2);
    rig.clog(2, 3);
    rig.settle();
    expect(sentBy(rig, 2, 3, "NEWEPOCH")).toHaveLength(1);
    // It gives the leader up and finds it again, while the leader's words are on their way.
    rig.at(3).zab.look("told so by the test");
    rig.unclog(2, 3);
    rig.settle();
    rig.pass(200);
    expect(rig.at(3).zab.isFollowing).toBe(true);
  });

  it("DSN'11, figure 3: ACKEPOCH tells the epoch and the end of the history that the promise stands behind", () => {
    const rig = new ZabRig(three);
    rig.startWith(1, hadBatches(2, 3, three));
    rig.startWith(2, hadBatches(2, 3, three));
    rig.settle();
    const [ack] = sentBy(rig, 1, 2, "ACKEPOCH");
    expect(decodeAckEpoch(readerOf((ack as Sent).frame))).toEqual({
      epoch: 3,
      attempt: 1,
      currentEpoch: 2,
      lastZxid: makeZxid(2, 3),
      appliedZxid: 0,
      wantsSnapshot: false,
    });
  });

  it("Leadership1: two that are elected at once do not both get a quorum's promise for one epoch", () => {
    const rig = new ZabRig(ensemble(1, 2, 3, 4, 5));
    rig.start(1, 2, 3, 4, 5);
    rig.partition([5], [4]);
    rig.settle();
    rig.pass(3_000);
    const { leader } = rig;
    const bound = rig.running.filter((member) => promiseOf(member).epoch === leader.zab.epoch);
    expect(bound.map((member) => promiseOf(member).leaderId)).toEqual(bound.map(() => leader.id));
    expect(leader.zab.quorum.has(bound.map(({ id }) => id))).toBe(true);
  });

  it("initLimit: one that gets no quorum's promise within the time-out looks again", () => {
    const rig = new ZabRig(three);
    rig.start(1, 2, 3);
    rig.at(1).isFull = true;
    rig.at(2).isFull = true;
    rig.settle();
    expect(rig.at(3).zab.isLeading).toBe(true);
    rig.at(3).take();
    rig.pass(1_100);
    expect(rig.at(3).take()[0]).toBe("looks: no quorum joined in time");
    rig.at(1).isFull = false;
    rig.at(1).zab.roomMade();
    rig.pass(3_000);
    expect(rig.leader.zab.isEstablished).toBe(true);
  });

  it("DSN'11, figure 3: one whose history is later is not led from an earlier one: the leader gives way", () => {
    const rig = new ZabRig(three);
    rig.startWith(1, hadBatches(1, 2, three));
    rig.startWith(2, hadBatches(1, 2, three));
    rig.at(1).holdsDisk = true;
    rig.settle();
    expect(rig.at(2).zab.isLeading && !rig.at(2).zab.isEstablished).toBe(true);
    rig.startWith(3, hadBatches(1, 5, three));
    rig.settle();
    expect(rig.at(3).zab.leaderId).toBe(0);
    rig.pass(3_000);
    expect(rig.leader.id).toBe(3);
    expect(rig.at(2).zab.commitZxid).toBe(makeZxid(1, 5));
  });

  it("NEWEPOCH names the epoch that was promised, and the same to all", () => {
    const rig = promised([2, 2, 2]);
    rig.settle();
    const epochs = rig.sent.filter(({ name }) => name === "NEWEPOCH");
    expect(new Set(epochs.map(({ frame }) => decodeNewEpoch(readerOf(frame)).epoch))).toEqual(new Set([3]));
  });
});
