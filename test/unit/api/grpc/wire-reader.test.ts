import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MalformedError, WireReader } from "../../../../src/api/grpc/wire-reader.ts";

function readerOf(...bytes: number[]): WireReader {
  return new WireReader().reset(Buffer.from(bytes), 0, bytes.length);
}

describe("varints", () => {
  test("a uint64 below 2^53 is read as it was written", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const bytes = new BinaryWriter().uint64(value).finish();
        expect(readerOf(...bytes).uint53()).toBe(value);
      }),
    );
  });

  test.for([2n ** 53n, 2n ** 56n, 2n ** 63n, 2n ** 64n - 1n])("%s is above what a plain number holds", (value) => {
    const bytes = new BinaryWriter().uint64(value).finish();
    expect(() => readerOf(...bytes).uint53()).toThrow(MalformedError);
  });

  test("a negative int32 is read from its ten bytes", () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        expect(readerOf(...new BinaryWriter().int32(value).finish()).int32()).toBe(value);
      }),
    );
  });

  test("longer than need be is allowed, longer than ten bytes is not", () => {
    const nine = new Array<number>(9).fill(0x80);
    for (const read of ["uint32", "uint53", "bool"] as const) {
      expect(Number(readerOf(0x81, ...nine.slice(1), 0)[read]())).toBe(1);
      expect(() => readerOf(...nine, 0x80, 0)[read]()).toThrow(MalformedError);
      expect(() => readerOf(0x80)[read]()).toThrow(MalformedError);
    }
  });
});

describe("bounds", () => {
  test("a nested message ends where its length says, not where the bytes end", () => {
    const reader = readerOf(2, 1, 0x80, 1);
    const outer = reader.enter();
    expect(reader.uint32()).toBe(1);
    expect(() => reader.uint32()).toThrow("ends too early");
    reader.leave(outer);
    expect(reader.uint32()).toBe(1);
    expect(reader.more).toBe(false);
  });

  test("a length beyond the message is refused", () => {
    expect(() => readerOf(5, 1, 2).view()).toThrow(MalformedError);
    expect(() => readerOf(0xff, 0xff, 0xff, 0xff, 0x0f).string()).toThrow(MalformedError);
  });

  test("field number 0 is refused", () => {
    expect(() => readerOf(0x07).tag()).toThrow(MalformedError);
  });
});

describe("skipping", () => {
  test("an unknown group is passed over, with what is nested in it", () => {
    // Field 1 as a group { field 2: varint 5; field 3 as a group {} }, then a byte of ours.
    const reader = readerOf(0x0b, 0x10, 5, 0x1b, 0x1c, 0x0c, 9);
    reader.skip(reader.tag());
    expect(reader.uint32()).toBe(9);
  });

  test("groups nested without end do not exhaust the stack", () => {
    const reader = new WireReader().reset(Buffer.alloc(1_000_000, 0x0b), 0, 1_000_000);
    expect(() => reader.skip(reader.tag())).toThrow("nested too deep");
  });

  test.for([0x0c, 0x0e, 0x0f])("tag %i has no field to skip", (tag) => {
    expect(() => readerOf(0).skip(tag)).toThrow(MalformedError);
  });

  test.for([
    { tag: 0x09, size: 8 },
    { tag: 0x0d, size: 4 },
  ])("a fixed field of $size bytes must be there whole", ({ tag, size }) => {
    const reader = readerOf(...new Array<number>(size).fill(0), 3);
    reader.skip(tag);
    expect(reader.uint32()).toBe(3);
    expect(() => readerOf(...new Array<number>(size - 1).fill(0)).skip(tag)).toThrow(MalformedError);
  });
});

test("invalid UTF-8 becomes U+FFFD, which path rules refuse", () => {
  expect(readerOf(3, 0x2f, 0xff, 0x61).string()).toBe("/\ufffda");
});
