import { assert } from "../base/assert.ts";
import { epochOf } from "../base/zxid.ts";

/**
 * Where an epoch begins: the last zxid before its first batch. Every log that has a batch of the epoch has all of its
 * first leader's history before it, so this is the same in each of them, for ever.
 */
export interface EpochStart {
  readonly epoch: number;
  readonly afterZxid: number;
}

/**
 * Where each epoch ends in a log. With that alone two logs find what they share: within one epoch, equal zxids are
 * equal transactions and none is left out, so of the last zxid of the one, the highest the other has at or below it is
 * in both.
 */
export class EpochEnds {
  /** Ascending, one for each epoch; the first is the base. */
  private ends: number[];

  /** @param base nothing is known below it @param ends last zxids of the epochs above it, ascending */
  constructor(base: number, ends: readonly number[] = []) {
    this.ends = [base];
    for (const end of ends) this.append(end);
  }

  append(zxid: number): void {
    const last = this.ends.at(-1) as number;
    assert(zxid > last, "zxids rise");
    if (epochOf(zxid) === epochOf(last) && this.ends.length > 1) this.ends[this.ends.length - 1] = zxid;
    else this.ends.push(zxid);
  }

  /** The log was cut to `zxid`. */
  truncate(zxid: number): void {
    assert(zxid >= (this.ends[0] as number), "the log cannot be cut below its base");
    while ((this.ends.at(-1) as number) > zxid) this.ends.pop();
    if ((this.ends.at(-1) as number) < zxid) this.append(zxid);
  }

  reset(base: number): void {
    this.ends = [base];
  }

  /** Where the epochs begin whose first batch this log holds above its base; ascending. */
  starts(): EpochStart[] {
    const { ends } = this;
    return ends.slice(1).flatMap((end, index) => {
      const afterZxid = ends[index] as number;
      return epochOf(afterZxid) < epochOf(end) ? [{ epoch: epochOf(end), afterZxid }] : [];
    });
  }

  /**
   * The last zxid this log shares with one that ends at `zxid`; undefined when it lies below what is known.
   */
  common(zxid: number): number | undefined {
    let shared: number | undefined;
    for (const end of this.ends) {
      if (end > zxid) return epochOf(end) === epochOf(zxid) && shared !== undefined ? zxid : shared;
      shared = end;
    }
    return shared;
  }
}
