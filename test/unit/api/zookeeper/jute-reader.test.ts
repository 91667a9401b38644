import fc from "fast-check";
import { expect, test } from "vitest";
import { JuteError, JuteReader, readI32 } from "../../../../src/api/zookeeper/jute-reader.ts";
import { JuteWriter } from "../../../conformance/differential/jute.ts";
import "../../../support/fixed-seed.ts";

function readerOf(writer: JuteWriter): JuteReader {
  const bytes = writer.done();
  return new JuteReader().reset(bytes, 0, bytes.length);
}

const word = fc.string({ unit: "grapheme" });
const safe = fc.maxSafeInteger();

test("reference 2.1: reads what an independent writer writes, field after field", () => {
  const record = fc.tuple(fc.boolean(), fc.integer(), safe, fc.uint8Array(), word, fc.array(word));
  fc.assert(
    fc.property(record, ([flag, small, large, bytes, text, texts]) => {
      const writer = new JuteWriter().boolean(flag).int(small).long(BigInt(large)).buffer(bytes).string(text);
      writer.vector(texts, (each) => writer.string(each));
      const reader = readerOf(writer);
      expect(reader.bool()).toBe(flag);
      expect(reader.i32()).toBe(small);
      expect(reader.i64()).toBe(large);
      expect([...reader.buffer()]).toEqual([...bytes]);
      expect(reader.string()).toBe(text);
      expect(reader.strings()).toEqual(texts);
      expect(reader.remaining).toBe(0);
    }),
  );
});

test("reference 2.1: the edges of a long are exact as far as a number can be, and no safe integers beyond", () => {
  for (const value of [0n, 1n, -1n, 2n ** 32n, -(2n ** 32n), 2n ** 53n - 1n, -(2n ** 53n) + 1n]) {
    expect(readerOf(new JuteWriter().long(value)).i64()).toBe(Number(value));
  }
  for (const value of [2n ** 63n - 1n, -(2n ** 63n)]) {
    expect(Number.isSafeInteger(readerOf(new JuteWriter().long(value)).i64())).toBe(false);
  }
});

test("reference 2.1: null is an empty buffer, text or vector, and told apart only where it is asked for", () => {
  const nothing = () => readerOf(new JuteWriter().int(-1));
  expect(nothing().buffer()).toHaveLength(0);
  expect(nothing().string()).toBe("");
  expect(nothing().strings()).toEqual([]);
  expect(nothing().count(12)).toBe(0);
  const reader = readerOf(new JuteWriter().string(null).string("x").string(""));
  expect([reader.optionalString(), reader.optionalString(), reader.optionalString()]).toEqual([undefined, "x", ""]);
  expect(reader.remaining).toBe(0);
});

test("any byte but 0 is true, as Java's stream has it", () => {
  const bytes = Uint8Array.of(0, 1, 2, 255);
  const reader = new JuteReader().reset(bytes, 0, 4);
  expect([reader.bool(), reader.bool(), reader.bool(), reader.bool()]).toEqual([false, true, true, true]);
});

test("a record that ends too early throws for each kind of field, and reads nothing beyond its frame", () => {
  const reads: [number, (reader: JuteReader) => unknown][] = [
    [1, (reader) => reader.bool()],
    [4, (reader) => reader.i32()],
    [8, (reader) => reader.i64()],
    [4, (reader) => reader.buffer()],
    [4, (reader) => reader.string()],
    [4, (reader) => reader.optionalString()],
    [4, (reader) => reader.strings()],
  ];
  // What follows the frame would do for every field.
  const bytes = new Uint8Array(64);
  for (const [size, read] of reads) {
    for (let end = 0; end < size; end++) {
      expect(() => read(new JuteReader().reset(bytes, 0, end)), `${read} of ${end} bytes`).toThrow(JuteError);
    }
    expect(() => read(new JuteReader().reset(bytes, 0, size))).not.toThrow();
  }
});

test("lengths and counts that cannot be are refused before anything is made for them", () => {
  for (const length of [-2, -(2 ** 31), 1, 2 ** 31 - 1]) {
    expect(() => readerOf(new JuteWriter().int(length)).buffer(), `${length}`).toThrow(JuteError);
    expect(() => readerOf(new JuteWriter().int(length)).string(), `${length}`).toThrow(JuteError);
    expect(() => readerOf(new JuteWriter().int(length)).strings(), `${length}`).toThrow(JuteError);
  }
  const vector = new JuteWriter().int(3).raw(new Uint8Array(35));
  expect(() => readerOf(vector).count(12)).toThrow("a vector of 3 elements in too few bytes");
});

test("a buffer is a view, and a record may begin anywhere", () => {
  const bytes = Uint8Array.of(9, 9, 0, 0, 0, 2, 7, 8, 9);
  const view = new JuteReader().reset(bytes, 2, 8).buffer();
  bytes[6] = 5;
  expect([...view]).toEqual([5, 8]);
  expect(readI32(Uint8Array.of(0, 0x80, 0, 0, 1), 1)).toBe(-(2 ** 31) + 1);
});

test("text that is no UTF-8 is read with replacement characters, not refused", () => {
  const reader = readerOf(new JuteWriter().buffer(Uint8Array.of(0x2f, 0xff, 0x61)));
  expect(reader.string()).toBe("/\ufffda");
});
