import { expect, test } from "vitest";
import { AsideLedger } from "../../../src/transport/aside-ledger.ts";

test("an aside waits until the system has taken every byte up to its last", () => {
  const ledger = new AsideLedger();
  expect(ledger.waitingBytes(0)).toBe(0);
  ledger.added(100, 60);
  ledger.added(250, 40);
  expect(ledger.waitingBytes(0)).toBe(100);
  expect(ledger.waitingBytes(99)).toBe(100);
  expect(ledger.waitingBytes(100)).toBe(40);
  ledger.added(300, 10);
  expect(ledger.waitingBytes(249)).toBe(50);
  expect(ledger.waitingBytes(300)).toBe(0);
});
