import { describe, expect, it } from "vitest";
import { Prng } from "../../../../src/core/base/prng.ts";

describe("Prng", () => {
  const take = (seed: number, count: number): number[] => {
    const random = new Prng(seed);
    return Array.from({ length: count }, () => random.uint32());
  };

  it("replays a seed for ever: seeds in bug reports and golden files depend on it", () => {
    expect(take(1, 4)).toEqual(take(1, 4));
    expect(take(0, 4)).toEqual([3_809_008_728, 1_133_695_204, 53_579_671, 2_891_528_803]);
    expect(take(12_345, 4)).toEqual([518_667_457, 440_444_462, 4_232_898_752, 3_746_066_902]);
  });

  it("gives neighbouring seeds unrelated sequences", () => {
    const firsts = Array.from({ length: 1_000 }, (_, seed) => take(seed, 1)[0]);
    expect(new Set(firsts).size).toBe(1_000);
  });

  it("spreads evenly over every bit", () => {
    const random = new Prng(9);
    const ones = new Array<number>(32).fill(0);
    for (let i = 0; i < 10_000; i++) {
      const value = random.uint32();
      expect(value).toBe(value >>> 0);
      for (let bit = 0; bit < 32; bit++) ones[bit] = (ones[bit] as number) + ((value >>> bit) & 1);
    }
    // Five standard deviations of 10,000 tosses of a fair coin.
    for (const count of ones) expect(Math.abs(count - 5_000)).toBeLessThan(250);
  });

  it("stays below its bound and meets every value there", () => {
    const random = new Prng(3);
    const met = new Set(Array.from({ length: 1_000 }, () => random.below(7)));
    expect([...met].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(new Set(Array.from({ length: 1_000 }, () => random.pick(["a", "b", "c"])))).toEqual(new Set("abc"));
  });

  it("tosses coins of the probability asked for", () => {
    const random = new Prng(4);
    const heads = Array.from({ length: 10_000 }, () => random.chance(0.1)).filter(Boolean).length;
    expect(Math.abs(heads - 1_000)).toBeLessThan(150);
    expect(random.chance(0)).toBe(false);
    expect(random.chance(1)).toBe(true);
  });
});
