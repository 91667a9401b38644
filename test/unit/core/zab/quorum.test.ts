import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../../src/core/base/assert.ts";
import type { ConfiguredMember, EnsembleConfiguration } from "../../../../src/core/zab/ensemble-configuration.ts";
import { Quorum } from "../../../../src/core/zab/quorum.ts";
import { ensemble } from "./rig-batches.ts";
import "../../../support/fixed-seed.ts";

function quorum(...members: [id: number, weight: number, role?: "voter" | "observer"][]): Quorum {
  const configured: ConfiguredMember[] = members.map(([id, weight, role = "voter"]) => ({
    id,
    weight,
    role,
    group: 0,
    incarnation: "",
    peerAddress: "",
  }));
  return new Quorum({ ensembleId: "", members: configured });
}

describe("Quorum", () => {
  const member = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom("voter" as const, "observer" as const));
  const members = fc
    .array(member, { minLength: 1, maxLength: 7 })
    .filter((members) => members.some(([weight, role]) => role === "voter" && weight > 0));
  const subset = fc.array(fc.nat(9), { maxLength: 12 });

  it("core.md 24: is more than half of the voters' weight, counted naively", () => {
    fc.assert(
      fc.property(members, subset, (members, asked) => {
        const voters = members.flatMap(([weight, role], id) => (role === "voter" ? [{ id, weight }] : []));
        const total = voters.reduce((sum, { weight }) => sum + weight, 0);
        const inFavour = voters.filter(({ id }) => asked.includes(id)).reduce((sum, { weight }) => sum + weight, 0);
        const actual = quorum(
          ...members.map(([weight, role], id) => [id, weight, role] as [number, number, typeof role]),
        );
        expect(actual.has(asked)).toBe(inFavour > total / 2);
      }),
      { numRuns: 1_000 },
    );
  });

  it("core.md 24: any two quorums share a voter", () => {
    fc.assert(
      fc.property(members, subset, (members, asked) => {
        const all = members.map(([weight, role], id) => [id, weight, role] as [number, number, typeof role]);
        const rest = all.map(([id]) => id).filter((id) => !asked.includes(id));
        const actual = quorum(...all);
        expect(actual.has(asked) && actual.has(rest)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
  ])("of %i equal voters are %i, and not one fewer", (voters, needed) => {
    const ids = Array.from({ length: voters }, (_, at) => at + 1);
    const equal = quorum(...ids.map((id) => [id, 1] as [number, number]));
    expect(equal.has(ids.slice(0, needed))).toBe(true);
    expect(equal.has(ids.slice(0, needed - 1))).toBe(false);
  });

  it("counts nobody twice, and strangers not at all", () => {
    const three = quorum([1, 1], [2, 1], [3, 1], [4, 1, "observer"]);
    expect(three.has([1, 1, 1])).toBe(false);
    expect(three.has([1, 4, 99])).toBe(false);
    expect(three.has(new Set([1, 3]))).toBe(true);
  });

  it("cannot be of an ensemble without a voter that weighs something", () => {
    expect(() => quorum([1, 1, "observer"])).toThrow(InvariantError);
    expect(() => quorum([1, 0])).toThrow(InvariantError);
    expect(() => quorum()).toThrow(InvariantError);
  });
});

describe("Quorum of groups, and of two configurations", () => {
  const grouped = fc
    .array(
      fc.record({
        role: fc.constantFrom("voter" as const, "voter" as const, "observer" as const),
        weight: fc.nat(4),
        group: fc.nat(3),
      }),
      { minLength: 1, maxLength: 9 },
    )
    .map((rest) => ensemble(...rest.map((fields, at) => ({ id: at + 1, ...fields }))))
    .filter(({ members }) => members.some(({ role, weight }) => role === "voter" && weight > 0));
  const subset = fc.uniqueArray(fc.integer({ min: 1, max: 10 }), { maxLength: 10 });

  /** A majority of weight in a majority of the groups that weigh anything, counted naively. */
  function naive({ members }: EnsembleConfiguration, asked: readonly number[]): boolean {
    const voters = members.filter(({ role }) => role === "voter");
    const weigh = (some: readonly ConfiguredMember[]): number => some.reduce((sum, { weight }) => sum + weight, 0);
    const groups = [...new Set(voters.map(({ group }) => group))].map((group) =>
      voters.filter((voter) => voter.group === group),
    );
    const counted = groups.filter((group) => weigh(group) > 0);
    const won = counted.filter((group) => weigh(group.filter(({ id }) => asked.includes(id))) > weigh(group) / 2);
    return won.length > counted.length / 2;
  }

  it("core.md 24: needs a majority of weight in a majority of groups, counted naively", () => {
    fc.assert(
      fc.property(grouped, subset, (configuration, asked) => {
        expect(new Quorum(configuration).has(asked)).toBe(naive(configuration, asked));
      }),
      { numRuns: 1_000 },
    );
  });

  it("core.md 25: of two configurations needs both, and shares a voter with every quorum of either", () => {
    fc.assert(
      fc.property(grouped, grouped, subset, (old, next, asked) => {
        const joint = new Quorum(old, next);
        expect(joint.has(asked)).toBe(naive(old, asked) && naive(next, asked));
        const rest = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].filter((id) => !asked.includes(id));
        for (const one of [old, next]) expect(joint.has(asked) && new Quorum(one).has(rest)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it("counts exactly those who can make a difference", () => {
    fc.assert(
      fc.property(grouped, grouped, (old, next) => {
        const voters = [...old.members, ...next.members].filter(({ role, weight }) => role === "voter" && weight > 0);
        const ids = [...new Set(voters.map(({ id }) => id))].sort();
        const joint = new Quorum(old, next);
        expect(joint.voters().sort()).toEqual(ids);
        for (let id = 1; id <= 10; id++) expect(joint.counts(id)).toBe(ids.includes(id));
      }),
    );
  });

  it("DSN'11: the highest a quorum has reached is reached by one, and nothing higher is", () => {
    const zxids = fc.dictionary(fc.integer({ min: 1, max: 9 }).map(String), fc.nat(20));
    fc.assert(
      fc.property(grouped, zxids, (configuration, dictionary) => {
        const reached = new Map(Object.entries(dictionary).map(([id, zxid]) => [Number(id), zxid]));
        const quorum = new Quorum(configuration);
        const having = (least: number): number[] => [...reached].filter(([, zxid]) => zxid >= least).map(([id]) => id);
        const highest = quorum.highestReached(reached);
        if (highest > 0) expect(naive(configuration, having(highest))).toBe(true);
        expect(naive(configuration, having(highest + 1))).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
