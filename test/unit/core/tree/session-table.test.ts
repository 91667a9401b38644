import { describe, expect, it } from "vitest";
import { defaultLimits } from "../../../../src/core/base/limits.ts";
import { Digest, Hasher } from "../../../../src/core/tree/digest.ts";
import { Session, SessionTable } from "../../../../src/core/tree/session-table.ts";
import { windowMemory } from "../../../../src/core/tree/window.ts";

const secret = (first: number): Uint8Array => new Uint8Array(32).fill(7).fill(first, 0, 1);

function session(change: { id?: number; secret?: number; timeoutMs?: number; generation?: number } = {}): Session {
  const { id = 2 ** 40, secret: first = 1, timeoutMs = 10_000, generation = 1 } = change;
  return new Session(id, secret(first), timeoutMs, generation, windowMemory(new Digest()));
}

function hashOf(of: Session): string {
  const hasher = new Hasher();
  of.hashInto(hasher);
  return `${hasher.lane0} ${hasher.lane1}`;
}

describe("a session", () => {
  it("core.md 30: is hashed with every field, and with its window's floor", () => {
    const floored = session();
    floored.window.forgetBelow(9);
    const last = session();
    last.secretHash[31] = 8;
    const changed = [
      session({ id: 2 ** 40 + 2 ** 32 }),
      session({ id: 2 ** 40 + 1 }),
      session({ secret: 2 }),
      session({ timeoutMs: 10_001 }),
      session({ generation: 2 }),
      floored,
      last,
    ];
    expect(new Set([session(), ...changed].map(hashOf)).size).toBe(1 + changed.length);
    expect(hashOf(session())).toBe(hashOf(session()));
  });

  it("is hashed without its answers, which are in the digest one by one", () => {
    const answered = session();
    answered.window.keep(1, new Uint8Array(5), 0, 5, defaultLimits);
    expect(hashOf(answered)).toBe(hashOf(session()));
  });
});

describe("SessionTable", () => {
  it("finds sessions by id, in the order they came", () => {
    const table = new SessionTable();
    const [first, second] = [session({ id: 9 }), session({ id: 3 })];
    table.add(first);
    table.add(second);
    expect([table.size, table.get(9), table.get(3), table.get(4)]).toEqual([2, first, second, undefined]);
    expect([...table.all()]).toEqual([first, second]);
    table.delete(9);
    table.delete(9);
    expect([table.size, table.get(9)]).toEqual([1, undefined]);
  });
});
