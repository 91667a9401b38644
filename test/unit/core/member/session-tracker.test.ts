import { expect, test } from "vitest";
import { EXPIRIES_PER_STEP_MAX, SessionTracker } from "../../../../src/core/member/session-tracker.ts";
import { SoloMember } from "../../../support/solo-member.ts";

/** Ticks every 100 ms; returns what expires, with when. */
function run(tracker: SessionTracker, from: number, to: number): [number, number][] {
  const expired: [number, number][] = [];
  for (let now = from; now <= to; now += 100) {
    for (const id of tracker.tick(now)) {
      expired.push([id, now]);
      tracker.remove(id);
    }
  }
  return expired;
}

test("core.md 11: a session expires after its time-out, never before, and soon after", () => {
  const tracker = new SessionTracker();
  tracker.tick(0);
  tracker.add(1, 1_000);
  tracker.add(2, 5_000);
  const [first, second] = run(tracker, 100, 6_000);
  expect(first?.[0]).toBe(1);
  expect(first?.[1]).toBeGreaterThanOrEqual(1_000);
  expect(first?.[1]).toBeLessThanOrEqual(1_300);
  expect(second?.[0]).toBe(2);
  expect(second?.[1]).toBeGreaterThanOrEqual(5_000);
});

test("core.md 11: a touch moves the deadline; one at the last look saves the session", () => {
  const tracker = new SessionTracker();
  tracker.tick(0);
  tracker.add(1, 1_000);
  expect(run(tracker, 100, 900)).toEqual([]);
  tracker.touch(1);
  // At 2,000 it is overdue for the first time, and looked at again at the next tick.
  expect(run(tracker, 1_000, 2_000)).toEqual([]);
  tracker.touch(1);
  expect(run(tracker, 2_100, 3_000)).toEqual([]);
  expect(run(tracker, 3_100, 3_500).map(([id]) => id)).toEqual([1]);
});

test("core.md 11: ticks that are not on time end no session before its own time", () => {
  const tracker = new SessionTracker();
  tracker.tick(0);
  tracker.add(1, 1_000);
  tracker.tick(240);
  // Heard just before the tick at 480, that is, long after the last.
  tracker.touch(1);
  tracker.tick(480);
  const [expired] = run(tracker, 580, 2_000);
  expect(expired?.[1]).toBeGreaterThanOrEqual(480 + 1_000);
});

test("core.md 11: overdue sessions are looked at again at another tick, however many steps one covers", () => {
  const tracker = new SessionTracker();
  tracker.tick(0);
  tracker.add(1, 1_000);
  run(tracker, 100, 1_000);
  expect(tracker.tick(1_240)).toEqual([]);
  tracker.touch(1);
  expect(run(tracker, 1_340, 2_240)).toEqual([]);
  expect(tracker.tick(2_480)).toEqual([]);
  expect(tracker.tick(2_490)).toEqual([1]);
});

test("core.md 11: a pause of the loop extends every deadline", () => {
  const tracker = new SessionTracker();
  tracker.tick(0);
  tracker.add(1, 1_000);
  run(tracker, 100, 500);
  expect(tracker.tick(20_000)).toEqual([]);
  expect(run(tracker, 20_100, 20_300)).toEqual([]);
  expect(run(tracker, 20_400, 21_000).map(([id]) => id)).toEqual([1]);
});

test("core.md 11: many expiries are proposed in bounded batches, none is lost", () => {
  const tracker = new SessionTracker();
  tracker.tick(0);
  for (let id = 1; id <= 1_000; id++) tracker.add(id, 1_000);
  const perTick = new Map<number, number>();
  const expired = run(tracker, 100, 3_000);
  for (const [, at] of expired) perTick.set(at, (perTick.get(at) ?? 0) + 1);
  expect(new Set(expired.map(([id]) => id)).size).toBe(1_000);
  expect(Math.max(...perTick.values())).toBeLessThanOrEqual(EXPIRIES_PER_STEP_MAX);
});

test("core.md 10, 11: keep-alives keep a session; silence ends it with its ephemerals, in one command", () => {
  const solo = SoloMember.leading();
  const [quiet, alive] = [solo.session(2_000), solo.session(2_000)];
  quiet.create("/q1", "", 1);
  quiet.create("/q2", "", 1);
  solo.settle();
  for (let i = 0; i < 5; i++) {
    solo.pass(900);
    alive.connection.touch(i);
  }
  expect(quiet.take()).toEqual(["opened", "1 create /q1", "2 create /q2", "closed SESSION_EXPIRED"]);
  expect(alive.take()).toEqual(["opened", "touched 0", "touched 1", "touched 2", "touched 3", "touched 4"]);
  expect(solo.member.tree.state.table.size).toBe(4);
  expect(solo.member.tree.state.sessions.size).toBe(1);
});

test("core.md 10: a keep-alive is not answered once the session's end is decided", () => {
  const solo = SoloMember.leading();
  const client = solo.session(1_000);
  client.take();
  solo.room = false;
  for (let i = 0; i < 14; i++) {
    solo.time += 100;
    solo.member.tick();
  }
  // Decided, and held up by a journal without room.
  client.connection.touch(1);
  client.connection.close();
  solo.room = true;
  solo.settle();
  expect(client.take()).toEqual(["closed SESSION_EXPIRED"]);
});

test("core.md 10: without a leader no keep-alive is answered", () => {
  const solo = new SoloMember();
  const client = solo.client();
  client.connection.touch(1);
  expect(client.take()).toEqual([]);
});

test("core.md 11: a new leader gives every session its whole time-out again", () => {
  const tracker = new SessionTracker();
  tracker.tick(0);
  tracker.add(1, 1_000);
  run(tracker, 100, 900);
  tracker.clear();
  tracker.add(1, 1_000);
  expect(run(tracker, 1_000, 1_800)).toEqual([]);
  expect(run(tracker, 1_900, 2_300).map(([id]) => id)).toEqual([1]);
});

test("a session that is told to end ends at once, though it is heard, and hears that its touch came too late", () => {
  const solo = SoloMember.leading();
  const client = solo.session();
  client.create("/mine", "", 1);
  solo.settle();
  client.take();
  const { sessionId } = client.opened!;
  solo.member.expireSession(sessionId);
  solo.member.expireSession(sessionId);
  client.connection.touch(1);
  solo.settle();
  expect(client.closed).toMatchObject({ reason: "SESSION_EXPIRED" });
  expect(client.take().filter((told) => told.startsWith("touched"))).toEqual([]);
  const { sessions, ephemeralCount } = solo.member.tree.state;
  expect([sessions.size, ephemeralCount]).toEqual([0, 0]);
  // Nothing comes of one that is not there.
  const { zxid } = solo.member.tree;
  solo.member.expireSession(sessionId);
  solo.settle();
  expect(solo.member.tree.zxid).toBe(zxid);
});
