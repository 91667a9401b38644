import { join } from "node:path";
import type { ZxidSpan } from "../../core/member/log-outline.ts";
import { type JournalRecord, recordType } from "../../core/zab/journal-record.ts";
import type { Disk } from "../disk.ts";
import type { DamageReport } from "./damage-report.ts";
import { DamageSurvey, type RecordPlace } from "./damage-survey.ts";
import { JournalDamagedError } from "./finding.ts";
import { bodyChecksum, emptyRecordHeader, RECORD_HEADER_BYTES, readRecordHeader } from "./record-codec.ts";
import { SegmentReader } from "./segment-reader.ts";

/**
 * A journal that cannot be opened, for a member of an ensemble: what is missing, and what is good. Nothing on the disk
 * was changed, and nothing is until {@link JournalRepair} replaces it, so that a restart meanwhile finds the same.
 */
export class DamagedJournal {
  readonly report: DamageReport;
  /** The zxid it was asked for: the member's own snapshot has all up to it. */
  readonly fromZxid: number;
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly places: readonly RecordPlace[];
  private readonly head: readonly JournalRecord[];

  /** @throws JournalDamagedError when a newer version of Muster wrote it */
  constructor(disk: Disk, directory: string, fromZxid: number) {
    const survey = new DamageSurvey(disk, directory, fromZxid);
    this.report = survey.run();
    this.fromZxid = fromZxid;
    this.disk = disk;
    this.directory = directory;
    this.places = survey.places;
    this.head = survey.sticky.all();
  }

  /** Latest intact PROMISE and EPOCH, and of the CONFIGURATIONs in force up to two. */
  get sticky(): readonly JournalRecord[] {
    return this.head;
  }

  /** The zxids of the intact batches above {@link fromZxid}, ascending; those of the uncertain range included. */
  spans(): ZxidSpan[] {
    const isGood = ({ type, lastZxid }: RecordPlace): boolean => type === recordType.BATCH && lastZxid > this.fromZxid;
    return this.places.filter(isGood);
  }

  /** The intact batches in force with a lastZxid above `afterZxid`, in order, those of the uncertain range included. */
  *batches(afterZxid: number): Generator<JournalRecord> {
    for (const record of this.records(afterZxid)) if (record.type === recordType.BATCH) yield record;
  }

  /** As {@link batches}, with the intact CONFIGURATIONs among them. Each record has its own bytes. */
  *records(afterZxid: number): Generator<JournalRecord> {
    let reader: SegmentReader | undefined;
    let file = "";
    try {
      for (let at = this.indexAfter(afterZxid); at < this.places.length; at++) {
        const place = this.places[at] as RecordPlace;
        if (reader === undefined || place.segment.name !== file) {
          reader?.close();
          reader = this.reader(place);
          file = place.segment.name;
        }
        yield this.read(reader, place);
      }
    } finally {
      reader?.close();
    }
  }

  /** The intact batch in force that holds this zxid. */
  recordAt(zxid: number): JournalRecord | undefined {
    for (let at = this.indexAfter(zxid - 1); at < this.places.length; at++) {
      const place = this.places[at] as RecordPlace;
      if (place.firstZxid > zxid) return undefined;
      if (place.type !== recordType.BATCH) continue;
      const reader = this.reader(place);
      try {
        return this.read(reader, place);
      } finally {
        reader.close();
      }
    }
    return undefined;
  }

  private indexAfter(zxid: number): number {
    let low = 0;
    for (let high = this.places.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if ((this.places[middle] as RecordPlace).lastZxid > zxid) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private reader({ segment }: RecordPlace): SegmentReader {
    return new SegmentReader(this.disk.open(join(this.directory, segment.name), "read"), segment.header.bytes);
  }

  private read(reader: SegmentReader, { type, firstZxid, lastZxid, segment, offset }: RecordPlace): JournalRecord {
    const { number, salt } = segment.header;
    const header = emptyRecordHeader();
    const headerAt = reader.locate(offset, RECORD_HEADER_BYTES);
    const isIntact = headerAt >= 0 && readRecordHeader(reader.view, headerAt, number, salt, header);
    const at = isIntact ? reader.locate(offset, RECORD_HEADER_BYTES + header.bodyBytes) : -1;
    const start = at + RECORD_HEADER_BYTES;
    const body = at < 0 ? undefined : reader.bytes.slice(start, start + header.bodyBytes);
    if (body !== undefined && bodyChecksum(body, salt) === header.bodyChecksum) {
      return { type, firstZxid, lastZxid, body };
    }
    const problem = "a record that was intact before is not any more";
    const place = { file: segment.name, offset, firstZxid, lastZxid };
    const action = "reading stopped there";
    throw new JournalDamagedError(this.directory, [
      { kind: "corruption", ...place, rule: "core.md 27", problem, action },
    ]);
  }
}
