import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../../src/core/base/assert.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import { COUNTER_MAX, counterOf, EPOCH_MAX, epochOf, makeZxid } from "../../../../src/core/base/zxid.ts";
import {
  decodeConfiguration,
  type EnsembleConfiguration,
  type VotingRole,
} from "../../../../src/core/zab/ensemble-configuration.ts";
import { decodeEpoch, decodePromise } from "../../../../src/core/zab/epoch-record.ts";
import { type JournalRecord, recordType } from "../../../../src/core/zab/journal-record.ts";
import { type RecoveredZab, Zab, type ZabOptions } from "../../../../src/core/zab/zab.ts";

function ensemble(...roles: VotingRole[]): EnsembleConfiguration {
  const members = roles.map((role, at) => ({ id: at + 1, role, weight: 1, incarnation: "", peerAddress: "" }));
  return { ensembleId: "00".repeat(16), members };
}

/** Zab over a journal that is durable as far as the test says. */
class Rig {
  readonly zab: Zab;
  readonly records: JournalRecord[] = [];
  readonly established: number[] = [];

  constructor(recovered: Partial<RecoveredZab> = {}, options: Partial<ZabOptions> = {}) {
    const nothing = { acceptedEpoch: 0, currentEpoch: 0, lastZxid: 0, configuration: undefined };
    this.zab = new Zab(
      { memberId: 1, bootstrap: ensemble("voter"), ...options },
      { ...nothing, ...recovered },
      {
        append: (record) => this.records.push({ ...record, body: record.body.slice() }),
        established: (epoch) => this.established.push(epoch),
      },
    );
  }

  static leading(recovered: Partial<RecoveredZab> = {}, options: Partial<ZabOptions> = {}): Rig {
    const rig = new Rig(recovered, options);
    rig.zab.start();
    rig.settle();
    return rig;
  }

  /** Everything appended becomes durable, until nothing more is appended. */
  settle(): void {
    let before: number;
    do {
      before = this.records.length;
      this.zab.durable(before);
    } while (this.records.length > before);
  }

  propose(count: number): number {
    const first = this.zab.nextZxid(count);
    if (first !== 0) this.zab.propose(new Uint8Array(1), first, count);
    return first;
  }

  get types(): number[] {
    return this.records.map(({ type }) => type);
  }
}

const { BATCH, PROMISE, EPOCH, CONFIGURATION } = recordType;

describe("Zab begins to lead", () => {
  it("core.md 19: with the configuration, the promise, the epoch record, each durable before the next phase", () => {
    const rig = new Rig();
    rig.zab.start();
    expect(rig.types).toEqual([CONFIGURATION, PROMISE]);
    expect(decodeConfiguration((rig.records[0] as JournalRecord).body)).toEqual(ensemble("voter"));
    expect(decodePromise((rig.records[1] as JournalRecord).body)).toEqual({ epoch: 1, leaderId: 1 });
    rig.zab.durable(1);
    expect(rig.types).toHaveLength(2);
    rig.zab.durable(2);
    expect(rig.types).toEqual([CONFIGURATION, PROMISE, EPOCH]);
    expect(decodeEpoch((rig.records[2] as JournalRecord).body)).toBe(1);
    rig.zab.durable(2);
    expect([rig.established, rig.zab.isEstablished, rig.zab.epoch, rig.zab.nextZxid(1)]).toEqual([[], false, 0, 0]);
    rig.zab.durable(3);
    expect([rig.established, rig.zab.isEstablished, rig.zab.epoch]).toEqual([[1], true, 1]);
    expect(rig.zab.nextZxid(1)).toBe(makeZxid(1, 1));
  });

  it("core.md 23: commits its own initial history then, and not before", () => {
    const last = makeZxid(4, 90);
    const rig = new Rig({ acceptedEpoch: 4, currentEpoch: 4, lastZxid: last, configuration: ensemble("voter") });
    rig.zab.start();
    rig.zab.durable(1);
    expect([rig.zab.commitZxid, rig.zab.lastZxid]).toEqual([0, last]);
    rig.zab.durable(2);
    expect([rig.zab.commitZxid, rig.zab.epoch]).toEqual([last, 5]);
    expect(rig.propose(3)).toBe(makeZxid(5, 1));
    expect(rig.zab.commitZxid).toBe(last);
  });

  it("core.md 19: writes no second configuration, and its records stand at the last zxid before them", () => {
    const last = makeZxid(4, 90);
    const rig = Rig.leading({ acceptedEpoch: 4, currentEpoch: 4, lastZxid: last, configuration: ensemble("voter") });
    expect(rig.types).toEqual([PROMISE, EPOCH]);
    for (const { firstZxid, lastZxid } of rig.records) expect([firstZxid, lastZxid]).toEqual([last, last]);
  });

  it("core.md 19: above an epoch that was promised but never begun: a crash between promise and epoch record", () => {
    const rig = Rig.leading({
      acceptedEpoch: 7,
      currentEpoch: 4,
      lastZxid: makeZxid(4, 9),
      configuration: ensemble("voter"),
    });
    expect(rig.zab.epoch).toBe(8);
  });

  it("core.md 24: only where its own word is a quorum", () => {
    for (const bootstrap of [
      ensemble("voter", "voter"),
      ensemble("voter", "voter", "voter"),
      ensemble("observer", "voter"),
    ]) {
      expect(() => new Rig({}, { bootstrap }).zab.start()).toThrow(InvariantError);
    }
    expect(Rig.leading({}, { bootstrap: ensemble("voter", "observer", "observer") }).zab.isEstablished).toBe(true);
    const configuration = ensemble("voter", "voter", "voter");
    expect(() => new Rig({ configuration }).zab.start()).toThrow(InvariantError);
  });

  it("once", () => {
    const rig = Rig.leading();
    expect(() => rig.zab.start()).toThrow(InvariantError);
  });

  it("never from records that contradict each other", () => {
    expect(() => new Rig({ acceptedEpoch: 1, currentEpoch: 2 })).toThrow(InvariantError);
    expect(() => new Rig({ acceptedEpoch: 2, currentEpoch: 1, lastZxid: makeZxid(2, 1) })).toThrow(InvariantError);
    expect(() => new Rig({ acceptedEpoch: EPOCH_MAX }).zab.start()).toThrow(InvariantError);
  });
});

describe("Zab broadcasts", () => {
  it("zxids without a gap, and commits each only when it is on disk, in order", () => {
    const random = new Prng(3);
    const rig = Rig.leading();
    const batches: { sequence: number; last: number }[] = [];
    let expected = makeZxid(1, 1);
    let durable = rig.records.length;
    for (let step = 0; step < 2_000; step++) {
      if (random.chance(0.5)) {
        const count = 1 + random.below(50);
        expect(rig.propose(count)).toBe(expected);
        expected += count;
        batches.push({ sequence: rig.records.length, last: expected - 1 });
        expect(rig.records.at(-1)).toMatchObject({ type: BATCH, firstZxid: expected - count, lastZxid: expected - 1 });
      } else {
        durable = Math.min(rig.records.length, durable + random.below(4));
        const before = rig.zab.commitZxid;
        const moved = rig.zab.durable(durable);
        const committed = batches.filter(({ sequence }) => sequence <= durable).at(-1)?.last ?? 0;
        expect(rig.zab.commitZxid).toBe(committed);
        expect(moved).toBe(committed !== before);
      }
      expect(rig.zab.lastZxid).toBe(batches.at(-1)?.last ?? 0);
    }
  });

  it("nothing before it leads", () => {
    const rig = new Rig();
    expect(rig.zab.nextZxid(1)).toBe(0);
    expect(() => rig.zab.propose(new Uint8Array(1), makeZxid(1, 1), 1)).toThrow(InvariantError);
  });
});

describe("the end of an epoch's counter", () => {
  it("core.md 22: begins a new epoch under the same leader, without an election; the batch is proposed there", () => {
    const rig = Rig.leading({}, { counterMax: 10 });
    rig.propose(8);
    rig.settle();
    expect(rig.zab.nextZxid(3)).toBe(0);
    expect([rig.zab.isEstablished, rig.zab.epoch]).toEqual([false, 1]);
    expect(rig.types.slice(-1)).toEqual([PROMISE]);
    rig.settle();
    expect(rig.types.slice(-2)).toEqual([PROMISE, EPOCH]);
    expect(rig.established).toEqual([1, 2]);
    expect(rig.propose(3)).toBe(makeZxid(2, 1));
    expect(rig.zab.commitZxid).toBe(makeZxid(1, 8));
    rig.settle();
    expect(rig.zab.commitZxid).toBe(makeZxid(2, 3));
  });

  it("fills the counter to its end first", () => {
    const rig = Rig.leading({}, { counterMax: 10 });
    expect([rig.propose(8), rig.propose(2)]).toEqual([makeZxid(1, 1), makeZxid(1, 9)]);
    expect(rig.propose(1)).toBe(0);
  });

  it("core.md 22: commits what was in flight before the new epoch begins, and tells when", () => {
    const rig = Rig.leading({}, { counterMax: 10 });
    rig.propose(4);
    rig.propose(6);
    rig.propose(1);
    const promise = rig.records.length;
    expect(rig.zab.durable(promise - 2)).toBe(true);
    expect(rig.zab.commitZxid).toBe(makeZxid(1, 4));
    expect(rig.zab.durable(promise)).toBe(true);
    expect(rig.zab.commitZxid).toBe(makeZxid(1, 10));
    rig.settle();
    expect([rig.zab.commitZxid, rig.zab.epoch]).toEqual([makeZxid(1, 10), 2]);
  });

  it("comes one batch before the last 32-bit number, so that no counter ever wraps", () => {
    const last = makeZxid(5, COUNTER_MAX - 65_536);
    const rig = Rig.leading({ acceptedEpoch: 5, currentEpoch: 5, lastZxid: last, configuration: ensemble("voter") });
    expect(rig.propose(1)).toBe(makeZxid(6, 1));
    expect(epochOf(last + 65_536)).toBe(5);
    expect(counterOf(last + 65_536)).toBe(COUNTER_MAX);
  });

  it("leaves everything that was said durable: nothing is committed twice or lost over many epochs", () => {
    const random = new Prng(6);
    const rig = Rig.leading({}, { counterMax: 7 });
    const proposed: number[] = [];
    for (let step = 0; step < 500; step++) {
      const count = 1 + random.below(4);
      const first = rig.propose(count);
      for (let i = 0; first !== 0 && i < count; i++) proposed.push(first + i);
      if (random.chance(0.3)) rig.zab.durable(rig.records.length);
    }
    rig.settle();
    expect(rig.zab.commitZxid).toBe(proposed.at(-1));
    const steps = proposed.slice(1).map((zxid, at) => [proposed[at] as number, zxid] as const);
    for (const [before, after] of steps) {
      const follows = after === before + 1 || (counterOf(after) === 1 && epochOf(after) === epochOf(before) + 1);
      expect(follows).toBe(true);
    }
    expect(epochOf(proposed.at(-1) as number)).toBeGreaterThan(30);
  });
});

describe("a read barrier", () => {
  it("core.md 16: is the commit point, and there is none before the epoch is established or while one ends", () => {
    const last = makeZxid(2, 5);
    const rig = new Rig(
      { acceptedEpoch: 2, currentEpoch: 2, lastZxid: last, configuration: ensemble("voter") },
      { counterMax: 10 },
    );
    expect(rig.zab.barrier()).toBeUndefined();
    rig.zab.start();
    expect(rig.zab.barrier()).toBeUndefined();
    rig.settle();
    expect(rig.zab.barrier()).toBe(last);
    rig.propose(9);
    expect(rig.zab.barrier()).toBe(last);
    rig.settle();
    expect(rig.zab.barrier()).toBe(makeZxid(3, 9));
    rig.propose(5);
    expect(rig.zab.barrier()).toBeUndefined();
    rig.settle();
    expect(rig.zab.barrier()).toBe(makeZxid(3, 9));
  });
});
