import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter, FormatError } from "../../../../src/core/base/bytes.ts";
import { defaultLimits, type Limits } from "../../../../src/core/base/limits.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import { SHORT_ANSWER_BYTES } from "../../../../src/core/tree/answer-codec.ts";
import { Digest } from "../../../../src/core/tree/digest.ts";
import { Window, type WindowMemory, windowMemory, windowVerdict } from "../../../../src/core/tree/window.ts";
import "../../../support/fixed-seed.ts";

const { NEW, KNOWN, STALE } = windowVerdict;

function answer(number: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (number * 31 + at) % 256);
}

function keep(window: Window, number: number, bytes: Uint8Array, limits: Limits = defaultLimits): void {
  const around = new Uint8Array(bytes.length + 5).fill(0xee);
  around.set(bytes, 2);
  window.keep(number, around, 2, 2 + bytes.length, limits);
  around.fill(0xa5);
}

function bytesOf(window: Window): Uint8Array {
  const writer = new ByteWriter(64);
  window.write(writer);
  return writer.copy();
}

/** What is kept, by number, as the window's own bytes say. */
function kept(window: Window): { floor: number; answers: [number, number[]][] } {
  const reader = new ByteReader(bytesOf(window));
  const floor = reader.u53();
  const answers: [number, number[]][] = [];
  for (let left = reader.varint(); left > 0; left--) answers.push([reader.u53(), [...reader.block()]]);
  reader.expectEnd();
  return { floor, answers };
}

function read(bytes: Uint8Array, memory: WindowMemory = windowMemory(new Digest())): Window {
  const window = new Window(1, memory);
  const reader = new ByteReader(bytes);
  window.read(reader);
  reader.expectEnd();
  return window;
}

/** The window as a Map and a floor. */
class NaiveWindow {
  floor = 0;
  readonly answers = new Map<number, Uint8Array>();

  keep(number: number, bytes: Uint8Array, limits: Limits): void {
    this.answers.set(number, bytes);
    while (this.answers.size > limits.windowNumbersMax) {
      const lowest = Math.min(...this.answers.keys());
      this.answers.delete(lowest);
      this.floor = Math.max(this.floor, lowest + 1);
    }
    const total = (): number => [...this.answers.values()].reduce((sum, { length }) => sum + length, 0);
    for (const each of [...this.answers.keys()].sort((a, b) => a - b)) {
      if (total() <= limits.windowBytesMax) break;
      const whole = this.answers.get(each) as Uint8Array;
      if (whole.length <= SHORT_ANSWER_BYTES) continue;
      this.answers.set(each, whole.slice(0, SHORT_ANSWER_BYTES).fill(0, 8, 9));
    }
  }

  forgetBelow(number: number): void {
    this.floor = Math.max(this.floor, number);
    for (const each of this.answers.keys()) if (each < this.floor) this.answers.delete(each);
  }

  verdict(number: number): number {
    if (number < this.floor) return STALE;
    return this.answers.has(number) ? KNOWN : NEW;
  }
}

describe("Window", () => {
  it.each([1, 2, 3, 4])(
    "core.md 13: is a Map with a floor, for numbers that rise and some that come late (seed %i)",
    (seed) => {
      const random = new Prng(seed);
      const digest = new Digest();
      const window = new Window(7, windowMemory(digest));
      const naive = new NaiveWindow();
      const limits = { ...defaultLimits, windowNumbersMax: random.pick([3, 20, 50]), windowBytesMax: 1_024 };
      let next = 1;
      for (let step = 0; step < 2_000; step++) {
        // Some numbers are passed over at first, refused at the door, and come later.
        const isLate = random.chance(0.2);
        if (!isLate) next += 1 + random.below(3);
        const number = isLate ? Math.max(0, next - random.below(40)) : next;
        const verdict = window.look(number);
        expect(verdict).toBe(naive.verdict(number));
        if (verdict === KNOWN) expect([...window.answer()]).toEqual([...(naive.answers.get(number) as Uint8Array)]);
        if (verdict === NEW) {
          const bytes = answer(number, random.below(random.pick([10, 100, 400])));
          if (random.chance(0.1)) {
            const below = Math.min(number, next - random.below(30));
            window.forgetBelow(below);
            naive.forgetBelow(below);
          }
          keep(window, number, bytes, limits);
          naive.keep(number, bytes, limits);
        }
        expect([window.size, window.floor]).toEqual([naive.answers.size, naive.floor]);
        if (step % 50 > 0) continue;
        const sorted = [...naive.answers].sort(([a], [b]) => a - b);
        expect(kept(window).answers).toEqual(sorted.map(([each, bytes]) => [each, [...bytes]]));
      }
      window.clear();
      expect(digest.lanes()).toEqual([0, 0]);
    },
  );

  it("core.md 13: keeps at most 1,024 numbers; what falls out is stale, never new", () => {
    const window = new Window(1, windowMemory(new Digest()));
    for (let number = 1; number <= 1_500; number++) keep(window, number, answer(number, 20));
    expect([window.size, window.floor]).toEqual([1_024, 477]);
    expect([window.look(476), window.look(477), window.look(1_500), window.look(1_501)]).toEqual([
      STALE,
      KNOWN,
      KNOWN,
      NEW,
    ]);
  });

  it("core.md 13: beyond 256 KiB the oldest answers keep their zxid and code, and none is forgotten", () => {
    const window = new Window(1, windowMemory(new Digest()));
    for (let number = 1; number <= 100; number++) keep(window, number, answer(number, 10 * 1024));
    expect([window.size, window.floor]).toEqual([100, 0]);
    expect(window.look(1)).toBe(KNOWN);
    expect(window.answer()).toHaveLength(SHORT_ANSWER_BYTES);
    expect(window.look(100)).toBe(KNOWN);
    expect(window.answer()).toHaveLength(10 * 1024);
    expect(bytesOf(window).length).toBeLessThan(257 * 1024);
  });

  it("core.md 13: forgets what is answered below, and says stale of it", () => {
    const window = new Window(1, windowMemory(new Digest()));
    for (const number of [1, 2, 3, 5, 8]) keep(window, number, answer(number, 4));
    window.forgetBelow(4);
    window.forgetBelow(2);
    expect([1, 3, 4, 5, 6, 8].map((number) => window.look(number))).toEqual([STALE, STALE, NEW, KNOWN, NEW, KNOWN]);
    expect(window.floor).toBe(4);
    window.forgetBelow(100);
    expect([window.size, window.look(99), window.look(100)]).toEqual([0, STALE, NEW]);
  });

  it("core.md 30: enters the digest with session, number and answer, each of them", () => {
    const lanes = (session: number, number: number, bytes: Uint8Array): string => {
      const digest = new Digest();
      keep(new Window(session, windowMemory(digest)), number, bytes);
      return digest.lanes().join();
    };
    const all = [lanes(1, 1, answer(1, 5)), lanes(2, 1, answer(1, 5)), lanes(1, 2, answer(1, 5))];
    all.push(lanes(1, 1, answer(2, 5)), lanes(1, 1, answer(1, 6)), lanes(1, 1, answer(1, 0)));
    expect(new Set(all).size).toBe(all.length);
    expect(lanes(1, 1, answer(1, 5))).toBe(all[0]);
  });

  it("core.md 13: is written and read back with its floor, and adds the same to the digest", () => {
    const entries = fc.uniqueArray(fc.tuple(fc.maxSafeNat(), fc.uint8Array({ maxLength: 90 })), {
      selector: ([number]) => number,
      maxLength: 60,
    });
    fc.assert(
      fc.property(entries, fc.maxSafeNat(), (list, floor) => {
        const [digest, again] = [new Digest(), new Digest()];
        const window = new Window(1, windowMemory(digest));
        for (const [number, bytes] of list) keep(window, number, bytes);
        window.forgetBelow(floor);
        const copy = read(bytesOf(window), windowMemory(again));
        expect(kept(copy)).toEqual(kept(window));
        expect(again.lanes()).toEqual(digest.lanes());
        for (const [number] of list) expect(copy.look(number)).toBe(window.look(number));
      }),
    );
  });

  it("is not read from bytes it could not have written", () => {
    const encode = (floor: number, numbers: number[]): Uint8Array => {
      const writer = new ByteWriter(64);
      writer.u53(floor);
      writer.varint(numbers.length);
      for (const number of numbers) {
        writer.u53(number);
        writer.block(answer(number, 3));
      }
      return writer.copy();
    };
    expect(read(encode(2, [2, 5])).size).toBe(2);
    expect(() => read(encode(2, [5, 5]))).toThrow(FormatError);
    expect(() => read(encode(2, [5, 3]))).toThrow(FormatError);
    expect(() => read(encode(2, [1, 3]))).toThrow(FormatError);
    const good = encode(2, [2, 5]);
    for (let end = 0; end < good.length; end++) expect(() => read(good.subarray(0, end))).toThrow(FormatError);
    expect(() => read(Uint8Array.from([...good, 0]))).toThrow(FormatError);
  });
});
