import { describe, expect, it } from "vitest";
import { writeExpireSession } from "../../../../src/core/tree/command.ts";
import { patience, seeds, stepsPerHistory } from "../../../model/budget.ts";
import { examine } from "../../../model/compare.ts";
import { generateHistory } from "../../../model/generate.ts";
import { SnapshottingTree } from "../../../model/snapshotting-tree.ts";
import { TreeDriver } from "./tree-driver.ts";

describe("snapshot rounds under a moving tree", () => {
  const histories = seeds(60);

  it("core.md 34: the rows of a round, loaded, are the state at the freeze; replay from there ends where the tree is", {
    timeout: patience(histories),
  }, () => {
    let rounds = 0;
    for (const seed of histories) {
      let tree: SnapshottingTree | undefined;
      const subject = (): SnapshottingTree => {
        tree = new SnapshottingTree(seed);
        return tree;
      };
      expect(examine(generateHistory(seed, stepsPerHistory), subject)).toBeUndefined();
      rounds += tree?.rounds ?? 0;
    }
    expect(rounds).toBeGreaterThan(histories.length);
  });
});

it("lets go of a session that ends before the round it would have been in", () => {
  const driver = new TreeDriver();
  const { capture } = driver.tree.state;
  const before = capture.dirtyCount;
  const leader = { sessionId: 0, generation: 1, identities: new Uint8Array(0) };
  for (let i = 0; i < 100; i++) {
    const session = driver.openSession();
    driver.apply((writer) => writeExpireSession(writer, leader, session, 1));
  }
  // That they are deleted is all that is left to say of them.
  expect(capture.dirtyCount - before).toBe(100);
});
