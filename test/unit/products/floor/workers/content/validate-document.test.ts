import { describe, expect, test } from "vitest";
import { compileSchema } from "../../../../../../src/products/floor/workers/content/compile-schema.ts";
import { SchemaCache } from "../../../../../../src/products/floor/workers/content/schema-cache.ts";
import { validateDocument } from "../../../../../../src/products/floor/workers/content/validate-document.ts";
import { refusal, utf8 } from "./refusal.ts";

const compile = (schema: unknown) => compileSchema(utf8(JSON.stringify(schema)));
const validate = (schema: unknown, value: unknown) => validateDocument(compile(schema), value);
const isValid = (schema: unknown, value: unknown): boolean => validate(schema, value).total === 0;
const refused = (schema: unknown) => refusal(() => compile(schema));

describe("a value", () => {
  test("that is rejected names item, rule and value", () => {
    const schema = {
      $defs: { port: { type: "integer", maximum: 65_535 } },
      properties: { "a/b": { items: { $ref: "#/$defs/port" } }, name: { type: "string", maxLength: 3 } },
      required: ["id"],
    };
    expect(validate(schema, { "a/b": [80, 70_000, "x"], name: "y".repeat(200) })).toEqual({
      total: 4,
      violations: [
        { item: "", rule: "#/required", value: "an object of 2", message: "must have required property 'id'" },
        { item: "/a~1b/1", rule: "#/$defs/port/maximum", value: "70000", message: "must be <= 65535" },
        { item: "/a~1b/2", rule: "#/$defs/port/type", value: '"x"', message: "must be integer" },
        {
          item: "/name",
          rule: "#/properties/name/maxLength",
          value: `"${"y".repeat(100)}..."`,
          message: "must NOT have more than 3 characters",
        },
      ],
    });
  });

  test("breaks at most 100 rules by name, and the rest by number", () => {
    const { violations, total } = validate({ items: { type: "string" } }, Array(250).fill(1));
    expect([violations.length, total]).toEqual([100, 250]);
  });

  test("products.md 4: tells of places and values in bounds, however long they are", () => {
    const key = "k".repeat(100_000);
    const { violations } = validate({ additionalProperties: { items: false } }, { [key]: Array(200).fill(1) });
    expect(violations[0]?.item).toBe(`/${"k".repeat(999)}...`);
    expect(JSON.stringify(violations).length).toBeLessThan(200_000);
  });

  test("has no properties that it inherits", () => {
    expect(isValid({ required: ["toString"] }, {})).toBe(false);
    expect(isValid({ properties: { constructor: { type: "string" } } }, {})).toBe(true);
  });

  test("is held against 2020-12: dynamic references, prefixItems, unevaluated properties", () => {
    const tree = {
      $dynamicAnchor: "node",
      type: "object",
      properties: { inner: { $dynamicRef: "#node" }, pair: { prefixItems: [{ type: "number" }], items: false } },
      unevaluatedProperties: false,
    };
    expect(isValid(tree, { inner: { pair: [1] } })).toBe(true);
    expect(isValid(tree, { inner: { pair: [1, 2] } })).toBe(false);
    expect(isValid(tree, { inner: { other: 1 } })).toBe(false);
  });
});

describe("products.md 4: regular expressions", () => {
  test("take linear time, wherever they stand", () => {
    const catastrophic = "^(a+)+$";
    const text = `${"a".repeat(50_000)}!`;
    expect(isValid({ pattern: catastrophic }, text)).toBe(false);
    expect(isValid({ propertyNames: { pattern: catastrophic } }, { [text]: 1 })).toBe(false);
    expect(isValid({ patternProperties: { [catastrophic]: false } }, { [text]: 1 })).toBe(true);
    expect(isValid({ pattern: catastrophic }, "aaa")).toBe(true);
  });

  test.for(["(?=a)b", "(?!a)", "(?<=a)b", "(a)\\1", "(", "a{1001}"])(
    "that cannot are refused by name: %s",
    async (pattern) => {
      const fault = {
        reason: "INVALID_CONTENT",
        rule: "pattern",
        message: expect.stringContaining(JSON.stringify(pattern)),
      };
      expect(await refused({ properties: { a: { pattern } } })).toMatchObject(fault);
      expect(await refused({ patternProperties: { [pattern]: {} } })).toMatchObject(fault);
    },
  );

  test("of one schema are each their own", () => {
    const schema = { patternProperties: { "^a": { pattern: "^1" }, "^b": { pattern: "^2" } } };
    expect(isValid(schema, { a: "1", b: "2" })).toBe(true);
    expect(validate(schema, { a: "2", b: "1" }).violations.map(({ item }) => item)).toEqual(["/a", "/b"]);
  });

  test.for([
    ["\\u00e9", "é"],
    ["^\\p{Lu}\\d{2}$", "É42"],
    ["^(?<year>\\d{4})-\\/$", "2020-/"],
    ["^.$", "\u{1f600}"],
    ["^[\\w.-]+@[^\\s]+$", "a.b@c"],
  ])("are written as in JavaScript: %s", ([pattern, text]) => {
    expect(isValid({ pattern }, text)).toBe(true);
  });

  const times = 100_000;
  test.for([
    ["email", "a@b.example", `a@${"a".repeat(times)}`],
    ["email", "a@b.example", `a@${"a.".repeat(times)}`],
    ["hostname", "a-b.example.", `${"a".repeat(times)}.`],
    ["ipv4", "10.0.0.1", "1".repeat(times)],
    ["ipv6", "::ffff:1.2.3.4", "1:".repeat(times)],
    ["uri", "https://a@b:80/c?d#e", `a:${"/a".repeat(times)} `],
    ["uri-reference", "../a", `${"a".repeat(times)} `],
    ["uri-template", "/{a}{?b*}", `{${"a,".repeat(times)}`],
    ["uuid", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "f".repeat(times)],
    ["json-pointer", "/a~0b", `${"/a".repeat(times)}~`],
    ["relative-json-pointer", "1/a", `${"1".repeat(times)}~`],
    ["duration", "P1Y2DT3H", `P${"1".repeat(times)}`],
    ["date", "2020-02-29", "1".repeat(times)],
    ["time", "10:00:00.5Z", `10:00:00.${"1".repeat(times)}x`],
    ["date-time", "2020-02-29T10:00:00Z", "t".repeat(times)],
    ["regex", "a+", `(${"a".repeat(times)}`],
  ] as const)("of the format %s take linear time", ([format, good, bad]) => {
    expect(isValid({ format }, good)).toBe(true);
    expect(isValid({ format }, bad)).toBe(false);
  });

  test("are not those of unknown formats, which check nothing", () => {
    expect(isValid({ format: "iri" }, "anything")).toBe(true);
  });
});

describe("a schema", () => {
  test.for<[string, string, unknown]>([
    ["schema", "/type", { type: "sting" }],
    ["schema", "/properties/a/minimum", { properties: { a: { minimum: "1" } } }],
    ["schema", "", [1]],
    ["schema-dialect", "/$schema", { $schema: "http://json-schema.org/draft-07/schema#" }],
    ["schema", "/$async", { $async: true }],
  ])("that is none of 2020-12 is refused: %s %s", async ([rule, at, schema]) => {
    expect(await refused(schema)).toMatchObject({ reason: "INVALID_CONTENT", rule, at });
  });

  test("may be true or false, and may say which dialect it is", () => {
    expect(isValid(true, 1)).toBe(true);
    expect(isValid(false, 1)).toBe(false);
    expect(isValid({ $schema: "https://json-schema.org/draft/2020-12/schema", type: "string" }, 1)).toBe(false);
  });

  test.for(["https://elsewhere.example/schema", "other.json", "#/$defs/none", "file:///etc/passwd"])(
    "products.md 4: refers to nothing outside itself: %s",
    async ($ref) => {
      const fault = await refused({ $id: "https://own.example/schema", properties: { a: { $ref } } });
      expect(fault).toMatchObject({ reason: "INVALID_CONTENT", rule: "ref" });
      expect(fault.message).toContain($ref.replace(/^.*\//, ""));
    },
  );

  test("knows nothing of another one's identifiers, and shares none", async () => {
    const inner = { $id: "https://own.example/inner", type: "string" };
    const first = { $id: "https://own.example/outer", $defs: { inner }, items: { $ref: "inner" } };
    expect(isValid(first, [1])).toBe(false);
    expect(isValid({ ...first, items: true }, [1])).toBe(true);
    expect(await refused({ $ref: "https://own.example/inner" })).toMatchObject({ rule: "ref" });
  });

  test("products.md 4: has at most 256 KiB and 64 levels", async () => {
    expect(await refused({ description: "a".repeat(256 * 1024) })).toMatchObject({ rule: "bytes" });
    let deep: object = {};
    for (let depth = 0; depth < 65; depth++) deep = { not: deep };
    expect(await refused(deep)).toMatchObject({ rule: "depth" });
  });

  test("that refers to itself without end is refused when it is used", async () => {
    const validator = compile({ $ref: "#" });
    expect(await refusal(() => validateDocument(validator, 1))).toMatchObject({ rule: "depth" });
  });
});

describe("the schemas a worker keeps", () => {
  const schema = (index: number, size = 0) => utf8(JSON.stringify({ const: index, description: "a".repeat(size) }));

  test("are found by their text", () => {
    const cache = new SchemaCache();
    expect(cache.get(schema(1))).toBe(cache.get(schema(1)));
    expect(cache.get(schema(1))).not.toBe(cache.get(schema(2)));
  });

  test("are the 32 used last", () => {
    const cache = new SchemaCache();
    const first = cache.get(schema(0));
    for (let index = 1; index < 32; index++) cache.get(schema(index));
    expect(cache.get(schema(0))).toBe(first);
    cache.get(schema(32));
    expect(cache.size).toBe(32);
    expect(cache.get(schema(0))).toBe(first);
    for (let index = 100; index < 132; index++) cache.get(schema(index));
    expect(cache.get(schema(0))).not.toBe(first);
  });

  test("have 1 MiB of text at most", () => {
    const cache = new SchemaCache();
    for (let index = 0; index < 10; index++) cache.get(schema(index, 200_000));
    expect(cache.size).toBe(5);
  });

  test("are none that cannot be used", async () => {
    const cache = new SchemaCache();
    await refusal(() => cache.get(utf8('{"type":"sting"}')));
    expect(cache.size).toBe(0);
  });
});
