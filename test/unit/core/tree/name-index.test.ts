import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../../src/core/base/assert.ts";
import { encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import { type NamedNodes, NameIndex } from "../../../../src/core/tree/name-index.ts";

/** Names outside any table, with hashes as the test wants them; counts how often the index looks at a node. */
class Names implements NamedNodes {
  readonly index = new NameIndex(this);
  looks = 0;
  private readonly byNode = new Map<number, { name: string; hash: number }>();
  private readonly hash: (name: string) => number;

  constructor(hash: (name: string) => number) {
    this.hash = hash;
  }

  hashOf(node: number): number {
    this.looks++;
    return this.byNode.get(node)?.hash as number;
  }

  matches(node: number, parent: number, bytes: Uint8Array, start: number, end: number): boolean {
    return parent === 0 && this.byNode.get(node)?.name === Buffer.from(bytes.subarray(start, end)).toString();
  }

  insert(node: number, name: string): void {
    const hash = this.hash(name);
    this.byNode.set(node, { name, hash });
    this.index.insert(hash, node);
  }

  remove(node: number): void {
    this.index.remove(this.byNode.get(node)?.hash as number, node);
    this.byNode.delete(node);
  }

  find(name: string): number {
    const bytes = encodeUtf8(name);
    return this.index.find(this.hash(name), 0, bytes, 0, bytes.length);
  }
}

function fnv(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) >>> 0;
}

describe("NameIndex", () => {
  it.each([
    ["well spread", fnv],
    ["of only eight kinds", (name: string) => fnv(name) & 0xe0000000],
    ["that wrap at the table's end", (name: string) => (0xfffffff0 | (fnv(name) & 15)) >>> 0],
  ])(
    "core.md 37: finds what a Map finds, at every moment of a rehash, with hashes %s",
    (_, hash) => {
      const names = new Names(hash);
      const model = new Map<string, number>();
      const random = new Prng(5);
      let next = 1;
      const waves = hash === fnv ? 12_000 : 3_000;
      for (let step = 0; step < waves; step++) {
        const grows = step % (waves / 3) < waves / 5;
        const present = [...model.keys()];
        if (present.length === 0 || random.chance(grows ? 0.9 : 0.1)) {
          const name = `n${next}`;
          names.insert(next, name);
          model.set(name, next++);
        } else {
          const name = present[random.below(Math.min(present.length, 50))] as string;
          names.remove(model.get(name) as number);
          model.delete(name);
          expect(names.find(name)).toBe(0);
        }
        expect(names.index.size).toBe(model.size);
        const probe = present.length === 0 ? "none" : random.pick(present);
        expect(names.find(probe)).toBe(model.get(probe) ?? 0);
        expect(names.find(`m${step}`)).toBe(0);
        if (step % 500 === 0) for (const [name, node] of model) expect(names.find(name)).toBe(node);
      }
    },
    30_000,
  );

  it("core.md 37: moves at most a few slots at any one change while it grows", { timeout: 60_000 }, () => {
    const names = new Names(fnv);
    let most = 0;
    for (let node = 1; node <= 300_000; node++) {
      names.looks = 0;
      names.insert(node, String(node));
      most = Math.max(most, names.looks);
    }
    expect(most).toBeLessThanOrEqual(16);
    for (let node = 1; node <= 300_000; node += 97) expect(names.find(String(node))).toBe(node);
  });

  it("core.md 37: and when almost everything was removed before: a large table is never swept at once", () => {
    const names = new Names(fnv);
    const inside = names.index as unknown as { readonly old: Uint32Array | undefined; readonly moved: number };
    const isRehashing = (): boolean => inside.old !== undefined;
    let next = 1;
    const add = (): void => names.insert(next, String(next++));
    while (next <= 20_000) add();
    while (isRehashing()) add();
    for (let node = 11; node < next; node++) names.remove(node);
    // Few nodes that come and go, until their tombstones fill the table and a small one is begun.
    while (!isRehashing()) {
      add();
      names.remove(next - 1);
    }
    const swept = inside.old as Uint32Array;
    while (inside.old === swept) {
      const left = swept.length - inside.moved;
      add();
      if (inside.old !== swept) expect(left).toBeLessThanOrEqual(16);
    }
    for (let node = 1; node <= 10; node++) expect(names.find(String(node))).toBe(node);
    expect(names.find(String(next - 1))).toBe(next - 1);
  });

  it("refuses to remove what is not there", () => {
    const names = new Names(fnv);
    names.insert(1, "a");
    expect(() => names.index.remove(fnv("a"), 2)).toThrow(InvariantError);
    names.remove(1);
    expect(() => names.index.remove(fnv("a"), 1)).toThrow(InvariantError);
  });
});
