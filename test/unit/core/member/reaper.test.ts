import { describe, expect, it } from "vitest";
import { Prng } from "../../../../src/core/base/prng.ts";
import { CONTAINER_SWEEP_MS, Reaper, TTL_SWEEP_MS } from "../../../../src/core/member/reaper.ts";
import { TreeDriver } from "../tree/tree-driver.ts";

const START = 1_700_000_000_000;
/** Looks and removals of one call; the reaper's own bounds. */
const LOOKS_MAX = 2_000;
const REMOVALS_MAX = 200;

class Rig {
  readonly driver = new TreeDriver();
  readonly reaper: Reaper;
  now = START;

  constructor(startedAt = START) {
    this.driver.time = START;
    this.reaper = new Reaper(this.driver.tree.state, startedAt);
  }

  ttl(path: string, ttlMs: number): number {
    return this.driver.create(path, { mode: 5, ttlMs });
  }

  /** The names of what is due after so many ms more. */
  due(ms: number): string[] {
    this.now += ms;
    return this.reaper.due(this.now).map(({ node }) => Buffer.from(this.driver.tree.state.table.name(node)).toString());
  }
}

describe("Reaper", () => {
  it("core.md 7: finds TTL znodes whose time is up since their last change, while they are childless", () => {
    const rig = new Rig();
    for (const path of ["/short", "/long", "/parent"]) rig.ttl(path, path === "/long" ? 60_000 : 5_000);
    rig.driver.create("/parent/child");
    expect(rig.due(4_999)).toEqual([]);
    expect(rig.due(TTL_SWEEP_MS)).toEqual(["short"]);
    rig.driver.delete("/parent/child");
    expect(rig.due(TTL_SWEEP_MS)).toEqual(["short", "parent"]);
    rig.driver.time = rig.now;
    rig.driver.set("/parent");
    rig.driver.delete("/short");
    expect(rig.due(4_999)).toEqual([]);
    expect(rig.due(TTL_SWEEP_MS)).toEqual(["parent"]);
    expect(rig.due(60_000)).toEqual(["long", "parent"]);
  });

  it("core.md 7: names what it saw, so that apply can tell whether it is still that", () => {
    const rig = new Rig();
    const node = rig.ttl("/a", 1_000);
    rig.driver.set("/a");
    const { table } = rig.driver.tree.state;
    rig.now += 2_000;
    expect(rig.reaper.due(rig.now)).toEqual([{ node, czxid: table.czxid.get(node), mzxid: table.mzxid.get(node) }]);
    expect(table.mzxid.get(node)).toBeGreaterThan(table.czxid.get(node));
  });

  it("core.md 7: a new leader gives every TTL its whole time again", () => {
    const rig = new Rig(START + 3_600_000);
    rig.ttl("/a", 10_000);
    expect(rig.due(3_600_000 + 9_999)).toEqual([]);
    expect(rig.due(TTL_SWEEP_MS)).toEqual(["a"]);
  });

  it("core.md 7: finds containers that had children and have none, once a minute; never those that had none", () => {
    const rig = new Rig();
    for (const path of ["/empty", "/used", "/full"]) rig.driver.create(path, { mode: 4 });
    for (const path of ["/used/x", "/full/x"]) rig.driver.create(path);
    rig.driver.delete("/used/x");
    expect(rig.due(CONTAINER_SWEEP_MS - 1)).toEqual([]);
    expect(rig.due(1)).toEqual(["used"]);
    rig.driver.delete("/full/x");
    expect(rig.due(CONTAINER_SWEEP_MS - 1)).toEqual([]);
    expect(rig.due(1)).toEqual(["used", "full"]);
  });

  it("looks at a list once in its period, however often it is asked", () => {
    const rig = new Rig();
    rig.ttl("/a", 1);
    expect(rig.due(TTL_SWEEP_MS)).toEqual(["a"]);
    for (let i = 0; i < 9; i++) expect(rig.due(TTL_SWEEP_MS / 10)).toEqual([]);
    expect(rig.due(TTL_SWEEP_MS / 10)).toEqual(["a"]);
  });
});

describe("a sweep over a long list", () => {
  it("core.md 6: is bounded at each call, in znodes looked at and in removals, and goes on where it stopped", () => {
    const rig = new Rig();
    rig.driver.create("/p");
    const count = 1_000;
    for (let at = 0; at < count; at++) rig.ttl(`/p/${at}`, 1);
    const found: string[] = [];
    for (let call = 0; call < count / REMOVALS_MAX; call++) {
      const names = rig.due(call === 0 ? TTL_SWEEP_MS : 1);
      expect(names).toHaveLength(REMOVALS_MAX);
      found.push(...names);
    }
    expect(found).toEqual(Array.from({ length: count }, (_, at) => String(at)));
    expect(rig.due(1)).toEqual([]);
  });

  it("reaches what is due behind thousands that are not", () => {
    const rig = new Rig();
    rig.driver.create("/p");
    for (let at = 0; at < 2 * LOOKS_MAX; at++) rig.ttl(`/p/${at}`, 1_000_000);
    rig.ttl("/p/last", 1);
    expect([rig.due(TTL_SWEEP_MS), rig.due(1), rig.due(1), rig.due(1)]).toEqual([[], [], ["last"], []]);
  });

  it("shares the removals of a call: what the TTL znodes leave no room for comes at the next", () => {
    const rig = new Rig();
    rig.driver.create("/p");
    for (let at = 0; at < REMOVALS_MAX; at++) rig.ttl(`/p/${at}`, 1);
    rig.driver.create("/used", { mode: 4 });
    rig.driver.create("/used/x");
    rig.driver.delete("/used/x");
    expect(rig.due(CONTAINER_SWEEP_MS)).not.toContain("used");
    expect(rig.due(1)).toEqual(["used"]);
  });

  it.each([1, 2, 3])("finds all that stay due, while others come and go between its calls (seed %i)", (seed) => {
    const random = new Prng(seed);
    const rig = new Rig();
    rig.driver.create("/p");
    const passing: string[] = [];
    const staying = new Set<string>();
    for (let at = 0; at < 6_000; at++) {
      if (random.chance(0.02)) {
        rig.ttl(`/p/stays${at}`, 1);
        staying.add(`stays${at}`);
      } else {
        rig.ttl(`/p/${at}`, 1_000_000);
        passing.push(`/p/${at}`);
      }
    }
    const found = new Set<string>();
    for (let call = 0; call < 40; call++) {
      for (const name of rig.due(call === 0 ? TTL_SWEEP_MS : 100)) found.add(name);
      for (let i = random.below(30); i > 0; i--) {
        const [path] = passing.splice(random.below(passing.length), 1) as [string];
        rig.driver.delete(path);
        if (random.chance(0.5)) rig.ttl(`/p/new${call}-${i}`, 1_000_000);
      }
    }
    expect(found).toEqual(staying);
  });

  it("begins anew when the znode it stopped at has gone, even if its row has one of another kind by now", () => {
    for (const mode of [0, 1, 4, 5] as const) {
      const rig = new Rig();
      const session = rig.driver.openSession();
      rig.driver.create("/p");
      for (let at = 0; at <= LOOKS_MAX; at++) rig.ttl(`/p/${at}`, 1_000_000);
      rig.ttl("/p/due", 1);
      expect(rig.due(TTL_SWEEP_MS)).toEqual([]);
      // The row the sweep stopped at, and its place among the special znodes, are the next to be given away.
      rig.driver.delete(`/p/${LOOKS_MAX}`);
      const options = { mode, session: mode === 1 ? session : 0, ttlMs: mode === 5 ? 1_000_000 : 0 };
      for (const path of ["/x", "/y", "/z"]) rig.driver.create(path, options);
      expect(rig.due(1)).toEqual([]);
      expect(rig.due(1)).toEqual(["due"]);
    }
  });
});
