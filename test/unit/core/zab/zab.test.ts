import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../../src/core/base/assert.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import { COUNTER_MAX, counterOf, EPOCH_MAX, epochOf, makeZxid } from "../../../../src/core/base/zxid.ts";
import { decodeConfiguration, type EnsembleConfiguration } from "../../../../src/core/zab/ensemble-configuration.ts";
import { decodeEpoch, decodePromise } from "../../../../src/core/zab/epoch-record.ts";
import { type JournalRecord, recordType } from "../../../../src/core/zab/journal-record.ts";
import { encodePropose } from "../../../../src/core/zab/peer-message.ts";
import type { RecoveredZab, ZabOptions } from "../../../../src/core/zab/zab-contract.ts";
import { batchOf, ensemble } from "./rig-batches.ts";
import { type RigMember, ZabRig } from "./zab-rig.ts";

/** Member 1 with nobody else there, over a journal that is durable as far as the test says. */
function alone(
  recovered: Partial<RecoveredZab> = {},
  options: Partial<ZabOptions> = {},
  bootstrap: EnsembleConfiguration = ensemble(1),
): RigMember {
  const rig = new ZabRig(bootstrap, options);
  const member = rig.startWith(1, recovered);
  member.holdsDisk = true;
  return member;
}

function leading(recovered: Partial<RecoveredZab> = {}, options: Partial<ZabOptions> = {}): RigMember {
  const member = alone(recovered, options);
  settle(member);
  return member;
}

function settle(member: RigMember): void {
  while (member.sync());
}

/** What a member that had this log, all known to be committed, comes back with. */
function recoveredAt(lastZxid: number, epoch = epochOf(lastZxid)): Partial<RecoveredZab> {
  return { acceptedEpoch: epoch, currentEpoch: epoch, lastZxid, configuration: ensemble(1) };
}

/** Proposes; the first zxid, 0 if it was not taken. */
function propose(member: RigMember, count: number): number {
  const first = member.zab.nextZxid(count);
  if (first !== 0) member.propose(count);
  return first;
}

describe("Zab begins to lead", () => {
  it("core.md 19: with the configuration, the promise, the epoch record, each durable before the next phase", () => {
    const member = alone();
    expect(member.written).toEqual(["CONFIGURATION", "PROMISE"]);
    expect(decodeConfiguration((member.records[0] as JournalRecord).body)).toEqual(ensemble(1));
    expect(decodePromise((member.records[1] as JournalRecord).body)).toEqual({ epoch: 1, leaderId: 1 });
    member.sync(1);
    expect(member.records).toHaveLength(2);
    member.sync(1);
    expect(member.written).toEqual(["CONFIGURATION", "PROMISE", "EPOCH"]);
    expect(decodeEpoch((member.records[2] as JournalRecord).body)).toBe(1);
    expect([member.take(), member.zab.isEstablished, member.zab.epoch, member.zab.nextZxid(1)]).toEqual([
      ["joins 1"],
      false,
      0,
      0,
    ]);
    member.sync(1);
    expect([member.take(), member.zab.isEstablished, member.zab.epoch]).toEqual([["leads 1"], true, 1]);
    expect(member.zab.nextZxid(1)).toBe(makeZxid(1, 1));
  });

  it("core.md 23: commits the tail it was not sure of then, and not before", () => {
    const last = makeZxid(4, 3);
    const tail = [batchOf(makeZxid(4, 1), 1, 5, 0), batchOf(makeZxid(4, 2), 2, 5, 0)].map(encodePropose);
    const member = alone({ ...recoveredAt(last), tail, committedZxid: 0 });
    member.sync(1);
    expect([member.zab.commitZxid, member.zab.lastZxid, member.applied]).toEqual([0, last, []]);
    member.sync(1);
    expect([member.zab.commitZxid, member.zab.epoch]).toEqual([last, 5]);
    expect(member.applied).toEqual([makeZxid(4, 1), last]);
    expect(propose(member, 3)).toBe(makeZxid(5, 1));
    expect(member.zab.commitZxid).toBe(last);
  });

  it("core.md 19: writes no second configuration, and its records stand at the last zxid before them", () => {
    const last = makeZxid(4, 90);
    const member = leading(recoveredAt(last));
    expect(member.written).toEqual(["PROMISE", "EPOCH"]);
    for (const { firstZxid, lastZxid } of member.records) expect([firstZxid, lastZxid]).toEqual([last, last]);
  });

  it("core.md 19: above an epoch that was promised but never begun: a crash between promise and epoch record", () => {
    const member = leading({ ...recoveredAt(makeZxid(4, 9)), acceptedEpoch: 7 });
    expect(member.zab.epoch).toBe(8);
  });

  it("core.md 24: only where its own word is a quorum", () => {
    for (const bootstrap of [ensemble(1, 2), ensemble(1, 2, 3), ensemble({ id: 1, role: "observer" }, 2)]) {
      const member = alone({}, {}, bootstrap);
      settle(member);
      expect([member.written, member.zab.isLeading, member.take()]).toEqual([["CONFIGURATION"], false, []]);
    }
    const observers = [2, 3].map((id) => ({ id, role: "observer" }) as const);
    const member = alone({}, {}, ensemble(1, ...observers));
    settle(member);
    expect(member.zab.isEstablished).toBe(true);
    expect(alone({ configuration: ensemble(1, 2, 3) }).zab.isLeading).toBe(false);
  });

  it("core.md 26: only under the incarnation that the configuration has", () => {
    const rig = new ZabRig(ensemble(1));
    const wiped = rig.startWith(1, {}, "ff".repeat(16));
    rig.pass(2_000);
    expect([wiped.zab.isLeading, wiped.take()]).toEqual([false, []]);
  });

  it("once", () => {
    expect(() => leading().zab.start()).toThrow(InvariantError);
  });

  it("never from records that contradict each other", () => {
    expect(() => alone({ acceptedEpoch: 1, currentEpoch: 2 })).toThrow(InvariantError);
    expect(() => alone({ acceptedEpoch: 1, currentEpoch: 1, lastZxid: makeZxid(2, 1) })).toThrow(InvariantError);
    expect(() => alone({ acceptedEpoch: EPOCH_MAX })).toThrow(InvariantError);
    const tail = [encodePropose(batchOf(makeZxid(1, 2), 1, 5, 0))];
    expect(() => alone({ ...recoveredAt(makeZxid(1, 2)), tail, committedZxid: 0 })).toThrow("a log has no gap");
  });
});

describe("Zab broadcasts", () => {
  it("zxids without a gap, and commits each only when it is on disk, in order", () => {
    const random = new Prng(3);
    const member = leading();
    const batches: { sequence: number; last: number }[] = [];
    let expected = makeZxid(1, 1);
    for (let step = 0; step < 2_000; step++) {
      if (random.chance(0.5)) {
        const count = 1 + random.below(50);
        expect(propose(member, count)).toBe(expected);
        expected += count;
        batches.push({ sequence: member.records.length, last: expected - 1 });
        const zxids = { firstZxid: expected - count, lastZxid: expected - 1 };
        expect(member.records.at(-1)).toMatchObject({ type: recordType.BATCH, ...zxids });
      } else {
        member.sync(random.below(4));
        const durable = member.records.length - member.unsynced;
        const committed = batches.filter(({ sequence }) => sequence <= durable).map(({ last }) => last);
        expect(member.zab.commitZxid).toBe(committed.at(-1) ?? 0);
        expect(member.applied).toEqual(committed);
      }
      expect(member.zab.lastZxid).toBe(batches.at(-1)?.last ?? 0);
    }
  });

  it("nothing before it leads", () => {
    const member = alone();
    expect(member.zab.nextZxid(1)).toBe(0);
    expect(() => member.zab.propose(batchOf(makeZxid(1, 1), 1, 5, 0))).toThrow(InvariantError);
  });

  it("nothing that would leave a gap, or that stands before the end of its log", () => {
    const member = leading();
    propose(member, 2);
    for (const counter of [1, 2, 4]) {
      expect(() => member.zab.propose(batchOf(makeZxid(1, counter), 1, 5, 0))).toThrow("a log has no gap");
    }
  });
});

describe("the end of an epoch's counter", () => {
  it("core.md 22: begins a new epoch under the same leader, without an election; the batch is proposed there", () => {
    const member = leading({}, { counterMax: 10 });
    propose(member, 8);
    settle(member);
    expect(member.zab.nextZxid(3)).toBe(0);
    expect([member.zab.isEstablished, member.zab.isLeading, member.zab.epoch]).toEqual([false, true, 1]);
    expect(member.written.slice(-1)).toEqual(["PROMISE"]);
    settle(member);
    expect(member.written.slice(-2)).toEqual(["PROMISE", "EPOCH"]);
    expect(member.take()).toEqual(["joins 1", "leads 1", "leads 2"]);
    expect(propose(member, 3)).toBe(makeZxid(2, 1));
    expect(member.zab.commitZxid).toBe(makeZxid(1, 8));
    settle(member);
    expect(member.zab.commitZxid).toBe(makeZxid(2, 3));
  });

  it("fills the counter to its end first", () => {
    const member = leading({}, { counterMax: 10 });
    expect([propose(member, 8), propose(member, 2)]).toEqual([makeZxid(1, 1), makeZxid(1, 9)]);
    expect(propose(member, 1)).toBe(0);
  });

  it("core.md 22: commits what was in flight with the new epoch's history", () => {
    const member = leading({}, { counterMax: 10 });
    propose(member, 4);
    propose(member, 6);
    propose(member, 1);
    expect(member.written.slice(-3)).toEqual(["BATCH", "BATCH", "PROMISE"]);
    settle(member);
    expect([member.zab.commitZxid, member.zab.epoch]).toEqual([makeZxid(1, 10), 2]);
    expect(member.applied).toEqual([makeZxid(1, 4), makeZxid(1, 10)]);
  });

  it("comes one batch before the last 32-bit number, so that no counter ever wraps", () => {
    const last = makeZxid(5, COUNTER_MAX - 65_536);
    const member = leading(recoveredAt(last, 5));
    expect(propose(member, 1)).toBe(makeZxid(6, 1));
    expect(epochOf(last + 65_536)).toBe(5);
    expect(counterOf(last + 65_536)).toBe(COUNTER_MAX);
  });

  it("leaves everything that was said durable: nothing is committed twice or lost over many epochs", () => {
    const random = new Prng(6);
    const member = leading({}, { counterMax: 7 });
    const proposed: number[] = [];
    for (let step = 0; step < 500; step++) {
      const count = 1 + random.below(4);
      const first = propose(member, count);
      for (let i = 0; first !== 0 && i < count; i++) proposed.push(first + i);
      if (random.chance(0.3)) member.sync();
    }
    settle(member);
    expect(member.zab.commitZxid).toBe(proposed.at(-1));
    const steps = proposed.slice(1).map((zxid, at) => [proposed[at] as number, zxid] as const);
    for (const [before, after] of steps) {
      const follows = after === before + 1 || (counterOf(after) === 1 && epochOf(after) === epochOf(before) + 1);
      expect(follows).toBe(true);
    }
    expect(epochOf(proposed.at(-1) as number)).toBeGreaterThan(30);
  });
});

describe("a round of a member that is a quorum by itself", () => {
  it("core.md 16: is confirmed at once, but not before the epoch is established, nor while one ends", () => {
    const member = alone(recoveredAt(makeZxid(2, 5)), { counterMax: 10 });
    const early = member.zab.beginRound();
    expect(member.confirmedRound).toBe(0);
    settle(member);
    const next = member.zab.beginRound();
    expect([member.confirmedRound, next]).toEqual([next, early + 1]);
    propose(member, 9);
    propose(member, 5);
    const during = member.zab.beginRound();
    expect(member.confirmedRound).toBe(next);
    settle(member);
    member.zab.tick();
    expect(member.confirmedRound).toBeGreaterThan(during);
  });

  it("core.md 16: the end of the initial history is what a barrier covers at least", () => {
    const member = leading(recoveredAt(makeZxid(2, 5)));
    expect(member.zab.initialHistoryEnd).toBe(makeZxid(2, 5));
    propose(member, 2);
    settle(member);
    expect([member.zab.initialHistoryEnd, member.zab.commitZxid]).toEqual([makeZxid(2, 5), makeZxid(3, 2)]);
  });
});
