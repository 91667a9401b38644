import { expect, test } from "vitest";
import { CliError } from "../../../src/cli/cli-error.ts";
import { dataFromJson, dataToJson, formatPairs, formatTable, parseOutput, printable } from "../../../src/cli/output.ts";

test("a table's columns are as wide as their widest cell, numbers to the right, wide characters as two", () => {
  const rows = [
    [1, "short", "x"],
    [100, "配置", "y"],
  ];
  expect(formatTable(["N", "NAME", "Z"], rows)).toBe("  N  NAME   Z\n  1  short  x\n100  配置   y\n");
});

test("a table without rows is its heading", () => {
  expect(formatTable(["ID", "ROLE"], [])).toBe("ID  ROLE\n");
});

test("a znode's name cannot send control characters to the terminal", () => {
  expect(printable("a\u001b[2Jb\nc\u2028")).toBe("a\\u001b[2Jb\\u000ac\\u2028");
  expect(formatTable(["A"], [["\u001b]0;x\u0007"]])).not.toContain("\u001b");
  expect(formatPairs([["a", "b\rc"]])).toBe("a  b\\u000dc\n");
});

test.for<[string, Uint8Array, object]>([
  ["text", Buffer.from("héllo\n"), { utf8: "héllo\n" }],
  ["nothing", Buffer.alloc(0), { utf8: "" }],
  ["a byte order mark, kept", Buffer.from("\ufeffa"), { utf8: "\ufeffa" }],
  ["bytes that are not text", Buffer.from([0xff, 0x00]), { base64: "/wA=" }],
  ["a lone surrogate's bytes", Buffer.from([0xed, 0xa0, 0x80]), { base64: "7aCA" }],
])("data in JSON and back: %s", ([, data, json]) => {
  expect(dataToJson(data)).toEqual(json);
  expect(Buffer.from(dataFromJson(json, "x"))).toEqual(Buffer.from(data));
});

test.for<[object, string]>([
  [{}, "f:1: has no data"],
  [{ utf8: 1 }, "f:1: has no data"],
  [{ utf8: "", base64: "" }, "f:1: has both utf8 and base64"],
  [{ base64: "a" }, "f:1: its base64 is not valid"],
])("data that is refused: %j", ([value, message]) => {
  expect(() => dataFromJson(value, "f:1")).toThrow(message);
});

test("an output format that is none is a usage error", () => {
  expect(parseOutput("json")).toBe("json");
  expect(() => parseOutput("yaml")).toThrow(new CliError('-o: "yaml" is not an output format; write table or json', 2));
});
