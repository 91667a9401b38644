import { expect, test } from "vitest";
import { hexadecimal } from "../../../../../src/api/zookeeper/four-letter-words/hexadecimal.ts";

test.for([
  [0, "0x0"],
  [0x10000000f, "0x10000000f"],
  [Number.MAX_SAFE_INTEGER, "0x1fffffffffffff"],
  [-1, "0xffffffffffffffff"],
  [-2, "0xfffffffffffffffe"],
] as const)("%i is %s", ([value, text]) => {
  expect(hexadecimal(value)).toBe(text);
});
