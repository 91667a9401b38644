import { describe, expect, it } from "vitest";
import { Comparison } from "./compare.ts";
import { Correspondence } from "./correspondence.ts";
import type { Request } from "./request.ts";
import { shrink } from "./shrink.ts";
import type { Item, Step } from "./step.ts";
import { NamesLeaf, type Stat, StatLeaf, type Value } from "./value.ts";

/** What was there before, on the left and on the right: zxids up to 100 and up to 5000. */
const BEFORE = [100n, 5_000n] as const;
const REQUEST: Request = { op: "setData", path: "§/a", data: "x", version: -1 };
const STEP: Step = { kind: "request", slot: 0, request: REQUEST };
const CLOSE: Step = { kind: "request", slot: 0, request: { op: "closeSession" } };

const stat: Stat = {
  czxid: 101n,
  mzxid: 103n,
  ctime: 7n,
  mtime: 9n,
  version: 1,
  cversion: 2,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 3,
  numChildren: 1,
  pzxid: 102n,
};
/** The same znode on the other side. */
const otherStat: Stat = { ...stat, czxid: 5_001n, mzxid: 5_005n, pzxid: 5_002n, ctime: 70n, mtime: 70n };

function reply(value: Value, changes: Partial<Item & { kind: "reply" }> = {}): Item {
  return { kind: "reply", request: REQUEST, index: 0, error: 0, zxid: 103n, fresh: true, value, ...changes };
}

function event(type: number, path: string): Item {
  return { kind: "event", type, state: 3, path, zxid: -1n, error: 0 };
}

const leftReply = reply({ stat: new StatLeaf("/d/a", stat) });
const rightReply = reply({ stat: new StatLeaf("/d/a", otherStat) }, { zxid: 5_005n });

function places(left: readonly Item[], right: readonly Item[], step = STEP): string[] {
  const correspondence = new Correspondence([...BEFORE]);
  correspondence.addSession(11n, 22n);
  return new Comparison(correspondence, new Map()).outcomes(step, [left], [right]).map(({ at }) => at);
}

describe("the comparison", () => {
  it("takes two sides for equal whose zxids, sessions and times only correspond", () => {
    const owned = (side: Stat, ephemeralOwner: bigint): Value => ({
      stat: new StatLeaf("/d/a", { ...side, ephemeralOwner }),
    });
    expect(places([leftReply], [rightReply])).toEqual([]);
    expect(places([reply(owned(stat, 11n))], [reply(owned(otherStat, 22n), { zxid: 5_005n })])).toEqual([]);
  });

  it.each([
    ["version", 2],
    ["cversion", 3],
    ["aversion", 1],
    ["dataLength", 4],
    ["numChildren", 0],
    ["ephemeralOwner", 22n],
  ] as const)("notices another %s", (field, value) => {
    const planted = reply({ stat: new StatLeaf("/d/a", { ...otherStat, [field]: value }) }, { zxid: 5_005n });
    expect(places([leftReply], [planted])).toEqual([`value.stat.${field}`]);
  });

  it("notices zxids that are equal on one side only, in another order, or from before", () => {
    const planted = (changes: Partial<Stat>): Item => {
      return reply({ stat: new StatLeaf("/d/a", { ...otherStat, ...changes }) }, { zxid: 5_005n });
    };
    expect(places([leftReply], [planted({ pzxid: 5_001n })])).toEqual(["value.stat.pzxid"]);
    expect(places([leftReply], [planted({ pzxid: 5_009n })])).toEqual(["value.stat.pzxid"]);
    expect(places([leftReply], [planted({ czxid: 4_000n })])).toEqual(["value.stat.czxid"]);
  });

  it("notices a write's reply with a zxid that is not the write's", () => {
    expect(places([leftReply], [reply({ stat: new StatLeaf("/d/a", otherStat) }, { zxid: 5_006n })])).toEqual(["zxid"]);
  });

  it("notices two times for one zxid", () => {
    const sameZxid = { ...stat, mzxid: 101n, mtime: 7n };
    const planted = { ...otherStat, mzxid: 5_001n, ctime: 70n, mtime: 71n };
    const read = (of: Stat): Item =>
      reply({ stat: new StatLeaf("/d/a", of) }, { request: { op: "getAcl", path: "§/a" } });
    expect(places([read(sameZxid)], [read(planted)])).toEqual(["value.stat.mtime"]);
  });

  it("notices another error, another data, a child that is missing", () => {
    expect(places([leftReply], [{ ...rightReply, error: -103 } as Item])).toEqual(["error"]);
    const read = { request: { op: "getData", path: "§/a", watch: false } } as const;
    expect(places([reply({ data: "x" }, read)], [reply({ data: null }, read)])).toEqual(["value.data"]);
    const children = (...names: string[]): Item => reply({ children: new NamesLeaf("/d", names) }, read);
    expect(places([children("a", "b")], [children("b", "a")])).toEqual([]);
    expect(places([children("a", "b")], [children("a")])).toEqual(["value.children"]);
  });

  it("notices an event that is missing, doubled, of another kind, of another path, or behind the reply", () => {
    const [changed, created] = [event(3, "/d/a"), event(1, "/d/b")];
    expect(places([changed, leftReply], [changed, rightReply])).toEqual([]);
    expect(places([changed, leftReply], [rightReply])).toEqual(["item"]);
    expect(places([changed], [changed, changed])).toEqual(["item"]);
    expect(places([changed, leftReply], [rightReply, changed])).toEqual(["item"]);
    expect(places([changed, created], [created, changed])).toContain("event.path");
    expect(places([changed], [event(2, "/d/a")])).toEqual(["event.type"]);
  });

  it("lets the events of one session's end come in any order, and still counts them", () => {
    const [one, other] = [event(2, "/d/a"), event(2, "/d/b")];
    expect(places([one, other], [other, one], CLOSE)).toEqual([]);
    expect(places([one, other], [other, other], CLOSE)).not.toEqual([]);
  });

  it("notices a connection that was closed on one side only, and an answer that never came", () => {
    expect(places([leftReply], [{ kind: "closed" }])).toEqual(["item"]);
    expect(places([leftReply], [{ kind: "silent", request: REQUEST, index: 0 }])).toEqual(["item"]);
  });
});

describe("shrinking", () => {
  const steps: Step[] = Array.from({ length: 40 }, (_, index) => {
    return { kind: "request", slot: 0, request: { op: "getAcl", path: String(index) } };
  });

  it("keeps what the difference needs", async () => {
    const needed = [steps[3]!, steps[29]!];
    const shows = async (some: readonly Step[]): Promise<boolean> => needed.every((step) => some.includes(step));
    expect(await shrink(steps, shows, 200)).toEqual(needed);
  });

  it("leaves out operations of a multi", async () => {
    const operations: Request[] = [1, 2, 3].map((version) => ({ op: "check", path: "§", version }));
    const step: Step = { kind: "request", slot: 0, request: { op: "multi", operations } };
    const shows = async (some: readonly Step[]): Promise<boolean> => JSON.stringify(some).includes('"version":2');
    const [shrunk] = await shrink([step], shows, 50);
    expect(shrunk).toEqual({ ...step, request: { op: "multi", operations: [operations[1]] } });
  });
});
