import { isSticky, type JournalRecord, recordType } from "../../core/zab/journal-record.ts";
import { recordBytes } from "./record-codec.ts";

/**
 * The latest record of each sticky type. Of configurations the one before the latest is kept too: at most one of them
 * is uncommitted (core.md 25), and truncating it away brings the other back.
 */
export class StickyRecords {
  private promiseRecord: JournalRecord | undefined;
  private epochRecord: JournalRecord | undefined;
  private configurations: JournalRecord[] = [];

  constructor(records: Iterable<JournalRecord> = []) {
    for (const record of records) this.note(record);
  }

  get promise(): JournalRecord | undefined {
    return this.promiseRecord;
  }

  get epoch(): JournalRecord | undefined {
    return this.epochRecord;
  }

  get configuration(): JournalRecord | undefined {
    return this.configurations.at(-1);
  }

  /** The latest, and the one before it where that is kept; oldest first. */
  get latestConfigurations(): readonly JournalRecord[] {
    return this.configurations;
  }

  /** Takes in any record; only sticky ones, TRUNCATE and SNAPSHOT make a difference. The body is copied. */
  note(record: JournalRecord): void {
    // A snapshot voids a configuration above it too; one at or below stays, so that there is never none.
    if (record.type === recordType.TRUNCATE || record.type === recordType.SNAPSHOT) {
      this.configurations = this.configurations.filter(({ lastZxid }) => lastZxid <= record.lastZxid);
      return;
    }
    if (!isSticky(record.type)) return;
    const { type, firstZxid, lastZxid, body } = record;
    const kept = { type, firstZxid, lastZxid, body: body.slice() };
    if (type === recordType.PROMISE) this.promiseRecord = kept;
    else if (type === recordType.EPOCH) this.epochRecord = kept;
    else this.configurations = [...this.configurations.slice(-1), kept];
  }

  /** What a new segment begins with; noting them all again gives the same state. */
  all(): JournalRecord[] {
    const records = [this.promiseRecord, this.epochRecord, ...this.configurations];
    return records.filter((record) => record !== undefined);
  }

  /** Bytes the copies take in a segment. */
  get bytes(): number {
    return this.all().reduce((sum, { body }) => sum + recordBytes(body.length), 0);
  }
}
