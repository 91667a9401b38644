import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../../src/core/base/assert.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import { AclTable, aclText, OPEN_ACL, parseAclText } from "../../../../src/core/tree/acl-table.ts";
import { Hasher } from "../../../../src/core/tree/digest.ts";
import type { AclEntry } from "../../../../src/core/tree/operation.ts";

const acl = (name: string, permissions = 31): AclEntry[] => [{ scheme: "digest", id: `${name}:x`, permissions }];
const OPEN: AclEntry[] = [{ scheme: "world", id: "anyone", permissions: 31 }];

function lanes(table: AclTable, id: number): [number, number] {
  const hasher = new Hasher();
  hasher.begin(1);
  table.mixInto(hasher, id);
  hasher.end();
  return [hasher.lane0, hasher.lane1];
}

describe("AclTable", () => {
  it("keeps each distinct ACL once, by its entries and their order", () => {
    const table = new AclTable();
    const id = table.acquire(acl("a"));
    expect(table.acquire(acl("a"))).toBe(id);
    expect(table.acquire(acl("a", 1))).not.toBe(id);
    const both = [...acl("a"), ...acl("b")];
    expect(table.acquire(both)).not.toBe(table.acquire([...both].reverse()));
    expect(table.entries(id)).toEqual(acl("a"));
    expect(table.size).toBe(5);
  });

  it("has the open ACL for ever, uncounted", () => {
    const table = new AclTable();
    expect(table.acquire(OPEN)).toBe(OPEN_ACL);
    for (let i = 0; i < 3; i++) table.release(OPEN_ACL);
    table.collect();
    expect(table.entries(OPEN_ACL)).toEqual(OPEN);
    expect(table.text(OPEN_ACL)).toBe("");
    expect(table.acquire([{ scheme: "world", id: "anyone", permissions: 1 }])).not.toBe(OPEN_ACL);
  });

  it("forgets an ACL only at collect, so that the events of the command that freed it can be checked", () => {
    const table = new AclTable();
    const id = table.acquire(acl("a"));
    table.release(id);
    expect(table.entries(id)).toEqual(acl("a"));
    table.collect();
    expect(table.size).toBe(1);
    expect(table.acquire(acl("b"))).toBe(id);
  });

  it("keeps one acquired again before collect, however often it changed hands", () => {
    const table = new AclTable();
    const id = table.acquire(acl("a"));
    for (let i = 0; i < 3; i++) {
      table.release(id);
      expect(table.acquire(acl("a"))).toBe(id);
    }
    table.collect();
    expect(table.entries(id)).toEqual(acl("a"));
    for (let i = 0; i < 2; i++) {
      table.release(id);
      table.acquire(acl("a"));
      table.release(id);
      table.collect();
      expect(table.size).toBe(1);
      expect(table.acquire(acl("a"))).toBe(id);
    }
  });

  it("notices a release too many", () => {
    const table = new AclTable();
    const id = table.acquire(acl("a"));
    table.retain(id);
    table.release(id);
    table.release(id);
    expect(() => table.release(id)).toThrow(InvariantError);
  });

  it("counts as a Map of texts would", () => {
    const random = new Prng(4);
    const table = new AclTable();
    const held = new Map<string, number>();
    for (let step = 0; step < 3_000; step++) {
      const name = String(random.below(12));
      const count = held.get(name) ?? 0;
      if (count === 0 || random.chance(0.5)) {
        table.acquire(acl(name));
        held.set(name, count + 1);
      } else {
        const id = table.acquire(acl(name));
        table.release(id);
        table.release(id);
        held.set(name, count - 1);
      }
      if (random.chance(0.1)) table.collect();
    }
    table.collect();
    const live = [...held].filter(([, count]) => count > 0);
    expect(table.size).toBe(1 + live.length);
    for (const [name, count] of live) {
      const id = table.acquire(acl(name));
      for (let i = 0; i <= count; i++) table.release(id);
    }
    table.collect();
    expect(table.size).toBe(1);
  });

  it("core.md 30: hashes what an ACL says, not the id it happens to have", () => {
    const [one, other] = [new AclTable(), new AclTable()];
    other.acquire(acl("first"));
    const [a, b] = [one.acquire(acl("a")), other.acquire(acl("a"))];
    expect(a).not.toBe(b);
    expect(lanes(one, a)).toEqual(lanes(other, b));
    expect(lanes(one, a)).not.toEqual(lanes(one, OPEN_ACL));
    expect(lanes(one, a)).not.toEqual(lanes(one, one.acquire(acl("a", 30))));
  });
});

describe("the text of an ACL", () => {
  it("is JSON, empty for the open ACL, and reads back", () => {
    const entries = [...acl('quote"and\\slash'), { scheme: "ip", id: "::/0", permissions: 0 }];
    expect(aclText(entries)).toBe(String.raw`[["digest","quote\"and\\slash:x",31],["ip","::/0",0]]`);
    expect(parseAclText(aclText(entries))).toEqual(entries);
    expect(aclText(OPEN)).toBe("");
    expect(parseAclText("")).toEqual(OPEN);
  });

  it.each([
    "{",
    "null",
    "7",
    "[null]",
    "[7]",
    '[["a","b"]]',
    '[["a","b",1,2]]',
    '[["a","b",1]] ',
    '[["a","b",1.0]]',
    '[["world","anyone",31]]',
  ])("is refused where it is %s: each ACL has one text", (text) => {
    expect(() => parseAclText(text)).toThrow();
  });
});
