import { expect, test } from "vitest";
import { MemoryWatch } from "../../../src/runtime/memory-watch.ts";

/** A watch over a process that may take so much of what it takes now. */
function watching(share: number): { watch: MemoryWatch; pressure: { memory: boolean }; said: string[] } {
  const pressure = { memory: false };
  const said: string[] = [];
  const events = { onNotice: (level: string, message: string) => said.push(`${level}: ${message}`) };
  return { watch: new MemoryWatch(pressure, process.memoryUsage.rss() * share, events), pressure, said };
}

test("core.md 39: memory above its high-water mark is told once, and puts the member under pressure", () => {
  const { watch, pressure, said } = watching(0.5);
  watch.tick(0);
  watch.tick(1_000);
  expect(pressure.memory).toBe(true);
  expect(said).toEqual(["warn: memory is above its high-water mark: only deletes are accepted"]);
});

test("memory that is free again takes the pressure away, at the next look and not before", () => {
  const { watch, pressure, said } = watching(100);
  watch.tick(0);
  expect(said).toEqual([]);
  pressure.memory = true;
  watch.tick(999);
  expect(pressure.memory).toBe(true);
  watch.tick(1_000);
  expect(pressure.memory).toBe(false);
  expect(said).toEqual(["info: memory is free again"]);
});
