import { describe, expect, it } from "vitest";
import { makeZxid } from "../../../../src/core/base/zxid.ts";
import { Election, type Elector, FINALIZE_MS } from "../../../../src/core/zab/election.ts";
import type { EnsembleConfiguration } from "../../../../src/core/zab/ensemble-configuration.ts";
import { zabState } from "../../../../src/core/zab/peer-message.ts";
import { Quorum } from "../../../../src/core/zab/quorum.ts";
import { ensemble, hadBatches } from "./rig-batches.ts";
import { ZabRig } from "./zab-rig.ts";

type View = Record<number, Partial<Elector>>;

/** What a member knows of itself and of those it hears: all look, hear each other and have the same history. */
function view(given: View): Map<number, Elector> {
  const ids = Object.keys(given).map(Number);
  return new Map(
    ids.map((id) => {
      const others = ids.filter((other) => other !== id);
      const usual: Elector = {
        id,
        state: zabState.LOOKING,
        leaderId: 0,
        isEstablished: false,
        currentEpoch: 1,
        lastZxid: makeZxid(1, 5),
        appliedZxid: 0,
        vote: 0,
        isElectable: true,
        isDamaged: false,
        featureLevel: 1,
        hears: others,
        mutual: others,
      };
      return [id, { ...usual, ...given[id] }];
    }),
  );
}

function voteOf(self: number, given: View, configuration: EnsembleConfiguration, preferred = 0): number {
  return new Election(new Quorum(configuration), self, preferred).vote(view(given));
}

const three = ensemble(1, 2, 3);

describe("a vote", () => {
  it("core.md 21: is for one that hears a quorum in both directions, and for nobody when there is none", () => {
    expect(voteOf(1, { 1: {}, 2: {}, 3: {} }, three)).toBe(3);
    expect(voteOf(1, { 1: {}, 2: {}, 3: { mutual: [] } }, three)).toBe(2);
    expect(voteOf(1, { 1: { mutual: [] } }, three)).toBe(0);
    // Hearing alone is not enough.
    expect(voteOf(1, { 1: { hears: [2, 3], mutual: [] } }, three)).toBe(0);
  });

  it("DSN'11, V.A: is for the latest epoch, then the last zxid, before anything else", () => {
    const byEpoch = { 1: { currentEpoch: 3, lastZxid: makeZxid(1, 1) }, 2: { lastZxid: makeZxid(1, 9) }, 3: {} };
    expect(voteOf(1, byEpoch, three, 3)).toBe(1);
    expect(voteOf(3, byEpoch, three, 3)).toBe(1);
    expect(voteOf(3, { 1: {}, 2: { lastZxid: makeZxid(1, 6) }, 3: {} }, three, 3)).toBe(2);
  });

  it("ZOOKEEPER-3911: is never for one that has less than the voter, even if nobody else can lead", () => {
    const behind = { lastZxid: makeZxid(1, 4) };
    expect(voteOf(1, { 1: { isElectable: false }, 2: behind, 3: behind }, three)).toBe(0);
    expect(voteOf(2, { 1: { isElectable: false }, 2: behind, 3: behind }, three)).toBe(3);
  });

  it("prefers whom the last leader named, then who hears the most voters, then the highest id", () => {
    const five = ensemble(1, 2, 3, 4, 5);
    const all = { 1: {}, 2: {}, 3: {}, 4: {}, 5: {} };
    expect([voteOf(1, all, five), voteOf(1, all, five, 2)]).toEqual([5, 2]);
    expect(voteOf(1, { ...all, 5: { mutual: [1, 2] }, 4: { mutual: [1, 2, 3, 99] } }, five)).toBe(3);
    expect(voteOf(1, { ...all, 2: { lastZxid: makeZxid(1, 4) } }, five, 2)).toBe(5);
  });

  it("core.md 24: is never for an observer, nor for a voter without weight", () => {
    const mixed = ensemble(1, 2, { id: 3, weight: 0 }, { id: 4, role: "observer" });
    const all = { 1: {}, 2: {}, 3: {}, 4: {} };
    expect([1, 2, 3, 4].map((self) => voteOf(self, all, mixed))).toEqual([2, 2, 2, 2]);
    expect(new Election(new Quorum(mixed), 2).isWon(view({ 2: {}, 3: { vote: 2 }, 4: { vote: 2 } }), 2, 0)).toBe(false);
  });

  it("core.md 25: of one without weight since a committed change counts for whoever may not know it committed", () => {
    const before = ensemble(1, 2);
    const after = ensemble(1, { id: 2, weight: 0 });
    expect(voteOf(2, { 1: {}, 2: {} }, after)).toBe(1);
    expect(new Election(new Quorum(before, after), 1).isWon(view({ 1: {}, 2: { vote: 1 } }), 1, 0)).toBe(true);
  });

  it("core.md 25: is for one that is ahead and hears the quorum it needs, whatever quorum the voter knows", () => {
    // A change that adds 3 is committed, and 3 has it, but does not know that. 1 is gone.
    const election = new Election(new Quorum(ensemble(1, 2), ensemble(1, 2, 3)), 3);
    const ahead = { currentEpoch: 2, vote: 2 };
    expect(election.vote(view({ 2: ahead, 3: {} }))).toBe(2);
    expect(election.vote(view({ 2: { ...ahead, vote: 0 }, 3: {} }))).toBe(0);
    expect(election.vote(view({ 2: { vote: 2 }, 3: {} }))).toBe(0);
  });

  it("core.md 28: is for none that stops or is damaged, and for none that leads or follows", () => {
    expect(voteOf(1, { 1: {}, 2: {}, 3: { isElectable: false } }, three)).toBe(2);
    expect(voteOf(1, { 1: {}, 2: { state: zabState.FOLLOWING }, 3: { state: zabState.LEADING } }, three)).toBe(1);
  });
});

describe("an election", () => {
  const election = (self: number, configuration = three): Election => new Election(new Quorum(configuration), self);

  it("core.md 21: is won at once when all who can be heard agree", () => {
    expect(election(3).isWon(view({ 1: { vote: 3 }, 2: { vote: 3 }, 3: {} }), 3, 0)).toBe(true);
    expect(election(3).isWon(view({ 2: { vote: 3 }, 3: {} }), 3, 0)).toBe(true);
  });

  it("FLE finalizeWait: with somebody against it, a quorum has to stand for its time, without a break", () => {
    const won = election(3);
    const quorum = view({ 1: { vote: 3 }, 2: {}, 3: {} });
    expect(won.isWon(quorum, 3, 1_000)).toBe(false);
    expect(won.isWon(quorum, 3, 1_000 + FINALIZE_MS - 1)).toBe(false);
    expect(won.isWon(view({ 1: {}, 2: {}, 3: {} }), 3, 1_000 + FINALIZE_MS - 1)).toBe(false);
    expect(won.isWon(quorum, 3, 1_000 + FINALIZE_MS)).toBe(false);
    expect(won.isWon(quorum, 3, 1_000 + 2 * FINALIZE_MS)).toBe(true);
    expect(won.isWon(quorum, 2, 5_000)).toBe(false);
  });

  it("DSN'11, V.A: counts only the votes of those who look, and whose history is no later", () => {
    for (const one of [
      { vote: 3, state: zabState.FOLLOWING },
      { vote: 3, state: zabState.LEADING },
      { vote: 3, lastZxid: makeZxid(1, 6) },
      { vote: 3, currentEpoch: 2 },
      { vote: 1 },
    ]) {
      expect(election(3).isWon(view({ 1: one, 3: {} }), 3, 0)).toBe(false);
    }
  });

  it("core.md 24: counts no votes of observers, or of those without weight", () => {
    const mixed = ensemble(1, 2, { id: 3, weight: 0 }, { id: 4, role: "observer" });
    expect(election(2, mixed).isWon(view({ 2: {}, 3: { vote: 2 }, 4: { vote: 2 } }), 2, 0)).toBe(false);
    expect(election(2, mixed).isWon(view({ 1: { vote: 2 }, 2: {}, 3: { vote: 1 } }), 2, 0)).toBe(true);
  });
});

describe("members among each other", () => {
  it("core.md 21: elect one without waiting, when all are there and agree", () => {
    const rig = new ZabRig(ensemble(1, 2, 3));
    rig.start(1, 2, 3);
    rig.settle();
    expect([rig.leader.id, rig.leader.zab.epoch, rig.followers.length]).toEqual([3, 1, 2]);
    expect(rig.time).toBe(10_000);
  });

  it("wait for nobody who is not there, and elect nobody without a quorum", () => {
    const rig = new ZabRig(ensemble(1, 2, 3, 4, 5));
    rig.start(1, 2);
    rig.pass(5_000);
    expect(rig.running.some(({ zab }) => zab.isLeading)).toBe(false);
    rig.start(4);
    rig.settle();
    expect(rig.leader.id).toBe(4);
  });

  it("DSN'11, V.A: elect who has the most, whatever its id", () => {
    const rig = new ZabRig(ensemble(1, 2, 3));
    rig.startWith(1, hadBatches(2, 9, three));
    rig.startWith(2, hadBatches(2, 8, three));
    rig.settle();
    expect([rig.leader.id, rig.at(2).zab.commitZxid]).toEqual([1, makeZxid(2, 9)]);
  });

  it("core.md 21: a member that has a live leader answers no, and nobody who cannot reach it disturbs it", () => {
    const rig = ZabRig.settled(3);
    rig.part(1, 3);
    rig.pass(10_000);
    expect([rig.leader.id, rig.leader.zab.epoch, rig.at(1).zab.leaderId]).toEqual([3, 1, 0]);
    rig.join(1, 3);
    rig.settle();
    expect([rig.leader.zab.epoch, rig.at(1).zab.isFollowing]).toEqual([1, true]);
  });

  it("core.md 21: one that was cut off does not make anybody look when it is back, however long it looked", () => {
    const rig = ZabRig.settled(5);
    rig.partition([1], [2, 3, 4, 5]);
    rig.pass(30_000);
    for (const member of rig.running) member.take();
    rig.commit();
    rig.heal();
    rig.pass(2_000);
    expect([2, 3, 4, 5].flatMap((id) => rig.at(id).take())).toEqual([]);
    expect(rig.at(1).take()).toEqual(["joins 5", "follows 5 in 1"]);
  });

  it("partial partition: one that reaches a quorum both ways leads, when the others cannot reach each other", () => {
    const rig = ZabRig.settled(3);
    rig.part(3, 1);
    rig.part(2, 3);
    rig.join(2, 1);
    rig.pass(5_000);
    expect([rig.leader.id, rig.at(3).zab.leaderId]).toEqual([2, 0]);
    rig.join(1, 3);
    rig.part(1, 2);
    rig.part(2, 3);
    rig.pass(5_000);
    expect(rig.leader.zab.commitZxid).toBe(rig.leader.zab.lastZxid);
    expect([1, 3]).toContain(rig.leader.id);
  });

  it("partial partition: two sides that share one member have one leader between them, which commits", () => {
    const rig = ZabRig.settled(5);
    rig.partition([1, 2], [4, 5]);
    rig.pass(5_000);
    expect(rig.leader.zab.quorum.has([rig.leader.id, ...rig.followers.map(({ id }) => id)])).toBe(true);
    expect(rig.commit()).toBe(rig.leader.zab.commitZxid);
  });

  it("core.md 21: whoever is heard on one way only is not followed and does not vote", () => {
    const rig = new ZabRig(ensemble(1, 2, 3));
    rig.start(1, 2, 3);
    // What 3 says arrives nowhere; what the others say to it does.
    rig.clog(3, 1);
    rig.clog(3, 2);
    rig.pass(5_000);
    expect([rig.leader.id, rig.at(1).zab.isFollowing]).toEqual([2, true]);
    rig.clog(1, 2);
    rig.clog(2, 1);
    rig.pass(5_000);
    expect(rig.running.some(({ zab }) => zab.isLeading)).toBe(false);
  });

  it("one-way ring: nobody leads where nobody has two-way links to a quorum, whoever led before", () => {
    const rig = ZabRig.settled(3);
    // What is left: 1 to 3, 2 to 1, 3 to 2.
    rig.clog(3, 1);
    rig.clog(1, 2);
    rig.clog(2, 3);
    rig.pass(10_000);
    expect(rig.running.some(({ zab }) => zab.isLeading)).toBe(false);
    rig.heal();
    rig.pass(1_000);
    expect(rig.leader.zab.epoch).toBeGreaterThan(1);
  });

  it("a connection reset starts the check at once, silence counts after the time-out", () => {
    const rig = ZabRig.settled(3);
    rig.kill(3);
    rig.settle();
    expect([rig.leader.id, rig.leader.zab.epoch]).toEqual([2, 2]);
    rig.restart(3);
    rig.pass(500);
    rig.at(1).take();
    rig.clog(2, 1);
    rig.clog(2, 3);
    rig.pass(1_000);
    expect(rig.at(1).take()).toEqual([]);
    rig.pass(250);
    expect(rig.at(1).take()).toContain("looks: the leader is silent");
  });

  it("core.md 22: a preference ends after a time-out: votes are functions of shared facts in the end", () => {
    const rig = ZabRig.settled(3);
    // 3 and 2 will prefer 1, which has not heard it and prefers nobody.
    rig.clog(3, 1);
    rig.leader.zab.handOver(1);
    rig.deliverUntil(3, 2, "HANDOVER");
    rig.unlink(1, 3);
    rig.unlink(1, 2);
    rig.unclog(3, 1);
    rig.pass(900);
    rig.pass(800);
    expect(rig.leader.zab.isEstablished).toBe(true);
  });

  it("core.md 26, 28: one that refuses to lead is not elected, and follows", () => {
    const rig = new ZabRig(ensemble(1, 2, 3));
    rig.start(1, 2);
    rig.at(2).zab.refuseToLead();
    rig.pass(1_000);
    rig.start(3);
    rig.at(3).zab.refuseToLead();
    rig.pass(1_000);
    expect([rig.leader.id, rig.followers.map(({ id }) => id)]).toEqual([1, [2, 3]]);
  });
});
