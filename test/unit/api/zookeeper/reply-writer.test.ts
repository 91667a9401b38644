import fc from "fast-check";
import { expect, test } from "vitest";
import { BufferPool } from "../../../../src/api/zookeeper/buffer-pool.ts";
import { ReplyWriter, STAT_BYTES } from "../../../../src/api/zookeeper/reply-writer.ts";
import { JuteReader } from "../../../conformance/differential/jute.ts";
import "../../../support/fixed-seed.ts";

function written(write: (writer: ReplyWriter) => void): Uint8Array {
  const writer = new ReplyWriter(new BufferPool());
  write(writer);
  return Uint8Array.from(writer.bytes.subarray(0, writer.length));
}

test("reference 2.1: an independent reader reads what it writes, whatever the order and the sizes", () => {
  const field = fc.oneof(
    fc.record({ kind: fc.constant("bool" as const), value: fc.boolean() }),
    fc.record({ kind: fc.constant("i32" as const), value: fc.integer() }),
    fc.record({ kind: fc.constant("i64" as const), value: fc.maxSafeInteger() }),
    fc.record({ kind: fc.constant("buffer" as const), value: fc.uint8Array({ maxLength: 3_000 }) }),
    fc.record({ kind: fc.constant("string" as const), value: fc.string({ unit: "grapheme", maxLength: 700 }) }),
    fc.record({ kind: fc.constant("strings" as const), value: fc.array(fc.string({ unit: "grapheme" })) }),
  );
  fc.assert(
    fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
      const bytes = written((writer) => {
        for (const { kind, value } of fields) writer[kind](value as never);
      });
      const reader = new JuteReader(bytes);
      for (const { kind, value } of fields) {
        if (kind === "bool") expect(reader.boolean()).toBe(value);
        else if (kind === "i32") expect(reader.int()).toBe(value);
        else if (kind === "i64") expect(Number(reader.long())).toBe(value);
        else if (kind === "buffer") expect([...(reader.buffer() ?? [])]).toEqual([...value]);
        else if (kind === "string") expect(reader.string()).toBe(value);
        else expect(reader.vector(() => reader.string())).toEqual(value);
      }
      expect(reader.left).toBe(0);
    }),
  );
});

test("reference 1.2: a stat is 68 bytes, its fields in ZooKeeper's order", () => {
  const stat = {
    czxid: 2 ** 40 + 1,
    mzxid: 2 ** 40 + 2,
    ctime: 1_700_000_000_003,
    mtime: 1_700_000_000_004,
    version: 5,
    cversion: 6,
    aversion: 7,
    ephemeralOwner: 2 ** 33 + 8,
    dataLength: 9,
    numChildren: 10,
    pzxid: 2 ** 40 + 11,
  };
  const bytes = written((writer) => writer.stat(stat));
  expect(bytes).toHaveLength(STAT_BYTES);
  const reader = new JuteReader(bytes);
  const longs = () => Number(reader.long());
  expect([longs(), longs(), longs(), longs()]).toEqual([stat.czxid, stat.mzxid, stat.ctime, stat.mtime]);
  expect([reader.int(), reader.int(), reader.int(), longs()]).toEqual([5, 6, 7, stat.ephemeralOwner]);
  expect([reader.int(), reader.int(), longs()]).toEqual([9, 10, stat.pzxid]);
});

test("reference 2.4: a reply begins with its length, xid, zxid and error", () => {
  const bytes = written((writer) => {
    const start = writer.beginReply(-4, 2 ** 35 + 3, -115);
    writer.i32(77);
    writer.endFrame(start);
  });
  const reader = new JuteReader(bytes);
  expect([reader.int(), reader.int(), Number(reader.long()), reader.int(), reader.int()]).toEqual([
    20,
    -4,
    2 ** 35 + 3,
    -115,
    77,
  ]);
});

test("frames follow each other, and one taken back leaves no trace", () => {
  const bytes = written((writer) => {
    const first = writer.beginReply(1, 2, 0);
    writer.endFrame(first);
    const dropped = writer.beginReply(3, 4, 0);
    writer.string("x".repeat(5_000));
    writer.dropFrame(dropped);
    const second = writer.beginFrame(4);
    writer.i32(9);
    writer.endFrame(second);
  });
  const reader = new JuteReader(bytes);
  expect([reader.buffer()?.length, [...(reader.buffer() ?? [])], reader.left]).toEqual([16, [0, 0, 0, 9], 0]);
});

test("an idle connection holds no buffer: one is had from the first byte until it is taken", () => {
  const pool = new BufferPool();
  const writer = new ReplyWriter(pool);
  expect(writer.bytes).toHaveLength(0);
  writer.i32(1);
  const { bytes } = writer;
  expect(bytes.length).toBeGreaterThan(0);
  expect(writer.take()).toBe(bytes);
  expect([writer.bytes.length, writer.length]).toEqual([0, 0]);
  pool.release(bytes);
  writer.i32(2);
  expect(writer.bytes).toBe(bytes);
});

test("growing keeps what was written, and gives the smaller buffer back", () => {
  const pool = new BufferPool();
  const writer = new ReplyWriter(pool);
  writer.i32(0x01020304);
  const small = writer.bytes;
  writer.raw(new Uint8Array(10_000).fill(7));
  expect(writer.bytes.readInt32BE(0)).toBe(0x01020304);
  expect(writer.length).toBe(10_004);
  expect(pool.take(1)).toBe(small);
});
