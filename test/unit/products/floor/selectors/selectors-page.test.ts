import { expect, test } from "vitest";
import { RANGE_COMPARATORS_MAX, RANGE_SETS_MAX } from "../../../../../src/products/floor/selectors/range-parser.ts";
import {
  parseSelector,
  SELECTOR_CHARS_MAX,
  SELECTOR_REQUIREMENTS_MAX,
  SELECTOR_VALUES_MAX,
} from "../../../../../src/products/floor/selectors/selector-parser.ts";
import { readCheckout } from "../../../../support/checkout.ts";

const page = readCheckout("docs/selectors.md");
const blocks = [...page.matchAll(/```text\n([\s\S]*?)```/g)].map(([, block]) => (block as string).trimEnd());
const [matching, canonical, refused] = blocks as [string, string, string];

test("docs/selectors.md has the three blocks that are tried here", () => {
  expect(blocks).toHaveLength(3);
});

test.each(matching.split("\n"))("docs/selectors.md: %s", (line) => {
  const [selector = "", version = "", answer] = line.split(/ {2,}/);
  expect(parseSelector(selector).matches(new Map([["v", version]]))).toBe(answer === "yes");
  expect(["yes", "no"]).toContain(answer);
});

test.each(canonical.split("\n"))("docs/selectors.md: %s", (line) => {
  const [written = "", text] = line.split(/ +-> {2}/);
  expect(parseSelector(written).text).toBe(text);
});

test.each(refused.split("\n\n"))("docs/selectors.md: %s", (example) => {
  const [written = "", message = ""] = example.split("\n");
  expect(() => parseSelector(written)).toThrow(expect.objectContaining({ message }));
});

/** The cells of every row of the page's tables. */
const rows = page
  .split("\n")
  .filter((line) => /^\| [`a-z]/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()));

test("docs/selectors.md writes comparators out as they are", () => {
  const comparators = rows.filter((cells) => cells.length === 5 && /^`[<>=]/.test(cells[3] ?? ""));
  expect(comparators).toHaveLength(11);
  for (const [, written = "", , text = ""] of comparators) {
    for (const [, range] of written.matchAll(/`([^`]+)`/g)) {
      expect(`\`${parseSelector(`v semver (${range})`).text.slice("v semver (".length, -1)}\``, range).toBe(text);
    }
  }
});

test("docs/selectors.md tells the limits", () => {
  const limits = rows.slice(-5).map(([, , limit]) => Number(limit?.replace(/,| characters/g, "")));
  const known = [SELECTOR_CHARS_MAX, SELECTOR_REQUIREMENTS_MAX, SELECTOR_VALUES_MAX];
  expect(limits).toEqual([...known, RANGE_SETS_MAX, RANGE_COMPARATORS_MAX]);
});
