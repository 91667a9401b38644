import { describe, expect, it } from "vitest";
import type { ConfigurationChange } from "../../../src/core/base/ensemble-change.ts";
import type { ChangeOutcome } from "../../../src/core/member/ensemble-changes.ts";
import { MemberRig } from "../../unit/core/member/member-rig.ts";
import { ensemble } from "../../unit/core/zab/rig-batches.ts";
import { ZabRig } from "../../unit/core/zab/zab-rig.ts";
import { ELECTION_MS, haveConverged, isolate, takeTurns } from "./steps.ts";

/** Asks member `id` for a change; its outcomes, of which there has to be one. */
function ask(rig: MemberRig, id: number, change: ConfigurationChange): ChangeOutcome[] {
  const outcomes: ChangeOutcome[] = [];
  rig.at(id).member.reconfigure(change, (outcome) => outcomes.push(outcome));
  return outcomes;
}

const elsewhere = { kind: "change", id: 1, peerAddress: "no-such-host.invalid:7402" } as const;

function addressesOf(rig: MemberRig, id: number): (string | undefined)[] {
  return rig.running.map(({ member }) => member.configuration.members.find((each) => each.id === id)?.peerAddress);
}

describe("a change of the ensemble", () => {
  it("Z-4708, Z-2778: to an address that nobody can resolve is committed, writes go on, it can be taken back", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(1, 60_000);
    const outcomes = ask(rig, 2, elsewhere);
    for (let i = 0; i < 5; i++) client.create("/q-", "", 2);
    rig.settle();
    expect(outcomes.map(({ reason }) => reason)).toEqual([undefined]);
    expect(addressesOf(rig, 1)).toEqual(Array(3).fill(elsewhere.peerAddress));
    // Its links are gone, as after a failed look-up, and so it is; the leader commits on.
    cut(rig, 1);
    const other = rig.session(2, 60_000);
    for (let i = 0; i < 5; i++) other.create("/q-", "", 2);
    rig.pass(2_000);
    expect([rig.leader.id, other.take().at(-1)]).toEqual([3, "5 create /q-0000000009"]);
    const back = ask(rig, 3, { ...elsewhere, peerAddress: "10.0.0.1:7402" });
    rig.settle();
    rig.heal();
    rig.pass(2_000);
    expect([back.map(({ reason }) => reason), addressesOf(rig, 1)]).toEqual([
      [undefined],
      Array(3).fill("10.0.0.1:7402"),
    ]);
    expect(client.take().at(-1)).toBe("5 create /q-0000000004");
  });

  it("Z-2080: a second one while the first is under way is refused by name, neither blocks the other for good", () => {
    const rig = MemberRig.of(3);
    rig.at(1).holdsDisk = true;
    rig.at(2).holdsDisk = true;
    const first = ask(rig, 3, elsewhere);
    rig.settle();
    const second = ask(rig, 1, { ...elsewhere, id: 2 });
    rig.settle();
    expect([first, second.map(({ reason }) => reason)]).toEqual([[], ["CHANGE_IN_PROGRESS"]]);
    rig.at(1).holdsDisk = false;
    rig.settle();
    expect(first.map(({ reason }) => reason)).toEqual([undefined]);
    const third = ask(rig, 1, { ...elsewhere, id: 2, peerAddress: "10.9.9.9:1" });
    rig.settle();
    expect(third.map(({ reason }) => reason)).toEqual([undefined]);
  });

  it("Z-2080, Z-2778: and an election at any step of it end with one answer each and one configuration", () => {
    const answers = new Set<string>();
    for (let step = 0; step < 14; step++) {
      const rig = MemberRig.of(3);
      const outcomes = ask(rig, 1, { ...elsewhere, id: 3 });
      for (let i = 0; i < step; i++) rig.step();
      rig.kill(3);
      rig.pass(3_000);
      expect([step, outcomes.length]).toEqual([step, 1]);
      answers.add(outcomes[0]?.reason ?? "made");
      const addresses = new Set(addressesOf(rig, 3));
      expect([step, addresses.size]).toEqual([step, 1]);
      if (outcomes[0]?.reason === undefined) expect([...addresses]).toEqual([elsewhere.peerAddress]);
      const next = ask(rig, 1, { kind: "change", id: 3, role: "observer" });
      rig.pass(500);
      expect([step, next.map(({ reason }) => reason)]).toEqual([step, [undefined]]);
    }
    expect([...answers].sort()).toEqual(["NOT_LEADER", "made"]);
  });

  it("Z-4708: by which the leader itself loses its vote is committed by the others; one of them leads at once", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(3, 60_000);
    const { time } = rig;
    const outcomes = ask(rig, 3, { kind: "change", id: 3, role: "observer" });
    client.create("/a");
    rig.settle();
    expect([outcomes.map(({ reason }) => reason), rig.leader.id, rig.time - time]).toEqual([[undefined], 2, 0]);
    expect([rig.at(3).member.role, client.take().at(-1)]).toEqual(["observer", "1 create /a"]);
  });
});

describe("joint quorums (core.md 25)", () => {
  const [three, five] = [ensemble(1, 2, 3), ensemble(1, 2, 3, 4, 5)];

  /** Five are in sync, three of them are voters, and the leader has journalled that all are. */
  function growing(): ZabRig {
    const rig = new ZabRig(three);
    rig.start(1, 2, 3);
    rig.pass(600);
    for (const id of [4, 5]) rig.startWith(id, { configuration: three });
    rig.pass(600);
    rig.commit();
    return rig;
  }

  it("Z-2080: a change that only the new members have is no majority's; the old ones truncate it", () => {
    const rig = growing();
    isolate(rig, 1);
    isolate(rig, 2);
    rig.leader.reconfigure(five);
    rig.settle();
    // 3, 4 and 5 have it on disk: three of the new five, one of the old three.
    expect([rig.leader.zab.isChanging, rig.at(5).zab.configuration]).toEqual([true, five]);
    rig.join(1, 2);
    rig.pass(ELECTION_MS);
    expect([rig.leader.id, rig.leader.zab.configuration]).toEqual([2, three]);
    rig.commit();
    rig.heal();
    rig.pass(ELECTION_MS);
    expect(rig.running.map(({ zab }) => [zab.configuration, zab.isChanging])).toEqual(Array(5).fill([three, false]));
    expect(haveConverged(rig)).toBe(true);
  });

  it("Z-2080, Z-2778: an election at any step of one ends in the old ensemble or the new, with one leader", () => {
    const found = new Set<number>();
    for (let step = 0; step < 10; step++) {
      const rig = growing();
      rig.leader.reconfigure(five);
      takeTurns(rig, step, () => !rig.at(3).zab.isChanging);
      rig.kill(3);
      rig.pass(ELECTION_MS);
      const { leader } = rig;
      found.add(leader.zab.configuration.members.length);
      expect([step, leader.zab.isChanging]).toEqual([step, false]);
      rig.commit();
      rig.restart(3);
      rig.pass(ELECTION_MS);
      rig.commit();
      expect([step, haveConverged(rig)]).toEqual([step, true]);
      expect(new Set(rig.running.map(({ zab }) => zab.configuration.members.length))).toEqual(
        new Set([leader.zab.configuration.members.length]),
      );
    }
    expect([...found].sort()).toEqual([3, 5]);
  });

  it("rounds and check-quorum need both too: heard only by the new ones, one answers no barrier and steps down", () => {
    const rig = growing();
    for (const id of [1, 2]) rig.at(id).holdsDisk = true;
    rig.leader.reconfigure(five);
    rig.settle();
    const old = rig.at(3);
    for (const id of [1, 2]) isolate(rig, id);
    const round = old.zab.beginRound();
    rig.settle();
    expect(old.confirmedRound).toBeLessThan(round);
    old.take();
    rig.pass(1_200);
    expect(old.take()[0]).toBe("looks: a quorum has not been heard for the time-out");
  });
});

function cut(rig: MemberRig, id: number): void {
  rig.partition(
    [id],
    [...rig.nodes.keys()].filter((other) => other !== id),
  );
}
