import { expect, test } from "vitest";
import { isTokenHash, isTokenId, newToken, provesToken, tokenIdOf } from "../../../../src/products/floor/token.ts";

test("products.md 1: a token proves itself by its hash alone, and every one is another", () => {
  const [one, other] = [newToken(), newToken()];
  expect(one.text).not.toBe(other.text);
  expect(one.text).toMatch(/^muster_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
  expect([tokenIdOf(one.text), isTokenId(one.id), isTokenHash(one.sha256)]).toEqual([one.id, true, true]);
  expect(one.sha256).not.toContain(one.text);
  expect(provesToken(one.text, one.sha256)).toBe(true);
  expect(provesToken(other.text, one.sha256)).toBe(false);
  expect(provesToken(`${one.text.slice(0, -1)}${one.text.endsWith("A") ? "B" : "A"}`, one.sha256)).toBe(false);
});

test.for(["", "muster_", "Bearer x", "muster_0123456789abcdeg_x", "muster_0123456789abcdef_short"])(
  "%j is no token",
  (text) => expect(tokenIdOf(text)).toBeUndefined(),
);
