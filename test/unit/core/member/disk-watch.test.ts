import { describe, expect, test } from "vitest";
import { HAND_OVER_EVERY_MS } from "../../../../src/core/member/disk-watch.ts";
import { type MemberNode, MemberRig } from "./member-rig.ts";

const SLOW_MS = 800;

/** Time passes while every fsync of these members is slow. */
function passSlowly(rig: MemberRig, slow: readonly MemberNode[], ms: number): void {
  for (let left = ms; left > 0; left -= SLOW_MS) {
    rig.pass(SLOW_MS);
    for (const { member } of slow) member.fsynced(SLOW_MS);
  }
}

function handOvers({ transitions }: MemberNode): number {
  return transitions.filter(({ kind }) => kind === "slow-disk").length;
}

describe("core.md 22: a leader whose disk is slow hands over", () => {
  test("to a voter that is up to date, once, saying why; and what clients wrote goes on", () => {
    const rig = MemberRig.of(3);
    const first = rig.leader;
    const client = rig.session(first.id);
    passSlowly(rig, [first], 4_000);
    rig.pass(500);
    expect(rig.leader.id).not.toBe(first.id);
    expect(first.transitions.filter(({ kind }) => kind === "slow-disk")).toEqual([
      { kind: "slow-disk", zxid: expect.any(Number), isFull: false, fsyncs: 5, slow: 5, slowestMs: SLOW_MS },
    ]);
    expect(first.member.role).toBe("follower");
    expect(client.closed).toBeUndefined();
  });

  test("is not elected straight back while its disk is slow, and may lead again once it is not", () => {
    const rig = MemberRig.of(3);
    const slow = rig.leader;
    passSlowly(rig, [slow], 4_800);
    const second = rig.leader;
    const third = rig.running.find((node) => node !== slow && node !== second) as MemberNode;
    passSlowly(rig, [slow], 800);
    rig.kill(second.id);
    rig.pass(3_000);
    expect(rig.leader.id).toBe(third.id);
    rig.pass(10_000);
    let outcome: string | undefined = "none";
    third.member.transferLeadership(slow.id, ({ reason }) => {
      outcome = reason;
    });
    rig.pass(1_000);
    expect([outcome, rig.leader.id]).toEqual([undefined, slow.id]);
  });

  test("stays where no healthy voter is up to date: alone, or where all disks are slow", () => {
    const alone = MemberRig.of(1);
    passSlowly(alone, [alone.leader], 8_000);
    expect(handOvers(alone.leader)).toBe(0);

    const rig = MemberRig.of(3);
    const { leader } = rig;
    passSlowly(rig, rig.running, 60_000);
    expect(rig.leader.id).toBe(leader.id);
    expect(rig.running.map(handOvers)).toEqual([0, 0, 0]);
  });

  test("where all disks are slow somebody leads all the same, a little later", () => {
    const rig = MemberRig.of(3);
    passSlowly(rig, rig.running, 4_000);
    rig.kill(rig.leader.id);
    passSlowly(rig, rig.running, 5_600);
    expect(rig.leader.isUp).toBe(true);
  });

  test("at most once a minute", () => {
    const rig = MemberRig.of(3);
    const first = rig.leader;
    passSlowly(rig, [first], 4_800);
    expect(handOvers(first)).toBe(1);
    let done = false;
    rig.pass(10_000);
    rig.leader.member.transferLeadership(first.id, () => {
      done = true;
    });
    rig.pass(1_000);
    expect([done, rig.leader.id]).toEqual([true, first.id]);
    passSlowly(rig, [first], 20_000);
    expect([rig.leader.id, handOvers(first)]).toEqual([first.id, 1]);
    passSlowly(rig, [first], HAND_OVER_EVERY_MS);
    expect([rig.leader.id === first.id, handOvers(first)]).toEqual([false, 2]);
  });

  test("a member that stops stays out of it, slow or not", () => {
    const rig = MemberRig.of(3);
    const slow = rig.leader;
    passSlowly(rig, [slow], 4_800);
    const { leader } = rig;
    slow.member.stop();
    rig.pass(10_000);
    rig.kill(leader.id);
    rig.pass(3_000);
    expect(rig.leader.id).not.toBe(slow.id);
  });
});
