import { describe, expect, it } from "vitest";
import { Prng } from "../../../../src/core/base/prng.ts";
import { makeZxid } from "../../../../src/core/base/zxid.ts";
import { encodeConfiguration } from "../../../../src/core/zab/ensemble-configuration.ts";
import { type JournalRecord, recordType } from "../../../../src/core/zab/journal-record.ts";
import { encodePropose } from "../../../../src/core/zab/peer-message.ts";
import { Replica } from "../../../../src/core/zab/replica.ts";
import { batchFormat, batchOf, changeOf, ensemble } from "./rig-batches.ts";

const three = ensemble(1, 2, 3);

class Rig {
  readonly records: JournalRecord[] = [];
  room = Number.POSITIVE_INFINITY;
  readonly replica: Replica;

  constructor(epoch = 1) {
    const nothing = {
      committedZxid: 0,
      tail: [],
      baseZxid: 0,
      epochEnds: [],
      lastZxid: 0,
      formerConfiguration: undefined,
    };
    this.replica = new Replica(
      {
        ...nothing,
        acceptedEpoch: epoch,
        promisedTo: 1,
        currentEpoch: epoch,
        configuration: three,
        configurationZxid: 0,
      },
      three,
      batchFormat,
      { append: (record) => this.records.push(record), hasRoom: () => this.records.length < this.room },
    );
  }

  append(epoch: number, counter: number, count = 1): void {
    this.replica.append(encodePropose(batchOf(makeZxid(epoch, counter), count, 5, 0)), 0);
  }

  get types(): number[] {
    return this.records.map(({ type }) => type);
  }
}

describe("Replica", () => {
  it("core.md 20: a batch truncated and appended again counts only by its second record", () => {
    const rig = new Rig();
    rig.append(1, 1);
    rig.append(1, 2);
    rig.replica.truncate(makeZxid(1, 1));
    rig.append(1, 2);
    expect(rig.types).toEqual([1, 1, 5, 1]);
    const reached = [1, 2, 3, 4].map((sequence) => {
      rig.replica.durable(sequence);
      return rig.replica.durableZxid;
    });
    expect(reached).toEqual([makeZxid(1, 1), makeZxid(1, 1), makeZxid(1, 1), makeZxid(1, 2)]);
  });

  it("core.md 25: needs no quorum of the old configuration once somebody has applied what is behind the change", () => {
    const rig = new Rig();
    rig.append(1, 1);
    rig.replica.append(encodePropose(changeOf(makeZxid(1, 2), ensemble(1, 2, 3, 4), 0)), 0);
    rig.append(1, 3);
    // Before the change; beyond this log, of another epoch, so that it may hold something else.
    for (const zxid of [makeZxid(1, 1), makeZxid(1, 4), makeZxid(2, 1)]) expect(rig.replica.learn(zxid)).toBe(false);
    expect([rig.replica.isChanging, rig.replica.quorum.has([2, 3])]).toEqual([true, false]);
    expect(rig.replica.learn(makeZxid(1, 3))).toBe(true);
    expect([rig.replica.isChanging, rig.replica.commitZxid]).toEqual([false, 0]);
    expect([rig.replica.quorum.has([2, 3, 4]), rig.replica.quorum.has([3, 4])]).toEqual([true, false]);
    expect(rig.replica.learn(makeZxid(1, 3))).toBe(false);
  });

  it("core.md 20: what was durable and is truncated is durable no more", () => {
    const rig = new Rig();
    rig.append(1, 1, 5);
    rig.append(1, 6);
    rig.replica.durable(2);
    rig.replica.truncate(makeZxid(1, 5));
    expect(rig.replica.durableZxid).toBe(makeZxid(1, 5));
  });

  it("a truncation to its end writes nothing; one below what is committed stops the member", () => {
    const rig = new Rig();
    rig.append(1, 1);
    rig.replica.truncate(makeZxid(1, 1));
    expect(rig.types).toEqual([recordType.BATCH]);
    rig.replica.commit(makeZxid(1, 1));
    expect(() => rig.replica.truncate(0)).toThrow("nothing committed is truncated");
  });

  it("core.md 19: whoever waits for a promise waits for all that stands before it, in order", () => {
    const rig = new Rig();
    const done: string[] = [];
    rig.append(1, 1);
    rig.replica.promise(2, 3, () => done.push("promised"));
    rig.replica.whenDurable(() => done.push("again"));
    rig.replica.enterEpoch(2, () => done.push("entered"));
    expect(rig.replica.currentEpoch).toBe(1);
    rig.replica.durable(1);
    expect(done).toEqual([]);
    rig.replica.durable(2);
    expect([done, rig.replica.currentEpoch]).toEqual([["promised", "again"], 1]);
    rig.replica.durable(3);
    expect([done, rig.replica.currentEpoch]).toEqual([["promised", "again", "entered"], 2]);
    rig.replica.whenDurable(() => done.push("at once"));
    expect(done.at(-1)).toBe("at once");
  });

  it("core.md 19: nobody is told who had waited in another role; what was written stays written", () => {
    const rig = new Rig();
    const done: string[] = [];
    rig.replica.promise(2, 3, () => done.push("promised"));
    rig.replica.giveUpWaiting();
    rig.replica.durable(1);
    expect([done, rig.replica.acceptedEpoch, rig.types]).toEqual([[], 2, [recordType.PROMISE]]);
  });

  it("promises rise, and no batch is of an epoch beyond the promise", () => {
    const rig = new Rig(3);
    expect(() => rig.replica.promise(3, 1, () => undefined)).toThrow("above all promised before");
    expect(() => rig.append(4, 1)).toThrow("beyond the promised one");
    expect(() => rig.replica.enterEpoch(4, () => undefined)).toThrow("after it was promised");
  });

  it("core.md 25: a change stands with its batch, joint until it is committed, and goes with a truncation", () => {
    const rig = new Rig();
    rig.append(1, 1);
    rig.replica.commit(makeZxid(1, 1));
    const next = ensemble(3, 4, 5);
    rig.replica.append(encodePropose(changeOf(makeZxid(1, 2), next, 0)), 0);
    expect(rig.types.slice(-2)).toEqual([recordType.BATCH, recordType.CONFIGURATION]);
    expect([rig.replica.configuration, rig.replica.isChanging]).toEqual([next, true]);
    const { quorum } = rig.replica;
    expect([quorum.has([1, 2, 4]), quorum.has([3, 4, 5]), quorum.has([1, 3, 4])]).toEqual([false, false, true]);
    rig.replica.truncate(makeZxid(1, 1));
    expect([rig.replica.configuration, rig.replica.isChanging]).toEqual([three, false]);
    rig.replica.append(encodePropose(changeOf(makeZxid(1, 2), next, 0)), 0);
    rig.replica.commit(makeZxid(1, 2));
    expect([rig.replica.quorum.has([4, 5]), rig.replica.isChanging, rig.replica.configurationZxid]).toEqual([
      true,
      false,
      makeZxid(1, 2),
    ]);
  });

  it("a snapshot takes the place of everything, and is durable when its record is", () => {
    const rig = new Rig();
    rig.append(1, 1, 3);
    const next = ensemble(1, 2, 3, 4);
    rig.replica.reset(makeZxid(2, 7), encodeConfiguration(next), makeZxid(2, 1));
    expect(rig.types).toEqual([recordType.BATCH, recordType.SNAPSHOT, recordType.CONFIGURATION]);
    expect([rig.replica.lastZxid, rig.replica.commitZxid, rig.replica.configuration]).toEqual([
      makeZxid(2, 7),
      makeZxid(2, 7),
      next,
    ]);
    rig.replica.durable(1);
    expect(rig.replica.durableZxid).toBe(0);
    rig.replica.durable(2);
    expect(rig.replica.durableZxid).toBe(makeZxid(2, 7));
  });

  it.each([1, 2, 3, 4, 5])("keeps the order of records, and knows what is durable (seed %i)", (seed) => {
    const random = new Prng(seed);
    const rig = new Rig();
    const { replica } = rig;
    const told: number[] = [];
    let log = [0];
    const wanted: JournalRecord["type"][] = [];
    let asked = 0;
    let durable = 0;
    for (let step = 0; step < 1_500; step++) {
      const dice = random.below(12);
      const last = log.at(-1) as number;
      if (dice < 5) {
        const count = 1 + random.below(3);
        rig.append(1, (last % 2 ** 32) + 1, count);
        log.push(makeZxid(1, (last % 2 ** 32) + count));
        wanted.push(recordType.BATCH);
      } else if (dice === 5 && last > replica.commitZxid) {
        log = log.filter((zxid) => zxid <= replica.commitZxid || random.chance(0.5));
        log = log.slice(0, 1 + log.findLastIndex((zxid) => zxid <= replica.commitZxid) + random.below(2));
        // Only a prefix of what was there is a truncation.
        log = prefix(log, replica);
        if (log.at(-1) !== replica.lastZxid) wanted.push(recordType.TRUNCATE);
        replica.truncate(log.at(-1) as number);
      } else if (dice === 6) {
        const number = ++asked;
        replica.whenDurable(() => told.push(number));
      } else if (dice === 7) {
        rig.room = rig.records.length + random.below(6);
        replica.flush();
      } else if (dice === 8 && replica.durableZxid > replica.commitZxid) {
        replica.commit(replica.durableZxid);
      } else {
        durable = Math.min(rig.records.length, durable + random.below(4));
        replica.durable(durable);
      }
      expect(replica.lastZxid).toBe(log.at(-1));
      expect(rig.types).toEqual(wanted.slice(0, rig.records.length));
      expect(replica.durableZxid).toBe(durableIn(rig.records.slice(0, durable), rig.records, wanted, replica));
    }
    rig.room = Number.POSITIVE_INFINITY;
    replica.flush();
    replica.durable(rig.records.length);
    expect(rig.types).toEqual(wanted);
    expect(told).toEqual(Array.from({ length: asked }, (_, at) => at + 1));
  });
});

/** The longest prefix of the log in the replica that these are. */
function prefix(log: readonly number[], replica: Replica): number[] {
  const held: number[] = [0];
  for (let at = replica.log.start; at < replica.log.end; at++) held.push(replica.log.at(at).lastZxid);
  let count = 0;
  while (count < log.length && log[count] === held[count]) count++;
  return log.slice(0, count);
}

/** What is on disk of the log as it is now: of the records that are, less what any truncation asked for voids. */
function durableIn(
  onDisk: readonly JournalRecord[],
  written: readonly JournalRecord[],
  wanted: readonly number[],
  replica: Replica,
): number {
  const found: { zxid: number; at: number }[] = [];
  for (const [at, { type, lastZxid }] of written.entries()) {
    if (type === recordType.TRUNCATE) while ((found.at(-1)?.zxid ?? 0) > lastZxid) found.pop();
    else found.push({ zxid: lastZxid, at });
  }
  const pending = wanted.length > written.length;
  const own = found.filter(({ zxid, at }) => at < onDisk.length && zxid <= replica.lastZxid).at(-1)?.zxid ?? 0;
  // A truncation that waits for room voids as well: then the replica's own word is a lower bound of what is found.
  return pending ? Math.min(own, replica.durableZxid) : own;
}
