import { expect, test } from "vitest";
import { UndoLog } from "../../../../src/core/tree/undo-log.ts";

function filled(): { undo: UndoLog; done: string[] } {
  const undo = new UndoLog();
  const done: string[] = [];
  for (const name of ["a", "b", "c"]) {
    undo.undoWith(() => done.push(`undo ${name}`));
    undo.finallyDo(() => done.push(`end ${name}`));
  }
  return { undo, done };
}

test("core.md 4: rolling back runs the inverses in reverse order, and nothing that was left for the end", () => {
  const { undo, done } = filled();
  undo.rollBack();
  expect(done).toEqual(["undo c", "undo b", "undo a"]);
});

test("completing runs what was left for the end, in order, and no inverse", () => {
  const { undo, done } = filled();
  undo.complete();
  expect(done).toEqual(["end a", "end b", "end c"]);
});
