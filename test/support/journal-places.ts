import { join } from "node:path";
import { type JournalRecord, recordType } from "../../src/core/zab/journal-record.ts";
import type { Disk } from "../../src/storage/disk.ts";
import { listSegments } from "../../src/storage/journal/journal-files.ts";
import { RECORD_HEADER_BYTES } from "../../src/storage/journal/record-codec.ts";
import { SegmentReader } from "../../src/storage/journal/segment-reader.ts";
import { scanSegment } from "../../src/storage/journal/segment-scan.ts";

/** Where a record lies, for tests that spoil it. */
export interface JournalPlace extends Omit<JournalRecord, "body"> {
  /** Of its segment. */
  readonly path: string;
  /** Where the group begins that was written with it. */
  readonly groupAt: number;
  readonly headerAt: number;
  readonly bodyAt: number;
  readonly end: number;
}

/** All intact records of a journal, in order. */
export function journalPlaces(disk: Disk, directory: string): JournalPlace[] {
  const places: JournalPlace[] = [];
  const { segments } = listSegments(disk, directory);
  for (const [index, { name, header }] of segments.entries()) {
    const path = join(directory, name);
    const reader = new SegmentReader(disk.open(path, "read"), header.bytes);
    const successorEnd = segments[index + 1]?.header.previousEnd;
    for (const { header: found, offset, body } of scanSegment(reader, header, { successorEnd })) {
      const { firstZxid, lastZxid, groupStart: groupAt } = found;
      const bodyAt = offset + RECORD_HEADER_BYTES;
      const type = found.type as JournalRecord["type"];
      places.push({ path, type, firstZxid, lastZxid, groupAt, headerAt: offset, bodyAt, end: bodyAt + body.length });
    }
    reader.close();
  }
  return places;
}

export function isBatch({ type }: JournalPlace): boolean {
  return type === recordType.BATCH;
}
