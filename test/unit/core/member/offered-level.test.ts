import { expect, test } from "vitest";
import { FEATURE_LEVEL, FIRST_FEATURE_LEVEL } from "../../../../src/core/tree/feature-level.ts";
import { type MemberNode, MemberRig } from "./member-rig.ts";

function levels(rig: MemberRig): number[] {
  return rig.running.map(({ member }) => member.tree.state.featureLevel);
}

function told({ transitions }: MemberNode): unknown[] {
  return transitions.filter(({ kind }) => kind === "feature-level");
}

test("core.md 5: the level rises by itself to what every member offers, and each member says so once", () => {
  const rig = MemberRig.of(3);
  rig.pass(2_000);
  expect(levels(rig)).toEqual([FEATURE_LEVEL, FEATURE_LEVEL, FEATURE_LEVEL]);
  const once = { kind: "feature-level", level: FEATURE_LEVEL, zxid: expect.any(Number) };
  for (const node of rig.running) expect(told(node)).toEqual([once]);
});

test("core.md 5: held down, it stays, and what is newer is refused with what it waits for", () => {
  const rig = MemberRig.of(3, { featureLevel: FIRST_FEATURE_LEVEL });
  rig.pass(2_000);
  expect(levels(rig)).toEqual([FIRST_FEATURE_LEVEL, FIRST_FEATURE_LEVEL, FIRST_FEATURE_LEVEL]);
  for (const node of rig.running) expect(told(node)).toEqual([]);
  let outcome: unknown;
  rig.leader.member.reconfigure({ kind: "change", id: 1, weight: 2 }, (done) => {
    outcome = done;
  });
  rig.settle();
  expect(outcome).toMatchObject({ reason: "UNSUPPORTED", detail: expect.stringContaining("once every member") });
});

test("a member cannot offer what its program does not know", () => {
  expect(() => MemberRig.of(1, { featureLevel: FEATURE_LEVEL + 1 })).toThrow("no feature level its program");
});
