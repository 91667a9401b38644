import { describe, expect, test } from "vitest";
import { wordOf, words } from "../../../../../src/api/zookeeper/four-letter-words/words.ts";

describe("the words", () => {
  test("are found by their first four bytes as an integer", () => {
    expect(wordOf(0x72756f6b)).toBe("ruok");
    expect(wordOf(0x6d6e7472)).toBe("mntr");
    for (const word of words) expect(wordOf(Buffer.from(`${word}\n`).readInt32BE(0))).toBe(word);
  });

  test("are distinct, and longer than a frame may be", () => {
    expect(new Set(words.map((word) => Buffer.from(word).readInt32BE())).size).toBe(16);
    for (const word of words) expect(Buffer.from(word).readInt32BE()).toBeGreaterThan(1024 * 1024 * 1024);
  });

  test.for([0, 44, -1, 0x52554f4b, 0x6b6f7572, 0x67746d6b])("%i is none", (code) => {
    expect(wordOf(code)).toBeUndefined();
  });
});
