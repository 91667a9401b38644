import { assert } from "../../core/base/assert.ts";

/**
 * Writes of one connection at most; a connection that has had them is closed, and its session goes on with the next.
 */
export const WRITES_MAX = 2 ** 33 - 1;
const GENERATIONS_MAX = 2 ** 20 - 1;

/**
 * The number of a connection's nth write, for the window of answers (core.md 12, 13). ZooKeeper's clients begin their
 * xids anew with each connection and repeat nothing, so numbers are the door's: rising within a connection, and above
 * all of the session's connections before it, since each has its own owner generation.
 */
export function requestNumber(generation: number, n: number): number {
  assert(generation <= GENERATIONS_MAX && n <= WRITES_MAX, "a request's number is out of range");
  return generation * (WRITES_MAX + 1) + n;
}

/** False for a session that has been moved so often that its next connection would have no numbers. */
export function hasNumbers(generation: number): boolean {
  return generation <= GENERATIONS_MAX;
}
