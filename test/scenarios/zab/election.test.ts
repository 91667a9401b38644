import { describe, expect, it } from "vitest";
import { makeZxid } from "../../../src/core/base/zxid.ts";
import { ensemble, hadBatches } from "../../unit/core/zab/rig-batches.ts";
import { ZabRig } from "../../unit/core/zab/zab-rig.ts";
import { ELECTION_MS, haveConverged, isolate, takeTurns, timeToLeader } from "./steps.ts";

const TIMEOUT_MS = 1_000;

describe("voters that change their minds", () => {
  it("Z-3109: a better candidate that turns up at any step of an activation costs no more than a few time-outs", () => {
    const three = ensemble(1, 2, 3);
    for (let step = 1; step < 16; step++) {
      const rig = new ZabRig(three);
      rig.startWith(1, hadBatches(1, 2, three));
      rig.startWith(2, hadBatches(1, 2, three));
      takeTurns(rig, step, () => rig.at(2).zab.isEstablished);
      // As recent, and a higher id; and once more with a history that 2 may not lead.
      rig.startWith(3, hadBatches(1, step % 2 === 0 ? 2 : 3, three));
      const ms = timeToLeader(rig);
      expect([step, ms <= 2 * TIMEOUT_MS]).toEqual([step, true]);
      rig.pass(ELECTION_MS);
      rig.commit();
      expect([step, rig.followers.length, haveConverged(rig)]).toEqual([step, 2, true]);
    }
  });

  it("Z-3109, maxTimeToWaitForEpoch: one that votes and then is gone, again and again, stops nobody", () => {
    const rig = ZabRig.settled(5);
    rig.commit();
    rig.kill(5);
    let ledMs = 0;
    for (let i = 0; i < 100; i++) {
      // Its links are up for 50 ms out of 150: long enough to be heard, and to be counted on.
      if (i % 3 === 0) isolate(rig, 1);
      if (i % 3 === 2) for (const id of [2, 3, 4]) rig.join(1, id);
      rig.pass(50);
      if (rig.running.some(({ zab }) => zab.isEstablished)) ledMs += 50;
    }
    expect(ledMs).toBeGreaterThan(5_000 - 2 * TIMEOUT_MS);
  });

  it("Z-3109: nor one that dies as soon as it is elected, at any step, more than a few time-outs each time", () => {
    for (let step = 1; step < 12; step++) {
      const rig = ZabRig.settled(5);
      rig.commit();
      rig.kill(5);
      takeTurns(rig, step, () => rig.at(4).zab.isEstablished);
      rig.kill(4);
      expect([step, timeToLeader(rig) <= 3 * TIMEOUT_MS]).toEqual([step, true]);
      rig.commit();
      expect([step, haveConverged(rig)]).toEqual([step, true]);
    }
  });
});

describe("who meets a leader", () => {
  it("Z-1818: with whatever epoch it was in last, and whoever it hears first, follows at once, and alone", () => {
    for (const slow of [3, 2]) {
      const rig = ZabRig.settled(3);
      rig.commit();
      rig.kill(1);
      // Two more reigns: 2 leads epoch 2, then 3 leads epoch 3.
      rig.leader.zab.handOver(2);
      rig.settle();
      rig.leader.zab.handOver(3);
      rig.settle();
      rig.commit();
      for (const { zab } of rig.running) rig.at(zab.id).take();
      rig.clog(slow, 1);
      rig.restart(1);
      const { time } = rig;
      rig.settle();
      rig.unclog(slow, 1);
      rig.settle();
      expect([rig.time - time, rig.at(1).zab.isFollowing, rig.at(1).zab.epoch]).toEqual([0, true, 3]);
      expect([2, 3].flatMap((id) => rig.at(id).take())).toEqual([]);
    }
  });

  it("Z-1818: a follower's word alone, of a leader that is gone, elects nobody and is followed by nobody", () => {
    const rig = ZabRig.settled(3);
    rig.commit();
    rig.kill(1);
    rig.clog(3, 2);
    rig.kill(3);
    rig.restart(1);
    rig.pass(ELECTION_MS);
    expect([rig.leader.zab.leaderId === 3, rig.leader.zab.epoch]).toEqual([false, 2]);
  });

  it("Z-1277: at the end of the counter, with a learner on its way in, the epoch changes and nobody is lost", () => {
    for (let step = 0; step < 14; step++) {
      const rig = ZabRig.settled(3, { counterMax: 6 });
      rig.commit(3);
      rig.kill(1);
      rig.commit(2);
      rig.restart(1);
      takeTurns(rig, step, () => rig.at(1).zab.isFollowing);
      const { leader } = rig;
      leader.propose(1);
      expect(leader.propose(2)).toBe(false);
      rig.settle();
      leader.propose(2);
      rig.settle();
      expect([step, leader.zab.lastZxid, rig.followers.length]).toEqual([step, makeZxid(2, 2), 2]);
      expect([step, haveConverged(rig)]).toEqual([step, true]);
    }
  });
});

describe("a leader that stands still", () => {
  it("Z-2201, Z-3531: is left after the time-out, though its links are up; nothing it does awake again counts", () => {
    const rig = ZabRig.settled(3);
    const first = rig.commit();
    for (const id of [1, 2]) {
      rig.clog(3, id);
      rig.clog(id, 3);
    }
    const old = rig.at(3);
    old.holdsDisk = true;
    const { time } = rig;
    while (!rig.at(2).zab.isEstablished && rig.time < time + 10 * TIMEOUT_MS) passWithout(rig, 3);
    expect(rig.time - time).toBeLessThanOrEqual(2 * TIMEOUT_MS);
    // Before it has heard anything, it goes on as if nothing had been.
    old.propose();
    rig.at(2).propose();
    rig.heal();
    old.holdsDisk = false;
    rig.pass(ELECTION_MS);
    const { leader } = rig;
    expect([leader.id, old.applied]).toEqual([2, [first, makeZxid(2, 1)]]);
    expect(haveConverged(rig)).toBe(true);
  });

  it("Z-2201, core.md 16: answers no barrier by what it heard before it stood still", () => {
    const rig = ZabRig.settled(3);
    const shown = rig.commit();
    const old = rig.at(3);
    for (const id of [1, 2]) rig.clog(id, 3);
    const early = old.zab.beginRound();
    rig.settle();
    // Answers to that one are on their way, and nothing else will come for a while.
    expect([1, 2].map((id) => rig.queue(id, 3).length > 0)).toEqual([true, true]);
    for (const id of [1, 2]) rig.clog(3, id);
    while (!rig.at(2).zab.isEstablished) passWithout(rig, 3);
    rig.at(2).propose();
    rig.settle();
    const late = old.zab.beginRound();
    rig.heal();
    rig.settle();
    expect([old.confirmedRound >= early, old.confirmedRound < late]).toEqual([true, true]);
    rig.pass(ELECTION_MS);
    expect([old.confirmedRound < late, old.applied]).toEqual([true, [shown, makeZxid(2, 1)]]);
  });
});

/** 50 ms pass, and one of the members does not notice. */
function passWithout(rig: ZabRig, id: number): void {
  rig.time += 50;
  for (const { zab } of rig.running) if (zab.id !== id) zab.tick();
  rig.settle();
}
