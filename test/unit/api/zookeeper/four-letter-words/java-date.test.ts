import { expect, test } from "vitest";
import { javaDate } from "../../../../../src/api/zookeeper/four-letter-words/java-date.ts";

test.for([
  [0, "Thu Jan 01 00:00:00 UTC 1970"],
  [Date.UTC(2026, 10, 30, 14, 58, 58), "Mon Nov 30 14:58:58 UTC 2026"],
  [Date.UTC(2028, 1, 29, 3, 4, 5, 999), "Tue Feb 29 03:04:05 UTC 2028"],
] as const)("%i is %s", ([timeOfDay, text]) => {
  expect(javaDate(timeOfDay)).toBe(text);
});
