import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameReader } from "../../../../src/api/zookeeper/frame-reader.ts";
import { JuteError } from "../../../../src/api/zookeeper/jute-reader.ts";
import { framed } from "../../../support/zookeeper-frames.ts";
import "../../../support/fixed-seed.ts";

const LIMIT = 1_000;

/** All frames that are whole by now. */
function drain(reader: FrameReader): string[] {
  const frames: string[] = [];
  while (reader.next()) frames.push(reader.bytes.subarray(reader.start, reader.end).toString("latin1"));
  return frames;
}

/** Frames as somebody would cut them who has all bytes at once. */
function split(bytes: Buffer): { frames: string[]; rest: number } {
  const frames: string[] = [];
  let at = 0;
  while (bytes.length - at >= 4 && bytes.length - at - 4 >= bytes.readInt32BE(at)) {
    const end = at + 4 + bytes.readInt32BE(at);
    frames.push(bytes.subarray(at + 4, end).toString("latin1"));
    at = end;
  }
  return { frames, rest: bytes.length - at };
}

const stream = Buffer.concat(["", "a", "bcd", "x".repeat(300)].map((text) => framed(Buffer.from(text))));

test("frames come out whole wherever the stream is cut in two", () => {
  const { frames } = split(stream);
  for (let cut = 0; cut <= stream.length; cut++) {
    const reader = new FrameReader(LIMIT);
    reader.push(stream.subarray(0, cut));
    const found = drain(reader);
    expect(found, `${cut}`).toEqual(split(stream.subarray(0, cut)).frames);
    reader.settle();
    reader.push(stream.subarray(cut));
    expect([...found, ...drain(reader)], `${cut}`).toEqual(frames);
    expect(reader.heldBytes).toBe(0);
  }
});

test("frames come out whole where every byte comes alone", () => {
  const reader = new FrameReader(LIMIT);
  const found: string[] = [];
  for (const byte of stream) {
    reader.push(Buffer.of(byte));
    found.push(...drain(reader));
    reader.settle();
  }
  expect(found).toEqual(split(stream).frames);
});

test("a reader is as good as somebody with all bytes at once, however they come, read and wait", () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 12 });
  const steps = fc.array(
    fc.record({ bytes: fc.integer({ min: 1, max: 90 }), reads: fc.nat(3), settles: fc.boolean() }),
  );
  fc.assert(
    fc.property(payloads, steps, fc.nat(3), (payload, cuts, tail) => {
      // Ends in the middle of a length.
      const bytes = Buffer.concat([...payload.map(framed), new Uint8Array(tail)]);
      const reader = new FrameReader(LIMIT);
      const found: string[] = [];
      let at = 0;
      for (const { bytes: count, reads, settles } of cuts) {
        reader.push(Buffer.from(bytes.subarray(at, at + count)));
        at = Math.min(bytes.length, at + count);
        for (let left = reads; left > 0 && reader.next(); left--) {
          found.push(reader.bytes.subarray(reader.start, reader.end).toString("latin1"));
        }
        if (settles) reader.settle();
      }
      found.push(...drain(reader));
      const expected = split(bytes.subarray(0, at));
      expect(found).toEqual(expected.frames);
      expect(reader.heldBytes).toBe(expected.rest);
    }),
  );
});

test("a chunk that is read whole is read where it lies, and no copy is kept", () => {
  const reader = new FrameReader(LIMIT);
  const chunk = Buffer.from(framed(Buffer.from("abc")));
  reader.push(chunk);
  expect(reader.next()).toBe(true);
  expect(reader.bytes).toBe(chunk);
  reader.settle();
  expect(reader.bytes).toHaveLength(0);
});

test("a small rest does not keep the large chunk it came with", () => {
  const reader = new FrameReader(LIMIT);
  reader.push(Buffer.concat([framed(new Uint8Array(LIMIT)), Buffer.of(0, 0)]));
  expect(reader.next()).toBe(true);
  expect(reader.next()).toBe(false);
  reader.settle();
  expect(reader.bytes).toHaveLength(2);
  reader.push(Buffer.of(0, 1, 65));
  expect(drain(reader)).toEqual(["A"]);
});

test("what is announced takes no memory: only what has come does", () => {
  const reader = new FrameReader(1024 * 1024 * 1024);
  const length = Buffer.alloc(4);
  length.writeInt32BE(1024 * 1024 * 1024);
  reader.push(length);
  expect(reader.next()).toBe(false);
  for (let i = 0; i < 100; i++) {
    reader.push(Buffer.alloc(10));
    expect(reader.next()).toBe(false);
    reader.settle();
  }
  expect(reader.heldBytes).toBe(1_004);
  expect(reader.bytes.length).toBeLessThan(4_096);
});

test("reference 2.2: a negative length and one above the limit are refused as soon as they are known", () => {
  for (const length of [-1, -(2 ** 31), LIMIT + 1, 2 ** 31 - 1]) {
    const reader = new FrameReader(LIMIT);
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(length);
    reader.push(bytes);
    expect(() => reader.next(), `${length}`).toThrow(JuteError);
  }
  const reader = new FrameReader(LIMIT);
  reader.push(Buffer.from(framed(new Uint8Array(LIMIT))));
  expect(reader.next()).toBe(true);
});

test("reference 2.6: the first four bytes can be looked at without taking them", () => {
  const reader = new FrameReader(LIMIT);
  reader.push(Buffer.from("sr"));
  expect(reader.peek()).toBeUndefined();
  reader.push(Buffer.from("vr"));
  expect(reader.peek()).toBe(Buffer.from("srvr").readInt32BE());
  expect(reader.heldBytes).toBe(4);
});
