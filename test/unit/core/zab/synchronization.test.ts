import { describe, expect, it } from "vitest";
import { counterOf, epochOf, makeZxid } from "../../../../src/core/base/zxid.ts";
import { decodeEpoch } from "../../../../src/core/zab/epoch-record.ts";
import { recordType } from "../../../../src/core/zab/journal-record.ts";
import { decodeEpochZxid, decodeSync, encodeSync, readerOf, type Sync } from "../../../../src/core/zab/peer-message.ts";
import { ensemble } from "./rig-batches.ts";
import { type Sent, ZabRig } from "./zab-rig.ts";

/** Member 1 of three is away while `count` batches are committed. */
function oneMissed(count: number, options: Parameters<typeof ZabRig.settled>[1] = {}): ZabRig {
  const rig = ZabRig.settled(3, options);
  rig.commit();
  rig.kill(1);
  for (let i = 0; i < count; i++) rig.commit();
  return rig;
}

function syncsTo(rig: ZabRig, id: number, from: number): Sync[] {
  const sent = rig.sent.slice(from).filter(({ to, name }) => to === id && name === "SYNC");
  return sent.map(({ frame }) => decodeSync(readerOf(frame)));
}

function agree(rig: ZabRig): void {
  const states = rig.running.map(({ state }) => [state.zxid, state.checksum]);
  expect(new Set(states.map(String)).size).toBe(1);
}

describe("synchronization", () => {
  it("DIFF: one that is a little behind gets what it misses from memory, then NEWLEADER", () => {
    const rig = oneMissed(3);
    const from = rig.sent.length;
    const lastZxid = rig.at(1).zab.lastZxid;
    rig.restart(1);
    rig.settle();
    expect(syncsTo(rig, 1, from)).toEqual([{ epoch: 1, bySnapshot: false, zxid: lastZxid }]);
    expect(rig.since(from, "SYNC", "PROPOSE", "NEWLEADER", "ACKLEADER", "COMMIT")).toEqual([
      "3>1 SYNC",
      "3>1 PROPOSE",
      "3>1 PROPOSE",
      "3>1 PROPOSE",
      "3>1 NEWLEADER",
      "3>1 COMMIT",
      "1>3 ACKLEADER",
      "3>1 COMMIT",
    ]);
    agree(rig);
  });

  it("DIFF of nothing: one that has everything is sent NEWLEADER at once", () => {
    const rig = oneMissed(0);
    const from = rig.sent.length;
    rig.restart(1);
    rig.settle();
    expect(rig.since(from, "SYNC", "PROPOSE", "NEWLEADER")).toEqual(["3>1 SYNC", "3>1 NEWLEADER"]);
    expect(rig.at(1).zab.isFollowing).toBe(true);
  });

  it("DIFF: what is not in memory any more is read from the leader's journal, in parts, in order", () => {
    const rig = oneMissed(7, { recentBytes: 0 });
    const { leader } = rig;
    leader.holdsTransfers = true;
    rig.restart(1);
    rig.settle();
    const asked: number[] = [];
    for (let after = leader.histories.get(1); after !== undefined; after = leader.histories.get(1)) {
      asked.push(counterOf(after));
      leader.serveHistory(1);
      rig.settle();
    }
    expect(asked).toEqual([1, 3, 5, 7]);
    expect(rig.at(1).zab.isFollowing).toBe(true);
    agree(rig);
  });

  it("DIFF: what is committed is applied as it comes; nothing is served before NEWLEADER", () => {
    const rig = oneMissed(7, { recentBytes: 0 });
    const { leader } = rig;
    leader.holdsTransfers = true;
    rig.restart(1);
    rig.settle();
    const seen: [applied: number, waiting: number, isFollowing: boolean][] = [];
    while (leader.histories.has(1)) {
      leader.serveHistory(1);
      rig.settle();
      const { zab, state } = rig.at(1);
      seen.push([counterOf(state.zxid), zab.lastZxid - state.zxid, zab.isFollowing]);
    }
    expect(seen.map(([applied]) => applied)).toEqual([3, 5, 7, 8]);
    expect(seen.map(([, waiting]) => waiting)).toEqual([0, 0, 0, 0]);
    expect(seen.map(([, , isFollowing]) => isFollowing)).toEqual([false, false, false, true]);
  });

  it("DIFF: the switch from the journal to the log leaves no gap, whatever comes meanwhile (ZOOKEEPER-4785)", () => {
    const rig = oneMissed(6, { recentBytes: 0 });
    const { leader } = rig;
    leader.holdsTransfers = true;
    rig.restart(1);
    rig.settle();
    for (let i = 0; leader.histories.has(1); i++) {
      leader.propose(1 + (i % 3));
      leader.serveHistory(1);
      rig.settle();
    }
    rig.commit();
    // Its first was applied before it was away, and again as it came back.
    expect(rig.at(1).applied.slice(1)).toEqual(leader.applied);
  });

  it("SNAP: where the journal does not reach back, a snapshot no older than what the learner acknowledged", () => {
    const rig = oneMissed(5, { recentBytes: 0 });
    const { leader } = rig;
    leader.save();
    leader.prunedZxid = leader.zab.commitZxid - 1;
    leader.holdsTransfers = true;
    const acknowledged = rig.at(1).zab.lastZxid;
    rig.restart(1);
    rig.settle();
    leader.serveHistory(1);
    rig.settle();
    expect([...leader.snapshots]).toEqual([[1, acknowledged]]);
    leader.serveSnapshot(1);
    leader.holdsTransfers = false;
    const { written } = rig.at(1);
    expect(written.slice(-2)).toEqual(["SNAPSHOT", "CONFIGURATION"]);
    rig.settle();
    rig.commit();
    expect([rig.at(1).zab.isFollowing, rig.at(1).written.slice(-2)]).toEqual([true, ["EPOCH", "BATCH"]]);
    agree(rig);
  });

  it("SNAP: a tree that is not trusted waits for what its log helps to commit, and only for that", () => {
    const rig = ZabRig.settled(3);
    const learner = rig.at(2);
    rig.kill(1);
    rig.commit();
    // On both disks, and known to be committed by nobody.
    rig.clog(2, 3);
    rig.leader.propose();
    rig.settle();
    const { lastZxid } = learner.zab;
    learner.holdsApply = true;
    learner.zab.distrustTree("its tree is wrong");
    rig.unlink(2, 3);
    rig.unclog(2, 3);
    const from = rig.sent.length;
    rig.pass(3_000);
    expect(learner.written.slice(-2)).toEqual(["CONFIGURATION", "EPOCH"]);
    expect(rig.since(from, "SYNC", "NEWLEADER", "INSTALLED")).toEqual([
      "3>2 SYNC",
      "3>2 NEWLEADER",
      "3>2 SYNC",
      "2>3 INSTALLED",
      "3>2 NEWLEADER",
    ]);
    learner.holdsApply = false;
    expect([rig.leader.zab.commitZxid, learner.state.zxid, learner.zab.isFollowing]).toEqual([
      lastZxid,
      lastZxid,
      true,
    ]);
    rig.commit();
    agree(rig);
  });

  it("SNAP: NEWLEADER waits until the learner says that the snapshot is in place (ZOOKEEPER-3104)", () => {
    const rig = oneMissed(5, { recentBytes: 0 });
    const { leader } = rig;
    leader.prunedZxid = leader.zab.commitZxid;
    leader.holdsTransfers = true;
    const from = rig.sent.length;
    rig.restart(1);
    rig.settle();
    leader.serveHistory(1);
    rig.pass(3_000);
    expect(rig.since(from, "NEWLEADER", "PROPOSE").filter((each) => each.startsWith("3>1"))).toEqual([]);
    expect([rig.at(1).zab.awaitsSnapshot, rig.at(1).zab.isFollowing]).toEqual([true, false]);
    leader.serveSnapshot(1);
    const order = rig.since(from, "INSTALLED", "NEWLEADER").filter((each) => each !== "3>2 NEWLEADER");
    rig.settle();
    expect([order, rig.since(from, "INSTALLED", "NEWLEADER")]).toEqual([
      ["1>3 INSTALLED"],
      ["1>3 INSTALLED", "3>1 NEWLEADER"],
    ]);
    agree(rig);
  });

  it("SNAP: one that dies between snapshot and NEWLEADER begins again (ZOOKEEPER-2872, 3642)", () => {
    const rig = oneMissed(5, { recentBytes: 0 });
    const { leader } = rig;
    leader.prunedZxid = leader.zab.commitZxid;
    rig.restart(1);
    rig.at(1).holdsDisk = true;
    rig.settle();
    const own = rig.at(1);
    expect(own.written.slice(-3)).toEqual(["SNAPSHOT", "CONFIGURATION", "EPOCH"]);
    own.sync(2);
    rig.kill(1);
    own.holdsDisk = false;
    rig.commit();
    rig.restart(1);
    rig.settle();
    expect(own.zab.isFollowing).toBe(true);
    agree(rig);
  });

  it("TRUNC, core.md 20: what the leader does not have is voided by a record; no byte is cut", () => {
    const rig = ZabRig.settled(3);
    rig.commit();
    rig.partition([3], [1, 2]);
    const late = rig.at(3);
    late.propose(2);
    late.propose();
    late.sync();
    expect(late.zab.lastZxid).toBe(makeZxid(1, 4));
    rig.pass(3_000);
    const wanted = rig.commit();
    const before = late.records.length;
    rig.heal();
    rig.pass(1_000);
    expect(late.records.slice(before).map(({ type }) => type)).toContain(recordType.TRUNCATE);
    const truncated = late.records.find(({ type }) => type === recordType.TRUNCATE);
    expect(truncated).toMatchObject({ firstZxid: makeZxid(1, 1), lastZxid: makeZxid(1, 1) });
    expect(late.records.filter(({ lastZxid }) => lastZxid === makeZxid(1, 4))).not.toEqual([]);
    expect([late.zab.commitZxid, epochOf(wanted)]).toEqual([wanted, 2]);
    agree(rig);
    // And it is so after a restart as well.
    rig.kill(3, false);
    rig.restart(3);
    rig.settle();
    expect(late.zab.lastZxid).toBe(wanted);
    agree(rig);
  });

  it("CommittedLogDurability, ZOOKEEPER-1154: a leader that would truncate what is committed is refused", () => {
    const rig = ZabRig.settled(3);
    const zxid = rig.commit(3);
    const { id } = rig.leader;
    const frame = encodeSync({ epoch: 1, bySnapshot: false, zxid: zxid - 3 });
    expect(() => rig.at(1).zab.receive(id, frame)).toThrow("nothing committed is truncated");
  });

  it("ZOOKEEPER-1489: truncates only what is not shared, across several epochs", () => {
    const rig = ZabRig.settled(5);
    rig.commit();
    // Each of these leaders leaves something that nobody else has.
    for (const id of [5, 4]) {
      rig.partition(
        [id],
        [1, 2, 3, 4, 5].filter((other) => other !== id),
      );
      rig.at(id).propose(2);
      rig.at(id).sync();
      rig.pass(3_000);
      rig.commit();
    }
    const last = rig.commit();
    rig.heal();
    rig.pass(3_000);
    expect([4, 5].map((id) => rig.at(id).zab.commitZxid)).toEqual([last, last]);
    expect(rig.at(5).written.filter((type) => type === "TRUNCATE")).toHaveLength(1);
    agree(rig);
  });

  it("NEWLEADER stands behind the whole history, and later proposals come too, behind it (paper, issues.md)", () => {
    const rig = oneMissed(2);
    const { leader } = rig;
    rig.restart(1);
    const from = rig.sent.length;
    rig.until(() => rig.since(from, "NEWLEADER").length > 0);
    leader.propose();
    const order = rig.since(from, "SYNC", "PROPOSE", "NEWLEADER").filter((each) => each.startsWith("3>1"));
    expect(order).toEqual(["3>1 SYNC", "3>1 PROPOSE", "3>1 PROPOSE", "3>1 NEWLEADER", "3>1 PROPOSE"]);
    const newLeader = rig.sent.slice(from).find(({ to, name }) => to === 1 && name === "NEWLEADER") as Sent;
    expect(decodeEpochZxid(readerOf(newLeader.frame)).zxid).toBe(leader.zab.lastZxid - 1);
    rig.settle();
    agree(rig);
  });

  it("ARCHITECTURE 4, ZOOKEEPER-3911, 4643, 4646: data, then the epoch record, then ACKLEADER, each on disk", () => {
    const rig = oneMissed(2);
    const own = rig.at(1);
    rig.restart(1);
    rig.settle();
    rig.kill(1);
    rig.commit();
    rig.commit();
    rig.kill(3);
    rig.settle();
    expect(rig.running).toHaveLength(1);
    const from = rig.sent.length;
    rig.restart(1);
    own.holdsDisk = true;
    rig.settle();
    own.sync();
    rig.settle();
    expect(own.written.slice(-3)).toEqual(["BATCH", "BATCH", "EPOCH"]);
    expect(own.unsynced).toBe(3);
    own.sync(2);
    rig.settle();
    // The data alone is acknowledged as such, and not yet as the leader's history.
    expect(rig.since(from, "ACK", "ACKLEADER")).toEqual(["1>2 ACK"]);
    expect([rig.at(2).zab.isEstablished, own.zab.epoch]).toEqual([false, 1]);
    own.sync(1);
    rig.settle();
    expect(rig.since(from, "ACKLEADER")).toEqual(["1>2 ACKLEADER"]);
    expect([rig.leader.id, own.zab.epoch]).toEqual([2, 2]);
  });

  it("ZOOKEEPER-2307: power lost between the data and the epoch record leaves the old epoch, and the data", () => {
    const rig = oneMissed(2);
    const own = rig.at(1);
    rig.kill(3);
    rig.restart(1);
    own.holdsDisk = true;
    rig.settle();
    own.sync();
    rig.settle();
    expect(own.written.at(-1)).toBe("EPOCH");
    own.sync(own.unsynced - 1);
    rig.kill(1);
    own.holdsDisk = false;
    expect(decodeEpoch(own.latest(recordType.EPOCH) as Uint8Array)).toBe(1);
    rig.restart(1);
    expect(own.zab.lastZxid).toBe(makeZxid(1, 3));
    rig.settle();
    expect([rig.leader.zab.isEstablished, own.zab.isFollowing]).toEqual([true, true]);
    agree(rig);
  });

  it("DSN'11, figure 4: an epoch begins when a quorum has its history on disk, the leader's own among them", () => {
    const rig = new ZabRig(ensemble(1, 2, 3));
    rig.start(1, 2, 3);
    for (const id of [1, 2]) rig.at(id).holdsDisk = true;
    rig.settle();
    for (const id of [1, 2]) rig.at(id).sync();
    rig.settle();
    expect([rig.at(3).zab.isEstablished, rig.at(3).zab.nextZxid(1)]).toEqual([false, 0]);
    rig.at(3).holdsDisk = true;
    rig.at(2).sync();
    rig.settle();
    expect([rig.leader.id, rig.leader.zab.nextZxid(1)]).toEqual([3, makeZxid(1, 1)]);

    const slow = new ZabRig(ensemble(1, 2, 3));
    slow.start(1, 2, 3);
    slow.at(3).holdsDisk = true;
    slow.settle();
    slow.at(3).sync();
    slow.settle();
    expect(slow.since(0, "ACKLEADER")).toHaveLength(2);
    expect(slow.at(3).zab.isEstablished).toBe(false);
    slow.at(3).sync();
    expect(slow.at(3).zab.isEstablished).toBe(true);
  });

  it("LeaderLogCompleteness: what a quorum had on disk is in every later leader's log, told committed or not", () => {
    const rig = ZabRig.settled(3);
    rig.clog(3, 1);
    rig.clog(3, 2);
    rig.at(3).propose(4);
    const { lastZxid } = rig.at(3).zab;
    rig.deliverUntil(3, 2, "PROPOSE");
    rig.at(2).sync();
    rig.kill(3);
    rig.pass(1_000);
    expect([rig.leader.id, rig.leader.zab.commitZxid, rig.at(1).zab.commitZxid]).toEqual([2, lastZxid, lastZxid]);
  });

  it("a learner that changed its configuration twice while away follows (core.md 25)", () => {
    const rig = oneMissed(1);
    rig.leader.reconfigure(ensemble(1, 2, 3, { id: 4, role: "observer" }));
    rig.settle();
    const last = ensemble(1, 2, 3);
    rig.leader.reconfigure(last);
    rig.settle();
    expect(rig.leader.zab.configuration).toEqual(last);
    rig.restart(1);
    rig.settle();
    expect([rig.at(1).zab.isFollowing, rig.at(1).zab.configuration]).toEqual([true, last]);
    agree(rig);
  });

  it("two that were away together, and came back on different histories, both get the leader's", () => {
    const rig = ZabRig.settled(5);
    rig.commit();
    rig.kill(1);
    rig.partition([5], [2, 3, 4]);
    rig.at(5).propose(3);
    rig.at(5).sync();
    rig.pass(3_000);
    rig.commit(2);
    rig.kill(5);
    rig.restart(1);
    rig.heal();
    rig.restart(5);
    rig.pass(1_000);
    expect(rig.followers).toHaveLength(4);
    agree(rig);
  });
});
