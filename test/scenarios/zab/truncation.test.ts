import { describe, expect, it } from "vitest";
import { epochOf, makeZxid } from "../../../src/core/base/zxid.ts";
import { recordType } from "../../../src/core/zab/journal-record.ts";
import { ensemble } from "../../unit/core/zab/rig-batches.ts";
import { type RigMember, ZabRig } from "../../unit/core/zab/zab-rig.ts";
import { ELECTION_MS, haveConverged, isolate, logOf, syncsTo } from "./steps.ts";

interface Deposed {
  readonly rig: ZabRig;
  /** Led, and has two batches on its disk that nobody else has; still there, and cut off. */
  readonly late: RigMember;
  /** The last zxid that all share. */
  readonly shared: number;
}

/** The others have elected another leader. */
function deposed(): Deposed {
  const rig = ZabRig.settled(3);
  const shared = rig.commit();
  const late = rig.at(3);
  isolate(rig, 3);
  late.propose(2);
  late.propose();
  late.sync();
  rig.pass(ELECTION_MS);
  return { rig, late, shared };
}

function truncations(member: RigMember): number[] {
  return member.records.filter(({ type }) => type === recordType.TRUNCATE).map(({ lastZxid }) => lastZxid);
}

/** Whoever was elected last. */
function reigning(rig: ZabRig): RigMember {
  const leaders = rig.running.filter(({ zab }) => zab.isEstablished);
  return leaders.reduce((one, other) => (one.zab.epoch > other.zab.epoch ? one : other));
}

describe("a tail that the leader does not have", () => {
  it("Z-2845: counts in an election as the log has it, though the tree kept from before has not applied it", () => {
    const rig = ZabRig.settled(3);
    const shared = rig.commit();
    const late = rig.at(3);
    rig.clog(3, 1);
    rig.clog(3, 2);
    late.propose();
    late.sync();
    for (const id of [1, 2]) rig.kill(id);
    rig.heal();
    rig.pass(ELECTION_MS);
    // The same process as before, without a leader now.
    expect([late.take().includes("ends"), late.zab.isLeading, late.state.zxid]).toEqual([false, false, shared]);
    rig.restart(1);
    rig.pass(ELECTION_MS);
    expect([rig.leader.id, rig.at(1).applied.at(-1)]).toEqual([3, makeZxid(1, 2)]);
    // And one of a later epoch goes before one that has a longer log.
    rig.restart(2);
    rig.commit();
    expect([late.applied, haveConverged(rig)]).toEqual([[shared, makeZxid(1, 2), makeZxid(2, 1)], true]);
  });

  it("Z-1818, DSN'11, V.A: a later epoch goes before a longer log of an earlier one", () => {
    const { rig, late, shared } = deposed();
    const { leader } = rig;
    for (const id of [1, 2]) rig.kill(id);
    rig.heal();
    rig.restart(leader.id);
    rig.pass(ELECTION_MS);
    expect([rig.leader.id, late.zab.lastZxid, haveConverged(rig)]).toEqual([leader.id, shared, true]);
  });

  it("Z-2845: is voided in log and journal where the next leader has another history, a restart or not", () => {
    const { rig, late, shared } = deposed();
    const wanted = rig.commit();
    rig.heal();
    rig.pass(ELECTION_MS);
    expect([epochOf(wanted), truncations(late), late.applied]).toEqual([2, [shared], [shared, wanted]]);
    for (const losesPower of [false, true]) {
      rig.kill(3, losesPower);
      rig.restart(3);
      rig.pass(ELECTION_MS);
      expect([logOf(late), haveConverged(rig)]).toEqual([[shared, wanted], true]);
    }
  });

  it("Z-2832: is voided too where the leader of the later epoch proposed nothing yet, and so has a lower zxid", () => {
    const { rig, late, shared } = deposed();
    expect([rig.leader.zab.epoch, rig.leader.zab.lastZxid < late.zab.lastZxid]).toEqual([2, true]);
    const from = rig.sent.length;
    rig.heal();
    rig.pass(ELECTION_MS);
    expect(syncsTo(rig, 3, from).map(({ bySnapshot, zxid }) => [bySnapshot, zxid])).toContainEqual([false, shared]);
    expect([truncations(late), late.applied, haveConverged(rig)]).toEqual([[shared], [shared], true]);
    const wanted = rig.commit();
    rig.kill(3);
    rig.restart(3);
    rig.pass(ELECTION_MS);
    expect([logOf(late), haveConverged(rig)]).toEqual([[shared, wanted], true]);
  });

  it("Z-5094, core.md 20: a truncation interrupted by a power loss at any record leaves a log without a gap", () => {
    for (const synced of [0, 1, 2, 3, 4]) {
      const { rig, late, shared } = deposed();
      const first = rig.commit(3);
      rig.commit();
      late.holdsDisk = true;
      rig.heal();
      rig.settle();
      late.sync();
      rig.settle();
      const before = late.records.length - late.unsynced;
      expect(late.written.slice(before)).toEqual(["TRUNCATE", "BATCH", "BATCH", "EPOCH"]);
      late.sync(synced);
      rig.kill(3);
      late.holdsDisk = false;
      const log = logOf(late);
      expect(log.slice(0, 2)).toEqual(synced === 0 ? [shared, makeZxid(1, 3)] : [shared, first].slice(0, synced));
      rig.restart(3);
      rig.pass(ELECTION_MS);
      rig.commit();
      expect([synced, haveConverged(rig)]).toEqual([synced, true]);
    }
  });

  it("Z-5094: a truncation interrupted by the loss of its leader leaves memory and journal at one place", () => {
    const { rig, late, shared } = deposed();
    rig.commit(3);
    rig.clog(rig.leader.id, 3);
    const { id } = rig.leader;
    rig.heal();
    rig.clog(id, 3);
    rig.settle();
    while (truncations(late).length === 0) {
      rig.deliver(id, 3);
      rig.settle();
    }
    expect([late.zab.lastZxid, logOf(late).at(-1)]).toEqual([shared, shared]);
    rig.kill(id);
    rig.heal();
    rig.pass(ELECTION_MS);
    expect([late.zab.isFollowing, late.zab.lastZxid, logOf(late)]).toEqual([
      true,
      rig.leader.zab.lastZxid,
      logOf(rig.leader),
    ]);
    rig.kill(3);
    rig.restart(3);
    rig.restart(id);
    rig.pass(ELECTION_MS);
    rig.commit();
    expect(haveConverged(rig)).toBe(true);
  });

  it("Z-3701: a disk that is full when it should be truncated keeps the member out, and divides nobody", () => {
    const { rig, late, shared } = deposed();
    late.isFull = true;
    rig.heal();
    rig.pass(ELECTION_MS);
    const wanted = rig.commit();
    expect([late.zab.isFollowing, late.zab.isLeading, truncations(late), late.applied]).toEqual([
      false,
      false,
      [],
      [shared],
    ]);
    expect([rig.leader.zab.commitZxid, rig.followers.length]).toEqual([wanted, 1]);
    // It counts for no quorum: with one other alone nothing goes on, though its word is heard.
    const away = rig.followers[0]?.id as number;
    rig.kill(away);
    rig.leader.propose();
    rig.pass(500);
    expect(rig.at(rig.running.find(({ id }) => id !== 3)?.id as number).zab.commitZxid).toBe(wanted);
    // What was not truncated on the disk is there again after a crash, and is truncated then.
    rig.restart(away);
    rig.kill(3);
    expect(logOf(late).at(-1)).toBe(makeZxid(1, 4));
    late.isFull = false;
    rig.restart(3);
    rig.pass(ELECTION_MS);
    rig.commit();
    expect([truncations(late), late.applied.includes(makeZxid(1, 4)), haveConverged(rig)]).toEqual([
      [shared],
      false,
      true,
    ]);
  });

  it("Z-1154, Z-1156, Z-1489, core.md 20: of histories over five epochs what is not shared goes, from each", () => {
    const rig = ZabRig.settled(5);
    const kept = [rig.commit()];
    const lost: number[] = [];
    const cutOff: number[] = [];
    for (let reign = 1; reign <= 4; reign++) {
      const old = reigning(rig);
      isolate(rig, old.id);
      cutOff.push(old.id);
      old.propose(reign);
      old.sync();
      lost.push(old.zab.lastZxid);
      rig.pass(ELECTION_MS);
      const next = reigning(rig);
      next.propose(2);
      rig.settle();
      kept.push(next.zab.lastZxid);
      // Two are always cut off, so that each has missed the end of the reign after its own as well.
      const back = reign > 1 ? (cutOff.shift() as number) : 0;
      for (const id of [1, 2, 3, 4, 5]) if (back !== 0 && id !== back && !cutOff.includes(id)) rig.join(back, id);
      rig.pass(ELECTION_MS);
    }
    rig.heal();
    rig.pass(ELECTION_MS);
    rig.commit();
    expect(haveConverged(rig)).toBe(true);
    for (const member of rig.running) {
      expect(logOf(member).slice(0, -1)).toEqual(kept);
      expect(member.applied.filter((zxid) => lost.includes(zxid))).toEqual([]);
    }
    expect(rig.running.flatMap(truncations)).toHaveLength(lost.length);
  });

  it("core.md 25, Z-1319: one that holds a change of the configuration brings the old one back, for good", () => {
    const three = ensemble(1, 2, 3);
    for (const synced of [0, 1, 2, 3]) {
      const rig = ZabRig.settled(3);
      rig.commit();
      const late = rig.at(3);
      isolate(rig, 3);
      late.reconfigure(ensemble(3));
      late.sync();
      // Alone in the new one, it still needs a quorum of the old.
      expect([late.zab.configuration, late.zab.commitZxid < late.zab.lastZxid]).toEqual([ensemble(3), true]);
      rig.pass(ELECTION_MS);
      rig.commit();
      late.holdsDisk = true;
      rig.heal();
      rig.settle();
      late.sync();
      rig.settle();
      late.sync(synced);
      rig.kill(3);
      late.holdsDisk = false;
      rig.restart(3);
      expect(late.zab.configuration).toEqual(synced === 0 ? ensemble(3) : three);
      expect(late.zab.isLeading).toBe(false);
      rig.pass(ELECTION_MS);
      rig.commit();
      expect([late.zab.configuration, late.zab.isChanging, haveConverged(rig)]).toEqual([three, false, true]);
    }
  });
});
