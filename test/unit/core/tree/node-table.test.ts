import { describe, expect, it } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import { NO_NODE, NodeTable, ROOT } from "../../../../src/core/tree/node-table.ts";

function add(table: NodeTable, parent: number, name: string): number {
  const bytes = encodeUtf8(`<${name}>`);
  return table.add(parent, bytes, 1, bytes.length - 1);
}

function child(table: NodeTable, parent: number, name: string): number {
  const bytes = encodeUtf8(`<${name}>`);
  return table.child(parent, bytes, 1, bytes.length - 1);
}

function lookup(table: NodeTable, path: string): number {
  const bytes = encodeUtf8(`<${path}>`);
  return table.lookup(bytes, 1, bytes.length - 1);
}

function pathOf(table: NodeTable, node: number): string {
  const size = table.pathSize(node);
  const target = new Uint8Array(size + 4).fill(0x7e);
  table.writePath(node, target, size + 2);
  expect([...target.subarray(0, 2), ...target.subarray(size + 2)]).toEqual([0x7e, 0x7e, 0x7e, 0x7e]);
  return decodeUtf8(target, 2, size + 2);
}

function childrenOf(table: NodeTable, parent: number): number[] {
  const forward: number[] = [];
  for (let at = table.firstChild.get(parent); at !== NO_NODE; at = table.next.get(at)) forward.push(at);
  const backward: number[] = [];
  for (let at = table.lastChild.get(parent); at !== NO_NODE; at = table.previous.get(at)) backward.push(at);
  expect(backward.reverse()).toEqual(forward);
  expect(table.childCount.get(parent)).toBe(forward.length);
  return forward;
}

/** The naive tree beside the table: objects, arrays of children, whole paths. */
interface Twin {
  readonly node: number;
  readonly path: string;
  readonly parent: Twin | undefined;
  readonly children: Twin[];
  data: Uint8Array;
}

class Twins {
  readonly table: NodeTable;
  readonly root: Twin = { node: ROOT, path: "/", parent: undefined, children: [], data: new Uint8Array(0) };
  readonly byPath = new Map<string, Twin>([["/", this.root]]);
  /** Rows in use: also of nodes that are taken out, but not freed yet. */
  private readonly nodes = new Set<number>([ROOT]);
  private readonly random: Prng;
  private serial = 0;

  constructor(seed: number) {
    this.table = new NodeTable(seed);
    this.random = new Prng(seed);
  }

  create(): void {
    const { random } = this;
    // Few parents with many children, and names that differ in one character.
    const parents = [...this.byPath.values()];
    const parent = parents[random.below(Math.min(parents.length, random.pick([2, 20, parents.length])))] as Twin;
    const name = `${random.pick(["n", "é", "名"])}${this.serial++}`;
    const path = `${parent.path === "/" ? "" : parent.path}/${name}`;
    const twin: Twin = {
      node: add(this.table, parent.node, name),
      path,
      parent,
      children: [],
      data: new Uint8Array(0),
    };
    expect(this.nodes.has(twin.node)).toBe(false);
    this.nodes.add(twin.node);
    parent.children.push(twin);
    this.byPath.set(path, twin);
  }

  setData(): void {
    const twin = this.random.pick([...this.byPath.values()]);
    const data = new Uint8Array(this.random.below(200)).fill(this.random.below(256));
    const old = this.table.replaceData(twin.node, data, 0, data.length);
    if (this.random.chance(0.3)) {
      this.table.restoreData(twin.node, old, twin.data.length);
      return;
    }
    this.table.releaseData(old);
    twin.data = data;
  }

  /** Takes a few leaves out one after the other, then undoes it in reverse order, or frees them. */
  remove(): void {
    const gone: { twin: Twin; at: number }[] = [];
    for (let i = this.random.below(6); i >= 0; i--) {
      const leaves = [...this.byPath.values()].filter(({ children, parent }) => children.length === 0 && parent);
      if (leaves.length === 0) break;
      const twin = this.random.pick(leaves);
      const siblings = (twin.parent as Twin).children;
      gone.push({ twin, at: siblings.indexOf(twin) });
      siblings.splice(siblings.indexOf(twin), 1);
      this.byPath.delete(twin.path);
      this.table.takeOut(twin.node);
      expect(lookup(this.table, twin.path)).toBe(NO_NODE);
    }
    const undone = this.random.chance(0.4);
    for (const { twin, at } of gone.reverse()) {
      if (!undone) {
        this.table.free(twin.node);
        this.nodes.delete(twin.node);
        continue;
      }
      this.table.putBack(twin.node);
      (twin.parent as Twin).children.splice(at, 0, twin);
      this.byPath.set(twin.path, twin);
    }
  }

  check(): void {
    const { table } = this;
    expect(table.size).toBe(this.byPath.size);
    for (const { node, path, parent, children, data } of this.byPath.values()) {
      expect(childrenOf(table, node)).toEqual(children.map((each) => each.node));
      expect(lookup(table, path)).toBe(node);
      expect(pathOf(table, node)).toBe(path);
      expect(table.parent.get(node)).toBe(parent?.node ?? NO_NODE);
      expect(table.data(node)).toEqual(data);
    }
  }
}

describe("NodeTable", () => {
  it.each([1, 2, 3])(
    "core.md 37: is the tree a naive one is, through add, takeOut, putBack and free (seed %i)",
    (seed) => {
      const twins = new Twins(seed);
      const random = new Prng(seed + 100);
      for (let step = 0; step < 1_500; step++) {
        const grows = step < 900 ? 0.75 : 0.3;
        if (random.chance(grows)) twins.create();
        else if (random.chance(0.4)) twins.setData();
        else twins.remove();
        if (step % 250 === 249) twins.check();
      }
      twins.check();
    },
  );

  it("keeps children in creation order while some of them go", () => {
    const table = new NodeTable(1);
    const nodes = Array.from({ length: 1_000 }, (_, at) => add(table, ROOT, `c${(at * 7919) % 1_000}`));
    expect(childrenOf(table, ROOT)).toEqual(nodes);
    const odd = nodes.filter((_, at) => at % 2 === 1);
    for (const node of odd) {
      table.takeOut(node);
      table.free(node);
    }
    expect(childrenOf(table, ROOT)).toEqual(nodes.filter((_, at) => at % 2 === 0));
    const more = odd.map((_, at) => add(table, ROOT, `d${at}`));
    expect(childrenOf(table, ROOT)).toEqual([...nodes.filter((_, at) => at % 2 === 0), ...more]);
  });

  it("reuses the rows of freed nodes, with every field zero again", () => {
    const table = new NodeTable(1);
    const first = add(table, ROOT, "first");
    table.replaceData(first, encodeUtf8("data"), 0, 4);
    const columns = Object.values(table).filter((value) => typeof value?.get === "function" && "set" in value);
    expect(columns.length).toBeGreaterThan(24);
    for (const column of [
      table.serial,
      table.czxid,
      table.version,
      table.acl,
      table.special,
      table.dirty,
      table.kind,
    ]) {
      column.set(first, 9);
    }
    table.takeOut(first);
    table.free(first);
    const second = add(table, ROOT, "second");
    expect(second).toBe(first);
    const set = [table.parent, table.dataLength, table.serial, table.czxid, table.mzxid, table.pzxid, table.version];
    expect(set.map((column) => column.get(second))).toEqual([ROOT, 0, 0, 0, 0, 0, 0]);
    expect([table.acl.get(second), table.special.get(second), table.dirty.get(second), table.kind.get(second)]).toEqual(
      [0, 0, 0, 0],
    );
    expect(table.data(second)).toHaveLength(0);
    expect([child(table, ROOT, "first"), child(table, ROOT, "second")]).toEqual([NO_NODE, second]);
  });

  it("gives the memory of names and data back", () => {
    const table = new NodeTable(1);
    const before = table.reservedBytes;
    const data = new Uint8Array(2_000);
    const nodes = Array.from({ length: 5_000 }, (_, at) => add(table, ROOT, `${"long-name-".repeat(6)}${at}`));
    for (const node of nodes) table.replaceData(node, data, 0, data.length);
    expect(table.reservedBytes).toBeGreaterThan(before + 10_000_000);
    for (const node of nodes) {
      table.takeOut(node);
      table.free(node);
    }
    // One empty page stays for each size class used.
    expect(table.reservedBytes).toBeLessThanOrEqual(before + 3 * 1024 * 1024);
  });

  it("core.md 37: keeps nothing of the bytes it was given", () => {
    const table = new NodeTable(1);
    const message = encodeUtf8("/name=data");
    const node = table.add(ROOT, message, 1, 5);
    table.replaceData(node, message, 6, 10);
    message.fill(0xa5);
    expect(pathOf(table, node)).toBe("/name");
    expect(decodeUtf8(table.data(node), 0, 4)).toBe("data");
    expect(decodeUtf8(table.name(node), 0, 4)).toBe("name");
  });

  it("finds names by (parent, name), not by either alone", () => {
    const table = new NodeTable(1);
    const [a, b] = [add(table, ROOT, "a"), add(table, ROOT, "b")];
    const [ab, ba] = [add(table, a, "b"), add(table, b, "a")];
    expect([lookup(table, "/a/b"), lookup(table, "/b/a"), lookup(table, "/a/a"), lookup(table, "/b/b")]).toEqual([
      ab,
      ba,
      NO_NODE,
      NO_NODE,
    ]);
    expect(lookup(table, "/a/b/c")).toBe(NO_NODE);
    expect(lookup(table, "/x/b")).toBe(NO_NODE);
    expect(lookup(table, "/")).toBe(ROOT);
  });

  it("holds 100,000 children of one parent, made and removed from both ends and from the middle", {
    timeout: 60_000,
  }, () => {
    const table = new NodeTable(12_345);
    const parent = add(table, ROOT, "p");
    const count = 100_000;
    const nodes = Array.from({ length: count }, (_, at) => add(table, parent, `n${at}`));
    for (let at = 0; at < count; at += 101) expect(child(table, parent, `n${at}`)).toBe(nodes[at]);
    expect(childrenOf(table, parent)).toEqual(nodes);
    const order = [...nodes.slice(0, 30_000), ...nodes.slice(60_000).reverse(), ...nodes.slice(30_000, 60_000)];
    for (const node of order) {
      table.takeOut(node);
      table.free(node);
    }
    expect(childrenOf(table, parent)).toEqual([]);
    expect(table.size).toBe(2);
    expect(child(table, parent, "n50000")).toBe(NO_NODE);
  });

  it("answers alike whatever the hash seed", () => {
    for (const seed of [0, 1, 2 ** 32 - 1, -5]) {
      const table = new NodeTable(seed);
      const nodes = Array.from({ length: 2_000 }, (_, at) => add(table, ROOT, `${at}`));
      expect(nodes.map((_, at) => child(table, ROOT, `${at}`))).toEqual(nodes);
    }
  });
});
