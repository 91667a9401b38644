import { describe, expect, it } from "vitest";
import { Barriers } from "../../../../src/core/member/barriers.ts";

class Rig {
  zxid = 10;
  round = 0;
  readonly asked: number[] = [];
  readonly answers: [number, number, number][] = [];
  readonly barriers = new Barriers({
    beginRound: () => ++this.round,
    barrierZxid: () => this.zxid,
    askLeader: (number) => this.asked.push(number),
    answerFollower: (peer, number, zxid) => this.answers.push([peer, number, zxid]),
  });
}

describe("Barriers of a leader", () => {
  it("core.md 16: those of one turn share one round that begins after all of them were asked for", () => {
    const { barriers, ...rig } = new Rig();
    const [one, two] = [barriers.request(), barriers.request()];
    expect(one).toBe(two);
    barriers.beginRound();
    const late = barriers.request();
    expect(late).not.toBe(one);
    expect(rig.asked).toEqual([]);
    barriers.roundConfirmed(1);
    expect([one.zxid, late.zxid]).toEqual([10, undefined]);
  });

  it("core.md 16: each has the place that was committed when its own round began", () => {
    const rig = new Rig();
    const first = rig.barriers.request();
    rig.barriers.beginRound();
    rig.zxid = 20;
    const second = rig.barriers.request();
    rig.barriers.requestFor(3, 77);
    rig.barriers.beginRound();
    rig.zxid = 30;
    expect(rig.round).toBe(2);
    // The later round's answers are the earlier one's as well.
    rig.barriers.roundConfirmed(2);
    expect([first.zxid, second.zxid, rig.answers]).toEqual([10, 20, [[3, 77, 20]]]);
  });

  it("no round without anybody who asks", () => {
    const rig = new Rig();
    rig.barriers.beginRound();
    expect(rig.round).toBe(0);
    rig.barriers.requestFor(2, 1);
    rig.barriers.beginRound();
    rig.barriers.beginRound();
    expect(rig.round).toBe(1);
  });

  it("core.md 16: a round confirmed before it began is not its own", () => {
    const rig = new Rig();
    const barrier = rig.barriers.request();
    rig.barriers.roundConfirmed(5);
    rig.barriers.beginRound();
    expect(barrier.zxid).toBeUndefined();
  });
});

describe("Barriers of a follower", () => {
  it("are one question a turn, answered by its number", () => {
    const rig = new Rig();
    const first = rig.barriers.request();
    rig.barriers.askLeader();
    rig.barriers.askLeader();
    const second = rig.barriers.request();
    rig.barriers.askLeader();
    expect(rig.asked).toEqual([1, 2]);
    rig.barriers.answered(2, 50);
    rig.barriers.answered(2, 99);
    rig.barriers.answered(7, 99);
    expect([first.zxid, second.zxid]).toEqual([undefined, 50]);
    rig.barriers.answered(1, 40);
    expect(first.zxid).toBe(40);
  });

  it("core.md 12: outlive their leader, this member or another; the old one's answers are nobody's", () => {
    const rig = new Rig();
    const asked = rig.barriers.request();
    rig.barriers.askLeader();
    const open = rig.barriers.request();
    rig.barriers.reset();
    rig.barriers.answered(1, 5);
    rig.barriers.askLeader();
    rig.barriers.answered(2, 60);
    expect([asked.zxid, open.zxid]).toEqual([60, 60]);

    const leader = new Rig();
    const own = leader.barriers.request();
    leader.barriers.requestFor(2, 9);
    leader.barriers.beginRound();
    leader.barriers.reset();
    leader.barriers.roundConfirmed(1);
    leader.barriers.askLeader();
    leader.barriers.answered(1, 70);
    expect([own.zxid, leader.answers]).toEqual([70, []]);
  });
});
