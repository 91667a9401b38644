import { join } from "node:path";
import { assert } from "../../core/base/assert.ts";
import { type JournalRecord, type RecordType, recordType } from "../../core/zab/journal-record.ts";
import type { Disk } from "../disk.ts";
import { JournalDamagedError } from "./finding.ts";
import { type SegmentFile, segmentHolding } from "./journal-files.ts";
import { SegmentReader } from "./segment-reader.ts";
import { findingOf, scanSegment } from "./segment-scan.ts";
import { isBefore, lowestVoidingFrom, type Voiding } from "./voiding.ts";

/** What of a journal is to be read: a moment of it, as plain data. What is written later is none of it. */
export interface HistorySource {
  /** Oldest first, without a hole. */
  readonly segments: readonly SegmentFile[];
  /** Where the records end in the last segment. */
  readonly end: number;
  /** All of these segments', in order. */
  readonly voidings: readonly Voiding[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
const NOTHING = new Uint8Array(0);

/**
 * The batches with a lastZxid above `afterZxid`, in order, without those a TRUNCATE or SNAPSHOT record voided. The
 * record is reused and its body is a view valid until the next step. The segments must stay where they are meanwhile;
 * a writer may go on behind the end. Opens a file when it comes to it, and closes it when the generator is done.
 *
 * @throws JournalDamagedError when the disk does not give what was synced once
 */
export function* readHistory(
  disk: Disk,
  directory: string,
  { segments, end, voidings }: HistorySource,
  afterZxid: number,
): Generator<JournalRecord> {
  const limits = lowestVoidingFrom(voidings);
  const record: Mutable<JournalRecord> = { type: 0 as RecordType, firstZxid: 0, lastZxid: 0, body: NOTHING };
  let voiding = 0;
  for (let index = segmentHolding(segments, afterZxid); index < segments.length; index++) {
    const segment = segments[index] as SegmentFile;
    const { number } = segment.header;
    const successorEnd = segments[index + 1]?.header.previousEnd ?? end;
    for (const { header, offset, body } of scan(disk, directory, segment, successorEnd)) {
      if (header.type !== recordType.BATCH || header.lastZxid <= afterZxid) continue;
      while (isBefore(voidings[voiding], number, offset)) voiding++;
      const limit = limits[voiding] as number;
      if (header.lastZxid > limit) {
        // A truncation falls between batches; inside one it would silently take committed commands along.
        assert(header.firstZxid > limit || limit < 0, "a TRUNCATE record splits a batch");
        continue;
      }
      record.type = recordType.BATCH;
      record.firstZxid = header.firstZxid;
      record.lastZxid = header.lastZxid;
      record.body = body;
      yield record;
    }
  }
}

/**
 * What a segment voids, for one of which only the header was read before.
 *
 * @throws JournalDamagedError as {@link readHistory}
 */
export function readVoidings(disk: Disk, directory: string, segment: SegmentFile, end: number): Voiding[] {
  const voidings: Voiding[] = [];
  for (const { header, offset } of scan(disk, directory, segment, end)) {
    const { type, lastZxid } = header;
    if (type !== recordType.TRUNCATE && type !== recordType.SNAPSHOT) continue;
    const above = type === recordType.SNAPSHOT ? -1 : lastZxid;
    voidings.push({ segment: segment.header.number, offset, above, lastZxid });
  }
  return voidings;
}

function* scan(
  disk: Disk,
  directory: string,
  { name, header }: SegmentFile,
  successorEnd: number,
): ReturnType<typeof scanSegment> {
  const reader = new SegmentReader(disk.open(join(directory, name), "read"), header.bytes);
  try {
    const stop = yield* scanSegment(reader, header, { successorEnd });
    if (stop.verdict === "end") return stop;
    throw new JournalDamagedError(directory, [findingOf(name, stop, "reading stopped there")]);
  } finally {
    reader.close();
  }
}
