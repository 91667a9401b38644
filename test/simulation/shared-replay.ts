import { defaultLimits } from "../../src/core/base/limits.ts";
import { NaiveTree } from "../model/naive-tree.ts";
import type { LoggedBatch } from "./journal-history.ts";
import { type Applied, ModelReplay } from "./model-replay.ts";

/** One command of the history, and what was so behind it. */
export interface Moment {
  readonly applied: Applied | undefined;
  readonly zxid: number;
  readonly model: NaiveTree;
  /** Of a tree fed with the same bytes from the beginning. */
  readonly digest: readonly [number, number];
}

/**
 * The committed history replayed once, for all runs of all members: it never changes, so whatever it is judged by, and
 * whatever it says a member must be at some zxid, is the same for each of them. Only as far as any of them has come.
 */
export class SharedReplay {
  /** From the beginning on; the first is the empty tree. */
  readonly moments: Moment[];
  batches: readonly LoggedBatch[] = [];
  private readonly replay = new ModelReplay(this);

  constructor() {
    const digest = this.replay.tree.state.digest.lanes();
    this.moments = [{ applied: undefined, zxid: 0, model: new NaiveTree(defaultLimits), digest }];
  }

  get tree(): ModelReplay["tree"] {
    return this.replay.tree;
  }

  /** Goes on up to a zxid, if nobody has been there before; `visit` sees each new command. */
  advance(zxid: number, batches: readonly LoggedBatch[], visit: (applied: Applied) => void): void {
    this.batches = batches;
    this.replay.advance(zxid, (applied) => {
      const { model, tree } = this.replay;
      this.moments.push({ applied, zxid: applied.zxid, model: model.copy(), digest: tree.state.digest.lanes() });
      visit(applied);
    });
  }

  /** Index of the first moment after a zxid. */
  indexAfter(zxid: number): number {
    return this.replay.indexAfter(zxid) + 1;
  }
}
