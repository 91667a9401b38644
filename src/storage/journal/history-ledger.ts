import { assert } from "../../core/base/assert.ts";
import { type SegmentFile, segmentHolding } from "./journal-files.ts";
import type { HistorySource } from "./read-history.ts";
import type { JournalPosition } from "./recover-journal.ts";
import { baseAfter, isBefore, type Voiding } from "./voiding.ts";

/** A place in the journal: everything before it is meant. */
export interface JournalPlace {
  readonly segment: number;
  readonly offset: number;
}

/** Keeps segments from being pruned until it is released. */
export interface HistoryHold {
  /** Number of the oldest segment that must stay. */
  readonly segment: number;
}

/**
 * What is known of a journal's segments while it is written: which there are, what was voided where, from where on the
 * history is complete, and who still reads. The writer keeps one; the loop keeps a copy, fed by the writer's reports,
 * and alone decides what may be pruned, so that nothing vanishes between a question and the reading.
 */
export class HistoryLedger {
  private readonly files: SegmentFile[];
  private known: Voiding[];
  /** Of segments below this number only the header was read: what they void is not known. */
  private readFrom: number;
  private readonly holds = new Set<HistoryHold>();

  constructor(position: JournalPosition) {
    this.files = [...position.segments];
    this.known = [...position.voidings];
    this.readFrom = position.readFrom;
  }

  /** All segments, also those too old to be known in full; oldest first. */
  get segments(): readonly SegmentFile[] {
    return this.files;
  }

  /** Of the segments that were read, in order. */
  get voidings(): readonly Voiding[] {
    return this.known;
  }

  /** Number of the segment being written; 0: none. */
  get lastNumber(): number {
    return this.files.at(-1)?.header.number ?? 0;
  }

  /** The history in force is complete for every `afterZxid` from here on. */
  get baseZxid(): number {
    const [oldest] = this.readable;
    return oldest === undefined ? 0 : baseAfter(oldest.header.baseZxid, this.voidings);
  }

  /** The latest SNAPSHOT record held. */
  get installed(): Voiding | undefined {
    return this.voidings.findLast(({ above }) => above < 0);
  }

  /**
   * The newest segment that is not known in full, and where its records end: its history would be of use. Undefined
   * when there is none, or all of them lie behind an installed snapshot.
   */
  get unread(): { readonly segment: SegmentFile; readonly end: number } | undefined {
    const at = this.files.findLastIndex(({ header }) => header.number < this.readFrom);
    const segment = this.files[at];
    const successor = this.files[at + 1];
    if (segment === undefined || successor === undefined || this.installed !== undefined) return undefined;
    return { segment, end: successor.header.previousEnd };
  }

  /** The segment last given as {@link unread} was read, and voids this. */
  lookedThrough(voidings: readonly Voiding[]): void {
    const { unread } = this;
    if (unread === undefined) return;
    this.readFrom = unread.segment.header.number;
    this.known = [...voidings, ...this.known];
  }

  /** Holds a segment, and with it all that come after. */
  holdSegment(segment: SegmentFile): HistoryHold {
    const hold = { segment: segment.header.number };
    this.holds.add(hold);
    return hold;
  }

  begun(segment: SegmentFile): void {
    this.files.push(segment);
  }

  voided(voiding: Voiding): void {
    this.known.push(voiding);
  }

  /** Takes the oldest segments out, up to and with this number. */
  drop(through: number): void {
    while (this.files.length > 0 && (this.files[0] as SegmentFile).header.number <= through) this.files.shift();
    this.known = this.known.filter(({ segment }) => segment > through);
  }

  /** What is to be read for the history after a zxid, which is held, up to a place. What came later is left out. */
  source(afterZxid: number, end: JournalPlace): HistorySource {
    const { readable } = this;
    const segments = readable
      .slice(segmentHolding(readable, afterZxid))
      .filter(({ header }) => header.number <= end.segment);
    const voidings = this.voidings.filter((voiding) => isBefore(voiding, end.segment, end.offset));
    return { segments, end: end.offset, voidings };
  }

  /** Holds what the history after this zxid needs. */
  hold(afterZxid: number): HistoryHold {
    assert(afterZxid >= this.baseZxid, "the journal does not reach back that far");
    const { readable } = this;
    const hold = { segment: readable[segmentHolding(readable, afterZxid)]?.header.number ?? 0 };
    this.holds.add(hold);
    return hold;
  }

  release(hold: HistoryHold): void {
    this.holds.delete(hold);
  }

  /** The highest number up to which segments may go although histories are being read. */
  get free(): number {
    let free = Number.POSITIVE_INFINITY;
    for (const { segment } of this.holds) free = Math.min(free, segment - 1);
    return free;
  }

  private get readable(): readonly SegmentFile[] {
    return this.files.filter(({ header }) => header.number >= this.readFrom);
  }
}
