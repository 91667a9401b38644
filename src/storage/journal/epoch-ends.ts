import { epochOf } from "../../core/base/zxid.ts";

export interface EpochEnd {
  readonly epoch: number;
  /** Last zxid of the epoch's batches. */
  readonly lastZxid: number;
}

/** Where each epoch ends in the batches in force, kept while the records go by. */
export class EpochEnds {
  private readonly entries: { epoch: number; firstZxid: number; lastZxid: number }[] = [];

  batch(firstZxid: number, lastZxid: number): void {
    const epoch = epochOf(lastZxid);
    const latest = this.entries.at(-1);
    if (latest?.epoch === epoch) latest.lastZxid = lastZxid;
    else this.entries.push({ epoch, firstZxid, lastZxid });
  }

  truncate(zxid: number): void {
    while ((this.entries.at(-1)?.firstZxid ?? 0) > zxid) this.entries.pop();
    const latest = this.entries.at(-1);
    if (latest !== undefined) latest.lastZxid = Math.min(latest.lastZxid, zxid);
  }

  clear(): void {
    this.entries.length = 0;
  }

  /** Ascending. */
  list(): readonly EpochEnd[] {
    return this.entries.map(({ epoch, lastZxid }) => ({ epoch, lastZxid }));
  }
}
