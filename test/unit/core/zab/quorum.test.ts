import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../../src/core/base/assert.ts";
import type { ConfiguredMember } from "../../../../src/core/zab/ensemble-configuration.ts";
import { Quorum } from "../../../../src/core/zab/quorum.ts";
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
  const ensemble = fc
    .array(member, { minLength: 1, maxLength: 7 })
    .filter((members) => members.some(([weight, role]) => role === "voter" && weight > 0));
  const subset = fc.array(fc.nat(9), { maxLength: 12 });

  it("core.md 24: is more than half of the voters' weight, counted naively", () => {
    fc.assert(
      fc.property(ensemble, subset, (members, asked) => {
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
      fc.property(ensemble, subset, (members, asked) => {
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
