import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import { Digest, Hasher } from "../../../../src/core/tree/digest.ts";
import { ROOT } from "../../../../src/core/tree/node-table.ts";
import { emptyZnodeRow, znodeKind } from "../../../../src/core/tree/snapshot-row.ts";
import { TreeState } from "../../../../src/core/tree/tree-state.ts";
import "../../../support/fixed-seed.ts";

/** A state with one znode that has something in every field. */
class OneZnode {
  readonly state: TreeState;
  readonly node: number;

  constructor(name = "name", data = "some data", seed = 1) {
    this.state = new TreeState(seed);
    const { table, specials, acls } = this.state;
    const bytes = encodeUtf8(name);
    table.serial.set(ROOT, 1);
    this.node = table.add(ROOT, bytes, 0, bytes.length);
    table.serial.set(this.node, 2 ** 33);
    for (const [at, column] of [table.czxid, table.mzxid, table.pzxid, table.ctime, table.mtime].entries()) {
      column.set(this.node, 2 ** 40 + at);
    }
    for (const [at, column] of [table.version, table.creations, table.aversion].entries()) {
      column.set(this.node, at + 1);
    }
    table.kind.set(this.node, znodeKind.TTL);
    table.special.set(this.node, specials.add(this.node, 2 ** 41, 2 ** 35));
    table.acl.set(this.node, acls.acquire([{ scheme: "digest", id: "a:b", permissions: 3 }]));
    this.setData(data);
  }

  setData(text: string): void {
    const { table, nodeHasher } = this.state;
    const bytes = encodeUtf8(text);
    table.releaseData(table.replaceData(this.node, bytes, 0, bytes.length));
    nodeHasher.hashData(this.node);
  }

  get lanes(): string {
    const { lane0, lane1 } = this.state.nodeHasher.hash(this.node);
    return `${lane0} ${lane1}`;
  }
}

describe("a znode's hash", () => {
  it("core.md 30: moves with every field that is kept, in both lanes and in every byte of it", () => {
    const before = new OneZnode().lanes;
    const seen = new Set([before]);
    const changes: [string, (one: OneZnode) => void][] = [];
    const numbers = ["serial", "czxid", "mzxid", "pzxid", "ctime", "mtime"] as const;
    for (const name of numbers) {
      for (const power of [0, 8, 16, 24, 32, 40, 48]) {
        changes.push([`${name} 2^${power}`, ({ state: { table }, node }) => add(table[name], node, 2 ** power)]);
      }
    }
    for (const name of ["version", "creations", "aversion"] as const) {
      for (const bit of [0, 8, 16, 24]) {
        changes.push([`${name} bit ${bit}`, ({ state: { table }, node }) => add(table[name], node, 1 << bit)]);
      }
    }
    changes.push(["kind", ({ state: { table }, node }) => table.kind.set(node, znodeKind.CONTAINER)]);
    changes.push(["owner", ({ state }) => add(state.specials.owner, 1, 1)]);
    changes.push(["ttl", ({ state }) => add(state.specials.ttlMs, 1, 1)]);
    changes.push(["parent", ({ state }) => state.table.serial.set(ROOT, 2)]);
    changes.push([
      "ACL",
      ({ state, node }) =>
        state.table.acl.set(node, state.acls.acquire([{ scheme: "digest", id: "a:b", permissions: 2 }])),
    ]);
    changes.push(["data", (one) => one.setData("some datb")]);
    changes.push(["shorter data", (one) => one.setData("some dat")]);
    changes.push(["data with a zero more", (one) => one.setData("some data\0")]);
    changes.push(["no data", (one) => one.setData("")]);
    for (const [what, change] of changes) {
      const one = new OneZnode();
      change(one);
      const [lane0, lane1] = one.lanes.split(" ");
      const [old0, old1] = before.split(" ");
      expect(lane0 !== old0 && lane1 !== old1 && !seen.has(one.lanes), what).toBe(true);
      seen.add(one.lanes);
    }
    for (const name of ["namf", "nam", "name\0", "Name"]) {
      const { lanes } = new OneZnode(name);
      expect(seen.has(lanes), name).toBe(false);
      seen.add(lanes);
    }
  });

  it("does not move with what is local to a process: row numbers, ACL ids, the hash seed", () => {
    const one = new OneZnode("name", "some data", 99);
    const { state } = one;
    const other = new OneZnode();
    const filler = encodeUtf8("filler");
    const busy = new TreeState(5);
    busy.table.add(ROOT, filler, 0, filler.length);
    busy.acls.acquire([{ scheme: "digest", id: "first:x", permissions: 1 }]);
    expect(one.lanes).toBe(other.lanes);
    const node = copyInto(busy, state, one.node);
    expect(node).not.toBe(one.node);
    expect(busy.table.acl.get(node)).not.toBe(state.table.acl.get(one.node));
    const { lane0, lane1 } = busy.nodeHasher.hash(node);
    expect(`${lane0} ${lane1}`).toBe(other.lanes);
  });

  it("is the checksum of the row the znode is captured as", () => {
    const { state, node, lanes } = new OneZnode();
    const row = emptyZnodeRow();
    state.nodeHasher.fill(node, row);
    expect(String(row.checksum)).toBe(lanes.split(" ")[0]);
    expect(row).toMatchObject({
      serial: 2 ** 33,
      parentSerial: 1,
      kind: znodeKind.TTL,
      czxid: 2 ** 40,
      mzxid: 2 ** 40 + 1,
      pzxid: 2 ** 40 + 2,
      ctime: 2 ** 40 + 3,
      mtime: 2 ** 40 + 4,
      version: 1,
      creations: 2,
      aversion: 3,
      owner: 2 ** 41,
      ttlMs: 2 ** 35,
      acl: '[["digest","a:b",3]]',
    });
    expect([row.name, row.data].map((bytes) => Buffer.from(bytes).toString())).toEqual(["name", "some data"]);
    state.nodeHasher.fill(ROOT, row);
    expect([row.parentSerial, row.name.length, row.owner, row.ttlMs, row.acl]).toEqual([0, 0, 0, 0, ""]);
  });

  function add(column: { get(row: number): number; set(row: number, value: number): void }, row: number, by: number) {
    column.set(row, column.get(row) + by);
  }

  /** The same znode in another state, in whatever rows that has free. */
  function copyInto(target: TreeState, source: TreeState, from: number): number {
    const row = emptyZnodeRow();
    source.nodeHasher.fill(from, row);
    const { table } = target;
    table.serial.set(ROOT, 1);
    const node = table.add(ROOT, row.name, 0, row.name.length);
    table.serial.set(node, row.serial);
    for (const name of ["czxid", "mzxid", "pzxid", "ctime", "mtime", "version", "creations", "aversion"] as const) {
      table[name].set(node, row[name]);
    }
    table.kind.set(node, row.kind);
    table.special.set(node, target.specials.add(node, row.owner, row.ttlMs));
    table.acl.set(node, target.acls.acquire([{ scheme: "digest", id: "a:b", permissions: 3 }]));
    table.replaceData(node, row.data, 0, row.data.length);
    target.nodeHasher.hashData(node);
    return node;
  }
});

describe("Hasher", () => {
  const hash = (mix: (hasher: Hasher) => void, domain = 1): string => {
    const hasher = new Hasher();
    hasher.begin(domain);
    mix(hasher);
    hasher.end();
    return `${hasher.lane0} ${hasher.lane1}`;
  };

  it("gives the same for a string by bytes and by zero-padded words", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(5), (bytes, words) => {
        const padded = new Uint8Array(words * 4 + Math.ceil(bytes.length / 4) * 4 + 8);
        padded.fill(0xee, 0, words * 4);
        padded.set(bytes, words * 4);
        const byWords = hash((hasher) => hasher.words(new Uint32Array(padded.buffer), words, bytes.length));
        expect(hash((hasher) => hasher.bytes(padded, words * 4, words * 4 + bytes.length))).toBe(byWords);
      }),
    );
  });

  it("tells strings apart that differ by zeros at their end, and kinds of things with equal fields", () => {
    const zeros = Array.from({ length: 9 }, (_, length) =>
      hash((hasher) => hasher.bytes(new Uint8Array(9), 0, length)),
    );
    const domains = Array.from({ length: 7 }, (_, domain) => hash((hasher) => hasher.number(5), domain));
    expect(new Set([...zeros, ...domains]).size).toBe(16);
  });

  it("never collides in both lanes over a hundred thousand small numbers, and hardly ever in one", () => {
    const both = new Set<string>();
    const lane0 = new Set<string>();
    const lane1 = new Set<string>();
    for (let i = 0; i < 100_000; i++) {
      const lanes = hash((hasher) => hasher.number(i));
      both.add(lanes);
      const [first, second] = lanes.split(" ") as [string, string];
      lane0.add(first);
      lane1.add(second);
    }
    expect(both.size).toBe(100_000);
    // By chance one or two pairs meet among 10^5 of 2^32.
    expect(Math.min(lane0.size, lane1.size)).toBeGreaterThan(99_980);
  });
});

describe("Digest", () => {
  it("is the sum of its parts in any order, and nothing when all of them are gone", () => {
    const lanes = fc.tuple(fc.nat(2 ** 32 - 1), fc.nat(2 ** 32 - 1));
    fc.assert(
      fc.property(fc.array(lanes, { maxLength: 20 }), (list) => {
        const [forward, backward] = [new Digest(), new Digest()];
        for (const [lane0, lane1] of list) forward.addLanes(lane0, lane1);
        for (const [lane0, lane1] of [...list].reverse()) backward.addLanes(lane0, lane1);
        expect(backward.equals(forward.lanes())).toBe(true);
        for (const [lane0, lane1] of list) forward.subtractLanes(lane0, lane1);
        expect(forward.lanes()).toEqual([0, 0]);
      }),
    );
  });
});
