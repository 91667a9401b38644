/**
 * What the journal holds: one stream of records, in one fsync order (ARCHITECTURE decision 3). The journal itself reads
 * only type and zxids; bodies belong to the core.
 */
export const recordType = {
  /** Commands, firstZxid to lastZxid (`tree/batch.ts`). */
  BATCH: 1,
  /** The accepted epoch and the leader it was promised to, fsynced before ACKEPOCH. Sticky. */
  PROMISE: 2,
  /** The current epoch, fsynced after the synchronised data. Sticky. */
  EPOCH: 3,
  /** The ensemble's configuration, in force from here. Sticky. */
  CONFIGURATION: 4,
  /** Everything above lastZxid is void from here on (core.md 20: appended, never cut). */
  TRUNCATE: 5,
  /** A snapshot at lastZxid was installed and is the current one (core.md 35). */
  SNAPSHOT: 6,
  /** A clean stop: nothing before it is uncertain. */
  CLOSE: 7,
} as const;
export type RecordType = (typeof recordType)[keyof typeof recordType];

/** Of a sticky type the latest record is copied to the head of each new segment, so that pruning never loses it. */
export function isSticky(type: RecordType): boolean {
  return type === recordType.PROMISE || type === recordType.EPOCH || type === recordType.CONFIGURATION;
}

export interface JournalRecord {
  readonly type: RecordType;
  /** First and last zxid of a batch; for the other types both are the last zxid before the record. */
  readonly firstZxid: number;
  readonly lastZxid: number;
  readonly body: Uint8Array;
}
