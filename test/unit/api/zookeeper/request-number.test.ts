import { expect, test } from "vitest";
import { hasNumbers, requestNumber, WRITES_MAX } from "../../../../src/api/zookeeper/request-number.ts";

test("core.md 12, 13: numbers rise within a connection, and each connection's are above all of those before it", () => {
  let last = 0;
  for (const generation of [1, 2, 3, 1000, 2 ** 20 - 1]) {
    for (const n of [1, 2, WRITES_MAX - 1, WRITES_MAX]) {
      const number = requestNumber(generation, n);
      expect(number).toBeGreaterThan(last);
      last = number;
    }
  }
  expect(Number.isSafeInteger(last)).toBe(true);
});

test("a session that has been moved too often has no more numbers, and none are made up", () => {
  expect(hasNumbers(2 ** 20 - 1)).toBe(true);
  expect(hasNumbers(2 ** 20)).toBe(false);
  expect(() => requestNumber(2 ** 20, 1)).toThrow("out of range");
  expect(() => requestNumber(1, WRITES_MAX + 1)).toThrow("out of range");
});
