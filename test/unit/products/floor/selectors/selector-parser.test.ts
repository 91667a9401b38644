import fc from "fast-check";
import { describe, expect, test } from "vitest";
import "../../../../support/fixed-seed.ts";
import { InputError } from "../../../../../src/products/floor/input-error.ts";
import {
  LABEL_CHARS_MAX,
  LABEL_PREFIX_CHARS_MAX,
  parseSelector,
  SELECTOR_CHARS_MAX,
  SELECTOR_REQUIREMENTS_MAX,
  SELECTOR_VALUES_MAX,
} from "../../../../../src/products/floor/selectors/selector-parser.ts";
import { hands, isSelected, labelSets, requirements, write } from "./naive-selector.ts";

const all = fc.array(requirements, { maxLength: 4 });

/** The error of what is no selector. */
function refusal(text: string): InputError {
  try {
    parseSelector(text);
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error(`${JSON.stringify(text)} is taken for a selector`);
}

describe("products.md 8: selectors", () => {
  test("select what a naive evaluator selects, however they are written", () => {
    const seen = { true: 0, false: 0 };
    fc.assert(
      fc.property(all, hands, labelSets, (wanted, hand, labels) => {
        const selects = isSelected(wanted, labels);
        expect(parseSelector(write(wanted, hand())).matches(labels)).toBe(selects);
        seen[`${selects}`]++;
      }),
      { numRuns: 1_500 },
    );
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(150);
  });

  test("that differ in order, repetition, spacing or signs have one text, which is read as the same", () => {
    fc.assert(
      fc.property(all, hands, hands, fc.array(labelSets, { minLength: 1 }), (wanted, one, other, labels) => {
        const selector = parseSelector(write(wanted, one()));
        expect(parseSelector(write(wanted, other())).text).toBe(selector.text);
        const again = parseSelector(selector.text);
        expect(again.text).toBe(selector.text);
        for (const each of labels) expect(again.matches(each)).toBe(selector.matches(each));
      }),
      { numRuns: 500 },
    );
  });

  test("that select differently have different texts", () => {
    fc.assert(
      fc.property(all, all, hands, labelSets, (one, other, hand, labels) => {
        const [a, b] = [parseSelector(write(one, hand())), parseSelector(write(other, hand()))];
        if (a.matches(labels) !== b.matches(labels)) expect(a.text).not.toBe(b.text);
      }),
    );
  });

  test("as in Kubernetes: != and notin hold where the label is absent", () => {
    const none = new Map();
    for (const text of ["a!=b", "a notin (b,c)", "!a", ""]) expect(parseSelector(text).matches(none), text).toBe(true);
    for (const text of ["a=b", "a in (b)", "a", "a=", "a semver (*)"]) {
      expect(parseSelector(text).matches(none), text).toBe(false);
    }
  });

  test.for([
    ["", ""],
    [" \t", ""],
    ["a", "a"],
    ["a==b", "a=b"],
    ["a in (b)", "a=b"],
    ["a notin(b)", "a!=b"],
    ["a=", "a="],
    ["a in ()", "a="],
    ["a in (,b)", "a in (,b)"],
    ["a in (c,b,c)", "a in (b,c)"],
    ["b,a=2,!c,a=1,a", "a,a=1,a=2,b,!c"],
    ["in in (in)", "in=in"],
    ["semver semver (1)", "semver semver (>=1.0.0 <2.0.0-0)"],
    ["example.org/a=x", "example.org/a=x"],
    ["v semver (2||1)", "v semver (>=1.0.0 <2.0.0-0 || >=2.0.0 <3.0.0-0)"],
  ])("%j is %j", ([written, text]) => {
    expect(parseSelector(written as string).text).toBe(text);
  });

  test.for<[string, number, string]>([
    [",a", 1, "a key is expected"],
    ["a,", 3, "a key is expected, not the end"],
    ["a,,b", 3, "a key is expected"],
    ["=a", 1, "a key is expected"],
    ["a=b c", 5, '"," is expected'],
    ["a=b=c", 4, '"," is expected'],
    ["a b", 3, "there is an operator"],
    ["a > 5", 3, "there is an operator"],
    ["!a=b", 3, "behind !key there is nothing"],
    ["!", 2, "a key is expected"],
    ["a in", 5, '"(" is expected, not the end'],
    ["a in b", 6, '"(" is expected'],
    ["a in (b", 8, '")" is expected, not the end'],
    ["a in (b c)", 9, '")" is expected'],
    ["a in (b))", 9, '"," is expected'],
    ["-a", 1, "no label's key"],
    ["a/b/c", 1, "no label's key"],
    ["A/b", 1, "no DNS name"],
    ["/b", 1, "no DNS name"],
    ["a=-b", 3, "no label's value"],
    ["a=b+c", 3, "no label's value"],
    ["a=\u00e9", 3, "no label's value"],
    ["a=\u0000", 3, "no label's value"],
  ])("%j is refused at character %i: %s", ([text, at, rule]) => {
    const { reason, details, message } = refusal(text);
    expect(reason).toBe("INVALID_SELECTOR");
    expect(details).toMatchObject({ at: `${at}`, rule: expect.stringContaining(rule) });
    expect(message).toContain(`at character ${at}: `);
    expect(message).toContain(details["fix"]);
  });

  test("have keys and values as long as Kubernetes' at most", () => {
    const label = "x".repeat(LABEL_CHARS_MAX);
    const prefix = "y".repeat(LABEL_PREFIX_CHARS_MAX);
    expect(parseSelector(`${prefix}/${label}=${label}`).text).toBe(`${prefix}/${label}=${label}`);
    expect(refusal(`a=${label}x`).details).toMatchObject({
      at: "3",
      rule: "a label's value has at most 63 characters",
    });
    expect(refusal(`${label}x`).details).toMatchObject({
      at: "1",
      rule: "the name of a key has at most 63 characters",
    });
    expect(refusal(`${prefix}y/a`).details).toMatchObject({ at: "1", fix: expect.stringContaining("at most 253") });
  });

  test("have limits, each with its name in the error", () => {
    const list = (count: number, item: (i: number) => string) =>
      Array.from({ length: count }, (_, i) => item(i)).join();
    const requirement = (i: number) => `k${i}`;
    expect(parseSelector(list(SELECTOR_REQUIREMENTS_MAX, requirement)).text).not.toBe("");
    expect(refusal(list(SELECTOR_REQUIREMENTS_MAX + 1, requirement)).message).toContain("at most 32 requirements");
    const value = (i: number) => `v${i}`;
    expect(parseSelector(`a in (${list(SELECTOR_VALUES_MAX, value)})`).text).toContain("v127");
    expect(refusal(`a in (${list(SELECTOR_VALUES_MAX + 1, value)})`).message).toContain("at most 128 values");
    expect(refusal(" ".repeat(SELECTOR_CHARS_MAX + 1)).message).toContain("at most 4096 characters");
    expect(parseSelector(" ".repeat(SELECTOR_CHARS_MAX)).text).toBe("");
  });

  test("are as long as they may be when they are written out, too, or could not be read again", () => {
    const wide = Array.from({ length: 16 }, (_, i) => `${i}`).join("||");
    const text = Array.from({ length: 12 }, (_, i) => `k${i} semver (${wide})`).join();
    expect(text.length).toBeLessThan(SELECTOR_CHARS_MAX);
    expect(refusal(text).message).toContain("with its ranges written out");
  });

  test("hostile text is read or refused, quickly and never otherwise", () => {
    const pieces = fc.constantFrom(..."ab=!(),<>|^~*.-+ \t\0é", "in", "notin", "semver", "1", "1.2.3", "||", "((", "x");
    const noise = fc.oneof(
      fc.array(pieces, { maxLength: 30 }).map((all) => all.join("")),
      fc.string({ unit: "binary" }),
      fc
        .tuple(fc.array(pieces, { minLength: 1, maxLength: 4 }), fc.nat(2_000))
        .map(([all, n]) => all.join("").repeat(n)),
    );
    fc.assert(
      fc.property(noise, (text) => {
        try {
          const { text: canonical } = parseSelector(text);
          return parseSelector(canonical).text === canonical;
        } catch (error) {
          return error instanceof InputError && error.reason === "INVALID_SELECTOR";
        }
      }),
      { numRuns: 500 },
    );
  });
});
