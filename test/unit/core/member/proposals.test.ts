import { describe, expect, it } from "vitest";
import { errors } from "../../../../src/core/base/errors.ts";
import { BATCH_BYTES_TARGET, BATCH_COMMANDS_MAX, COMMAND_BYTES_MAX } from "../../../../src/core/base/limits.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import { makeZxid } from "../../../../src/core/base/zxid.ts";
import { Proposals } from "../../../../src/core/member/proposals.ts";
import { BatchReader } from "../../../../src/core/tree/batch.ts";
import { type JournalRecord, recordType } from "../../../../src/core/zab/journal-record.ts";
import { Zab } from "../../../../src/core/zab/zab.ts";

/** Proposals on a real Zab, over a journal with as much room as the test gives it. */
class Rig {
  readonly zab: Zab;
  readonly proposals: Proposals;
  readonly records: JournalRecord[] = [];
  room = Number.POSITIVE_INFINITY;
  turnsAsked = 0;
  time = 100;

  constructor(counterMax?: number) {
    const member = { id: 1, role: "voter" as const, weight: 1, incarnation: "", peerAddress: "" };
    this.zab = new Zab(
      {
        memberId: 1,
        bootstrap: { ensembleId: "", members: [member] },
        ...(counterMax === undefined ? {} : { counterMax }),
      },
      { acceptedEpoch: 0, currentEpoch: 0, lastZxid: 0, configuration: undefined },
      {
        append: (record) => this.records.push({ ...record, body: record.body.slice() }),
        established: () => undefined,
      },
    );
    this.proposals = new Proposals(
      this.zab,
      {
        hasRoom: (bytes) => bytes <= this.room,
        requestTurnEnd: () => this.turnsAsked++,
        now: () => this.time,
      },
      (now: number) => ({ time: now * 10, featureLevel: 1, digestZxid: 5, digest0: 6, digest1: 7 }),
    );
    this.zab.start();
    this.settle();
  }

  settle(): void {
    let before: number;
    do {
      before = this.records.length;
      this.zab.durable(before);
    } while (this.records.length > before);
  }

  /** Takes a command of `size` bytes that begins with this mark. */
  take(mark: number, size = 4): number {
    const writer = this.proposals.begin();
    writer.u32(mark);
    writer.raw(new Uint8Array(size - 4));
    return this.proposals.end();
  }

  get batches(): JournalRecord[] {
    return this.records.filter(({ type }) => type === recordType.BATCH);
  }

  /** The marks of a proposed batch's commands. */
  marks(record: JournalRecord): number[] {
    const reader = new BatchReader();
    const { count } = reader.open(record.body);
    return Array.from({ length: count }, () => reader.next().u32());
  }
}

describe("Proposals", () => {
  it("ARCHITECTURE 3: make one batch of what one turn brought", () => {
    const rig = new Rig();
    for (let mark = 1; mark <= 5; mark++) expect(rig.take(mark)).toBe(4);
    expect([rig.batches.length, rig.turnsAsked > 0, rig.proposals.isSettled]).toEqual([0, true, false]);
    rig.proposals.proposeAll();
    expect(rig.batches.map((batch) => rig.marks(batch))).toEqual([[1, 2, 3, 4, 5]]);
    expect(rig.proposals.isSettled).toBe(true);
    rig.proposals.proposeAll();
    expect(rig.batches).toHaveLength(1);
  });

  it("core.md 1: give the batch its first zxid, its count and the leader's stamp of the moment it is closed", () => {
    const rig = new Rig();
    rig.take(1);
    rig.take(2);
    rig.time = 123;
    rig.proposals.proposeAll();
    rig.take(3);
    rig.proposals.proposeAll();
    const headers = rig.batches.map(({ body }) => ({ ...new BatchReader().open(body) }));
    const stamp = { time: 1_230, featureLevel: 1, digestZxid: 5, digest0: 6, digest1: 7 };
    expect(headers).toEqual([
      { firstZxid: makeZxid(1, 1), count: 2, ...stamp },
      { firstZxid: makeZxid(1, 3), count: 1, ...stamp },
    ]);
    expect(rig.proposals.inFlight.map(({ lastZxid, proposedAt }) => [lastZxid, proposedAt])).toEqual([
      [makeZxid(1, 2), 123],
      [makeZxid(1, 3), 123],
    ]);
  });

  it("core.md 31: close a batch at a mebibyte, within the turn", () => {
    const rig = new Rig();
    for (let mark = 0; mark < 5; mark++) rig.take(mark, 300_000);
    expect(rig.batches.map((batch) => rig.marks(batch))).toEqual([[0, 1, 2, 3]]);
    expect((rig.batches[0] as JournalRecord).body.length).toBeLessThan(BATCH_BYTES_TARGET + 300_100);
    rig.proposals.proposeAll();
    expect(rig.marks(rig.batches[1] as JournalRecord)).toEqual([4]);
  });

  it("close a batch at its most commands, within the turn", () => {
    const rig = new Rig();
    for (let mark = 0; mark <= BATCH_COMMANDS_MAX; mark++) rig.take(mark);
    expect(rig.batches.map(({ firstZxid, lastZxid }) => lastZxid - firstZxid + 1)).toEqual([BATCH_COMMANDS_MAX]);
  });

  it("refuse a command above the largest, and keep those around it", () => {
    const rig = new Rig();
    rig.take(1);
    expect(rig.take(2, COMMAND_BYTES_MAX + 1)).toBe(-errors.MESSAGE_TOO_LARGE.code);
    expect([rig.proposals.outstandingBytes, rig.proposals.outstandingCommands]).toEqual([4, 1]);
    rig.take(3);
    rig.proposals.proposeAll();
    expect(rig.batches.map((batch) => rig.marks(batch))).toEqual([[1, 3]]);
    expect(rig.take(4, COMMAND_BYTES_MAX)).toBe(COMMAND_BYTES_MAX);
    expect(rig.batches.map((batch) => rig.marks(batch))).toEqual([[1, 3], [4]]);
  });

  it("core.md 40: count the bytes and commands taken and not yet applied", () => {
    const rig = new Rig();
    rig.take(1, 100);
    rig.take(2, 50);
    rig.proposals.proposeAll();
    rig.take(3, 7);
    expect([rig.proposals.outstandingBytes, rig.proposals.outstandingCommands]).toEqual([157, 3]);
    rig.proposals.applied(100);
    expect([rig.proposals.outstandingBytes, rig.proposals.outstandingCommands]).toEqual([57, 2]);
  });

  it("wait for room in the journal, in order, and lose nothing", () => {
    const rig = new Rig();
    rig.room = 100;
    for (let mark = 0; mark < 30; mark++) rig.take(mark, 100_000);
    rig.proposals.proposeAll();
    expect([rig.batches.length, rig.proposals.isSettled, rig.proposals.isIdle]).toEqual([0, false, false]);
    rig.room = Number.POSITIVE_INFINITY;
    rig.proposals.proposeAll();
    expect(rig.batches.flatMap((batch) => rig.marks(batch))).toEqual(Array.from({ length: 30 }, (_, mark) => mark));
    expect(rig.batches).toHaveLength(3);
  });

  it("core.md 22: wait while an epoch ends, and go into the next one in order", () => {
    const rig = new Rig(10);
    for (let mark = 0; mark < 8; mark++) rig.take(mark);
    rig.proposals.proposeAll();
    for (let mark = 8; mark < 12; mark++) rig.take(mark);
    rig.proposals.proposeAll();
    expect([rig.batches.length, rig.proposals.isSettled]).toEqual([1, false]);
    rig.settle();
    rig.proposals.proposeAll();
    expect(rig.batches.map(({ firstZxid }) => firstZxid)).toEqual([makeZxid(1, 1), makeZxid(2, 1)]);
    expect(rig.batches.flatMap((batch) => rig.marks(batch))).toEqual(Array.from({ length: 12 }, (_, mark) => mark));
  });

  it("are idle once everything is applied, and reuse what a batch lay in", () => {
    const rig = new Rig();
    for (let round = 0; round < 20; round++) {
      rig.take(round, 10_000);
      rig.proposals.proposeAll();
      const first = rig.proposals.inFlight[0];
      expect(rig.proposals.isIdle).toBe(false);
      rig.proposals.finishFirst();
      expect([rig.proposals.isIdle, first?.batch.count]).toEqual([true, 0]);
    }
    expect(rig.batches.flatMap((batch) => rig.marks(batch))).toEqual(Array.from({ length: 20 }, (_, round) => round));
  });

  it.each([1, 2, 3])("keep every command, once and in order, through any interleaving (seed %i)", (seed) => {
    const random = new Prng(seed);
    const rig = new Rig(400);
    let taken = 0;
    for (let step = 0; step < 3_000; step++) {
      const dice = random.below(10);
      if (dice < 5) rig.take(taken++, 4 + random.below(random.pick([20, 2_000, 400_000])));
      else if (dice < 7) rig.proposals.proposeAll();
      else if (dice === 7) rig.room = random.pick([0, 60, 5_000, Number.POSITIVE_INFINITY]);
      else if (dice === 8) rig.zab.durable(rig.records.length);
      else if ((rig.proposals.inFlight[0]?.lastZxid ?? Number.POSITIVE_INFINITY) <= rig.zab.commitZxid) {
        rig.proposals.finishFirst();
      }
    }
    rig.room = Number.POSITIVE_INFINITY;
    while (!rig.proposals.isSettled) {
      rig.proposals.proposeAll();
      rig.settle();
    }
    expect(rig.batches.flatMap((batch) => rig.marks(batch))).toEqual(Array.from({ length: taken }, (_, mark) => mark));
    let before = 0;
    for (const { firstZxid, lastZxid } of rig.batches) {
      expect(firstZxid).toBeGreaterThan(before);
      before = lastZxid;
    }
  });
});
