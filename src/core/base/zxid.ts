import { assert } from "./assert.ts";

/**
 * A zxid names one transaction: `epoch * 2^32 + counter`, as in ZooKeeper (Zab, DSN'11, section III).
 * It is kept in a plain number, hence the bound on the epoch: 2^21 epochs of 2^32 transactions fill 2^53.
 */
export const EPOCH_MAX = 2 ** 21 - 1;
export const COUNTER_MAX = 2 ** 32 - 1;
const COUNTER_SPAN = 2 ** 32;

export function makeZxid(epoch: number, counter: number): number {
  assert(Number.isInteger(epoch) && epoch >= 0 && epoch <= EPOCH_MAX, "epoch out of range");
  assert(Number.isInteger(counter) && counter >= 0 && counter <= COUNTER_MAX, "counter out of range");
  return epoch * COUNTER_SPAN + counter;
}

export function epochOf(zxid: number): number {
  return Math.floor(zxid / COUNTER_SPAN);
}

export function counterOf(zxid: number): number {
  return zxid % COUNTER_SPAN;
}

/** The form people see, in logs, file names and tools: `0x` and hex without padding. */
export function formatZxid(zxid: number): string {
  return `0x${zxid.toString(16)}`;
}

/** True for what may stand in a zxid field: a whole number from 0 to 2^53 - 1. */
export function isZxid(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
