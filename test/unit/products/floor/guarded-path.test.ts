import { describe, expect, test } from "vitest";
import { ANY_VERSION } from "../../../../src/core/tree/operation.ts";
import { isGuarded, reachesGuarded } from "../../../../src/products/floor/guarded-path.ts";

describe("products.md 1: the tokens in the tree are no raw client's", () => {
  test.for([
    ["/muster/auth", true],
    ["/muster/auth/tokens/0123", true],
    ["/muster/auth/", true],
    ["/muster/authority", false],
    ["/muster", false],
    ["/", false],
    ["/other/muster/auth", false],
  ] as const)("%s is guarded: %s", ([path, guarded]) => {
    expect(isGuarded(path)).toBe(guarded);
    expect(reachesGuarded({ kind: "get", path })).toBe(guarded);
  });

  test("neither as a part of a multi, nor of a multi-read", () => {
    const own = { kind: "delete", path: "/muster/auth/tokens/1", version: ANY_VERSION } as const;
    const other = { kind: "delete", path: "/a", version: ANY_VERSION } as const;
    expect(reachesGuarded({ kind: "multi", operations: [other, own] })).toBe(true);
    expect(reachesGuarded({ kind: "multi", operations: [other] })).toBe(false);
    expect(reachesGuarded({ kind: "multi-read", operations: [{ kind: "exists", path: "/muster/auth" }] })).toBe(true);
  });

  test("nor by deleting what they are in", () => {
    for (const path of ["/", "/muster", "/muster/auth", "/muster/auth/tokens"]) {
      expect(reachesGuarded({ kind: "delete-tree", path }), path).toBe(true);
    }
    for (const path of ["/must", "/muster/config", "/a"]) {
      expect(reachesGuarded({ kind: "delete-tree", path }), path).toBe(false);
    }
  });
});
