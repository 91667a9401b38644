import { assert } from "../base/assert.ts";
import { counterOf, epochOf } from "../base/zxid.ts";

/** A batch as the log holds it. */
export interface LogEntry {
  readonly firstZxid: number;
  readonly lastZxid: number;
  /** The PROPOSE message that carries the batch; never changed once it is here. */
  readonly frame: Uint8Array;
  /** The batch: a view of the frame. */
  readonly body: Uint8Array;
  /** Monotonic ms when the leader proposed it; 0 elsewhere. */
  readonly proposedAt: number;
}

/**
 * The end of the log, in memory: every batch that is not yet applied, and before those as many as fit, from which
 * learners that are a little behind are synchronised. Entries have positions that never change: 0, 1, 2... since this
 * member started. It refuses a gap (ARCHITECTURE decision 4).
 */
export class RecentLog {
  private entries: LogEntry[] = [];
  private firstPosition = 0;
  private heldBytes = 0;
  /** The zxid before the first entry. */
  private base: number;

  constructor(base: number) {
    this.base = base;
  }

  /** Batches above this zxid are here, all of them. */
  get baseZxid(): number {
    return this.base;
  }

  get lastZxid(): number {
    return this.entries.at(-1)?.lastZxid ?? this.base;
  }

  /** The position of the first entry, */
  get start(): number {
    return this.firstPosition;
  }

  /** and the one behind the last. */
  get end(): number {
    return this.firstPosition + this.entries.length;
  }

  get bytes(): number {
    return this.heldBytes;
  }

  at(position: number): LogEntry {
    const entry = this.entries[position - this.firstPosition];
    assert(entry !== undefined, "no log entry at that position");
    return entry;
  }

  append(entry: LogEntry): void {
    assert(continues(this.lastZxid, entry.firstZxid), "a log has no gap");
    assert(entry.lastZxid >= entry.firstZxid, "a batch is not empty");
    this.entries.push(entry);
    this.heldBytes += entry.frame.length;
  }

  /** Drops everything above `zxid`, which must be the end of a batch or the base. */
  truncate(zxid: number): void {
    assert(zxid >= this.base, "the log cannot be cut below its base");
    for (let last = this.entries.at(-1); last !== undefined && last.lastZxid > zxid; last = this.entries.at(-1)) {
      this.entries.pop();
      this.heldBytes -= last.frame.length;
    }
    assert(this.lastZxid === zxid, "a truncation falls between batches");
  }

  /** A snapshot at `zxid` takes the place of everything. */
  reset(zxid: number): void {
    this.firstPosition = this.end;
    this.entries = [];
    this.heldBytes = 0;
    this.base = zxid;
  }

  /** Forgets the oldest entries below `position` while there are more than `keepBytes`. */
  trim(position: number, keepBytes: number): void {
    let dropped = 0;
    while (this.firstPosition + dropped < position && this.heldBytes > keepBytes) {
      const entry = this.entries[dropped] as LogEntry;
      this.heldBytes -= entry.frame.length;
      this.base = entry.lastZxid;
      dropped++;
    }
    if (dropped === 0) return;
    this.entries.splice(0, dropped);
    this.firstPosition += dropped;
  }

  /** A batch with a command of this zxid is here. */
  has(zxid: number): boolean {
    const position = this.positionAfter(zxid - 1);
    return position !== undefined && position < this.end && this.at(position).firstZxid <= zxid;
  }

  /** The position of the first entry above `zxid`; undefined when it may be older than what is here. */
  positionAfter(zxid: number): number | undefined {
    if (zxid < this.base) return undefined;
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.entries[middle] as LogEntry).lastZxid > zxid) high = middle;
      else low = middle + 1;
    }
    return this.firstPosition + low;
  }
}

/**
 * True when a batch that begins at `firstZxid` may follow `lastZxid`: the next counter, or the first of a new epoch.
 */
export function continues(lastZxid: number, firstZxid: number): boolean {
  return firstZxid === lastZxid + 1 || (counterOf(firstZxid) === 1 && epochOf(firstZxid) > epochOf(lastZxid));
}
