import { describe, expect, test } from "vitest";
import { DISK_WINDOW_MS, DiskHealth, SLOW_FSYNC_MS, SLOW_SPAN_MS } from "../../../../src/core/member/disk-health.ts";

/** Fsyncs back to back from `start` on, each of `ms`, for `forMs`; the time of the last one's end. */
function run(health: DiskHealth, start: number, ms: number, forMs: number): number {
  let now = start;
  while (now + ms <= start + forMs) {
    now += ms;
    health.fsynced(now, ms);
  }
  return now;
}

const SLOW = SLOW_FSYNC_MS + 1;

describe("core.md 22: a disk is slow when the p99 of its fsyncs is above 500 ms, and that lasts", () => {
  test("one without fsyncs is not, nor one that is just fast enough", () => {
    const health = new DiskHealth();
    expect(health.isSlow(0)).toBe(false);
    expect(health.figures(0)).toEqual({ fsyncs: 0, slow: 0, slowestMs: 0 });
    const now = run(health, 0, SLOW_FSYNC_MS, DISK_WINDOW_MS);
    expect(health.isSlow(now)).toBe(false);
  });

  test("slow fsyncs one after the other make it slow as soon as they span half of the window", () => {
    const health = new DiskHealth();
    let ended = 0;
    while (ended + SLOW < SLOW_SPAN_MS) {
      ended += SLOW;
      health.fsynced(ended, SLOW);
      expect(health.isSlow(ended)).toBe(false);
    }
    health.fsynced(ended + SLOW, SLOW);
    expect(health.isSlow(ended + SLOW)).toBe(true);
    expect(health.figures(ended + SLOW)).toEqual({ fsyncs: 5, slow: 5, slowestMs: SLOW });
  });

  test("a single fsync makes it slow only if it took as long", () => {
    const short = new DiskHealth();
    short.fsynced(10_000, SLOW_SPAN_MS - 1);
    expect(short.isSlow(10_000)).toBe(false);
    const long = new DiskHealth();
    long.fsynced(10_000, SLOW_SPAN_MS);
    expect(long.isSlow(10_000)).toBe(true);
  });

  test("rare ones count, if they are more than a hundredth", () => {
    const health = new DiskHealth();
    const slow = (at: number): void => health.fsynced(at, SLOW);
    slow(10_600);
    slow(14_000);
    for (let at = 0; at < 98; at++) health.fsynced(14_100, 1);
    expect(health.figures(14_100).fsyncs).toBe(100);
    expect(health.isSlow(14_100)).toBe(true);
    for (let at = 0; at < 99; at++) health.fsynced(14_100, 1);
    expect(health.isSlow(14_100)).toBe(true);
    health.fsynced(14_100, 1);
    expect(health.figures(14_100)).toEqual({ fsyncs: 200, slow: 2, slowestMs: SLOW });
    expect(health.isSlow(14_100)).toBe(false);
  });

  test("it is well again once the slow ones are out of the window, with or without faster ones after them", () => {
    const health = new DiskHealth();
    const now = run(health, 0, 1_000, DISK_WINDOW_MS);
    expect(health.isSlow(now)).toBe(true);
    expect(health.isSlow(now + DISK_WINDOW_MS)).toBe(false);
    expect(health.figures(now + DISK_WINDOW_MS).fsyncs).toBe(0);
    run(health, now, 10, DISK_WINDOW_MS);
    expect(health.isSlow(now + DISK_WINDOW_MS)).toBe(false);
    expect(health.figures(now + DISK_WINDOW_MS)).toMatchObject({ slow: 0, slowestMs: 10 });
  });
});
