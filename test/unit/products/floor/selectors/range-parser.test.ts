import fc from "fast-check";
import { describe, expect, test } from "vitest";
import "../../../../support/fixed-seed.ts";
import { RANGE_COMPARATORS_MAX, RANGE_SETS_MAX } from "../../../../../src/products/floor/selectors/range-parser.ts";
import { parseSelector } from "../../../../../src/products/floor/selectors/selector-parser.ts";
import { hands, isSelected, ranges, versions, write } from "./naive-selector.ts";

const prefix = "v semver (";
const canonical = (range: string): string => parseSelector(`${prefix}${range})`).text.slice(prefix.length, -1);
const isIn = (range: string, version: string) => parseSelector(`${prefix}${range})`).matches(new Map([["v", version]]));

describe("products.md 8: ranges of versions", () => {
  test("hold the versions that they hold by what their numbers begin with", () => {
    const seen = { true: 0, false: 0 };
    fc.assert(
      fc.property(ranges, hands, fc.array(versions, { minLength: 5, maxLength: 20 }), (range, hand, all) => {
        const selector = parseSelector(write([range], hand()));
        for (const version of all) {
          const labels = new Map([["v", version]]);
          const matches = selector.matches(labels);
          if (matches !== isSelected([range], labels))
            expect.unreachable(`${selector.text} and ${version}: ${matches}`);
          seen[`${matches}`]++;
        }
      }),
      { numRuns: 1_000 },
    );
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(1_500);
  });

  test.for([
    ["1.2.3", "=1.2.3"],
    ["v1.2.3-rc.1", "=1.2.3-rc.1"],
    ["*", ">=0.0.0"],
    ["1.x", ">=1.0.0 <2.0.0-0"],
    ["1.2.*", ">=1.2.0 <1.3.0-0"],
    [">1", ">=2.0.0"],
    [">=1.2", ">=1.2.0"],
    ["<1.2", "<1.2.0-0"],
    ["<=1.2", "<1.3.0-0"],
    ["<= 1.2.3", "<=1.2.3"],
    ["^1.2.3", ">=1.2.3 <2.0.0-0"],
    ["^0.2.3", ">=0.2.3 <0.3.0-0"],
    ["^0.0.3", ">=0.0.3 <0.0.4-0"],
    ["^0.0", ">=0.0.0 <0.1.0-0"],
    ["^0", ">=0.0.0 <1.0.0-0"],
    ["^1.2.3-beta.2", ">=1.2.3-beta.2 <2.0.0-0"],
    ["~1.2.3", ">=1.2.3 <1.3.0-0"],
    ["~1", ">=1.0.0 <2.0.0-0"],
    ["<2.0.0>=1.2.0", ">=1.2.0 <2.0.0"],
    ["3.x||<1.0.0 >=0.5.0||3", ">=0.5.0 <1.0.0 || >=3.0.0 <4.0.0-0"],
    [">=1.0.0-10 >=1.0.0-2", ">=1.0.0-2 >=1.0.0-10"],
  ])("%j is written out as %j", ([range, text]) => {
    expect(canonical(range as string)).toBe(text);
  });

  test.for<[string, string, boolean]>([
    [">=1.2.0", "1.2.0", true],
    [">=1.2.0", "v1.3.0", true],
    [">=1.2.0", "1.3.0-rc.1", false],
    [">=1.3.0-beta", "1.3.0-rc.1", true],
    [">=1.3.0-beta", "1.4.0-rc.1", false],
    ["^1.0.0", "2.0.0-alpha", false],
    ["<2.0.0 >=2.0.0-alpha", "2.0.0-beta", true],
    ["1.2.3", "1.2.3+build.5", true],
    ["*", "1.2", false],
    ["*", "latest", false],
    ["*", "01.2.3", false],
    ["*", "1.2.3-01", false],
    [">1.0.0-9", "1.0.0-10", true],
    [">=1.0.0-99999999999999999998", "1.0.0-99999999999999999999", true],
    ["<=1.0.0-99999999999999999998", "1.0.0-99999999999999999999", false],
    ["*", `1.2.3+${"x".repeat(300)}`, false],
    ["*", "9".repeat(100_000), false],
  ])("%s and the label %s: %s", ([range, version, expected]) => {
    expect(isIn(range, version)).toBe(expected);
  });

  test("semver.org 11: versions rise in the order of its examples", () => {
    const rising = [
      ..."1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0".split(" "),
      ..."2.0.0 2.1.0 2.1.1".split(" "),
    ];
    for (const [i, one] of rising.entries()) {
      for (const [j, other] of rising.entries()) {
        // A bound of the same release lets pre-releases in.
        expect(isIn(`>${one} ${other.includes("-") ? `<=${other}` : ""}`, other), `${other} > ${one}`).toBe(j > i);
      }
    }
  });

  test.for<[string, number, string]>([
    ["", 11, "a range is not empty"],
    ["1 || ", 15, "a range is not empty"],
    ["|| 1", 11, "a range is not empty"],
    ["1 | 2", 13, '")" is expected'],
    ["1 - 2", 13, "there are no hyphen ranges"],
    ["1, 2", 12, "a version is expected"],
    [">*", 11, "says nothing"],
    ["^", 12, "a version is expected"],
    [">>1", 12, "a version is expected"],
    ["1.2.3.4", 11, "more than three numbers"],
    ["1.x.3", 11, "behind an x"],
    ["1.2-beta", 11, "of a whole version"],
    ["1.2.3-", 11, "a pre-release that is none"],
    ["1.2.3-a..b", 11, "a pre-release that is none"],
    ["1.2.3-01", 11, "a pre-release that is none"],
    ["1.2.3+b", 11, "build metadata"],
    ["01.2.3", 11, "where a number is expected"],
    ["one", 11, "where a number is expected"],
    ["1.2.3 9999999999999999.0.0", 17, "at most 15 digits"],
  ])("%j is refused at character %i: %s", ([range, at, rule]) => {
    expect(() => canonical(range)).toThrow(new RegExp(`at character ${at}: .*${rule.replaceAll(/[()|]/g, "\\$&")}`));
  });

  test("the end of a range may have as many digits as a number, so that it can be read again", () => {
    const last = `${10 ** 15 - 1}`;
    expect(canonical(`=${last}.0.0`)).toBe(`=${last}.0.0`);
    expect(canonical(`^${10 ** 15 - 2}.0.0`)).toContain(`<${last}.0.0-0`);
    expect(() => canonical(`^${last}.0.0`)).toThrow("at most 15 digits");
  });

  test("alternatives and comparators have limits", () => {
    const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
    expect(canonical(numbers(RANGE_SETS_MAX).join("||"))).toContain("<16.0.0-0");
    expect(() => canonical(numbers(RANGE_SETS_MAX + 1).join("||"))).toThrow("at most 16 alternatives");
    const above = (count: number) => numbers(count).map((i) => `>${i}.0.0`);
    expect(canonical(above(RANGE_COMPARATORS_MAX).join(" "))).toContain(">15.0.0");
    expect(() => canonical(above(RANGE_COMPARATORS_MAX + 1).join(" "))).toThrow("at most 16 comparators");
    // Each counts as two.
    expect(() => canonical(numbers(RANGE_COMPARATORS_MAX / 2 + 1).join(" "))).toThrow("at most 16 comparators");
  });
});
