import { describe, expect, it } from "vitest";
import { LimitRules } from "../../../../src/core/tree/limit-rules.ts";

/** Two limits of the first level, between them one of the second and one of the third. */
const rules = new LimitRules({
  small: { low: 1, high: 9, usual: 5, since: 1 },
  later: { low: 0, high: 99, usual: 50, since: 2 },
  latest: { low: 0, high: 999, usual: 500, since: 3 },
  large: { low: 1, high: 9999, usual: 5000, since: 1 },
});
const first = { small: 1, large: 2 };

describe("LimitRules", () => {
  it("core.md 5: at a level that does not know a limit refuse it, and let it stand at its usual value", () => {
    expect(rules.parse(JSON.stringify(first), 1)).toEqual({ ...first, later: 50, latest: 500 });
    expect(rules.parse(JSON.stringify({ ...first, later: 3 }), 1)).toBeUndefined();
    expect(rules.parse(JSON.stringify({ ...first, later: 50 }), 1)).toBeUndefined();
    expect(rules.parse(JSON.stringify({ ...first, later: 3, latest: 4 }), 2)).toBeUndefined();
    expect(rules.parse(JSON.stringify({ ...first, never: 3 }), 3)).toBeUndefined();
  });

  it("core.md 5: at a level that knows it take it, in its range; left out, it stands at its usual value", () => {
    expect(rules.parse(JSON.stringify({ ...first, later: 3 }), 2)).toEqual({ ...first, later: 3, latest: 500 });
    expect(rules.parse(JSON.stringify(first), 3)).toEqual({ ...first, later: 50, latest: 500 });
    for (const later of [-1, 100, 0.5, null, "3"]) {
      expect(rules.parse(JSON.stringify({ ...first, later }), 2)).toBeUndefined();
    }
  });

  it("ask for all limits of the first level at every level", () => {
    for (const level of [1, 2, 3]) {
      expect(rules.parse('{"small":1,"later":3}', level)).toBeUndefined();
      expect(rules.parse('{"large":1}', level)).toBeUndefined();
    }
    expect(rules.parse(JSON.stringify(first), 0)).toBeUndefined();
  });

  it("core.md 5: write the limits a level knows, as the programs of that level do, and read them back", () => {
    const all = { large: 4, latest: 3, later: 2, small: 1 };
    expect(rules.text(all, 1)).toBe('{"small":1,"large":4}');
    expect(rules.text(all, 2)).toBe('{"small":1,"later":2,"large":4}');
    expect(rules.text(all, 3)).toBe('{"small":1,"later":2,"latest":3,"large":4}');
    expect(rules.parse(rules.text(all, 3), 3)).toEqual(all);
  });

  it.each(["", "{", "null", "[]", "7", '"x"', "{}", '{"__proto__":{"small":1,"large":2}}'])(
    "core.md 4: are total: %j is no limits",
    (wrong) => {
      expect(rules.parse(wrong, 3)).toBeUndefined();
    },
  );
});
