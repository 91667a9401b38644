import { expect, test } from "vitest";
import { emptyStat, nextVersion } from "../../../../src/core/tree/stat.ts";

test("a version counts up, wraps at 32 bits and skips -1, which means any", () => {
  expect([0, 1, 2 ** 31 - 2].map(nextVersion)).toEqual([1, 2, 2 ** 31 - 1]);
  expect(nextVersion(2 ** 31 - 1)).toBe(-(2 ** 31));
  expect(nextVersion(-3)).toBe(-2);
  expect(nextVersion(-2)).toBe(0);
  expect(nextVersion(-1)).toBe(0);
});

test("a stat has ZooKeeper's eleven fields", () => {
  const stat = emptyStat();
  expect(Object.keys(stat)).toHaveLength(11);
  expect(new Set(Object.values(stat))).toEqual(new Set([0]));
  expect(emptyStat()).not.toBe(stat);
});
