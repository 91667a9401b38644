import { describe, expect, it } from "vitest";
import { TokenBucket } from "../../../src/transport/token-bucket.ts";

describe("TokenBucket", () => {
  it("lets a burst through at once and then keeps to the rate", () => {
    const bucket = new TokenBucket(1000, 500);
    expect(bucket.take(500, 0)).toBe(0);
    expect(bucket.take(100, 0)).toBe(100);
    expect(bucket.take(100, 100)).toBe(100);
    expect(bucket.take(50, 300)).toBe(0);
  });

  it("lends a piece larger than the burst, and whoever comes next waits it out", () => {
    const bucket = new TokenBucket(1000, 500);
    expect(bucket.take(2500, 0)).toBe(2000);
    expect(bucket.take(0, 2000)).toBe(0);
    expect(bucket.take(1, 2000)).toBe(1);
  });

  it("never saves up more than the burst, and a clock that stands still gives nothing", () => {
    const bucket = new TokenBucket(1000, 500);
    expect(bucket.take(500, 1_000_000)).toBe(0);
    expect(bucket.take(500, 1_000_000)).toBe(500);
    expect(bucket.take(0, 999_999)).toBe(500);
  });

  it("moves no more than rate times time plus burst, however it is cut", () => {
    const bucket = new TokenBucket(1_000_000, 10_000);
    let now = 0;
    let moved = 0;
    for (let i = 0; i < 1000; i++) {
      const piece = (i * 7919) % 3000;
      moved += piece;
      now += bucket.take(piece, now);
    }
    expect(now).toBeCloseTo((moved - 10_000) / 1000, 3);
  });
});
