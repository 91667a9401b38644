import { describe, expect, test } from "vitest";
import { Rights, verbs } from "../../../../src/products/floor/rights.ts";

describe("products.md 1: rights", () => {
  test("are verbs of their own: none implies another", () => {
    for (const verb of verbs) {
      const rights = new Rights([{ verbs: [verb], spaces: ["*"] }]);
      expect(verbs.filter((other) => rights.allows(other))).toEqual([verb]);
      expect(rights.isUnlimited).toBe(false);
    }
  });

  test("over a space are none over the others, nor over what has no space", () => {
    const rights = new Rights([
      { verbs: ["read"], spaces: ["shop", "billing"] },
      { verbs: ["publish"], spaces: ["shop"] },
    ]);
    expect(rights.allows("read", "billing")).toBe(true);
    expect(rights.allows("publish", "billing")).toBe(false);
    expect(rights.allows("publish", "shop")).toBe(true);
    expect(rights.allows("read", "stock")).toBe(false);
    expect(rights.allows("read")).toBe(false);
  });

  test("over * are rights over every space", () => {
    const rights = new Rights([{ verbs: ["read"], spaces: ["*"] }]);
    expect([rights.allows("read"), rights.allows("read", "shop")]).toEqual([true, true]);
    expect(Rights.all.isUnlimited).toBe(true);
  });

  test("are shown to people", () => {
    expect(`${new Rights([{ verbs: ["read", "edit"], spaces: ["*"] }])}`).toBe("read,edit on *");
    expect(`${Rights.none}`).toBe("nothing");
  });
});
