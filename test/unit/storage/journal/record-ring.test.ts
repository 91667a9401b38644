import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeRing, PRUNE_FRAME, RingReader, RingWriter } from "../../../../src/storage/journal/record-ring.ts";

describe("record ring", () => {
  it("gives out frames as they were put in, whatever wraps around its end", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1500), fc.nat(4)), { maxLength: 200 }), (steps) => {
        const memory = makeRing(4096);
        const writer = new RingWriter(memory);
        const reader = new RingReader(memory);
        const queue: { zxid: number; body: Uint8Array }[] = [];
        let zxid = 2 ** 40;
        const take = (): void => {
          const frame = reader.peek();
          const expected = queue.shift();
          expect(frame?.body).toEqual(expected?.body);
          expect(frame?.lastZxid).toBe(expected?.zxid);
          if (frame !== undefined) reader.release();
        };
        for (const [length, takes] of steps) {
          const body = new Uint8Array(length).map((_, index) => index * 7 + length);
          if (writer.fits(length)) {
            writer.push(1, zxid, zxid, body);
            queue.push({ zxid: zxid++, body });
          } else expect(() => writer.push(1, 1, 1, body)).toThrow("the journal's ring is full");
          for (let count = 0; count < takes; count++) take();
        }
        while (queue.length > 0) take();
        expect(reader.peek()).toBeUndefined();
      }),
    );
  });

  it("copies the body before push returns", () => {
    const memory = makeRing(4096);
    const body = Uint8Array.of(1, 2, 3);
    new RingWriter(memory).push(1, 5, 6, body);
    body.fill(0);
    expect(new RingReader(memory).peek()).toMatchObject({ firstZxid: 5, lastZxid: 6, body: Uint8Array.of(1, 2, 3) });
  });

  it("takes exactly its size, and has room again when frames are released", () => {
    const memory = makeRing(4096);
    const writer = new RingWriter(memory);
    const reader = new RingReader(memory);
    expect(writer.fits(4096 - 32)).toBe(true);
    expect(writer.fits(4096 - 31)).toBe(false);
    writer.push(PRUNE_FRAME, 1, 1, new Uint8Array(4096 - 32));
    expect(writer.fits(0)).toBe(false);
    expect(reader.peek()?.type).toBe(PRUNE_FRAME);
    reader.release();
    expect(writer.fits(4096 - 32)).toBe(true);
  });

  it("does not sleep over a frame that is there, and wakes without one when the time is over", () => {
    const memory = makeRing(4096);
    const reader = new RingReader(memory);
    expect(reader.wait(1)).toBe(false);
    new RingWriter(memory).push(1, 1, 1, new Uint8Array(1));
    expect(reader.wait(Number.POSITIVE_INFINITY)).toBe(true);
  });

  it("refuses sizes it cannot mask", () => {
    expect(() => makeRing(5000)).toThrow("power of two");
  });
});
