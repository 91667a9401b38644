import { describe, expect, it } from "vitest";
import { Prng } from "../../../../src/core/base/prng.ts";
import { makeZxid } from "../../../../src/core/base/zxid.ts";
import type { ConfiguredMember, EnsembleConfiguration } from "../../../../src/core/zab/ensemble-configuration.ts";
import { decodeEpochZxid, readerOf } from "../../../../src/core/zab/peer-message.ts";
import { ensemble } from "./rig-batches.ts";
import { type Sent, ZabRig } from "./zab-rig.ts";

function zxidsOf(sent: readonly Sent[]): number[] {
  return sent.map(({ frame }) => decodeEpochZxid(readerOf(frame)).zxid);
}

/** All of a configuration, in sync, every disk held but those of `prompt`. */
function held(configuration: EnsembleConfiguration, prompt: readonly number[] = []): ZabRig {
  const rig = new ZabRig(configuration);
  rig.start(...configuration.members.map(({ id }) => id));
  rig.pass(600);
  for (const member of rig.running) member.holdsDisk = !prompt.includes(member.id);
  return rig;
}

/** Whether the leader's next batch is committed once just these have it on disk. */
function commitsWith(configuration: EnsembleConfiguration, ...ids: number[]): boolean {
  const rig = held(configuration);
  const { leader } = rig;
  leader.propose();
  rig.settle();
  for (const id of ids) rig.at(id).sync();
  rig.settle();
  return leader.zab.commitZxid === leader.zab.lastZxid;
}

describe("broadcast", () => {
  it("DSN'11, figure 5: a batch is committed when a quorum has it on disk, and never by fewer", () => {
    const five = ensemble(1, 2, 3, 4, 5);
    expect([[5], [5, 1], [1, 2], [1, 2, 4], [5, 1, 3]].map((ids) => commitsWith(five, ...ids))).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it("the leader's own disk is one vote: it commits without it what a quorum of followers has", () => {
    expect([commitsWith(ensemble(1, 2, 3), 1, 2), commitsWith(ensemble(1, 2, 3), 3)]).toEqual([true, false]);
    expect([commitsWith(ensemble(1, 2), 1), commitsWith(ensemble(1, 2), 2), commitsWith(ensemble(1, 2), 1, 2)]).toEqual(
      [false, false, true],
    );
  });

  it("core.md 24: weights count, not heads", () => {
    const weighted = ensemble({ id: 1, weight: 3 }, 2, 3);
    expect([commitsWith(weighted, 1), commitsWith(weighted, 2, 3)]).toEqual([true, false]);
  });

  it("core.md 24: in groups, a majority of weight in a majority of groups", () => {
    const member = (id: number): Partial<ConfiguredMember> & { id: number } => ({ id, group: Math.ceil(id / 3) });
    const grouped = ensemble(...[1, 2, 3, 4, 5, 6, 7, 8, 9].map(member));
    expect(commitsWith(grouped, 1, 2, 4, 5)).toBe(true);
    expect(commitsWith(grouped, 1, 2, 4, 7)).toBe(false);
    expect(commitsWith(grouped, 1, 4, 7, 2)).toBe(false);
    // Six of nine, but a majority in one group only.
    expect(commitsWith(grouped, 1, 2, 3, 4, 7)).toBe(false);
  });

  it("core.md 24: observers and voters without weight acknowledge, and do not count", () => {
    const mixed = ensemble(1, 2, 3, { id: 4, role: "observer" }, { id: 5, weight: 0 });
    expect([commitsWith(mixed, 3, 4, 5), commitsWith(mixed, 3, 1)]).toEqual([false, true]);
  });

  it("DSN'11: a voter acknowledges only what is on its disk, cumulatively", () => {
    const rig = held(ensemble(1, 2, 3));
    const from = rig.sent.length;
    for (let i = 0; i < 4; i++) rig.leader.propose();
    rig.settle();
    expect(rig.since(from, "ACK")).toEqual([]);
    rig.at(1).sync(3);
    rig.at(1).sync(1);
    const acks = rig.sent.slice(from).filter(({ name }) => name === "ACK");
    expect(zxidsOf(acks)).toEqual([makeZxid(1, 3), makeZxid(1, 4)]);
  });

  it("DSN'11, TotalOrder: COMMITs rise, never go beyond what the learner was sent, and are applied in order", () => {
    const random = new Prng(4);
    const rig = held(ensemble(1, 2, 3));
    const from = rig.sent.length;
    for (let step = 0; step < 300; step++) {
      const id = 1 + random.below(3);
      if (random.chance(0.3)) rig.leader.propose(1 + random.below(3));
      else rig.at(id).sync(1 + random.below(3));
      for (const to of [1, 2]) {
        if (rig.queue(3, to).length > 0 && random.chance(0.7)) rig.deliver(3, to);
        if (rig.queue(to, 3).length > 0) rig.deliver(to, 3);
      }
    }
    for (const member of rig.running) member.holdsDisk = false;
    rig.settle();
    for (const id of [1, 2]) {
      const commits = zxidsOf(rig.sent.slice(from).filter(({ to, name }) => to === id && name === "COMMIT"));
      expect(commits).toEqual([...commits].sort((one, other) => one - other));
      expect(new Set(commits).size).toBe(commits.length);
      expect(rig.at(id).applied).toEqual(rig.leader.applied);
    }
    expect(rig.leader.applied.length).toBeGreaterThan(50);
  });

  it("core.md 40: a slow learner is sent at most its window, and holds up nobody", () => {
    const window = 1_000;
    const rig = ZabRig.settled(3, { learnerWindowBytes: window });
    rig.at(1).holdsDisk = true;
    const from = rig.sent.length;
    const sizes = (): number =>
      rig.sent
        .slice(from)
        .filter(({ to, name }) => to === 1 && name === "PROPOSE")
        .reduce((sum, { frame }) => sum + frame.length, 0);
    for (let i = 0; i < 50; i++) rig.commit(1, 200);
    expect(rig.leader.zab.commitZxid).toBe(makeZxid(1, 50));
    expect(sizes()).toBeLessThan(window + 300);
    expect(sizes()).toBeGreaterThanOrEqual(window);
    rig.at(1).holdsDisk = false;
    rig.settle();
    expect(rig.at(1).applied).toEqual(rig.leader.applied);
    expect(rig.at(1).zab.isFollowing).toBe(true);
  });

  it("a learner that the memory of the leader does not reach back to any more goes on from its journal", () => {
    const rig = ZabRig.settled(3, { learnerWindowBytes: 1_000, recentBytes: 500 });
    rig.at(1).holdsDisk = true;
    rig.leader.holdsTransfers = true;
    for (let i = 0; i < 30; i++) rig.commit(1, 200);
    rig.at(1).sync();
    rig.settle();
    expect(rig.leader.histories.has(1)).toBe(true);
    rig.at(1).holdsDisk = false;
    rig.leader.holdsTransfers = false;
    rig.settle();
    expect(rig.at(1).applied).toEqual(rig.leader.applied);
    rig.commit();
    expect(rig.at(1).applied).toEqual(rig.leader.applied);
  });

  it("a learner whose acknowledgement of NEWLEADER is on its way gets proposals; its ack does not count", () => {
    const rig = ZabRig.settled(3);
    rig.kill(1);
    rig.commit();
    rig.restart(1);
    rig.at(1).holdsDisk = true;
    rig.settle();
    rig.at(1).sync();
    rig.settle();
    expect(rig.at(1).written.at(-1)).toBe("EPOCH");
    rig.at(2).holdsDisk = true;
    rig.leader.propose();
    rig.settle();
    const { leader } = rig;
    expect([rig.at(1).zab.lastZxid, leader.zab.commitZxid]).toEqual([leader.zab.lastZxid, leader.zab.lastZxid - 1]);
    rig.at(1).sync();
    rig.settle();
    expect(leader.zab.commitZxid).toBe(leader.zab.lastZxid);
  });

  it("waits where the journal has no room, in order, and commits by the others meanwhile", () => {
    const rig = ZabRig.settled(3);
    rig.at(1).isFull = true;
    for (let i = 0; i < 5; i++) rig.commit();
    expect([rig.leader.zab.commitZxid, rig.at(1).zab.durableZxid]).toEqual([makeZxid(1, 5), 0]);
    rig.at(1).isFull = false;
    rig.at(1).zab.roomMade();
    rig.settle();
    expect(rig.at(1).zab.durableZxid).toBe(makeZxid(1, 5));
  });

  it("PrimaryIntegrity: a proposal of a leader that was deposed is never committed if the next leader lacks it", () => {
    const rig = ZabRig.settled(3);
    rig.partition([3], [1, 2]);
    rig.at(3).propose(5);
    rig.at(3).sync();
    rig.pass(3_000);
    const first = rig.commit();
    expect(first).toBe(makeZxid(2, 1));
    rig.heal();
    rig.pass(1_000);
    for (const member of rig.running) expect(member.applied).toEqual([first]);
  });
});

describe("what one sends that nobody sends", () => {
  const toLeader = [2, 4, 8, 10, 12, 14];
  const toFollower = [0, 1, 3, 5, 7, 9, 11, 13, 15, 31];

  it.each([
    ["leader", 3, 1, toLeader],
    ["follower", 1, 3, toFollower],
  ] as const)("drops the link to the %s, and stops nobody", (_, to, from, types) => {
    const rig = ZabRig.settled(3);
    const frames = types.flatMap((type) => [new Uint8Array([type]), new Uint8Array([type, 255])]);
    const long = types.map((type) => new Uint8Array([type, ...new Uint8Array(100).fill(255)]));
    for (const frame of [...frames, ...long]) {
      rig.at(to).take();
      rig.at(to).zab.receive(from, frame);
      expect(rig.at(to).take()).toContainEqual(expect.stringMatching(`drops ${from}: message of type ${frame[0]}`));
      rig.pass(1_500);
      expect([rig.at(1).zab.isFollowing || rig.at(1).zab.isLeading, rig.followers.length]).toEqual([true, 2]);
      if (rig.leader.id !== 3) rig.leader.zab.handOver(3);
      rig.pass(500);
    }
  });
});
