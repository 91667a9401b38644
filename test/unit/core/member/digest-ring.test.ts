import { expect, test } from "vitest";
import { DigestRing } from "../../../../src/core/member/digest-ring.ts";
import { Digest } from "../../../../src/core/tree/digest.ts";

const SIZE = 4096;

function digest(lane0: number, lane1: number): Digest {
  const made = new Digest();
  made.addLanes(lane0, lane1);
  return made;
}

test("core.md 29: digests are compared at equal zxid only, in both lanes", () => {
  const ring = new DigestRing();
  ring.push(10, digest(1, 2));
  ring.push(20, digest(3, 4));
  expect([ring.agrees(10, 1, 2), ring.agrees(10, 9, 2), ring.agrees(10, 1, 9)]).toEqual([true, false, false]);
  expect([ring.agrees(20, 3, 4), ring.agrees(20, 1, 2)]).toEqual([true, false]);
  // Between, before and after what is known nobody can say.
  for (const zxid of [1, 9, 11, 15, 21, 1e9]) expect(ring.agrees(zxid, 7, 7)).toBe(true);
});

test("a copy is kept: the digest that was pushed may go on changing", () => {
  const ring = new DigestRing();
  const moving = digest(1, 2);
  ring.push(10, moving);
  moving.addLanes(5, 5);
  expect([ring.agrees(10, 1, 2), ring.agrees(10, 6, 7)]).toEqual([true, false]);
});

test("the newest is at hand for the header of the next batch; at first it is zxid 0, digest 0", () => {
  const ring = new DigestRing();
  expect([ring.zxid, ring.lane0, ring.lane1]).toEqual([0, 0, 0]);
  expect(ring.agrees(0, 0, 0)).toBe(true);
  ring.push(10, digest(2 ** 32 - 1, 2));
  expect([ring.zxid, ring.lane0, ring.lane1]).toEqual([10, 2 ** 32 - 1, 2]);
});

test("core.md 29: the ring is bounded: the latest few thousand are compared, older ones no more", () => {
  const ring = new DigestRing();
  const count = 3 * SIZE + 7;
  for (let zxid = 1; zxid <= count; zxid++) ring.push(zxid, digest(zxid, zxid));
  for (const zxid of [count, count - 1, count - SIZE + 1]) {
    expect([ring.agrees(zxid, zxid, zxid), ring.agrees(zxid, zxid + 1, zxid)]).toEqual([true, false]);
  }
  expect(ring.agrees(count - SIZE, 0, 0)).toBe(true);
});

test("those shown to people are the latest, oldest first, 128 at most", () => {
  const ring = new DigestRing();
  expect(ring.recent()).toEqual([]);
  ring.push(10, digest(1, 2));
  ring.push(20, digest(3, 4));
  expect(ring.recent()).toEqual([
    { zxid: 10, lane0: 1, lane1: 2 },
    { zxid: 20, lane0: 3, lane1: 4 },
  ]);
  // Also where the ring has come round.
  for (let zxid = 21; zxid <= SIZE + 60; zxid++) ring.push(zxid, digest(zxid, 1));
  const zxids = ring.recent().map(({ zxid }) => zxid);
  expect(zxids).toEqual(Array.from({ length: 128 }, (_, index) => SIZE + 60 - 127 + index));
});
