import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../../src/core/base/assert.ts";
import { FormatError } from "../../../../src/core/base/bytes.ts";
import { makeZxid } from "../../../../src/core/base/zxid.ts";
import { EventFanout } from "../../../../src/core/member/event-fanout.ts";
import { LocalState } from "../../../../src/core/member/local-state.ts";
import {
  BATCH_FORMAT,
  BATCH_HEADER_BYTES,
  type BatchHeader,
  BatchReader,
  BatchWriter,
  batchFlag,
} from "../../../../src/core/tree/batch.ts";
import { commandType } from "../../../../src/core/tree/command.ts";
import { FEATURE_LEVEL } from "../../../../src/core/tree/feature-level.ts";
import { Tree } from "../../../../src/core/tree/tree.ts";
import { SoloMember } from "../../../support/solo-member.ts";
import "../../../support/fixed-seed.ts";

const header = (change: Partial<BatchHeader> = {}): BatchHeader => ({
  firstZxid: makeZxid(1, 1),
  count: 1,
  time: 1_700_000_000_000,
  featureLevel: FEATURE_LEVEL,
  digestZxid: 0,
  digest0: 0,
  digest1: 0,
  ...change,
});

function batchOf(commands: readonly Uint8Array[], change: Partial<BatchHeader> = {}): Uint8Array {
  const writer = new BatchWriter();
  for (const command of commands) {
    writer.begin().raw(command);
    expect(writer.end()).toBe(command.length);
  }
  return writer.close(header({ count: commands.length, ...change })).slice();
}

const ONE = new Uint8Array([9, 9, 9]);
const RECONFIGURE = new Uint8Array([commandType.RECONFIGURE, 9, 9]);
const FLAGS_AT = 40;

describe("a batch", () => {
  const u32 = fc.nat({ max: 2 ** 32 - 1 });
  const headers = fc.record({
    firstZxid: fc.maxSafeNat(),
    time: fc.maxSafeNat(),
    featureLevel: fc.nat({ max: 65_535 }),
    digestZxid: fc.maxSafeNat(),
    digest0: u32,
    digest1: u32,
  });
  const bodies = fc.array(fc.uint8Array({ maxLength: 100 }), { minLength: 1, maxLength: 20 });

  it("core.md 1: gives back its header and its commands, one after the other", () => {
    fc.assert(
      fc.property(headers, bodies, (fields, commands) => {
        const bytes = batchOf(commands, fields);
        const reader = new BatchReader();
        expect(reader.open(bytes)).toEqual({ ...fields, count: commands.length, flags: 0 });
        for (const command of commands) {
          const next = reader.next();
          expect(next.raw(next.remaining)).toEqual(command);
        }
        expect(reader.remaining).toBe(0);
        const sizes = commands.reduce((sum, { length }) => sum + 4 + length, 0);
        expect(bytes.length).toBe(BATCH_HEADER_BYTES + sizes);
      }),
    );
  });

  it("is refused at every truncation, and shows what is left over", () => {
    const bytes = batchOf([ONE, new Uint8Array(0), ONE]);
    const readAll = (of: Uint8Array): number => {
      const reader = new BatchReader();
      const { count } = reader.open(of);
      for (let i = 0; i < count; i++) reader.next();
      return reader.remaining;
    };
    expect(readAll(bytes)).toBe(0);
    for (let end = 0; end < bytes.length; end++) {
      expect(() => readAll(bytes.subarray(0, end))).toThrow(FormatError);
    }
    expect(readAll(Uint8Array.from([...bytes, 0]))).toBe(1);
  });

  it("core.md 5: of a newer format is refused by name", () => {
    const bytes = batchOf([ONE]);
    bytes[0] = BATCH_FORMAT + 1;
    expect(() => new BatchReader().open(bytes)).toThrow(
      new FormatError(`batch format ${BATCH_FORMAT + 1} is not known to this program`),
    );
  });

  it("is refused when it is empty, or has a flag this program does not know", () => {
    const empty = batchOf([ONE]);
    empty.fill(0, 4, 8);
    expect(() => new BatchReader().open(empty)).toThrow(FormatError);
    for (let bit = 1; bit < 8 * (BATCH_HEADER_BYTES - FLAGS_AT); bit++) {
      const flagged = batchOf([ONE]);
      flagged[FLAGS_AT + (bit >>> 3)] = 1 << (bit & 7);
      expect(() => new BatchReader().open(flagged), `bit ${bit}`).toThrow(FormatError);
    }
  });
});

describe("the flag of a reconfiguration", () => {
  const flagged = { flags: batchFlag.RECONFIGURE };

  it("core.md 25: goes with a batch of that one command", () => {
    const bytes = batchOf([RECONFIGURE], flagged);
    const reader = new BatchReader();
    expect(reader.open(bytes).flags).toBe(batchFlag.RECONFIGURE);
    const next = reader.next();
    expect(next.raw(next.remaining)).toEqual(RECONFIGURE);
    expect(bytes[FLAGS_AT]).toBe(1);
  });

  it("core.md 25: is refused on a batch of another command, or of more", () => {
    for (const command of [ONE, new Uint8Array(0)]) {
      const bytes = batchOf([command]);
      bytes[FLAGS_AT] = 1;
      expect(() => new BatchReader().open(bytes)).toThrow(new FormatError("a batch flagged for what it is not"));
    }
    const shared = batchOf([RECONFIGURE, ONE]);
    shared[FLAGS_AT] = 1;
    expect(() => new BatchReader().open(shared)).toThrow(new FormatError("a reconfiguration that shares its batch"));
  });

  it("core.md 25: cannot be written on a batch of another command, or of more, or beside another", () => {
    const writer = new BatchWriter();
    const put = (bytes: Uint8Array): void => {
      writer.begin().raw(bytes);
      writer.end();
    };
    put(RECONFIGURE);
    expect(() => writer.close(header({ flags: 2 }))).toThrow(InvariantError);
    put(ONE);
    expect(() => writer.close(header({ count: 2, ...flagged }))).toThrow(InvariantError);
    writer.cancel();
    expect(writer.close(header(flagged))).toEqual(batchOf([RECONFIGURE], flagged));
    for (const command of [ONE, new Uint8Array(0)]) {
      writer.reset();
      put(command);
      expect(() => writer.close(header(flagged))).toThrow(InvariantError);
      expect(writer.close(header())).toEqual(batchOf([command]));
    }
  });
});

describe("BatchWriter", () => {
  it("takes back the command just ended, and nothing before it", () => {
    const writer = new BatchWriter();
    writer.begin().raw(ONE);
    writer.end();
    writer.begin().raw(new Uint8Array(5_000));
    writer.end();
    writer.cancel();
    expect(writer.count).toBe(1);
    expect(writer.close(header())).toEqual(batchOf([ONE]));
  });

  it("is reused from its beginning", () => {
    const writer = new BatchWriter();
    for (let round = 0; round < 3; round++) {
      writer.reset();
      expect([writer.count, writer.bytes]).toEqual([0, BATCH_HEADER_BYTES]);
      writer.begin().raw(ONE);
      writer.end();
      expect(writer.close(header())).toEqual(batchOf([ONE]));
    }
  });

  it("closes only what it holds", () => {
    const writer = new BatchWriter();
    expect(() => writer.close(header({ count: 0 }))).toThrow(InvariantError);
    writer.begin().raw(ONE);
    writer.end();
    expect(() => writer.close(header({ count: 2 }))).toThrow(InvariantError);
  });
});

describe("the feature level", () => {
  it("core.md 2, 5: above the program's stops the tree before it applies, by name", () => {
    const tree = Tree.fresh(1, { record: () => undefined });
    const before = tree.snapshotMeta();
    const newer = header({ featureLevel: FEATURE_LEVEL + 1 });
    expect(() => tree.beginBatch(newer)).toThrow(
      new FormatError(`feature level ${FEATURE_LEVEL + 1} is newer than this program's ${FEATURE_LEVEL}`),
    );
    expect(tree.snapshotMeta()).toEqual(before);
    tree.beginBatch(header());
    expect(tree.state.time).toBe(header().time);
  });

  it("core.md 2, 5: in a journal stops the member at that batch: what came before is applied, nothing of it", () => {
    const solo = SoloMember.leading();
    const client = solo.session();
    client.create("/a");
    solo.settle();
    client.create("/b");
    solo.settle();
    const bodies = solo.batches.map(({ body }) => body);
    const last = bodies.at(-1) as Uint8Array;
    const fanout = new EventFanout();
    const again = new LocalState({ tree: Tree.fresh(1, fanout), fanout }, 64 * 1024);
    for (const body of bodies.slice(0, -1)) again.replay(body);
    const before = again.tree.snapshotMeta();
    const newer = last.slice();
    newer[2] = FEATURE_LEVEL + 1;
    expect(() => again.replay(newer)).toThrow(FormatError);
    expect(again.tree.snapshotMeta()).toEqual(before);
    again.replay(last);
    expect(again.tree.zxid).toBe(solo.member.tree.zxid);
  });

  it("core.md 1: leader time never falls, whatever the headers say", () => {
    const tree = Tree.fresh(1, { record: () => undefined });
    for (const time of [5, 3, 9, 0]) tree.beginBatch(header({ time }));
    expect(tree.state.time).toBe(9);
  });
});
