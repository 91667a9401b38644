import { expect, test } from "vitest";
import { PendingLine } from "../../../../src/api/zookeeper/pending-line.ts";

test("requests leave in the order they came, each with what was said of it", () => {
  const line = new PendingLine();
  const detail = { path: "/a" };
  line.push(1, 4, 10, undefined);
  line.push(-8, 101, 20, detail);
  expect([line.length, line.xid, line.operation, line.since, line.detail]).toEqual([2, 1, 4, 10, undefined]);
  line.shift();
  expect([line.length, line.xid, line.operation, line.since, line.detail]).toEqual([1, -8, 101, 20, detail]);
  line.shift();
  expect(line.length).toBe(0);
});

test("any number may wait, wherever in the ring the oldest is", () => {
  const line = new PendingLine();
  let [pushed, shifted] = [0, 0];
  // Grows with the head in many places, and wraps in between.
  for (let round = 1; round <= 60; round++) {
    for (let i = 0; i < round; i++) {
      pushed++;
      line.push(pushed, pushed * 2, pushed * 3, pushed % 3 === 0 ? { path: `${pushed}` } : undefined);
    }
    for (let i = 0; i < round / 2; i++) {
      shifted++;
      expect([line.xid, line.operation, line.since]).toEqual([shifted, shifted * 2, shifted * 3]);
      expect(line.detail?.path).toBe(shifted % 3 === 0 ? `${shifted}` : undefined);
      line.shift();
    }
    expect(line.length).toBe(pushed - shifted);
  }
  expect(pushed - shifted).toBeGreaterThan(256);
});
