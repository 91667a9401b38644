import { describe, expect, it } from "vitest";
import { BATCH_BYTES_TARGET, BATCH_COMMANDS_MAX } from "../../../../src/core/base/limits.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import { makeZxid } from "../../../../src/core/base/zxid.ts";
import { Proposals } from "../../../../src/core/member/proposals.ts";
import type { Chunk } from "../../../../src/core/member/submissions.ts";
import { BatchReader, batchFlag } from "../../../../src/core/tree/batch.ts";
import { writeReconfigure } from "../../../../src/core/tree/command.ts";
import { encodeConfiguration } from "../../../../src/core/zab/ensemble-configuration.ts";
import { type JournalRecord, recordType } from "../../../../src/core/zab/journal-record.ts";
import type { ZabOptions } from "../../../../src/core/zab/zab-contract.ts";
import { ensemble } from "../zab/rig-batches.ts";
import { type RigMember, ZabRig } from "../zab/zab-rig.ts";

/** Commands of these sizes, each with its length before it; a command begins with its mark. */
function chunkOf(firstMark: number, ...sizes: number[]): Chunk {
  const commands = new Uint8Array(sizes.reduce((sum, size) => sum + 4 + size, 0));
  const view = new DataView(commands.buffer);
  let at = 0;
  for (const [index, size] of sizes.entries()) {
    view.setUint32(at, size, true);
    view.setUint32(at + 4, firstMark + index, true);
    at += 4 + size;
  }
  return { commands, count: sizes.length };
}

/** Proposals on a real Zab, over a journal with as much room as the test gives it. */
class Rig {
  readonly net: ZabRig;
  readonly member: RigMember;
  readonly proposals: Proposals;
  room = Number.POSITIVE_INFINITY;
  time = 100;

  constructor(options: Partial<ZabOptions> = {}) {
    this.net = new ZabRig(ensemble(1), options);
    this.member = this.net.startWith(1, {});
    this.net.settle();
    const effects = { hasRoom: (bytes: number) => bytes <= this.room, now: () => this.time };
    this.proposals = new Proposals(this.member.zab, effects, (now: number) => ({
      time: now * 10,
      featureLevel: 1,
      digestZxid: 5,
      digest0: 6,
      digest1: 7,
    }));
  }

  /** Takes one command of `size` bytes. */
  take(mark: number, size = 4): void {
    this.proposals.add(chunkOf(mark, size));
  }

  /** Begins and ends one of the leader's own. */
  issue(mark: number): void {
    this.proposals.begin().u32(mark);
    this.proposals.end();
  }

  get batches(): JournalRecord[] {
    return this.member.records.filter(({ type }) => type === recordType.BATCH);
  }

  /** The marks of a proposed batch's commands. */
  marks(record: JournalRecord): number[] {
    const reader = new BatchReader();
    const { count } = reader.open(record.body);
    return Array.from({ length: count }, () => reader.next().u32());
  }

  get allMarks(): number[][] {
    return this.batches.map((batch) => this.marks(batch));
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, mark) => mark);
}

describe("Proposals", () => {
  it("ARCHITECTURE 3: make one batch of what one turn brought, from clients, followers and duties", () => {
    const rig = new Rig();
    rig.proposals.add(chunkOf(1, 4, 4, 4));
    rig.issue(4);
    rig.proposals.add(chunkOf(5, 40));
    expect([rig.batches.length, rig.proposals.isSettled]).toEqual([0, false]);
    rig.proposals.proposeAll();
    expect(rig.allMarks).toEqual([[1, 2, 3, 4, 5]]);
    expect(rig.proposals.isSettled).toBe(true);
    rig.proposals.proposeAll();
    expect(rig.batches).toHaveLength(1);
  });

  it("take over copies: the chunk's bytes are the caller's again", () => {
    const rig = new Rig();
    const chunk = chunkOf(7, 4);
    rig.proposals.add(chunk);
    chunk.commands.fill(0xee);
    rig.proposals.proposeAll();
    expect(rig.allMarks).toEqual([[7]]);
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
    const stamp = { time: 1_230, featureLevel: 1, digestZxid: 5, digest0: 6, digest1: 7, flags: 0 };
    expect(headers).toEqual([
      { firstZxid: makeZxid(1, 1), count: 2, ...stamp },
      { firstZxid: makeZxid(1, 3), count: 1, ...stamp },
    ]);
  });

  it("core.md 31: close a batch at a mebibyte, within the turn", () => {
    const rig = new Rig();
    for (let mark = 0; mark < 5; mark++) rig.take(mark, 300_000);
    rig.proposals.proposeAll();
    expect(rig.allMarks).toEqual([[0, 1, 2, 3], [4]]);
    expect((rig.batches[0] as JournalRecord).body.length).toBeLessThan(BATCH_BYTES_TARGET + 300_100);
  });

  it("close a batch at its most commands, within the turn", () => {
    const rig = new Rig();
    for (let mark = 0; mark <= BATCH_COMMANDS_MAX; mark++) rig.take(mark);
    rig.proposals.proposeAll();
    const counts = rig.batches.map(({ firstZxid, lastZxid }) => lastZxid - firstZxid + 1);
    expect(counts).toEqual([BATCH_COMMANDS_MAX, 1]);
  });

  it("core.md 25: give a reconfiguration a batch of its own, in its place, flagged for those who only look", () => {
    const rig = new Rig();
    rig.take(1);
    const issuer = { sessionId: 0, generation: 1, identities: new Uint8Array([0]) };
    rig.proposals.addAlone(batchFlag.RECONFIGURE, (writer) =>
      writeReconfigure(writer, issuer, 9, 0, encodeConfiguration(ensemble(1, { id: 2, role: "observer" }))),
    );
    rig.take(2);
    rig.proposals.proposeAll();
    const headers = rig.batches.map(({ body }) => ({ ...new BatchReader().open(body) }));
    expect(headers.map(({ count, flags }) => [count, flags])).toEqual([
      [1, 0],
      [1, batchFlag.RECONFIGURE],
      [1, 0],
    ]);
    expect(rig.marks(rig.batches[2] as JournalRecord)).toEqual([2]);
  });

  it("wait for room in the journal, in order, and lose nothing", () => {
    const rig = new Rig();
    rig.room = 100;
    for (let mark = 0; mark < 30; mark++) rig.take(mark, 100_000);
    rig.proposals.proposeAll();
    expect([rig.batches.length, rig.proposals.isSettled]).toEqual([0, false]);
    rig.room = Number.POSITIVE_INFINITY;
    rig.proposals.proposeAll();
    expect(rig.allMarks.flat()).toEqual(upTo(30));
    expect(rig.batches).toHaveLength(3);
  });

  it("core.md 22: wait while an epoch ends, and go into the next one in order", () => {
    const rig = new Rig({ counterMax: 10 });
    for (let mark = 0; mark < 8; mark++) rig.take(mark);
    rig.proposals.proposeAll();
    for (let mark = 8; mark < 12; mark++) rig.take(mark);
    rig.proposals.proposeAll();
    expect([rig.batches.length, rig.proposals.isSettled]).toEqual([1, false]);
    rig.net.settle();
    rig.proposals.proposeAll();
    expect(rig.batches.map(({ firstZxid }) => firstZxid)).toEqual([makeZxid(1, 1), makeZxid(2, 1)]);
    expect(rig.allMarks.flat()).toEqual(upTo(12));
  });

  it("core.md 12: forget what was not proposed when leadership is lost: whoever asked asks again", () => {
    const rig = new Rig();
    rig.room = 0;
    for (let mark = 0; mark < 12; mark++) rig.take(mark, 300_000);
    rig.proposals.proposeAll();
    rig.proposals.clear();
    expect(rig.proposals.isSettled).toBe(true);
    rig.room = Number.POSITIVE_INFINITY;
    rig.take(12);
    rig.proposals.proposeAll();
    expect(rig.allMarks).toEqual([[12]]);
  });

  it("core.md 12: forget what a follower sent that has lost this leader since, and nothing else", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new Prng(seed);
      const rig = new Rig();
      rig.room = 0;
      const kept: number[] = [];
      for (let mark = 0; mark < 60; mark++) {
        const from = random.below(4);
        if (from === 0 && random.chance(0.3)) rig.issue(mark);
        else rig.proposals.add(chunkOf(mark, 4 + random.below(random.pick([10, 200_000]))), from);
        if (from !== 2) kept.push(mark);
        if (random.chance(0.1)) rig.proposals.proposeAll();
      }
      rig.proposals.forget(2);
      rig.proposals.forget(9);
      rig.room = Number.POSITIVE_INFINITY;
      rig.proposals.proposeAll();
      expect(rig.allMarks.flat()).toEqual(kept);
      rig.proposals.forget(1);
      expect(rig.proposals.isSettled).toBe(true);
    }
  });

  it.each([1, 2, 3])("keep every command, once and in order, through any interleaving (seed %i)", (seed) => {
    const random = new Prng(seed);
    const rig = new Rig({ counterMax: 400 });
    rig.member.holdsDisk = true;
    let taken = 0;
    const size = (): number => 4 + random.below(random.pick([20, 2_000, 400_000]));
    for (let step = 0; step < 3_000; step++) {
      const dice = random.below(10);
      if (dice < 3) rig.issue(taken++);
      else if (dice < 5) {
        const sizes = Array.from({ length: 1 + random.below(3) }, size);
        rig.proposals.add(chunkOf(taken, ...sizes));
        taken += sizes.length;
      } else if (dice < 7) rig.proposals.proposeAll();
      else if (dice === 7) rig.room = random.pick([0, 60, 5_000, Number.POSITIVE_INFINITY]);
      else rig.member.sync(random.below(4));
    }
    rig.room = Number.POSITIVE_INFINITY;
    rig.member.holdsDisk = false;
    while (!rig.proposals.isSettled) {
      rig.proposals.proposeAll();
      rig.net.settle();
    }
    expect(rig.allMarks.flat()).toEqual(upTo(taken));
    let before = 0;
    for (const { firstZxid, lastZxid } of rig.batches) {
      expect(firstZxid).toBeGreaterThan(before);
      before = lastZxid;
    }
  });
});
