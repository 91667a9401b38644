import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseSaslDirectives } from "../../../../../src/api/zookeeper/auth/sasl-directives.ts";
import "../../../../support/fixed-seed.ts";

function parsed(text: string): unknown {
  const directives = parseSaslDirectives(text);
  return directives === undefined ? undefined : Object.fromEntries(directives);
}

describe("parseSaslDirectives", () => {
  it.each([
    ["", {}],
    [" ,,\t,\r\n", {}],
    ["a=b", { a: "b" }],
    ['a="b"', { a: "b" }],
    ['a=""', { a: "" }],
    ["A-b = c", { "a-b": "c" }],
    ['a="x,y=z",b=1', { a: "x,y=z", b: "1" }],
    ['a="q\\"\\\\\\n"', { a: 'q"\\n' }],
    [',a=b,,c="d" , e=f,', { a: "b", c: "d", e: "f" }],
    ['a="\xff\x80"', { a: "\xff\x80" }],
    ["__proto__=x", { ["__proto__"]: "x" }],
  ])("reads %j", (text, expected) => expect(parsed(text)).toEqual(expected));

  it.each([
    "a",
    "a=",
    "=b",
    "a==b",
    "a=b c=d",
    "a=b c",
    'a="b"c',
    'a="b',
    'a="b\\',
    'a="b\\"',
    'a="b\0"',
    'a="b\nc"',
    'a="b\\\n"',
    'a="\x7f"',
    "a=b,a=c",
    "a=b,A=b",
    "a=\xff",
    "a=b\0",
    "a b=c",
    "a=(b)",
    '"a"=b',
  ])("refuses %j", (text) => expect(parsed(text)).toBeUndefined());

  it("reads back what was written, quoted", () => {
    const name = fc.stringMatching(/^[a-z][a-z-]{0,8}$/);
    const value = fc.string({ unit: "binary-ascii", maxLength: 12 }).filter((text) => !/\p{Cc}/u.test(text));
    fc.assert(
      fc.property(fc.dictionary(name, value), fc.constantFrom(",", " , ", ",,", ",\r\n "), (directives, comma) => {
        const written = Object.entries(directives).map(([key, text]) => `${key}="${text.replace(/[\\"]/g, "\\$&")}"`);
        expect(parseSaslDirectives(written.join(comma))).toEqual(new Map(Object.entries(directives)));
      }),
    );
  });
});
