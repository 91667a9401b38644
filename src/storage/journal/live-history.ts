import { assert } from "../../core/base/assert.ts";
import type { JournalRecord } from "../../core/zab/journal-record.ts";
import { JournalDamagedError } from "./finding.ts";
import { HistoryClient, type JournalHistory } from "./history-client.ts";
import { type HistoryHold, HistoryLedger, type JournalPlace } from "./history-ledger.ts";
import type { SegmentFile } from "./journal-files.ts";
import type { JournalPosition } from "./recover-journal.ts";
import type { Voiding } from "./voiding.ts";

/** The histories of a journal that is being written: what the loop knows of its files, and who reads them. */
export class LiveHistory {
  private readonly ledger: HistoryLedger;
  private readonly client: HistoryClient;
  /** Tells the writer up to which segment it may remove; false: later. */
  private readonly release: (through: number) => boolean;
  private prunable = 0;
  private released = 0;
  private arrivals: (() => void)[] = [];
  private isStopped = false;

  constructor(directory: string, position: JournalPosition, release: (through: number) => boolean) {
    this.ledger = new HistoryLedger(position);
    this.client = new HistoryClient(directory);
    this.release = release;
  }

  /**
   * Looks through the segments of which a start read only the headers, from the newest to the oldest, on the thread: so
   * the history reaches further back with each. Ends at the first that is damaged.
   */
  async lookBack(report: (damage: JournalDamagedError) => void): Promise<void> {
    for (let next = this.ledger.unread; next !== undefined && !this.isStopped; next = this.ledger.unread) {
      const hold = this.ledger.holdSegment(next.segment);
      try {
        const voidings = await this.client.voidings(next.segment, next.end);
        if (voidings === undefined) return;
        this.ledger.lookedThrough(voidings);
      } catch (error) {
        if (error instanceof JournalDamagedError) report(error);
        // Without the thread the history begins where it did; the next reader is told why.
        return;
      } finally {
        this.ledger.release(hold);
        this.settle();
      }
    }
  }

  get baseZxid(): number {
    return this.ledger.baseZxid;
  }

  begun(segment: SegmentFile): void {
    this.ledger.begun(segment);
    for (const arrive of this.arrivals.splice(0)) arrive();
  }

  voided(voiding: Voiding): void {
    this.ledger.voided(voiding);
  }

  /** The writer could do without the segments up to this number. */
  mayPrune(through: number): void {
    this.prunable = Math.max(this.prunable, through);
    this.settle();
  }

  /** Lets go what nobody reads: at once out of the ledger, so that no history begins in it, then off the disk. */
  settle(): void {
    const through = Math.min(this.prunable, this.ledger.free);
    if (through <= this.released || !this.release(through)) return;
    this.released = through;
    this.ledger.drop(through);
  }

  open(afterZxid: number, place: JournalPlace): JournalHistory {
    return new OpenHistory(this, afterZxid, place, this.ledger.hold(afterZxid));
  }

  /** Waits for the writer's report of the segment the place is in: it is on its way. */
  async arrival(place: JournalPlace): Promise<void> {
    while (this.ledger.lastNumber < place.segment && !this.isStopped) {
      await new Promise<void>((resolve) => this.arrivals.push(resolve));
    }
  }

  begin(afterZxid: number, place: JournalPlace): number | undefined {
    return this.isStopped ? undefined : this.client.open(this.ledger.source(afterZxid, place), afterZxid);
  }

  async read(id: number): Promise<readonly JournalRecord[] | undefined> {
    return this.isStopped ? undefined : this.client.next(id);
  }

  close(hold: HistoryHold, id: number | undefined): void {
    if (id !== undefined) this.client.close(id);
    this.ledger.release(hold);
    this.settle();
  }

  /** Ends the thread; histories still open end there. */
  async stop(): Promise<void> {
    this.isStopped = true;
    for (const arrive of this.arrivals.splice(0)) arrive();
    await this.client.stop();
  }
}

class OpenHistory implements JournalHistory {
  private readonly live: LiveHistory;
  private readonly afterZxid: number;
  private readonly place: JournalPlace;
  private readonly hold: HistoryHold;
  private id: number | undefined;
  private isBusy = false;
  private isClosed = false;

  constructor(live: LiveHistory, afterZxid: number, place: JournalPlace, hold: HistoryHold) {
    this.live = live;
    this.afterZxid = afterZxid;
    this.place = place;
    this.hold = hold;
  }

  async next(): Promise<readonly JournalRecord[] | undefined> {
    assert(!this.isBusy, "a history is read one step at a time");
    this.isBusy = true;
    try {
      if (this.isClosed) return undefined;
      if (this.id === undefined) await this.live.arrival(this.place);
      if (this.isClosed) return undefined;
      this.id ??= this.live.begin(this.afterZxid, this.place);
      return this.id === undefined ? undefined : await this.live.read(this.id);
    } finally {
      this.isBusy = false;
    }
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.live.close(this.hold, this.id);
  }
}
