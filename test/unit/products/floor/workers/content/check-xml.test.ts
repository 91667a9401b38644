import { expect, test } from "vitest";
import { checkXml } from "../../../../../../src/products/floor/workers/content/check-xml.ts";
import { refusal, utf8 } from "./refusal.ts";

const check = (text: string) => checkXml({ content: utf8(text) });

test.for([
  '<?xml version="1.0"?><a b="c">&lt;&#233;<!-- no --><![CDATA[<]]></a>',
  '<a xmlns:x="urn:x"><x:b/></a>',
  "<a>".repeat(64) + "</a>".repeat(64),
])("what is well-formed passes: %s", (text) => {
  expect(check(text)).toEqual({});
});

test.for([
  ["<a><b></a>", "1:10"],
  ["<a>", "1:3"],
  ["", "1:0"],
  ["text", "1:4"],
  ["<a/><b/>", "1:7"],
  ["<a b='1' b='2'/>", "1:16"],
  ["<x:a/>", "1:6"],
  ["<a>\n&unknown;</a>", "2:9"],
])("what is not is refused by where: %s", async ([text, at]) => {
  const { message, ...fault } = await refusal(() => check(text as string));
  expect(fault).toMatchObject({ reason: "INVALID_CONTENT", rule: "syntax", at });
  expect(message).toMatch(/^this is not well-formed XML: \D/);
});

test("products.md 4: a document type is refused, before anything it defines means anything", async () => {
  const entities = Array.from({ length: 20_000 }, (_, index) => `<!ENTITY e${index + 1} "&e${index};&e${index};">`);
  const bomb = `<!DOCTYPE a [<!ENTITY e0 "ha">${entities.join("\n")}]><a>&e20000;</a>`;
  const fault = { reason: "INVALID_CONTENT", rule: "doctype" };
  expect(await refusal(() => check(bomb.slice(0, 1024 * 1024)))).toMatchObject(fault);
  const outside = '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>';
  expect(await refusal(() => check(outside))).toMatchObject(fault);
});

test("products.md 4: elements are nested 64 levels deep at most", async () => {
  const fault = { reason: "CONTENT_TOO_LARGE", rule: "depth" };
  expect(await refusal(() => check("<a>".repeat(65)))).toMatchObject(fault);
});
