import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../../src/core/base/assert.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import { copyBytes, Slab } from "../../../../src/core/tree/slab.ts";

const PAGE = 1 << 20;
const FIRST_PAGE = 16 * 1024;
/** The pages of a class before the first whole one together. */
const SMALL_PAGES = PAGE - FIRST_PAGE;
/** The largest string that shares a page with others. */
const SHARED_MAX = PAGE / 4;

interface Kept {
  readonly ref: number;
  readonly bytes: Uint8Array;
}

/** Bytes none of which is zero, so that padding stands out. */
function stringOf(length: number, random: Prng): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = 1 + random.below(255);
  return bytes;
}

function store(slab: Slab, bytes: Uint8Array): Kept {
  return { ref: slab.store(bytes, 0, bytes.length), bytes };
}

/** Pages opened by storing a string again and again, and how many it has put into each, until `enough` are reserved. */
function pagesOf(string: Uint8Array, enough: number): { readonly bytes: number; strings: number }[] {
  const slab = new Slab();
  const pages: { readonly bytes: number; strings: number }[] = [];
  let reserved = 0;
  while (reserved < enough) {
    slab.store(string, 0, string.length);
    const opened = slab.reservedBytes - reserved;
    if (opened > 0) pages.push({ bytes: opened, strings: 0 });
    (pages.at(-1) as { strings: number }).strings++;
    reserved = slab.reservedBytes;
  }
  return pages;
}

function expectIntact(slab: Slab, { ref, bytes }: Kept): void {
  expect(Buffer.compare(slab.view(ref, bytes.length), bytes)).toBe(0);
  const words = slab.wordsOf(ref);
  const at = slab.offsetOf(ref);
  expect(at % 4).toBe(0);
  const tail = new Uint8Array(words.buffer).subarray(at + bytes.length, at + Math.ceil(bytes.length / 4) * 4);
  expect([...tail].every((byte) => byte === 0)).toBe(true);
}

describe("Slab", () => {
  it("core.md 37: keeps random strings of 1 byte to 1 MiB as a Map would, whatever is freed in between", {
    timeout: 60_000,
  }, () => {
    const random = new Prng(1);
    const slab = new Slab();
    const kept = new Map<number, Kept>();
    let stored = 0;
    for (let step = 0; step < 6_000; step++) {
      // Waves: it grows for a while, then shrinks to almost nothing, so that pages come and go.
      const grows = step % 1_500 < 900 ? 0.75 : 0.15;
      if (kept.size === 0 || random.chance(grows)) {
        const length = random.chance(0.01) ? 1 + random.below(PAGE) : 1 + random.below(random.pick([40, 300, 5_000]));
        const bytes = stringOf(length, random);
        const around = new Uint8Array(length + 9).fill(0xee);
        around.set(bytes, 4);
        const ref = slab.store(around, 4, 4 + length);
        around.fill(0xa5);
        expect(kept.has(ref)).toBe(false);
        kept.set(ref, { ref, bytes });
        stored += length;
      } else {
        const one = random.pick([...kept.values()]);
        expectIntact(slab, one);
        slab.free(one.ref);
        kept.delete(one.ref);
        stored -= one.bytes.length;
      }
      if (step % 500 === 499) for (const each of kept.values()) expectIntact(slab, each);
      expect(slab.reservedBytes).toBeGreaterThanOrEqual(stored);
    }
    for (const { ref } of kept.values()) slab.free(ref);
    const classes = 8 + 4 * 11;
    expect(slab.reservedBytes).toBeLessThanOrEqual(classes * PAGE);
  });

  it("wastes at most a quarter of a full page, cells and the page's rest together, from 49 bytes up", {
    timeout: 60_000,
  }, () => {
    const probes = new Set<number>();
    for (let length = 49; length <= SHARED_MAX; length = Math.ceil(length * 1.05)) probes.add(length);
    // The worst of each class is one byte more than the largest of the class below.
    for (let power = 6; power < 18; power++) {
      for (let quarter = 0; quarter < 4; quarter++) probes.add((1 << power) + quarter * (1 << (power - 2)) + 1);
    }
    for (const length of probes) {
      const pages = pagesOf(new Uint8Array(length), 3 * PAGE);
      expect(pages.at(-1)?.bytes).toBe(PAGE);
      // The last one is not full.
      for (const { bytes, strings } of pages.slice(0, -1)) {
        expect((strings * length) / bytes, `${length} bytes, page of ${bytes}`).toBeGreaterThanOrEqual(0.75);
      }
    }
  });

  it("takes little memory for few strings: pages begin small and double up to a megabyte", () => {
    expect(pagesOf(new Uint8Array(16), 4 * PAGE).map(({ bytes }) => bytes)).toEqual([
      ...[16, 32, 64, 128, 256, 512, 1024, 1024, 1024, 1024].map((kibibytes) => kibibytes * 1024),
    ]);
    for (const length of [1, 1000, 4096])
      expect(pagesOf(new Uint8Array(length), 1)).toMatchObject([{ bytes: FIRST_PAGE }]);
    // Of longer strings four have room at least.
    expect(pagesOf(new Uint8Array(5000), 1)).toMatchObject([{ bytes: 2 * FIRST_PAGE }]);
    expect(pagesOf(new Uint8Array(SHARED_MAX), 1)).toMatchObject([{ bytes: PAGE }]);
  });

  it("wastes at most 15 bytes of a shorter string", () => {
    const slab = new Slab();
    for (let length = 1; length <= 48; length++) {
      const [first, second] = [store(slab, new Uint8Array(length)), store(slab, new Uint8Array(length))];
      expect(slab.offsetOf(second.ref) - slab.offsetOf(first.ref)).toBeLessThanOrEqual(length + 15);
    }
  });

  it("wastes nothing of a kibibyte, and at most seven bytes of a string with a page of its own", () => {
    const slab = new Slab();
    for (let i = 0; i < 2 * 1024 - FIRST_PAGE / 1024; i++) slab.store(new Uint8Array(1024), 0, 1024);
    expect(slab.reservedBytes).toBe(SMALL_PAGES + PAGE);
    for (const length of [SHARED_MAX + 1, SHARED_MAX + 8, PAGE, 3 * PAGE + 5]) {
      const before = slab.reservedBytes;
      const { ref } = store(slab, new Uint8Array(length));
      expect(slab.reservedBytes - before - length).toBeLessThan(8);
      slab.free(ref);
      expect(slab.reservedBytes).toBe(before);
    }
  });

  it("pads with zeros up to the next word, in cells that held something longer before", () => {
    const slab = new Slab();
    const random = new Prng(2);
    for (let round = 0; round < 4; round++) {
      const filled = Array.from({ length: 50 }, () => store(slab, new Uint8Array(16).fill(0xff)));
      for (const { ref } of filled) slab.free(ref);
      const short = Array.from({ length: 50 }, () => store(slab, stringOf(1 + random.below(16), random)));
      for (const each of short) expectIntact(slab, each);
      for (const { ref } of short) slab.free(ref);
    }
  });

  it("gives pages back: of each class at most one stays empty", () => {
    const slab = new Slab();
    const count = 20 * 1024 + SMALL_PAGES / 1024;
    const refs = Array.from({ length: count }, () => store(slab, new Uint8Array(1024)).ref);
    expect(slab.reservedBytes).toBe(SMALL_PAGES + 20 * PAGE);
    for (const ref of refs) slab.free(ref);
    const kept = slab.reservedBytes;
    expect(kept).toBeLessThanOrEqual(PAGE);
    // What comes then gets whole pages at once.
    const again = Array.from({ length: 20 * 1024 }, () => store(slab, new Uint8Array(1024)).ref);
    expect(slab.reservedBytes).toBe(kept + 20 * PAGE);
    expect(new Set(again).size).toBe(again.length);
  });

  it("fills what was freed before it takes another page", () => {
    const slab = new Slab();
    const refs = Array.from({ length: 2 * 1024 + SMALL_PAGES / 1024 }, () => store(slab, new Uint8Array(1024)).ref);
    const freed = refs.filter((_, at) => at % 2 === 0);
    for (const ref of freed) slab.free(ref);
    const again = freed.map(() => store(slab, new Uint8Array(1000)).ref);
    expect(slab.reservedBytes).toBe(SMALL_PAGES + 2 * PAGE);
    expect(new Set(again)).toEqual(new Set(freed));
  });

  it("needs no memory for the empty string", () => {
    const slab = new Slab();
    expect(slab.store(new Uint8Array(5), 3, 3)).toBe(0);
    expect(slab.view(0, 0)).toHaveLength(0);
    expect([slab.bytesOf(0).length, slab.wordsOf(0).length, slab.offsetOf(0)]).toEqual([0, 0, 0]);
    slab.free(0);
    expect(slab.reservedBytes).toBe(0);
  });

  it("notices a page's only string freed twice", () => {
    const slab = new Slab();
    for (const length of [10, PAGE]) {
      const { ref } = store(slab, new Uint8Array(length));
      slab.free(ref);
      expect(() => slab.free(ref)).toThrow(InvariantError);
    }
  });
});

describe("copyBytes", () => {
  it("copies short and long ranges alike", () => {
    const source = Uint8Array.from({ length: 200 }, (_, at) => at);
    for (const [start, end] of [
      [0, 0],
      [3, 50],
      [3, 51],
      [3, 52],
      [0, 200],
    ] as const) {
      const target = new Uint8Array(210);
      copyBytes(source, start, end, target, 5);
      expect(target.subarray(5, 5 + end - start)).toEqual(source.subarray(start, end));
      expect(target.subarray(0, 5).some(Boolean) || target.subarray(5 + end - start).some(Boolean)).toBe(false);
    }
  });
});
