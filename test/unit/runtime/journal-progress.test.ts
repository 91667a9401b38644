import { expect, test } from "vitest";
import { JournalProgress } from "../../../src/runtime/journal-progress.ts";

test("resolves once everything appended before it was asked is on disk, whatever is appended later", async () => {
  const progress = new JournalProgress();
  progress.appended(1);
  progress.appended(2);
  const done: string[] = [];
  const first = progress.settled().then(() => done.push("first"));
  progress.appended(3);
  const second = progress.settled().then(() => done.push("second"));
  progress.durable(1);
  await Promise.resolve();
  expect(done).toEqual([]);
  progress.durable(2);
  await first;
  expect(done).toEqual(["first"]);
  progress.durable(3);
  await second;
  expect(done).toEqual(["first", "second"]);
});

test("resolves at once when nothing is on its way", async () => {
  const progress = new JournalProgress();
  await progress.settled();
  progress.durable(progress.appended(7));
  await progress.settled();
});
