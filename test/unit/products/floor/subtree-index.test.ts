import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import type { WriteOperation } from "../../../../src/core/tree/operation.ts";
import { IndexRig, ROOT } from "./index-rig.ts";
import "../../../support/fixed-seed.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** The index, its changes added up, and the tree are one. */
function expectCurrent(rig: IndexRig): void {
  expect(new Map(rig.index.entries())).toEqual(rig.walk());
  expect(rig.mirror).toEqual(rig.walk());
}

describe("an index", () => {
  test("is ready once it has all of the subtree, and says so where there is nothing", () => {
    const rig = new IndexRig();
    expect(rig.index.isReady).toBe(false);
    rig.settle();
    expect([rig.index.isReady, rig.index.size, rig.changes]).toEqual([
      true,
      0,
      [{ changes: [], zxid: rig.index.zxid }],
    ]);
    rig.create(ROOT, "root");
    rig.create(`${ROOT}/a`, "1");
    rig.settle();
    expectCurrent(rig);
    expect(rig.changes[1]?.changes.map(({ path, before }) => [path, before])).toEqual([
      [ROOT, undefined],
      [`${ROOT}/a`, undefined],
    ]);
    expect(rig.index.zxid).toBe(rig.solo.member.tree.zxid);
  });

  test("walks what was there before, pages of many children and levels below", () => {
    const rig = new IndexRig();
    rig.create(ROOT);
    rig.create(`${ROOT}/deep`);
    rig.create(`${ROOT}/deep/er`, "x");
    const children = Array.from({ length: 1_200 }, (_, i) => ({
      kind: "create" as const,
      path: `${ROOT}/${i}`,
      data: new Uint8Array(0),
      mode: 0 as const,
    }));
    rig.write(...children);
    rig.restart();
    rig.settle();
    expect(rig.index.size).toBe(1_203);
    expectCurrent(rig);
  });

  test("products.md 15: a turn reads for a bounded time, and what changes in one is read once", () => {
    const rig = new IndexRig();
    rig.settle();
    rig.create(ROOT);
    for (let i = 0; i < 100; i++) rig.create(`${ROOT}/${i}`);
    for (let i = 0; i < 50; i++) rig.set(ROOT, `${i}`);
    rig.decodeMs = 1;
    let turns = 0;
    for (let before = rig.decoded; rig.index.size === 0; turns++) {
      vi.advanceTimersToNextTimer();
      expect(rig.decoded - before).toBeLessThanOrEqual(32);
      before = rig.decoded;
    }
    // Four to read it all, and one to show it.
    expect([turns, rig.decoded]).toEqual([5, 101]);
    expectCurrent(rig);
  });

  test("products.md 24: shows a change of many znodes whole, however many turns it takes to read it", () => {
    const rig = new IndexRig();
    const all = (value: string): WriteOperation => ({
      kind: "multi",
      operations: Array.from({ length: 100 }, (_, i) => ({
        kind: "set",
        path: `${ROOT}/${i}`,
        data: encodeUtf8(value),
        version: -1,
      })),
    });
    rig.create(ROOT);
    for (let i = 0; i < 100; i++) rig.create(`${ROOT}/${i}`, "old");
    rig.settle();
    rig.decodeMs = 10;
    rig.write(all("new"));
    const seen = new Set<string>();
    while (vi.getTimerCount() > 0) {
      seen.add([...new Set([...rig.index.entries()].map(([, value]) => value.slice(0, 3)))].sort().join());
      vi.advanceTimersToNextTimer();
    }
    expect(seen.size).toBe(1);
    expect(rig.changes.at(-1)?.changes).toHaveLength(100);
    expectCurrent(rig);
  });

  test("goes on from the events missed when its connection was lost, and reads nothing else", () => {
    const rig = new IndexRig();
    rig.create(ROOT);
    for (let i = 0; i < 10; i++) rig.create(`${ROOT}/${i}`);
    rig.settle();
    rig.port.cut("OUTCOME_UNKNOWN");
    rig.set(`${ROOT}/3`, "new");
    rig.delete(`${ROOT}/4`);
    rig.decoded = 0;
    rig.settle();
    expect(rig.decoded).toBe(1);
    expectCurrent(rig);
  });

  test.each([
    ["events are kept no longer (COMPACTED)", "OUTCOME_UNKNOWN", true],
    ["the member has given up its tree", "NOT_READY", false],
  ] as const)("walks again where %s, and shows what it had meanwhile", (_, reason, isFlooded) => {
    const rig = new IndexRig();
    rig.create(ROOT);
    for (let i = 0; i < 10; i++) rig.create(`${ROOT}/${i}`);
    rig.settle();
    rig.port.cut(reason);
    rig.delete(`${ROOT}/4`);
    if (isFlooded) rig.flood();
    rig.decoded = 0;
    expect(rig.index.size).toBe(11);
    rig.settle();
    expect(rig.decoded).toBe(10);
    expectCurrent(rig);
    expect(rig.changes.at(-1)?.changes).toContainEqual({
      path: `${ROOT}/4`,
      before: expect.any(String),
      after: undefined,
    });
  });

  test("waits for a member that does not serve yet, and for one that does not any more", () => {
    const rig = new IndexRig();
    rig.create(ROOT, "x");
    rig.settle();
    rig.solo.member.stop();
    rig.solo.member.shutDown();
    for (let i = 0; i < 10; i++) vi.advanceTimersToNextTimer();
    expect(rig.index.size).toBe(1);
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    rig.index.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("tells whoever has written when it shows that", () => {
    const rig = new IndexRig();
    rig.create(ROOT);
    rig.settle();
    const shown: (string | undefined)[] = [];
    const ask = () => rig.index.whenCurrent(() => shown.push(rig.index.get(ROOT)?.slice(0, 3)));
    rig.set(ROOT, "one");
    ask();
    expect(shown).toEqual([]);
    rig.settle();
    ask();
    rig.settle();
    expect(shown).toEqual(["one", "one"]);
    rig.port.cut("OUTCOME_UNKNOWN");
    rig.set(ROOT, "two");
    ask();
    rig.settle();
    expect(shown).toEqual(["one", "one", "two"]);
  });

  test("has nothing of what its decoder has no use for, and does not read what it does not cover", () => {
    const rig = new IndexRig({
      decode: ({ data }) => (data.length === 0 ? undefined : String.fromCharCode(...data)),
      covers: (path) => !`${path}/`.startsWith(`${ROOT}/big/`),
    });
    rig.create(ROOT, "root");
    rig.create(`${ROOT}/big`, "1");
    rig.create(`${ROOT}/big/below`, "1");
    rig.create(`${ROOT}/odd`);
    rig.create(`${ROOT}/bigger`, "2");
    rig.settle();
    const expected = [
      [ROOT, "root"],
      [`${ROOT}/bigger`, "2"],
    ];
    expect([...rig.index.entries()]).toEqual(expected);
    rig.restart();
    rig.settle();
    expect([...rig.index.entries()].sort()).toEqual(expected);
    rig.set(`${ROOT}/bigger`, "");
    rig.set(`${ROOT}/odd`, "3");
    rig.settle();
    expect([...rig.index.entries()].sort()).toEqual([expected[0], [`${ROOT}/odd`, "3"]]);
  });

  test("products.md 6: lives on where its decoder or its owner throws, and says that this is a defect", () => {
    let throws = true;
    const rig = new IndexRig({
      decode: ({ data }) => {
        if (data[0] === 0x21) throw new Error("hostile");
        return String.fromCharCode(...data);
      },
      onChange: () => {
        if (throws) throw new Error("broken");
      },
    });
    rig.create(ROOT, "!");
    rig.create(`${ROOT}/a`, "a");
    rig.settle();
    throws = false;
    rig.create(`${ROOT}/b`, "b");
    rig.index.whenCurrent(() => {
      throw new Error("broken, too");
    });
    rig.settle();
    expect([...rig.index.entries()]).toEqual([
      [`${ROOT}/a`, "a"],
      [`${ROOT}/b`, "b"],
    ]);
    const defect = "threw an error; this is a defect";
    expect(rig.notices).toEqual([
      `the decoder of /r ${defect}`,
      `whoever follows /r ${defect}`,
      `whoever waited for the index ${defect}`,
    ]);
  });
});

type Step =
  | { readonly kind: "write"; readonly operation: WriteOperation }
  | { readonly kind: "turns" | "mail"; readonly count: number }
  | { readonly kind: "cut"; readonly reason: "OUTCOME_UNKNOWN" | "NOT_READY" }
  | { readonly kind: "flood" | "restart" | "current" };

const path = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 3 }).map((names) => [ROOT, ...names].join("/"));
const data = fc.constantFrom("", "x", "y").map(encodeUtf8);
const create = fc.record({ kind: fc.constant("create" as const), path, data, mode: fc.constant(0 as const) });
const set = fc.record({ kind: fc.constant("set" as const), path, data, version: fc.constant(-1) });
const remove = fc.record({ kind: fc.constant("delete" as const), path, version: fc.constant(-1) });
const operation: fc.Arbitrary<WriteOperation> = fc.oneof(
  { weight: 6, arbitrary: create },
  { weight: 3, arbitrary: set },
  { weight: 2, arbitrary: remove },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete-tree" as const), path }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("multi" as const),
      operations: fc.array(fc.oneof(create, set, remove), { minLength: 1, maxLength: 3 }),
    }),
  },
);
const count = fc.integer({ min: 1, max: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 14, arbitrary: operation.map((each) => ({ kind: "write" as const, operation: each })) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom("turns" as const, "mail" as const), count }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("cut" as const),
      reason: fc.constantFrom("OUTCOME_UNKNOWN" as const, "NOT_READY" as const),
    }),
  },
  { weight: 2, arbitrary: fc.constantFrom({ kind: "restart" as const }, { kind: "current" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "flood" as const }) },
);

function take(rig: IndexRig, each: Step): void {
  switch (each.kind) {
    case "write":
      rig.write(each.operation);
      return;
    case "turns":
      for (let i = 0; i < each.count; i++) vi.advanceTimersToNextTimer();
      return;
    case "mail":
      rig.port.deliver(each.count);
      return;
    case "cut":
      rig.port.cut(each.reason);
      return;
    case "flood":
      rig.flood();
      return;
    case "restart":
      rig.restart();
      return;
    case "current": {
      const asked = rig.solo.member.tree.zxid;
      const { index } = rig;
      index.whenCurrent(() => expect(index.zxid).toBeGreaterThanOrEqual(asked));
    }
  }
}

test("products.md 24: whatever happens to the tree and the connection, each change is the tree at its zxid", () => {
  const steps = fc.array(step, { minLength: 1, maxLength: 40 });
  const decodeMs = fc.constantFrom(0, 1, 6);
  fc.assert(
    fc.property(steps, fc.boolean(), decodeMs, (all, isFar, ms) => {
      vi.clearAllTimers();
      const rig = new IndexRig({ isFar });
      rig.decodeMs = ms;
      rig.create(ROOT);
      let told = 0;
      for (const each of all) {
        take(rig, each);
        if (rig.changes.length > told) expect(rig.mirror).toEqual(rig.walkAt(rig.index.zxid));
        told = rig.changes.length;
        if (each.kind !== "restart") expect(new Map(rig.index.entries())).toEqual(rig.mirror);
      }
      rig.settle();
      expectCurrent(rig);
      expect(rig.notices).toEqual([]);
      rig.index.stop();
    }),
  );
});
