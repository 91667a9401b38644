import { expect, test } from "vitest";
import { LeaderClock } from "../../../../src/core/member/leader-clock.ts";

test("core.md 1: leader time is the wall clock at the beginning and monotonic time since", () => {
  const clock = new LeaderClock(1_700_000_000_000, 5_000, 0);
  expect(clock.startedAt).toBe(1_700_000_000_000);
  expect([5_000, 5_001.9, 65_000].map((now) => clock.stamp(now))).toEqual([
    1_700_000_000_000, 1_700_000_000_001, 1_700_000_060_000,
  ]);
});

test("core.md 1: never below what earlier leaders stamped, however far their clocks were ahead", () => {
  const clock = new LeaderClock(1_000, 0, 9_000);
  expect(clock.startedAt).toBe(9_000);
  expect([clock.stamp(0), clock.stamp(500)]).toEqual([9_000, 9_500]);
});

test("core.md 1: never falls, though the monotonic time it is told did", () => {
  const clock = new LeaderClock(1_000, 0, 0);
  expect([clock.stamp(700), clock.stamp(300), clock.stamp(701)]).toEqual([1_700, 1_700, 1_701]);
});
