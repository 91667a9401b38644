import { describe, expect, it } from "vitest";
import { makeZxid } from "../../../../src/core/base/zxid.ts";
import type { EnsembleConfiguration } from "../../../../src/core/zab/ensemble-configuration.ts";
import { ensemble, hadBatches } from "./rig-batches.ts";
import { ZabRig } from "./zab-rig.ts";

const WIPED = "ff".repeat(16);

/** The batch in flight is on the disks of the leader, and of these. */
function commitsWith(rig: ZabRig, ...ids: number[]): boolean {
  for (const member of rig.running) member.holdsDisk = true;
  const { leader } = rig;
  leader.propose();
  rig.settle();
  for (const id of [leader.id, ...ids]) rig.at(id).sync();
  rig.settle();
  return leader.zab.commitZxid === leader.zab.lastZxid;
}

describe("observers and joiners", () => {
  it("core.md 24: follow, apply, and never make a quorum, however many they are", () => {
    const observers = [4, 5, 6].map((id) => ({ id, role: "observer" }) as const);
    const rig = new ZabRig(ensemble(1, 2, 3, ...observers));
    rig.start(1, 2, 3, 4, 5, 6);
    rig.pass(600);
    rig.commit();
    expect([4, 5, 6].map((id) => rig.at(id).applied.length)).toEqual([1, 1, 1]);
    expect(commitsWith(rig, 4, 5, 6)).toBe(false);
  });

  it("core.md 24: are never elected, and elect nobody", () => {
    const observers = [4, 5].map((id) => ({ id, role: "observer" }) as const);
    const rig = new ZabRig(ensemble(1, 2, 3, ...observers));
    rig.start(1, 4, 5);
    rig.pass(5_000);
    expect(rig.running.some(({ zab }) => zab.isLeading)).toBe(false);
    rig.start(2);
    rig.settle();
    expect([rig.leader.id, rig.at(4).zab.isFollowing]).toEqual([2, true]);
    rig.kill(1);
    rig.pass(3_000);
    expect(rig.running.some(({ zab }) => zab.isLeading)).toBe(false);
  });

  it("core.md 26: one that the configuration does not have gets everything, and does not count", () => {
    const rig = ZabRig.settled(3);
    rig.commit();
    const joiner = rig.startWith(9, { configuration: ensemble(1, 2, 3) });
    rig.pass(600);
    expect([joiner.zab.isFollowing, joiner.applied, rig.leader.zab.isSynced(9)]).toEqual([
      true,
      rig.leader.applied,
      true,
    ]);
    expect([...rig.leader.zab.joiners().keys()]).toEqual([9]);
    expect(commitsWith(rig, 9)).toBe(false);
    expect(rig.leader.zab.handOver(9)).toBe(false);
  });

  it("core.md 26: a known id with a new incarnation counts as absent, whatever it has acknowledged", () => {
    const rig = ZabRig.settled(3);
    rig.commit();
    rig.kill(1);
    const wiped = rig.startWith(1, {}, WIPED);
    rig.pass(1_000);
    expect([wiped.zab.isFollowing, wiped.applied, rig.leader.zab.isCounted(1)]).toEqual([
      true,
      rig.leader.applied,
      false,
    ]);
    expect(commitsWith(rig, 1)).toBe(false);
    for (const member of rig.running) member.holdsDisk = false;
    rig.settle();
    rig.kill(2);
    rig.pass(3_000);
    expect(rig.running.some(({ zab }) => zab.isLeading)).toBe(false);
  });

  it("core.md 26: a wiped majority does not elect a leader that has forgotten what was committed", () => {
    const rig = ZabRig.settled(3);
    rig.commit();
    for (const id of [1, 2, 3]) rig.kill(id);
    for (const id of [1, 2]) rig.startWith(id, { configuration: ensemble(1, 2, 3) }, WIPED);
    rig.pass(5_000);
    expect(rig.running.some(({ zab }) => zab.isLeading)).toBe(false);
    rig.restart(3);
    rig.pass(5_000);
    expect(rig.running.some(({ zab }) => zab.isLeading)).toBe(false);
  });
});

describe("a change of the configuration", () => {
  const three = ensemble(1, 2, 3);
  const five = ensemble(1, 2, 3, 4, 5);

  /** Five are there, the configuration has three of them. */
  function growing(): ZabRig {
    const rig = new ZabRig(three);
    rig.start(1, 2, 3);
    rig.pass(600);
    for (const id of [4, 5]) rig.startWith(id, { configuration: three });
    rig.pass(600);
    for (const member of rig.running) member.holdsDisk = true;
    return rig;
  }

  function change(rig: ZabRig, to: EnsembleConfiguration): void {
    rig.leader.reconfigure(to);
    rig.settle();
  }

  it("core.md 25: from journalling to commit needs quorums of the old and the new, for what follows too", () => {
    for (const [onDisk, isCommitted] of [
      [[3, 1], false],
      [[3, 4, 5], false],
      [[1, 2, 4], true],
      [[3, 1, 5], true],
    ] as const) {
      const rig = growing();
      change(rig, five);
      rig.leader.propose();
      rig.settle();
      for (const id of onDisk) rig.at(id).sync();
      rig.settle();
      expect(rig.at(3).zab.commitZxid === rig.at(3).zab.lastZxid).toBe(isCommitted);
    }
  });

  it("core.md 25: stands from the moment it is journalled, as a record behind its batch", () => {
    const rig = growing();
    change(rig, five);
    for (const { zab, written, configurations } of rig.running) {
      expect([zab.configuration, zab.isChanging, configurations]).toEqual([five, true, [five]]);
      expect(written.slice(-2)).toEqual(["BATCH", "CONFIGURATION"]);
    }
  });

  it("core.md 25: by the new quorum alone once it is committed", () => {
    const rig = growing();
    change(rig, ensemble(1, 2, 3, 4, 5));
    for (const id of [1, 2, 3, 4, 5]) rig.at(id).sync();
    rig.settle();
    for (const id of [1, 2]) rig.kill(id);
    for (const id of [3, 4, 5]) rig.at(id).holdsDisk = false;
    rig.commit();
    expect([rig.at(4).zab.commitZxid, rig.at(4).zab.isChanging]).toEqual([rig.leader.zab.lastZxid, false]);
  });

  it("core.md 25: truncating its batch brings the old configuration back", () => {
    const rig = ZabRig.settled(3);
    rig.commit();
    rig.partition([3], [1, 2]);
    const late = rig.at(3);
    late.reconfigure(ensemble(1, 2, 3, { id: 4, role: "observer" }));
    late.sync();
    expect(late.zab.configuration.members).toHaveLength(4);
    rig.pass(3_000);
    rig.commit();
    rig.heal();
    rig.pass(1_000);
    expect([late.zab.configuration, late.zab.configurationZxid, late.zab.isChanging]).toEqual([three, 0, false]);
    rig.kill(3);
    rig.restart(3);
    rig.settle();
    expect([late.zab.configuration, late.zab.isFollowing]).toEqual([three, true]);
  });

  it("core.md 25: elections need both quorums while it may be uncommitted", () => {
    const rig = growing();
    change(rig, five);
    for (const member of rig.running) {
      member.sync();
      member.holdsDisk = false;
    }
    // All have it, nobody knows it committed: 4 and 5 with one of the old three are no quorum of both.
    for (const id of [1, 2, 3]) rig.kill(id);
    rig.pass(3_000);
    rig.restart(1);
    rig.pass(3_000);
    expect(rig.running.some(({ zab }) => zab.isLeading)).toBe(false);
    rig.restart(2);
    rig.pass(3_000);
    expect(rig.leader.zab.configuration).toEqual(five);
    expect(rig.leader.zab.isChanging).toBe(false);
  });

  it("a leader that a change takes out goes on until it is committed, then hands over", () => {
    const rig = ZabRig.settled(3);
    const { leader } = rig;
    const { time } = rig;
    leader.reconfigure(ensemble(1, 2));
    rig.settle();
    expect([rig.leader.id, rig.time, rig.at(1).zab.configuration]).toEqual([2, time, ensemble(1, 2)]);
    rig.commit();
    expect([leader.zab.isLeading, leader.applied]).toEqual([false, rig.leader.applied]);
  });

  it("a member that is taken out and back in under a new incarnation counts again (core.md 26)", () => {
    const rig = ZabRig.settled(3);
    rig.kill(1);
    rig.startWith(1, {}, WIPED);
    rig.pass(1_000);
    rig.leader.reconfigure(ensemble({ id: 1, incarnation: WIPED }, 2, 3));
    rig.settle();
    expect(rig.leader.zab.isCounted(1)).toBe(true);
    expect(commitsWith(rig, 1)).toBe(true);
  });

  it.each([
    ["is behind", { acceptedEpoch: 3, currentEpoch: 3 }, {}],
    ["has as much", {}, {}],
    ["is ahead", {}, { acceptedEpoch: 3, currentEpoch: 3 }],
  ])("known to be committed by one needs no quorum of the old members, though the other %s", (_, knowing, other) => {
    const changeZxid = makeZxid(2, 5);
    const after = ensemble(1, 2, 3);
    const had = { ...hadBatches(2, 5, after), configurationZxid: changeZxid };
    const rig = new ZabRig(after);
    // 1, which led, is gone for good. Before the change there were 1 and 2.
    rig.startWith(2, { ...had, ...knowing, committedZxid: changeZxid, tail: [] });
    rig.startWith(3, { ...had, ...other, formerConfiguration: ensemble(1, 2) });
    rig.pass(2_000);
    expect([rig.leader, ...rig.followers].map(({ zab }) => zab.commitZxid)).toEqual([changeZxid, changeZxid]);
  });
});
