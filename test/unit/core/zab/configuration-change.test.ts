import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GROUP_MAX, MEMBERS_MAX, VOTERS_MAX, WEIGHT_MAX } from "../../../../src/core/base/limits.ts";
import {
  applyChange,
  type ConfigurationChange,
  isRefusal,
  type Joiner,
} from "../../../../src/core/zab/configuration-change.ts";
import type { ConfiguredMember, EnsembleConfiguration } from "../../../../src/core/zab/ensemble-configuration.ts";
import { Quorum } from "../../../../src/core/zab/quorum.ts";

const member = (id: number, fields: Partial<ConfiguredMember> = {}): ConfiguredMember => ({
  id,
  role: "voter",
  weight: 1,
  group: 0,
  incarnation: `i${id}`,
  peerAddress: `host-${id}:7402`,
  ...fields,
});
const ensemble = (...members: ConfiguredMember[]): EnsembleConfiguration => ({ ensembleId: "e".repeat(32), members });
const three = ensemble(member(1), member(2), member(3));
const noJoiners = new Map<number, Joiner>();
const joiner = (id: number, incarnation = `i${id}`): ReadonlyMap<number, Joiner> =>
  new Map([[id, { incarnation, peerAddress: `host-${id}:7402` }]]);

function accepted(
  configuration: EnsembleConfiguration,
  change: ConfigurationChange,
  joiners: ReadonlyMap<number, Joiner> = noJoiners,
): EnsembleConfiguration {
  const outcome = applyChange(configuration, change, joiners);
  if (isRefusal(outcome)) throw new Error(outcome.detail);
  return outcome;
}

describe("core.md 25: a change", () => {
  it("adds a joiner, at its own address and with weight 1 unless told otherwise, in the order of ids", () => {
    const added = accepted(ensemble(member(2), member(9)), { kind: "add", id: 4, role: "observer" }, joiner(4));
    expect(added).toEqual(ensemble(member(2), member(4, { role: "observer" }), member(9)));
    const told = { kind: "add", id: 4, role: "voter", weight: 3, group: 0, peerAddress: "[::1]:9" } as const;
    expect(accepted(three, told, joiner(4)).members[3]).toEqual(member(4, { weight: 3, peerAddress: "[::1]:9" }));
  });

  it("removes a member", () => {
    expect(accepted(three, { kind: "remove", id: 2 })).toEqual(ensemble(member(1), member(3)));
  });

  it("changes what it names and leaves the rest", () => {
    const change = { kind: "change", id: 2, role: "observer", peerAddress: "other:1" } as const;
    expect(accepted(three, change)).toEqual(
      ensemble(member(1), member(2, { role: "observer", peerAddress: "other:1" }), member(3)),
    );
    expect(accepted(three, { kind: "change", id: 2, weight: 0 }).members[1]).toEqual(member(2, { weight: 0 }));
  });

  it("core.md 26: readmits a known id with a new incarnation, which keeps its weight and group", () => {
    const before = ensemble(member(1, { group: 2 }), member(2, { weight: 5, group: 2 }));
    const after = accepted(before, { kind: "add", id: 2, role: "voter" }, joiner(2, "new"));
    expect(after.members[1]).toEqual(member(2, { weight: 5, group: 2, incarnation: "new" }));
  });
});

describe("a change is refused", () => {
  const seven = ensemble(...[1, 2, 3, 4, 5, 6, 7].map((id) => member(id)));
  const full = ensemble(
    member(1),
    ...Array.from({ length: MEMBERS_MAX - 1 }, (_, index) => member(index + 2, { role: "observer" })),
  );
  const grouped = ensemble(member(1, { group: 1 }), member(2, { group: 1 }), member(3, { group: 2 }));

  it.each<[string, EnsembleConfiguration, ConfigurationChange, ReadonlyMap<number, Joiner>, string, RegExp]>([
    [
      "an id that exists",
      three,
      { kind: "add", id: 2, role: "voter" },
      noJoiners,
      "MEMBER_EXISTS",
      /member 2 .*host-2/,
    ],
    [
      "an id whose member is the one known",
      three,
      { kind: "add", id: 2, role: "voter" },
      joiner(2),
      "MEMBER_EXISTS",
      /./,
    ],
    [
      "one that is not connected, saying how",
      three,
      { kind: "add", id: 4, role: "voter" },
      joiner(5),
      "MEMBER_NOT_CONNECTED",
      /--id 4/,
    ],
    ["removing nobody", three, { kind: "remove", id: 9 }, noJoiners, "MEMBER_UNKNOWN", /which has 1, 2, 3/],
    ["changing nobody", three, { kind: "change", id: 9, weight: 2 }, noJoiners, "MEMBER_UNKNOWN", /member 9/],
    [
      "changing nothing",
      three,
      { kind: "change", id: 1, role: "voter" },
      noJoiners,
      "INVALID_CONFIGURATION",
      /already/,
    ],
    [
      "removing the last voter",
      ensemble(member(1), member(2, { role: "observer" })),
      { kind: "remove", id: 1 },
      noJoiners,
      "INVALID_CONFIGURATION",
      /last voter/,
    ],
    [
      "demoting the last voter that weighs something",
      ensemble(member(1), member(2, { weight: 0 })),
      { kind: "change", id: 1, role: "observer" },
      noJoiners,
      "INVALID_CONFIGURATION",
      /last voter/,
    ],
    [
      "taking a group's weight",
      grouped,
      { kind: "change", id: 3, weight: 0 },
      noJoiners,
      "INVALID_CONFIGURATION",
      /group 2/,
    ],
    [
      "a voter without weight in a group of its own",
      grouped,
      { kind: "add", id: 4, role: "voter", weight: 0, group: 3 },
      joiner(4),
      "INVALID_CONFIGURATION",
      /group 3/,
    ],
    [
      `a voter beyond ${VOTERS_MAX}`,
      seven,
      { kind: "add", id: 8, role: "voter" },
      joiner(8),
      "INVALID_CONFIGURATION",
      /at most 7 voters/,
    ],
    [
      `a member beyond ${MEMBERS_MAX}`,
      full,
      { kind: "add", id: 200, role: "observer" },
      joiner(200),
      "INVALID_CONFIGURATION",
      /at most 64 members/,
    ],
    [
      "an address in use, in whatever case",
      three,
      { kind: "change", id: 1, peerAddress: "HOST-3:7402" },
      noJoiners,
      "INVALID_CONFIGURATION",
      /member 3/,
    ],
    ["an id of 0", three, { kind: "remove", id: 0 }, noJoiners, "INVALID_ARGUMENT", /1 to 255/],
    ["an id beyond 255", three, { kind: "add", id: 256, role: "voter" }, noJoiners, "INVALID_ARGUMENT", /1 to 255/],
    ["half a vote", three, { kind: "change", id: 1, weight: 0.5 }, noJoiners, "INVALID_ARGUMENT", /weight/],
    [
      "too much weight",
      three,
      { kind: "change", id: 1, weight: WEIGHT_MAX + 1 },
      noJoiners,
      "INVALID_ARGUMENT",
      /1000/,
    ],
    ["too high a group", three, { kind: "change", id: 1, group: GROUP_MAX + 1 }, noJoiners, "INVALID_ARGUMENT", /255/],
    ["no port", three, { kind: "change", id: 1, peerAddress: "host" }, noJoiners, "INVALID_ARGUMENT", /has no port/],
    ["port 0", three, { kind: "change", id: 1, peerAddress: "host:0" }, noJoiners, "INVALID_ARGUMENT", /port 0/],
    [
      "a joiner that names no address of its own",
      three,
      { kind: "add", id: 4, role: "voter" },
      new Map([[4, { incarnation: "x", peerAddress: "" }]]),
      "INVALID_ARGUMENT",
      /peer address/,
    ],
    [
      "a role nobody knows",
      three,
      { kind: "change", id: 1, role: "king" as "voter" },
      noJoiners,
      "INVALID_ARGUMENT",
      /voter or observer/,
    ],
  ])("%s", (_, configuration, change, joiners, reason, detail) => {
    const outcome = applyChange(configuration, change, joiners);
    expect(outcome).toMatchObject({ reason });
    expect((outcome as { detail: string }).detail).toMatch(detail);
  });
});

// Small ranges, so that changes meet: the same ids, addresses and groups come up again and again.
const id = fc.integer({ min: 1, max: 9 });
const role = fc.constantFrom("voter" as const, "observer" as const);
const some = {
  weight: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
  group: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
  peerAddress: fc.option(
    fc.integer({ min: 1, max: 12 }).map((host) => `host-${host}:7402`),
    { nil: undefined },
  ),
};
const anyChange: fc.Arbitrary<ConfigurationChange> = fc.oneof(
  fc.record({ kind: fc.constant("add" as const), id, role, ...some }),
  fc.record({ kind: fc.constant("remove" as const), id }),
  fc.record({ kind: fc.constant("change" as const), id, role: fc.option(role, { nil: undefined }), ...some }),
);
const anyJoiners = fc
  .array(fc.tuple(id, fc.constantFrom("a", "b")), { maxLength: 9 })
  .map((entries) => new Map(entries.map(([of, incarnation]) => [of, joinerOf(of, incarnation)])));
const joinerOf = (of: number, incarnation: string): Joiner => ({ incarnation, peerAddress: `host-${of}:7402` });

/** Every quorum of one meets every quorum of the other: what the overlap of one change rests on. */
function quorumsMeet(one: EnsembleConfiguration, other: EnsembleConfiguration): boolean {
  const [first, second] = [new Quorum(one), new Quorum(other)];
  const ids = [...new Set([...one.members, ...other.members].map((each) => each.id))];
  for (let subset = 0; subset < 2 ** ids.length; subset++) {
    const inside = ids.filter((_, index) => (subset & (1 << index)) !== 0);
    const outside = ids.filter((each) => !inside.includes(each));
    if (first.has(inside) && second.has(outside)) return false;
  }
  return true;
}

describe("any sequence of changes", () => {
  it("leaves a valid ensemble after each, of which one member at most differs", () => {
    let made = 0;
    fc.assert(
      fc.property(fc.array(fc.tuple(anyChange, anyJoiners), { minLength: 1, maxLength: 30 }), (steps) => {
        let now = three;
        for (const [change, joiners] of steps) {
          const frozen = JSON.stringify(now);
          const outcome = applyChange(now, change, joiners);
          expect(JSON.stringify(now)).toBe(frozen);
          if (isRefusal(outcome)) {
            expect(outcome.detail).not.toBe("");
            continue;
          }
          made++;
          expect(outcome.ensembleId).toBe(now.ensembleId);
          const before = new Map(now.members.map((each) => [each.id, JSON.stringify(each)]));
          const after = new Map(outcome.members.map((each) => [each.id, JSON.stringify(each)]));
          const touched = [...new Set([...before.keys(), ...after.keys()])].filter(
            (each) => before.get(each) !== after.get(each),
          );
          expect(touched).toEqual([change.id]);
          now = outcome;
          const ids = now.members.map((each) => each.id);
          expect(ids).toEqual([...new Set(ids)].sort((one, two) => one - two));
          expect(new Set(now.members.map(({ peerAddress }) => peerAddress)).size).toBe(ids.length);
          const voters = now.members.filter((each) => each.role === "voter");
          expect(voters.length).toBeLessThanOrEqual(VOTERS_MAX);
          for (const { group } of voters) {
            expect(voters.some((each) => each.group === group && each.weight > 0)).toBe(true);
          }
          expect(new Quorum(now).has(ids)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
    expect(made).toBeGreaterThan(100);
  });

  it("quorums before and after adding or removing one plain voter always meet", () => {
    let now = ensemble(member(1));
    for (const next of [2, 3, 4, 5, 6, 7]) {
      const grown = accepted(now, { kind: "add", id: next, role: "voter" }, joiner(next));
      expect(quorumsMeet(now, grown)).toBe(true);
      expect(quorumsMeet(grown, accepted(grown, { kind: "remove", id: 1 }))).toBe(true);
      now = grown;
    }
  });
});
