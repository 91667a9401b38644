import { formatZxid } from "../../src/core/base/zxid.ts";
import type { NaiveTree } from "../model/naive-tree.ts";
import type { Applied, BatchSource } from "./model-replay.ts";
import type { Moment, SharedReplay } from "./shared-replay.ts";
import { demand } from "./violation.ts";

/** Where one run of a member is in the history: what its state, answers and events there must be. Goes forward only. */
export class ReplayCursor {
  private readonly shared: SharedReplay;
  private readonly history: BatchSource;
  private at = 0;

  constructor(shared: SharedReplay, history: BatchSource) {
    this.shared = shared;
    this.history = history;
  }

  get zxid(): number {
    return this.moment.zxid;
  }

  get model(): NaiveTree {
    return this.moment.model;
  }

  get digest(): readonly [number, number] {
    return this.moment.digest;
  }

  /** The command applied last. */
  get last(): Applied | undefined {
    return this.moment.applied;
  }

  /** Applies everything up to `zxid`: `visit` sees each command, `first` those that nobody has applied before. */
  advance(zxid: number, first: (applied: Applied) => void, visit: (applied: Applied) => void): void {
    if (zxid <= this.zxid) return;
    this.shared.advance(zxid, this.history.batches, first);
    while (this.zxid < zxid) {
      this.at++;
      visit(this.last as Applied);
    }
    demand(this.zxid === zxid, "no gap", () => `${formatZxid(zxid)} is in no batch`);
  }

  /** Index of the first command after a zxid. */
  indexAfter(zxid: number): number {
    return this.shared.indexAfter(zxid);
  }

  /** The command with this index, if it has been applied here. */
  command(index: number): Applied | undefined {
    return index <= this.at ? this.shared.moments[index]?.applied : undefined;
  }

  private get moment(): Moment {
    return this.shared.moments[this.at] as Moment;
  }
}
