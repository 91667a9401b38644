import { describe, expect, it } from "vitest";
import { decodePromise } from "../../../src/core/zab/epoch-record.ts";
import { recordType } from "../../../src/core/zab/journal-record.ts";
import { ensemble, incarnationOf } from "../../unit/core/zab/rig-batches.ts";
import { type RigMember, ZabRig } from "../../unit/core/zab/zab-rig.ts";
import { ELECTION_MS, haveConverged, isolate, logOf, sentBy, takeTurns } from "./steps.ts";

const three = ensemble(1, 2, 3);
const WIPED = "ff".repeat(16);

/** The member begins again with nothing: its journal was damaged and is put aside (`runtime/damage.ts`). */
function damage(rig: ZabRig, id: number): RigMember {
  if (rig.at(id).isUp) rig.kill(id);
  return rig.startWith(id, { isDamaged: true, configuration: three });
}

function isLed(rig: ZabRig): boolean {
  return rig.running.some(({ zab }) => zab.isLeading || zab.isEstablished);
}

/** The last batch is on the disks of 1 and 3 and nowhere else, and committed. */
function committedByTwo(): { readonly rig: ZabRig; readonly zxid: number } {
  const rig = ZabRig.settled(3);
  rig.commit();
  isolate(rig, 2);
  const zxid = rig.commit();
  return { rig, zxid };
}

describe("a damaged voter (core.md 28)", () => {
  it("Z-2325, Z-3231, Z-3644: is no voice in an election: what only it and one that is away had is not lost", () => {
    const { rig, zxid } = committedByTwo();
    rig.kill(3);
    const damaged = damage(rig, 1);
    rig.heal();
    rig.pass(5 * ELECTION_MS);
    expect([isLed(rig), damaged.zab.leaderId]).toEqual([false, 0]);
    rig.restart(3);
    rig.pass(ELECTION_MS);
    rig.commit();
    expect([rig.leader.applied.includes(zxid), haveConverged(rig), damaged.take().includes("is mended")]).toEqual([
      true,
      true,
      true,
    ]);
  });

  it("Z-3644: two of three are no quorum with each other, nor with the third; nobody serves", () => {
    const rig = ZabRig.settled(3);
    rig.commit();
    for (const id of [1, 2]) damage(rig, id);
    rig.pass(5 * ELECTION_MS);
    // 3 hears both, and both would follow it; it is not led by them, and leads nobody.
    expect([isLed(rig), rig.at(3).zab.lastZxid > 0]).toEqual([false, true]);
    rig.kill(3);
    rig.pass(5 * ELECTION_MS);
    expect(isLed(rig)).toBe(false);
  });

  it("does not count before the leader's whole history is on its disk, and does from then on", () => {
    const rig = ZabRig.settled(3);
    rig.commit(3);
    rig.commit();
    const damaged = damage(rig, 1);
    damaged.holdsDisk = true;
    rig.settle();
    rig.kill(2);
    const { leader } = rig;
    const before = leader.zab.commitZxid;
    leader.propose();
    const commits: boolean[] = [];
    for (let i = 0; damaged.unsynced > 0 && i < 20; i++) {
      damaged.sync(1);
      rig.settle();
      commits.push(leader.zab.commitZxid > before);
    }
    const isMended = damaged.take().includes("is mended");
    expect([commits.indexOf(true) > 3, commits.at(-1), isMended]).toEqual([true, true, true]);
    expect([haveConverged(rig), leader.zab.isCounted(1)]).toEqual([true, true]);
  });

  it("makes the leader begin a new epoch: what it promised to others is forgotten, and must bind all the same", () => {
    const rig = ZabRig.settled(3);
    rig.commit();
    const { epoch } = rig.leader.zab;
    const from = rig.sent.length;
    const damaged = damage(rig, 1);
    rig.settle();
    expect([rig.leader.id, rig.leader.zab.epoch]).toEqual([3, epoch + 1]);
    // Never again in an epoch that it may have promised to somebody before.
    const promises = damaged.records
      .filter(({ type }) => type === recordType.PROMISE)
      .map(({ body }) => decodePromise(body));
    expect(promises).toEqual([{ epoch: epoch + 1, leaderId: 3 }]);
    expect([sentBy(rig, 1, from, "ACKLEADER").length, haveConverged(rig)]).toEqual([1, true]);
  });

  it("whose leader is lost at any step of that stays damaged, and a quorum of the others goes on", () => {
    let unmended = 0;
    for (let step = 1; step < 14; step++) {
      const rig = ZabRig.settled(5);
      rig.commit();
      rig.kill(4);
      const zxid = rig.commit();
      rig.kill(1);
      const damaged = rig.startWith(1, { isDamaged: true, configuration: ensemble(1, 2, 3, 4, 5) });
      takeTurns(rig, step, () => damaged.zab.isFollowing);
      const { isDamaged } = damaged.zab.replica;
      rig.kill(5);
      // 2 and 3 are left, and it.
      rig.pass(ELECTION_MS);
      expect([step, isLed(rig)]).toEqual([step, !isDamaged]);
      if (isDamaged) unmended++;
      rig.restart(4);
      rig.pass(ELECTION_MS);
      rig.commit();
      expect([step, rig.leader.applied.includes(zxid), haveConverged(rig)]).toEqual([step, true, true]);
    }
    expect(unmended).toBeGreaterThan(5);
  });

  it("is never elected, whatever it has got by then", () => {
    const rig = ZabRig.settled(3);
    rig.commit();
    const damaged = damage(rig, 3);
    rig.pass(ELECTION_MS);
    rig.commit();
    expect([rig.leader.id, damaged.take().includes("is mended")]).toEqual([2, true]);
    const again = damage(rig, 3);
    again.holdsDisk = true;
    rig.settle();
    rig.kill(2);
    rig.pass(ELECTION_MS);
    expect([again.zab.isLeading, isLed(rig)]).toEqual([false, false]);
  });
});

describe("a wiped or cloned voter (core.md 26)", () => {
  it("Z-2325, Z-3644: with another incarnation is not counted, though its id is the one that acknowledged", () => {
    const { rig, zxid } = committedByTwo();
    rig.kill(3);
    rig.kill(1);
    const wiped = rig.startWith(1, { configuration: three }, WIPED);
    rig.heal();
    rig.pass(5 * ELECTION_MS);
    expect([isLed(rig), rig.at(2).zab.isCounted(1)]).toEqual([false, false]);
    rig.restart(3);
    rig.pass(ELECTION_MS);
    rig.commit();
    expect([rig.leader.applied.includes(zxid), wiped.zab.isFollowing, haveConverged(rig)]).toEqual([true, true, true]);
    expect(rig.leader.zab.isCounted(1)).toBe(false);
  });

  it("readmitted, counts from the moment the change is journalled, and its disk with it", () => {
    const rig = ZabRig.settled(3);
    rig.commit();
    rig.kill(1);
    rig.startWith(1, {}, WIPED);
    rig.pass(ELECTION_MS);
    rig.leader.reconfigure(ensemble({ id: 1, incarnation: WIPED }, 2, 3));
    rig.settle();
    rig.kill(2);
    const zxid = rig.commit();
    expect([rig.leader.zab.commitZxid, rig.at(1).state.zxid]).toEqual([zxid, zxid]);
    // The old disk turns up again, as a clone does: its word is nobody's.
    rig.kill(1);
    rig.startWith(1, { configuration: three }, incarnationOf(1));
    rig.pass(5 * ELECTION_MS);
    expect([isLed(rig), rig.at(3).zab.isCounted(1)]).toEqual([false, false]);
  });

  it("from before the change that readmitted its id makes no quorum with anybody: who is left has that change", () => {
    const rig = ZabRig.settled(3);
    rig.commit();
    rig.kill(1);
    rig.startWith(1, {}, WIPED);
    rig.pass(ELECTION_MS);
    const { leader } = rig;
    leader.reconfigure(ensemble({ id: 1, incarnation: WIPED }, 2, 3));
    rig.settle();
    const zxid = rig.commit();
    rig.kill(1);
    rig.kill(leader.id);
    rig.startWith(1, { configuration: three }, incarnationOf(1));
    rig.pass(5 * ELECTION_MS);
    expect([isLed(rig), logOf(rig.running.find(({ id }) => id !== 1) as RigMember).includes(zxid)]).toEqual([
      false,
      true,
    ]);
  });
});
