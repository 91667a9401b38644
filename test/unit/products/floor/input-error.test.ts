import { expect, test } from "vitest";
import { InputError } from "../../../../src/products/floor/input-error.ts";

test("an error of an input names it, the place, the rule and the fix, for people and by name", () => {
  const error = new InputError("INVALID_NAME", "name", 'a"\u0007', { at: 2, rule: "no bells", fix: "write none" });
  expect(error.message).toBe('name "a\\"\\u0007": at character 3: no bells; write none');
  expect(error.details).toEqual({ input: '"a\\"\\u0007"', at: "3", rule: "no bells", fix: "write none" });
});

test("a long input is cut, and its length told", () => {
  const { message } = new InputError("INVALID_NAME", "name", "x".repeat(1_000), { rule: "r", fix: "f" });
  expect(message).toBe(`name "${"x".repeat(80)}"... (1000 characters): r; f`);
});
