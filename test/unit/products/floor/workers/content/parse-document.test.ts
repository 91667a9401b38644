import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDocument } from "../../../../../../src/products/floor/workers/content/parse-document.ts";
import type { ContentFormat } from "../../../../../../src/products/floor/workers/content-jobs.ts";
import { refusal, utf8 } from "./refusal.ts";

const parse = (format: ContentFormat, text: string): unknown => parseDocument(format, utf8(text));
const refused = (format: ContentFormat, text: string) => refusal(() => parse(format, text));

describe("any document", () => {
  test("of JSON values is read as it was written, as JSON and as YAML", () => {
    // Zero below zero is no value of its own in JSON.stringify; the keys are those that are not reserved.
    const key = fc.string().filter((text) => text !== "__proto__");
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, true, false),
        fc.maxSafeInteger().map((number) => number + 0),
        fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }).map((number) => number + 0),
        fc.double({ noNaN: true, noDefaultInfinity: true, min: 1e21 }),
        fc.string({ unit: "grapheme" }),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(value, (each) => {
        const text = JSON.stringify(each);
        const expected = JSON.parse(text);
        expect(parse("json", text)).toEqual(expected);
        expect(parse("yaml", text)).toEqual(expected);
      }),
    );
  });

  test("of bytes or text is read or refused, whatever it is", () => {
    const formats = fc.constantFrom<ContentFormat>("json", "yaml", "toml", "properties");
    const characters = fc.constantFrom(..."{}[]:,\"'\\\n -#=&*!|>a1.eE+~<%@`\t\u0000\u00e9");
    const text = fc.array(characters, { maxLength: 40 }).map((all) => utf8(all.join("")));
    const anything = fc.oneof(text, fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(formats, anything, (format, content) => {
        try {
          expect(JSON.stringify(parseDocument(format, content))).toBeTypeOf("string");
        } catch (error) {
          expect((error as Error).name).toBe("ContentFault");
        }
      }),
      { numRuns: 500 },
    );
  });

  test("is UTF-8, with or without a byte order mark", async () => {
    expect(parse("json", "\ufeff[1]")).toEqual([1]);
    expect(await refusal(() => parseDocument("json", Uint8Array.of(0x22, 0xff, 0x22)))).toMatchObject({
      reason: "INVALID_CONTENT",
      rule: "utf-8",
    });
  });

  test("products.md 4: has at most 1 MiB", async () => {
    expect(parse("json", `"${"a".repeat(1024 * 1024 - 2)}"`)).toHaveLength(1024 * 1024 - 2);
    expect(await refused("json", `"${"a".repeat(1024 * 1024 - 1)}"`)).toMatchObject({
      reason: "CONTENT_TOO_LARGE",
      rule: "bytes",
      message: "there are 1048577 bytes, and 1048576 is the most: make it smaller",
    });
  });

  test.for<[ContentFormat, (depth: number) => string]>([
    ["json", (depth) => "[".repeat(depth) + "]".repeat(depth)],
    ["yaml", (depth) => "[".repeat(depth) + "]".repeat(depth)],
    ["yaml", (depth) => `${"- ".repeat(depth - 1)}[]`],
    ["toml", (depth) => `a = ${"[".repeat(depth - 1) + "]".repeat(depth - 1)}`],
    [
      "toml",
      (depth) =>
        `[${Array(depth - 1)
          .fill("a")
          .join(".")}]`,
    ],
  ])("products.md 4: is nested 64 levels deep at most: %s", async ([format, nested]) => {
    expect(() => parse(format, nested(65))).not.toThrow();
    expect(await refused(format, nested(66))).toMatchObject({ rule: expect.stringMatching(/depth|syntax/) });
    expect(await refused(format, nested(2_000))).toMatchObject({ rule: expect.stringMatching(/depth|syntax/) });
  });

  test.for<[ContentFormat, string]>([
    ["json", `[${"1,".repeat(99_999)}1]`],
    ["toml", `a = [${"1,".repeat(99_998)}1]`],
    ["properties", Array.from({ length: 100_001 }, (_, index) => index).join("\n")],
  ])("products.md 4: has at most 100,000 values: %s", async ([format, text]) => {
    expect(await refused(format, text)).toMatchObject({ reason: "CONTENT_TOO_LARGE", rule: "values" });
  });

  test.for<[ContentFormat, string, string]>([
    ["json", '{"a":{"b":1,"b":2}}', "/a/b"],
    ["json", '{"a":1,"\\u0061":2}', "/a"],
    ["yaml", "a:\n  b: 1\n  b: 2", "/a/b"],
    ["yaml", "1: a\n'1': b", "/1"],
    ["properties", "b=1\nb 2", "/b"],
  ])("products.md 4: has no key twice: %s %s", async ([format, text, at]) => {
    const key = at.slice(at.lastIndexOf("/") + 1);
    const message = `the key "${key}" is there twice: keep one`;
    expect(await refused(format, text)).toEqual({ reason: "INVALID_CONTENT", rule: "duplicate-key", at, message });
  });

  test("products.md 4: is refused in bounds, however long its keys are", async () => {
    const key = "k".repeat(100_000);
    const { at, message } = await refused("json", `{"${key}":{"${key}":1,"${key}":2}}`);
    expect(at).toBe(`/${"k".repeat(999)}...`);
    expect(message).toBe(`the key "${"k".repeat(100)}..." is there twice: keep one`);
  });

  test.for<[ContentFormat, (integer: string) => string]>([
    ["json", (integer) => `{"a~/b":[${integer}]}`],
    ["yaml", (integer) => `a~/b: [${integer}]`],
    ["toml", (integer) => `"a~/b" = [${integer}]`],
  ])("products.md 4: keeps integers exactly, or refuses them by name: %s", async ([format, written]) => {
    expect(parse(format, written("9007199254740991"))).toEqual({ "a~/b": [9007199254740991] });
    expect(parse(format, written("-9007199254740991"))).toEqual({ "a~/b": [-9007199254740991] });
    for (const integer of ["9007199254740992", "-9007199254740993", "123456789012345678", "1.0e16"]) {
      const fault = { reason: "INVALID_CONTENT", rule: "integer-range", at: "/a~0~1b/0" };
      expect(await refused(format, written(integer)), integer).toMatchObject(fault);
    }
  });

  test.for<[ContentFormat, string]>([
    ["json", "[1e400]"],
    ["yaml", "[.inf]"],
    ["yaml", "[.nan]"],
    ["toml", "a = inf"],
  ])("has numbers that are numbers: %s %s", async ([format, text]) => {
    expect(await refused(format, text)).toMatchObject({ rule: "number-range" });
  });

  test.for<[ContentFormat, string]>([
    ["json", '{"__proto__":{"a":1}}'],
    ["yaml", "__proto__: {a: 1}"],
    ["toml", "[__proto__]\na = 1"],
    ["properties", "__proto__=1"],
  ])("has no key that could change what an object is: %s", async ([format, text]) => {
    expect(await refused(format, text)).toMatchObject({ rule: "reserved-key", at: "/__proto__" });
  });

  test.for<[ContentFormat, string, string]>([
    ["json", "", "1:1"],
    ["json", '{\n"a" 1}', "2:5"],
    ["json", "[1,]", "1:4"],
    ["json", "[1] // one", "1:5"],
    ["json", "[01]", "1:3"],
    ["yaml", "a: b\n c: d", "1:4"],
    ["yaml", "a: !secret b", "1:4"],
    ["yaml", "a\n---\nb", "2:1"],
    ["toml", "a = 1\nb =\n", "2:4"],
    ["properties", "a=\\u12", ""],
  ])("that is none is refused by where it is wrong: %s %s", async ([format, text, at]) => {
    const { message, ...fault } = await refused(format, text);
    expect(fault).toEqual({ reason: "INVALID_CONTENT", rule: "syntax", at });
    expect(message).not.toContain("\n");
  });
});

describe("YAML", () => {
  test("is YAML 1.2: yes, 010 and 1:20 are not what they were in 1.1", () => {
    expect(parse("yaml", "[yes, 010, 0o10, 0x10, 1:20, ~, True]")).toEqual(["yes", 10, 8, 16, "1:20", null, true]);
  });

  test("takes keys as they are written", () => {
    expect(parse("yaml", "1.0: a\ntrue: b\n~: c\n'x y': d")).toEqual({ "1.0": "a", true: "b", "~": "c", "x y": "d" });
  });

  test.for([
    ["merge-key", "a: &a {b: 1}\nc: {<<: *a}", "/c"],
    ["key", "[a]: b", ""],
    ["key", "a: &a b\n*a : c", ""],
    ["alias", "a: &a [*a]", "/a/0"],
  ])("refuses by name what has no meaning as JSON, or none in YAML 1.2: %s %s", async ([rule, text, at]) => {
    expect(await refused("yaml", text as string)).toMatchObject({ reason: "INVALID_CONTENT", rule, at });
  });

  test("repeats by aliases what was anchored last", () => {
    expect(parse("yaml", "a: &a [1]\nb: *a\nc: &a {d: *a}\ne: *a")).toEqual({
      a: [1],
      b: [1],
      c: { d: [1] },
      e: { d: [1] },
    });
  });

  test("products.md 4: a bomb of aliases is refused before it is anything", async () => {
    const levels = "abcdefghi".split("");
    const bomb = levels.map((name, index) => {
      const inner = index === 0 ? '"lol"' : `*${levels[index - 1]}`;
      return `${name}: &${name} [${Array(9).fill(inner).join(",")}]`;
    });
    expect(await refused("yaml", bomb.join("\n"))).toMatchObject({ reason: "CONTENT_TOO_LARGE", rule: "values" });
  });

  test("products.md 4: aliases are counted, and what they repeat is too", async () => {
    const times = (count: number) => `a: &a x\nb: [${Array(count).fill("*a").join(",")}]`;
    expect(parse("yaml", times(100))).toMatchObject({ a: "x" });
    expect(await refused("yaml", times(101))).toMatchObject({ rule: "aliases", at: "/b/100" });
    const long = `a: &a ${"x".repeat(50_000)}\nb: [${Array(90).fill("*a").join(",")}]`;
    expect(await refused("yaml", long)).toMatchObject({ rule: "characters" });
    const deep = `a: &a ${"[".repeat(40)}${"]".repeat(40)}\nb: ${"[".repeat(30)}*a${"]".repeat(30)}`;
    expect(await refused("yaml", deep)).toMatchObject({ rule: "depth" });
  });
});

test("TOML's tables, dates and times are JSON's objects and strings", () => {
  const text = "d = 1979-05-27T07:32:00Z\nl = 07:32:00\n[[a]]\nb.c = 1.5\n";
  expect(parse("toml", text)).toEqual({ d: "1979-05-27T07:32:00.000Z", l: "07:32:00.000", a: [{ b: { c: 1.5 } }] });
});

test("properties are Java's", () => {
  const text = "# no\n! no\na.b = one \\\n  two\nc:\\u00e9\\t\nd e\nf\n";
  expect(parse("properties", text)).toEqual({ "a.b": "one two", c: "\u00e9\t", d: "e", f: "" });
});
