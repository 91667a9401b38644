import { expect, test } from "vitest";
import { BufferPool } from "../../../../src/api/zookeeper/buffer-pool.ts";

const MIB = 1024 * 1024;

test("a buffer has at least what was asked for, and one released is had again", () => {
  const pool = new BufferPool();
  for (const bytes of [0, 1, 1023, 1024, 1025, 5_000, MIB - 1, MIB, MIB + 1, 3 * MIB]) {
    expect(pool.take(bytes).length, `${bytes}`).toBeGreaterThanOrEqual(bytes);
  }
  const released = pool.take(5_000);
  pool.release(released);
  // Compared as they are: looking into them, as matchers do, takes its time.
  expect([pool.take(100) === released, pool.take(4_097) === released]).toEqual([false, true]);
  expect(pool.take(4_097) === released).toBe(false);
});

test("nothing large is kept, and of each size only so much", () => {
  const pool = new BufferPool();
  const large = pool.take(MIB + 1);
  pool.release(large);
  expect(pool.take(MIB + 1) === large).toBe(false);
  const taken = Array.from({ length: 8 }, () => pool.take(MIB));
  for (const buffer of taken) pool.release(buffer);
  const again = Array.from({ length: 8 }, () => pool.take(MIB));
  expect(again.filter((buffer) => taken.includes(buffer))).toHaveLength(4);
});
