import { describe, expect, it } from "vitest";
import { Prng } from "../../../../src/core/base/prng.ts";
import { Hasher } from "../../../../src/core/tree/digest.ts";
import { FEATURE_LEVEL, FeatureLevelError } from "../../../../src/core/tree/feature-level.ts";
import { LoadError } from "../../../../src/core/tree/loader.ts";
import type { Session } from "../../../../src/core/tree/session-table.ts";
import type { SessionRow, SnapshotMeta, ZnodeRow } from "../../../../src/core/tree/snapshot-row.ts";
import { Tree } from "../../../../src/core/tree/tree.ts";
import { MemorySnapshotStore } from "../../../../src/storage/snapshot/memory-snapshot-store.ts";
import { auditTree } from "../../../model/audit.ts";
import { patience, seeds, stepsPerHistory } from "../../../model/budget.ts";
import { examine } from "../../../model/compare.ts";
import type { ModelCommand, Outcome } from "../../../model/expectation.ts";
import { generateHistory } from "../../../model/generate.ts";
import { RealTree } from "../../../model/real-tree.ts";
import { RowStore } from "../../../model/snapshotting-tree.ts";
import { TreeDriver } from "./tree-driver.ts";

const silent = { record: () => undefined };

/** The real tree with rounds going into a snapshot store: frozen anywhere, captured in slices between commands. */
class StoringTree extends RealTree {
  rounds = 0;
  private readonly random: Prng;
  private readonly store: MemorySnapshotStore;
  private frozen: SnapshotMeta | undefined;

  constructor(seed: number) {
    super();
    this.random = new Prng(seed);
    const events = {
      onCommitted: (zxid: number) => this.check(zxid),
      onFatal: (error: Error) => {
        throw error;
      },
    };
    this.store = new MemorySnapshotStore(events, { schedule: (work) => work() });
  }

  override apply(zxid: number, timeMs: number, command: ModelCommand): Outcome {
    const { capture } = this.tree.state;
    if (this.frozen === undefined && this.random.chance(0.25)) {
      this.frozen = this.tree.snapshotMeta();
      capture.freeze();
    }
    if (this.frozen !== undefined && this.random.chance(0.7)) {
      const done = capture.capture(1 + this.random.below(3));
      for (const run of capture.takeRuns()) this.store.write(run);
      if (done) {
        this.store.commit(this.frozen);
        this.frozen = undefined;
        this.rounds++;
      }
    }
    return super.apply(zxid, timeMs, command);
  }

  /** What a restart would load is the tree as it was when the round was frozen. */
  private check(zxid: number): void {
    const loaded = Tree.load(this.random.uint32(), silent, (rows) => this.store.medium.load(rows));
    expect(loaded.zxid).toBe(zxid);
    expect(loaded.snapshotMeta()).toEqual(this.frozen);
    auditTree(loaded);
  }
}

describe("rounds of a moving tree", () => {
  const histories = seeds(12);

  it("core.md 34: stored and loaded, each is the tree of its freeze, to the digest and every coordinate", {
    timeout: patience(histories),
  }, () => {
    let rounds = 0;
    for (const seed of histories) {
      let tree: StoringTree | undefined;
      const subject = (): StoringTree => {
        tree = new StoringTree(seed);
        return tree;
      };
      expect(examine(generateHistory(seed + 1_000, stepsPerHistory), subject)).toBeUndefined();
      rounds += tree?.rounds ?? 0;
    }
    expect(rounds).toBeGreaterThan(histories.length * 3);
  });

  it("core.md 34: cost what changed: a round after one change has that znode and its parent", () => {
    const driver = new TreeDriver();
    for (let at = 0; at < 500; at++) driver.create(`/n${at}`);
    const { capture } = driver.tree.state;
    capture.freeze();
    while (!capture.capture(64));
    capture.takeRuns();
    driver.set("/n7", "changed");
    driver.create("/n8/child");
    driver.delete("/n9");
    const store = new RowStore();
    capture.freeze();
    while (!capture.capture(1));
    store.commit(capture.takeRuns(), driver.tree.snapshotMeta());
    const names = [...store.znodes.values()].map(({ name }) => Buffer.from(name).toString());
    expect(names.sort()).toEqual(["", "child", "n7", "n8"]);
  });
});

/** A small tree with everything a row can hold, and its rows. */
function rowsOfEverything(): RowStore {
  const driver = new TreeDriver();
  driver.time = 1_700_000_000_000;
  const session = driver.openSession();
  driver.create("/p", { data: "some data" });
  driver.create("/p/eph", { mode: 1, session, data: "e" });
  driver.create("/p/container", { mode: 4 });
  driver.create("/p/container/seq-", { mode: 2 });
  driver.create("/p/ttl", { mode: 5, ttlMs: 60_000 });
  driver.identities = [{ scheme: "digest", id: "alice:x=" }];
  const acl = [
    { scheme: "digest", id: "alice:x=", permissions: 31 },
    { scheme: "ip", id: "10.0.0.0/8", permissions: 1 },
  ];
  driver.write({ kind: "create", path: "/p/acl", mode: 0, data: new Uint8Array(0), acl });
  for (const path of ["/zookeeper/quota/p", "/zookeeper/quota/p/zookeeper_limits"]) driver.create(path);
  driver.set("/zookeeper/quota/p/zookeeper_limits", "count=100");
  driver.raiseFeatureLevel(FEATURE_LEVEL);
  driver.reconfigure(0, Uint8Array.of(1, 2, 3));
  driver.create("/last", { session });
  const { capture } = driver.tree.state;
  capture.freeze();
  while (!capture.capture(100));
  const store = new RowStore();
  store.commit(capture.takeRuns(), driver.tree.snapshotMeta());
  return store;
}

function load(store: RowStore): Tree {
  return store.load(3, silent);
}

/** The bits of a number that are tried: the ends of its bytes and halves. */
const BITS = [0, 7, 8, 31, 32, 52];

/** Values that differ from this one in one bit; of text and bytes, one bit of each unit. Or in length by one. */
function* flips(value: number | string | Uint8Array, bits: number): Generator<number | string | Uint8Array> {
  if (typeof value === "number") {
    for (const bit of BITS.filter((each) => each < bits)) {
      const power = 2 ** bit;
      const isSet = Math.floor((value < 0 ? value + 2 ** 32 : value) / power) % 2 === 1;
      const flipped = isSet ? value - power : value + power;
      yield bits === 32 && flipped >= 2 ** 31 ? flipped - 2 ** 32 : flipped;
    }
    return;
  }
  for (let at = 0; at < value.length; at++) {
    const bit = 1 << ((at * 3) % 8);
    if (typeof value === "string") {
      yield value.slice(0, at) + String.fromCharCode(value.charCodeAt(at) ^ bit) + value.slice(at + 1);
    } else {
      const bytes = value.slice();
      bytes[at] = (bytes[at] as number) ^ bit;
      yield bytes;
    }
  }
  yield typeof value === "string" ? `${value} ` : Uint8Array.from([...value, 0]);
  if (value.length > 0) yield value.slice(1);
}

function bitsOf(field: string): number {
  if (field === "kind") return 8;
  return ["version", "creations", "aversion", "checksum", "generation"].includes(field) ? 32 : 53;
}

describe("one flipped bit", () => {
  const store = rowsOfEverything();
  const { meta } = store;

  function failure(): string {
    try {
      load(store);
      return "loaded";
    } catch (error) {
      return error instanceof LoadError ? error.message : `not a LoadError: ${String(error)}`;
    }
  }

  /** Loads with each flip of each field of a row in its place, and says what came of it. */
  function eachFlip<R extends ZnodeRow | SessionRow>(
    rows: Map<number, R>,
    key: number,
    told: (field: string, row: R, outcome: string) => void,
  ): number {
    const row = rows.get(key) as R;
    let count = 0;
    for (const [field, value] of Object.entries(row) as [string, number | string | Uint8Array][]) {
      for (const flipped of flips(value, bitsOf(field))) {
        const wrong = { ...row, [field]: flipped };
        rows.set(key, wrong);
        told(field, wrong, failure());
        count++;
      }
    }
    rows.set(key, row);
    return count;
  }

  it("is none: the rows load, with sessions, ephemerals, quotas and the digest", () => {
    const tree = load(store);
    expect(tree.snapshotMeta()).toEqual(meta);
    expect([tree.state.sessions.size, tree.state.ephemeralCount, tree.state.quotas.size]).toEqual([1, 1, 1]);
    expect([tree.state.containers.size, tree.state.ttls.size]).toEqual([1, 1]);
    auditTree(tree);
  });

  it("core.md 34: in any field of any znode's row is refused, and the row is named", { timeout: 60_000 }, () => {
    let flipped = 0;
    const wrong: string[] = [];
    for (const serial of store.znodes.keys()) {
      flipped += eachFlip(store.znodes, serial, (field, row, outcome) => {
        if (!outcome.startsWith(`znode ${row.serial}: `)) wrong.push(`${field} of znode ${serial}: ${outcome}`);
      });
    }
    expect(wrong).toEqual([]);
    expect(flipped).toBeGreaterThan(store.znodes.size * 60);
  });

  it("core.md 34: in any field of a session's row is refused, answers too, and the row is named", {
    timeout: 60_000,
  }, () => {
    let flipped = 0;
    const wrong: string[] = [];
    for (const [id, { window }] of store.sessions) {
      expect(window.length).toBeGreaterThan(60);
      flipped += eachFlip(store.sessions, id, (field, row, outcome) => {
        if (!outcome.startsWith(`session ${row.id}: `)) wrong.push(`${field} of session ${id}: ${outcome}`);
      });
    }
    expect(wrong).toEqual([]);
    expect(flipped).toBeGreaterThan(120);
  });

  it("core.md 5: loads a session's row from when the checksum left out the answers", () => {
    const [session] = [...load(store).state.sessions.all()] as [Session];
    const hasher = new Hasher();
    session.hashInto(hasher);
    const row = store.sessions.get(session.id) as SessionRow;
    expect(row.checksum).not.toBe(hasher.lane0);
    store.sessions.set(row.id, { ...row, checksum: hasher.lane0 });
    expect(load(store).snapshotMeta()).toEqual(meta);
    const window = row.window.slice();
    window[window.length - 1] = (window.at(-1) as number) ^ 1;
    store.sessions.set(row.id, { ...row, checksum: hasher.lane0, window });
    expect(failure()).toBe("meta: the digest differs from the rows'");
    store.sessions.set(row.id, row);
  });

  it("core.md 34: in what the meta promises of the rows is refused", () => {
    const changes: Partial<SnapshotMeta>[] = [
      { nodeCount: (meta?.nodeCount ?? 0) + 1 },
      { sessionCount: 0 },
      { nextSerial: (meta?.nextSerial ?? 0) - 1 },
      { limits: meta?.limits.replace("1048576", "1048577") as string },
      { limits: "{}" },
      { quotas: '[["/other",1,2]]' },
      { configuration: Uint8Array.of(1, 2, 4) },
      { configuration: new Uint8Array(0) },
      { configuration: new Uint8Array(0), configurationZxid: 0 },
      { configurationZxid: 0 },
      { configurationZxid: (meta?.configurationZxid ?? 0) - 1 },
      { configurationZxid: (meta?.zxid ?? 0) + 1 },
      { featureLevel: 1 },
    ];
    for (const lane of [0, 1]) {
      for (let bit = 0; bit < 32; bit++) {
        const digest = [...(meta?.digest ?? [])] as [number, number];
        digest[lane] = ((digest[lane] as number) ^ (1 << bit)) >>> 0;
        changes.push({ digest });
      }
    }
    for (const change of changes) {
      store.meta = { ...(meta as SnapshotMeta), ...change };
      expect(failure(), JSON.stringify(change)).toMatch(/^meta: /);
    }
    store.meta = meta;
  });

  it("core.md 5: a snapshot of a newer feature level is refused by name", () => {
    store.meta = { ...(meta as SnapshotMeta), featureLevel: FEATURE_LEVEL + 1 };
    expect(failure()).toBe(`not a LoadError: ${new FeatureLevelError(FEATURE_LEVEL + 1)}`);
    store.meta = meta;
  });
});

describe("rows that are not a tree", () => {
  const without = (store: RowStore, name: string): RowStore => {
    for (const [serial, row] of store.znodes)
      if (Buffer.from(row.name).toString() === name) store.znodes.delete(serial);
    return store;
  };

  it("are refused: a parent missing, a session missing, a row twice, a deletion", () => {
    expect(() => load(without(rowsOfEverything(), "p"))).toThrow(/its parent is missing/);
    const orphan = rowsOfEverything();
    orphan.sessions.clear();
    expect(() => load(orphan)).toThrow(/its session is missing/);
    expect(() => load(without(rowsOfEverything(), "last"))).toThrow(LoadError);
    const rows = rowsOfEverything();
    const twice = (loader: { znode(row: ZnodeRow): void }): undefined => {
      const first = rows.znodes.get(1) as ZnodeRow;
      loader.znode(first);
      loader.znode(first);
    };
    expect(() => Tree.load(1, silent, twice)).toThrow(/serials do not rise/);
    expect(() => Tree.load(1, silent, (loader) => loader.znodeDeleted() as undefined)).toThrow(LoadError);
    expect(() => Tree.load(1, silent, (loader) => loader.sessionDeleted() as undefined)).toThrow(LoadError);
  });

  it("are not asked for where there is no snapshot: the tree begins anew", () => {
    const tree = Tree.load(1, silent, () => undefined);
    expect(tree.snapshotMeta()).toEqual(Tree.fresh(2, silent).snapshotMeta());
  });
});
