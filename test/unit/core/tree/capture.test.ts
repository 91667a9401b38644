import { describe, expect, it } from "vitest";
import { patience, seeds, stepsPerHistory } from "../../../model/budget.ts";
import { examine } from "../../../model/compare.ts";
import { generateHistory } from "../../../model/generate.ts";
import { SnapshottingTree } from "../../../model/snapshotting-tree.ts";

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
