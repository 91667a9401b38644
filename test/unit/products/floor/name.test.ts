import fc from "fast-check";
import { describe, expect, test } from "vitest";
import "../../../support/fixed-seed.ts";
import { encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import { NAME_BYTES_MAX, pathFault } from "../../../../src/core/tree/path.ts";
import { InputError } from "../../../../src/products/floor/input-error.ts";
import {
  decodeName,
  encodeName,
  NAME_CHARS_MAX,
  NAME_SEGMENT_CHARS_MAX,
  NAME_SEGMENTS_MAX,
  OWN_CHILD_MARK,
  parseName,
  spaceOf,
} from "../../../../src/products/floor/name.ts";

const CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
const segments = fc
  .string({ unit: fc.constantFrom(...CHARACTERS), minLength: 1, maxLength: NAME_SEGMENT_CHARS_MAX })
  .filter((segment) => segment !== "." && segment !== "..");
/** Of few short segments, so that names meet. */
const short = fc.constantFrom("a", "b", "a.b", "a-b", "-", "...", "A");
const texts = fc
  .oneof(
    fc.array(segments, { minLength: 1, maxLength: NAME_SEGMENTS_MAX }),
    fc.array(short, { minLength: 1, maxLength: NAME_SEGMENTS_MAX }),
  )
  .map((parts) => parts.join("/"))
  .filter((text) => text.length <= NAME_CHARS_MAX);
const names = texts.map(parseName);
/** What a tree may hold in a place of ours: near misses of names, and anything. */
const hostile = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."ab.:/~-\\%_ \0é\u{1f600}"), maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 300 }),
  names.map(encodeName),
);

/** The error of what is no name. */
function refusal(text: string): InputError {
  try {
    parseName(text);
  } catch (error) {
    if (error instanceof InputError) return error;
  }
  throw new Error(`${JSON.stringify(text)} is taken for a name`);
}

describe("products.md 5: names", () => {
  test("are one to four segments, the first of which is the space", () => {
    expect(spaceOf(parseName("shop"))).toBe("shop");
    expect(spaceOf(parseName("shop/checkout/v1.2/db_main-1"))).toBe("shop");
    fc.assert(
      fc.property(names, (name) => {
        expect(spaceOf(name)).toBe(name.split("/")[0]);
      }),
    );
  });

  test.for<[string, string, number | undefined, string]>([
    ["nothing", "", undefined, "a name is not empty"],
    ["a slash before", "/a", 0, "a segment is not empty"],
    ["a slash behind", "a/", 2, "a segment is not empty"],
    ["two slashes", "a//b", 2, "a segment is not empty"],
    ["a dot", "a/./b", 2, 'a segment is not "."'],
    ["two dots", "..", 0, 'a segment is not ".."'],
    ["five segments", "a/b/c/d/e", undefined, "at most 4 segments"],
    ["a space", "a b", 1, "not U+0020"],
    ["a colon", "a/b:c", 3, 'not ":" (U+003A)'],
    ["a letter beyond ASCII", "é", 0, 'not "é" (U+00E9)'],
    ["one beyond 16 bits", "a\u{1f600}", 1, "(U+1F600)"],
    ["a lone surrogate", "a\ud800", 1, "U+D800"],
    ["a NUL", "a\0", 1, "U+0000"],
    ["a line end", "a\n", 1, "U+000A"],
    ["a segment too long", `a/${"x".repeat(129)}`, 2, "at most 128 characters"],
    ["a name too long", `${"x".repeat(128)}/${"y".repeat(127)}`, undefined, "at most 255 characters"],
  ])("refuse %s, naming the input, the place, the rule and the fix", ([, text, at, rule]) => {
    const { reason, message, details } = refusal(text);
    expect(reason).toBe("INVALID_NAME");
    expect(details["rule"]).toContain(rule);
    expect(details["at"]).toBe(at === undefined ? undefined : `${at + 1}`);
    expect(message).toContain(JSON.stringify(text).slice(0, 80));
    expect(message).toContain(details["fix"]);
  });

  test("take segments and names as long as their limits", () => {
    expect(encodeName(parseName(`${"x".repeat(128)}/${"y".repeat(126)}`))).toHaveLength(NAME_CHARS_MAX);
  });

  test("of a megabyte are refused with a short error", () => {
    const { message } = refusal("a/".repeat(512 * 1024));
    expect(message.length).toBeLessThan(250);
    expect(message).toContain("1048576 characters");
  });

  test("encoded show a person what they are", () => {
    expect(encodeName(parseName("shop/checkout/db"))).toBe("shop:checkout:db");
  });

  test("encoded are one legal segment of a ZooKeeper path, within the tree's limits", () => {
    fc.assert(
      fc.property(names, (name) => {
        const segment = encodeName(name);
        const path = encodeUtf8(`/${segment}`);
        expect(segment).not.toContain("/");
        expect(pathFault(path, 0, path.length)).toBeUndefined();
        expect(path.length - 1).toBe(segment.length);
        expect(segment.length).toBeLessThanOrEqual(Math.min(NAME_CHARS_MAX, NAME_BYTES_MAX));
      }),
    );
  });

  test("come back as they went", () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(decodeName(encodeName(name))).toBe(name);
      }),
    );
  });

  test("are encoded alike only if they are the same", () => {
    fc.assert(
      fc.property(names, names, (one, other) => {
        expect(encodeName(one) === encodeName(other)).toBe(one === other);
      }),
    );
  });

  test("of a space are those whose encoded form is it or begins with it and a colon", () => {
    fc.assert(
      fc.property(names, short, (name, space) => {
        const segment = encodeName(name);
        expect(segment === space || segment.startsWith(`${space}:`)).toBe(spaceOf(name) === space);
      }),
    );
  });

  test("are never what a product's own znodes beside them are called", () => {
    fc.assert(
      fc.property(fc.string(), names, (text, name) => {
        expect(decodeName(OWN_CHILD_MARK + text)).toBeUndefined();
        expect(encodeName(name)).not.toContain(OWN_CHILD_MARK);
      }),
    );
  });

  test("are decoded from their one encoded form, and whatever else is there is none", () => {
    const others = ["", ":", "a:", ":a", "a::b", ".", "..", "a:..", "a/b", "a:b:c:d:e", "a%3Ab", "a b", "~jobs"];
    for (const segment of others) expect(decodeName(segment), segment).toBeUndefined();
    fc.assert(
      fc.property(hostile, (segment) => {
        const name = decodeName(segment);
        if (name !== undefined) expect([parseName(name), encodeName(name)]).toEqual([name, segment]);
      }),
    );
  });

  test("are parsed or refused, whatever is written", () => {
    fc.assert(
      fc.property(fc.oneof(hostile, fc.string({ unit: "binary" })), (text) => {
        const isName = text.length <= NAME_CHARS_MAX && isNaiveName(text);
        if (isName) expect(parseName(text)).toBe(text);
        else expect(refusal(text).reason).toBe("INVALID_NAME");
      }),
    );
  });
});

/** The rules once more, as one pattern. */
function isNaiveName(text: string): boolean {
  return /^(?!\.{1,2}(\/|$))[\w.-]{1,128}(\/(?!\.{1,2}(\/|$))[\w.-]{1,128}){0,3}$/.test(text);
}
