import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { readLines } from "../../../src/cli/line-reader.ts";

async function linesOf(chunks: (Buffer | string)[], charsMax = 100): Promise<[number, string][]> {
  const lines: [number, string][] = [];
  for await (const { number, text } of readLines(Readable.from(chunks, { objectMode: true }), charsMax, "f")) {
    lines.push([number, text]);
  }
  return lines;
}

test("lines are numbered from 1, empty ones included, the last with or without an end", async () => {
  expect(await linesOf(["a\n\nb"])).toEqual([
    [1, "a"],
    [2, ""],
    [3, "b"],
  ]);
  expect(await linesOf(["a\n"])).toEqual([[1, "a"]]);
  expect(await linesOf([])).toEqual([]);
});

test("lines and characters may be cut anywhere", async () => {
  const bytes = Buffer.from("grüße\n配置\n");
  const single = [...bytes].map((byte) => Buffer.from([byte]));
  expect(await linesOf(single)).toEqual([
    [1, "grüße"],
    [2, "配置"],
  ]);
});

test("a line that never ends is an error, not memory", async () => {
  await expect(linesOf(["ok\n", "x".repeat(60), "x".repeat(60)])).rejects.toThrow("f:2: is longer than 100 characters");
});
