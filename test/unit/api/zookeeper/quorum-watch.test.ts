import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { QuorumWatch } from "../../../../src/api/zookeeper/quorum-watch.ts";
import type { MemberRole } from "../../../../src/coordination/port.ts";
import { ScriptedCoordination } from "../scripted-coordination.ts";

const BOUND_MS = 3_000;
let port: ScriptedCoordination;
let watch: QuorumWatch;
let changes: boolean[];

beforeEach(() => {
  vi.useFakeTimers();
  port = new ScriptedCoordination();
  changes = [];
  watch = new QuorumWatch(port, BOUND_MS, () => changes.push(watch.isLost));
  watch.start();
});

afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

test("a quorum is lost when there has been no leader for so long, and not before", () => {
  vi.advanceTimersByTime(60_000);
  expect([watch.isLost, changes]).toEqual([false, []]);
  port.role = "looking";
  vi.advanceTimersByTime(BOUND_MS - 200);
  expect(watch.isLost).toBe(false);
  vi.advanceTimersByTime(400);
  expect([watch.isLost, changes]).toEqual([true, [true]]);
});

test.each<MemberRole>(["leader", "follower", "observer"])("it is back at once with a %s", (role) => {
  port.role = "looking";
  vi.advanceTimersByTime(BOUND_MS * 2);
  port.role = role;
  vi.advanceTimersByTime(100);
  expect([watch.isLost, changes]).toEqual([false, [true, false]]);
});

test("an election that is over in time is nobody's business, and the time begins anew with the next", () => {
  for (let elections = 0; elections < 5; elections++) {
    port.role = "looking";
    vi.advanceTimersByTime(BOUND_MS - 200);
    port.role = "follower";
    vi.advanceTimersByTime(100);
  }
  expect(changes).toEqual([]);
});

test("stopped, it looks no more", () => {
  watch.stop();
  port.role = "looking";
  vi.advanceTimersByTime(BOUND_MS * 10);
  expect([watch.isLost, changes]).toEqual([false, []]);
});
