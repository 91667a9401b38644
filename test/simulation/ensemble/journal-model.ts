import type { Prng } from "../../../src/core/base/prng.ts";
import { type JournalRecord, recordType } from "../../../src/core/zab/journal-record.ts";
import type { Timeline } from "../timeline.ts";

/** A record as it lies in the journal. */
export interface StoredRecord extends JournalRecord {
  readonly sequence: number;
}

export interface JournalModelHost {
  /** Up to here all is fsynced. Not called for a process that is gone. */
  durable(sequence: number): void;
}

/**
 * The journal without a disk, for worlds that want many seeds: records in order, fsynced after a while, in groups; a
 * power loss keeps a prefix of what was not fsynced, a kill keeps all.
 */
export class JournalModel {
  readonly records: StoredRecord[] = [];
  /** Syncs take this much longer, ms at most. */
  slowMs = 0;
  /** Records that may wait for being synced. */
  roomMax = Number.POSITIVE_INFINITY;
  private readonly random: Prng;
  private readonly timeline: Timeline;
  private host: JournalModelHost | undefined;
  private sequence = 0;
  private durableSequence = 0;
  private isSyncing = false;

  constructor(timeline: Timeline, random: Prng) {
    this.timeline = timeline;
    this.random = random;
  }

  get lastSequence(): number {
    return this.sequence;
  }

  /** A process opens it. */
  open(host: JournalModelHost): void {
    this.host = host;
    this.isSyncing = false;
  }

  /** The process is gone; with a power loss, so is some of what was not fsynced. Returns the last sequence left. */
  close(isPowerLoss: boolean): number {
    this.host = undefined;
    if (isPowerLoss) {
      const kept = this.durableSequence + this.random.below(this.sequence - this.durableSequence + 1);
      while ((this.records.at(-1)?.sequence ?? 0) > kept) this.records.pop();
      this.sequence = kept;
    }
    this.durableSequence = this.sequence;
    return this.sequence;
  }

  wipe(): void {
    this.records.length = 0;
  }

  get hasRoom(): boolean {
    return this.sequence - this.durableSequence < this.roomMax;
  }

  append({ type, firstZxid, lastZxid, body }: JournalRecord): number {
    const sequence = ++this.sequence;
    this.records.push({ type, firstZxid, lastZxid, body: body.slice(), sequence });
    this.sync();
    return sequence;
  }

  /** The batches in force, oldest first, from the last snapshot record on. */
  batches(): StoredRecord[] {
    const found: StoredRecord[] = [];
    for (const record of this.records) {
      if (record.type === recordType.BATCH) found.push(record);
      else if (record.type === recordType.SNAPSHOT) found.length = 0;
      else if (record.type === recordType.TRUNCATE) {
        while ((found.at(-1)?.lastZxid ?? 0) > record.lastZxid) found.pop();
      }
    }
    return found;
  }

  private sync(): void {
    if (this.isSyncing) return;
    this.isSyncing = true;
    const { host } = this;
    this.timeline.after(this.syncMs(), () => {
      if (host === undefined || this.host !== host) return;
      const upTo = this.sequence;
      this.timeline.after(this.syncMs(), () => {
        if (this.host !== host) return;
        this.durableSequence = upTo;
        this.isSyncing = false;
        if (upTo < this.sequence) this.sync();
        host.durable(upTo);
      });
    });
  }

  private syncMs(): number {
    const { random, slowMs } = this;
    const usual = random.chance(0.01) ? random.below(60) : random.below(30) / 10;
    return usual + (slowMs === 0 ? 0 : random.below(slowMs));
  }
}
