import { expect, test } from "vitest";
import {
  FailureBackoff,
  FORGET_MS,
  FREE_FAILURES,
  KEYS_MAX,
  WAIT_FIRST_MS,
  WAIT_MAX_MS,
} from "../../../../src/products/floor/failure-backoff.ts";

function backoffAt() {
  const clock = { now: 0 };
  return { clock, backoff: new FailureBackoff(() => clock.now) };
}

function fail(backoff: FailureBackoff, key: string, times: number): void {
  for (let i = 0; i < times; i++) backoff.failed(key);
}

test("products.md 1: after some free failures each one makes a caller wait longer, up to a bound", () => {
  const { clock, backoff } = backoffAt();
  fail(backoff, "a", FREE_FAILURES - 1);
  expect(backoff.waitMs("a")).toBe(0);
  backoff.failed("a");
  expect(backoff.waitMs("a")).toBe(WAIT_FIRST_MS);
  expect(backoff.waitMs("b")).toBe(0);
  clock.now += WAIT_FIRST_MS;
  expect(backoff.waitMs("a")).toBe(0);
  backoff.failed("a");
  expect(backoff.waitMs("a")).toBe(2 * WAIT_FIRST_MS);
  fail(backoff, "a", 100);
  expect(backoff.waitMs("a")).toBe(WAIT_MAX_MS);
});

test("a success and time alike make failures forgotten", () => {
  const { clock, backoff } = backoffAt();
  fail(backoff, "a", 50);
  backoff.succeeded("a");
  expect(backoff.waitMs("a")).toBe(0);
  fail(backoff, "a", 50);
  clock.now += FORGET_MS + 1;
  backoff.failed("a");
  expect(backoff.waitMs("a")).toBe(0);
});

test("whoever has many addresses costs a bounded table: the oldest failures go", () => {
  const { backoff } = backoffAt();
  fail(backoff, "first", FREE_FAILURES);
  for (let i = 0; i < KEYS_MAX - 1; i++) backoff.failed(`other ${i}`);
  expect(backoff.waitMs("first")).toBe(WAIT_FIRST_MS);
  backoff.failed("one more");
  expect(backoff.waitMs("first")).toBe(0);
});
