import { BinaryReader } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { varintSize, WireWriter } from "../../../../src/api/grpc/wire-writer.ts";

function written(action: (writer: WireWriter) => void): Uint8Array {
  const writer = new WireWriter();
  action(writer);
  return writer.take();
}

describe("what is written is what protobuf reads", () => {
  test("uint53", () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(), fc.maxSafeNat()), (value) => {
        const bytes = written((writer) => writer.uint53(value));
        const reader = new BinaryReader(bytes);
        expect(Number(reader.uint64())).toBe(value);
        expect(reader.pos).toBe(bytes.length);
      }),
    );
  });

  test("int32 and uint32", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 2 ** 32 - 1 }), (signed, unsigned) => {
        const reader = new BinaryReader(
          written((writer) => {
            writer.int32(signed);
            writer.uint32(unsigned);
          }),
        );
        expect(reader.int32()).toBe(signed);
        expect(reader.uint32()).toBe(unsigned);
        expect(reader.pos).toBe(reader.len);
      }),
    );
  });

  test("text of any script, however its length was guessed", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), (text) => {
        const reader = new BinaryReader(written((writer) => writer.text(0x0a, text)));
        expect(reader.tag()).toEqual([1, 2]);
        expect(Buffer.from(reader.bytes()).toString("utf8")).toBe(text);
        expect(reader.pos).toBe(reader.len);
      }),
    );
  });
});

test("a length is right and in its shortest form whatever was guessed", () => {
  const sizes = [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152];
  for (const guess of sizes) {
    for (const size of sizes) {
      const content = Buffer.alloc(size, 7);
      const bytes = written((writer) => {
        const start = writer.begin(guess);
        writer.raw(content);
        writer.end(start, guess);
      });
      expect(bytes.length).toBe(varintSize(size) + size);
      const reader = new BinaryReader(bytes);
      expect(reader.uint32()).toBe(size);
      expect(Buffer.from(bytes.subarray(reader.pos)).equals(content)).toBe(true);
    }
  }
});

test("a message taken is never written to again", () => {
  const writer = new WireWriter();
  writer.raw(Buffer.alloc(100, 1));
  const first = writer.take();
  writer.raw(Buffer.alloc(100, 2));
  writer.take();
  expect(first.every((byte) => byte === 1)).toBe(true);
});
