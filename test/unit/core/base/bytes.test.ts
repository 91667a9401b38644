import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../../src/core/base/assert.ts";
import {
  ByteReader,
  ByteWriter,
  bytesEqual,
  decodeUtf8,
  encodeUtf8,
  FormatError,
} from "../../../../src/core/base/bytes.ts";
import "../../../support/fixed-seed.ts";

const u53 = fc.oneof(
  fc.maxSafeNat(),
  fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52, Number.MAX_SAFE_INTEGER),
);
const u32 = fc.oneof(fc.nat({ max: 2 ** 32 - 1 }), fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32 - 1));
const text = fc.string({ unit: "binary", maxLength: 300 });

/** One field: what to write, and what must come back. */
const field = fc.oneof(
  fc.record({ kind: fc.constant("u8" as const), value: fc.nat({ max: 255 }) }),
  fc.record({ kind: fc.constant("u16" as const), value: fc.nat({ max: 65_535 }) }),
  fc.record({ kind: fc.constant("u32" as const), value: u32 }),
  fc.record({ kind: fc.constant("i32" as const), value: fc.integer() }),
  fc.record({ kind: fc.constant("u53" as const), value: u53 }),
  fc.record({ kind: fc.constant("varint" as const), value: u32 }),
  fc.record({ kind: fc.constant("string" as const), value: text }),
  fc.record({ kind: fc.constant("block" as const), value: fc.uint8Array({ maxLength: 300 }) }),
);
type Field = typeof field extends fc.Arbitrary<infer F> ? F : never;

function write(writer: ByteWriter, { kind, value }: Field): void {
  if (kind === "string") writer.string(value);
  else if (kind === "block") writer.block(value);
  else writer[kind](value);
}

function read(reader: ByteReader, { kind }: Field): number | string | Uint8Array {
  return kind === "block" ? reader.block().slice() : reader[kind]();
}

function bytesOf(encode: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(1);
  encode(writer);
  return writer.copy();
}

describe("ByteWriter and ByteReader", () => {
  it("give back every sequence of fields, and nothing is left over", () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 30 }), (fields) => {
        const bytes = bytesOf((writer) => {
          for (const each of fields) write(writer, each);
        });
        const reader = new ByteReader(bytes);
        for (const each of fields) expect(read(reader, each)).toEqual(each.value);
        reader.expectEnd();
      }),
    );
  });

  it("refuse every field that ends too early", () => {
    fc.assert(
      fc.property(field, (each) => {
        const bytes = bytesOf((writer) => write(writer, each));
        for (let end = 0; end < bytes.length; end++) {
          expect(() => read(new ByteReader(bytes, 0, end), each)).toThrow(FormatError);
        }
      }),
    );
  });

  it("write little-endian", () => {
    const bytes = bytesOf((writer) => {
      writer.u16(0x0201);
      writer.u32(0x06050403);
      writer.i32(-2);
      writer.u53(2 ** 32 * 7 + 9);
    });
    expect([...bytes]).toEqual([1, 2, 3, 4, 5, 6, 0xfe, 0xff, 0xff, 0xff, 9, 0, 0, 0, 7, 0, 0, 0]);
  });

  it("refuse bytes left over, and say so", () => {
    const reader = new ByteReader(new Uint8Array(2));
    reader.u8();
    expect(reader.remaining).toBe(1);
    expect(() => reader.expectEnd()).toThrow(FormatError);
  });

  it("keep within the range they were given", () => {
    const reader = new ByteReader(new Uint8Array([9, 1, 2, 9]), 1, 3);
    expect(reader.u16()).toBe(0x0201);
    expect(() => reader.u8()).toThrow(FormatError);
    expect(reader.reset(new Uint8Array([5])).u8()).toBe(5);
  });

  it("refuse a 53-bit number that is no safe integer", () => {
    const tooLarge = bytesOf((writer) => {
      writer.u32(0);
      writer.u32(2 ** 21);
    });
    expect(() => new ByteReader(tooLarge).u53()).toThrow(FormatError);
    for (const value of [-1, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => new ByteWriter().u53(value)).toThrow(InvariantError);
    }
  });

  it.each([
    ["a zero tail", [0x80, 0x00]],
    ["a longer zero tail", [0xff, 0x80, 0x00]],
    ["2^32", [0x80, 0x80, 0x80, 0x80, 0x10]],
    ["six bytes", [0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ])("refuse a varint with %s: equal values have equal bytes", (_, bytes) => {
    expect(() => new ByteReader(new Uint8Array(bytes)).varint()).toThrow(FormatError);
  });

  it("put a length known only afterwards where it belongs", () => {
    const writer = new ByteWriter(4);
    writer.u32(0);
    writer.raw(new Uint8Array(100).fill(7));
    writer.putU32(0, 100);
    expect(new ByteReader(writer.view()).u32()).toBe(100);
    expect(writer.length).toBe(104);
    writer.reset();
    expect(writer.view()).toHaveLength(0);
  });

  it("write strings whose length takes one to four bytes", () => {
    for (const size of [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
      const bytes = bytesOf((writer) => {
        writer.string("x".repeat(size));
        writer.u8(255);
      });
      const reader = new ByteReader(bytes);
      expect(reader.string()).toHaveLength(size);
      expect(reader.u8()).toBe(255);
    }
  });
});

describe("UTF-8", () => {
  it("is what the platform makes of it, lone surrogates as U+FFFD", () => {
    const platform = new TextDecoder("utf-8", { ignoreBOM: true });
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 0xffff }), { maxLength: 100 }), (units) => {
        const value = String.fromCharCode(...units);
        expect(encodeUtf8(value)).toEqual(new TextEncoder().encode(value));
        expect(decodeUtf8(encodeUtf8(value), 0, encodeUtf8(value).length)).toBe(platform.decode(encodeUtf8(value)));
      }),
    );
  });

  it("decodes exactly the well-formed bytes: others never come out without U+FFFD", () => {
    const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const wellFormed = (bytes: Uint8Array): string | undefined => {
      try {
        return strict.decode(bytes);
      } catch {
        return undefined;
      }
    };
    const byte = fc.oneof(
      fc.nat({ max: 255 }),
      fc.constantFrom(0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xf5, 0xf8, 0xff),
    );
    fc.assert(
      fc.property(fc.array(byte, { minLength: 1, maxLength: 6 }), (list) => {
        const bytes = Uint8Array.from(list);
        const decoded = decodeUtf8(bytes, 0, bytes.length);
        const expected = wellFormed(bytes);
        if (expected === undefined) expect(decoded).toContain("\ufffd");
        else expect(decoded).toBe(expected);
      }),
      { numRuns: 5_000 },
    );
  });

  it("refuses the lead bytes F5 to FF, which no character has", () => {
    for (let lead = 0xf5; lead <= 0xff; lead++) {
      expect(decodeUtf8(new Uint8Array([lead, 0x90, 0x80, 0x80]), 0, 4)).toBe("\ufffd".repeat(4));
    }
  });

  it("reads the range it is given, and a character cut by its end is malformed", () => {
    const bytes = encodeUtf8("aéz");
    expect(decodeUtf8(bytes, 1, 3)).toBe("é");
    expect(decodeUtf8(bytes, 0, 2)).toBe("a\ufffd");
  });
});

describe("bytesEqual", () => {
  it("compares length and every byte", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, at, change) => {
        const other = bytes.slice();
        expect(bytesEqual(bytes, other)).toBe(true);
        other[at % other.length] = (other[at % other.length] as number) ^ change;
        expect(bytesEqual(bytes, other)).toBe(false);
        expect(bytesEqual(bytes, bytes.subarray(1))).toBe(false);
      }),
    );
  });
});
