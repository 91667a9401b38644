import { alignToSector } from "../disk.ts";
import type { Finding } from "./finding.ts";
import {
  bodyChecksum,
  emptyRecordHeader,
  isNewerRecord,
  looksLikeRecord,
  RECORD_ALIGNMENT,
  RECORD_HEADER_BYTES,
  RECORD_MAGIC,
  type RecordHeader,
  readRecordHeader,
  recordBytes,
  recordFlag,
} from "./record-codec.ts";
import { SEGMENT_HEADER_BYTES, type SegmentHeader } from "./segment-header.ts";
import type { SegmentReader } from "./segment-reader.ts";

/** A record as it lies in its segment. The object is reused; the body is a view valid until the next step. */
export interface ScannedRecord {
  readonly header: RecordHeader;
  readonly offset: number;
  body: Uint8Array;
}

/** Why a scan stopped where it did. */
export interface ScanStop {
  /** Where the last good record ends. */
  readonly end: number;
  readonly verdict: "end" | "uncertain" | "corruption" | "format";
  /** Where the trouble begins; `end` or the next sector. */
  readonly offset: number;
  readonly problem: string;
  /** The damaged record's type, flags and zxids, where its header is intact. */
  readonly zxids:
    | {
        readonly type: number;
        readonly flags: number;
        readonly first: number;
        readonly last: number;
        /** Where the record ends. */
        readonly end: number;
      }
    | undefined;
  /** First intact header after the trouble, where an inspection can go on; -1: none. */
  readonly resumeAt: number;
  /** Where the record before that one ends, as its header says; -1: none. */
  readonly resumeAfter: number;
  /** End of the last intact record above `end`: what a repair must erase up to. */
  readonly residueEnd: number;
}

/** What is known about a segment from outside: the segment after it says where its records end. */
export interface ScanBounds {
  readonly successorEnd: number | undefined;
  /** Begin at this record instead of at the head. */
  readonly resumeAt?: number;
}

/** Yields a segment's intact records in order; returns why it stopped. The rules are those of FORMAT.md. */
export function* scanSegment(
  reader: SegmentReader,
  segment: SegmentHeader,
  bounds: ScanBounds,
): Generator<ScannedRecord, ScanStop> {
  const scan = new SegmentScan(reader, segment);
  if (bounds.resumeAt !== undefined) scan.resume(bounds.resumeAt);
  while (scan.end !== bounds.successorEnd) {
    const record = scan.next();
    if (record === undefined) break;
    yield record;
  }
  return scan.stop(bounds.successorEnd);
}

/** The finding a stop amounts to. */
export function findingOf(file: string, stop: ScanStop, action: string): Finding {
  const { verdict, offset, problem, zxids } = stop;
  const kind = verdict === "end" ? "corruption" : verdict;
  const place = zxids === undefined ? { file, offset } : { file, offset, firstZxid: zxids.first, lastZxid: zxids.last };
  return { kind, ...place, rule: verdict === "format" ? "core.md 5" : "core.md 27", problem, action };
}

class SegmentScan {
  /** Where the last good record ends. */
  end = SEGMENT_HEADER_BYTES;
  /** Start of the group whose LAST record has not been seen; -1 between groups. */
  private openGroup = -1;
  private readonly reader: SegmentReader;
  private readonly segment: SegmentHeader;
  private readonly header = emptyRecordHeader();
  private newer = false;

  constructor(reader: SegmentReader, segment: SegmentHeader) {
    this.reader = reader;
    this.segment = segment;
  }

  resume(offset: number): void {
    if (!this.headerAt(offset)) return;
    this.end = this.header.previousEnd;
    this.openGroup = this.header.groupStart < offset ? this.header.groupStart : -1;
  }

  next(): ScannedRecord | undefined {
    const sector = alignToSector(this.end);
    if (this.openGroup >= 0) {
      const inGroup = this.recordAt(this.end, this.openGroup);
      if (inGroup !== undefined) return inGroup;
    }
    return this.recordAt(sector, sector);
  }

  /** The record at `offset`, if it is intact, belongs to that group and follows what was read last. */
  private recordAt(offset: number, group: number): ScannedRecord | undefined {
    if (!this.linkedHeaderAt(offset, group)) return undefined;
    const { header, reader } = this;
    const size = RECORD_HEADER_BYTES + header.bodyBytes;
    const at = reader.locate(offset, size);
    if (at < 0) return undefined;
    const body = reader.bytes.subarray(at + RECORD_HEADER_BYTES, at + size);
    if (bodyChecksum(body, this.segment.salt) !== header.bodyChecksum) return undefined;
    if (isNewerRecord(reader.view, at, header)) {
      this.newer = true;
      return undefined;
    }
    this.end = offset + recordBytes(header.bodyBytes);
    this.openGroup = (header.flags & recordFlag.LAST) === 0 ? group : -1;
    return { header, offset, body };
  }

  private headerAt(offset: number): boolean {
    const at = this.reader.locate(offset, RECORD_HEADER_BYTES);
    return at >= 0 && readRecordHeader(this.reader.view, at, this.segment.number, this.segment.salt, this.header);
  }

  private linkedHeaderAt(offset: number, group: number): boolean {
    return this.headerAt(offset) && this.header.groupStart === group && this.header.previousEnd === this.end;
  }

  /** Judges the place where no good record follows. */
  stop(successorEnd: number | undefined): ScanStop {
    const { end, openGroup } = this;
    const sector = alignToSector(end);
    const base = { end, zxids: undefined, resumeAt: -1, resumeAfter: -1, residueEnd: end };
    if (end === successorEnd) return { ...base, verdict: "end", offset: end, problem: "" };

    // A group that begins at the sector although the one before is unfinished was written after an earlier repair.
    const unfinished = openGroup >= 0 && !this.linkedHeaderAt(sector, sector);
    const offset = unfinished ? end : sector;
    const group = unfinished ? openGroup : sector;
    const intactHeader = this.linkedHeaderAt(offset, group);
    const { type, flags, firstZxid: first, lastZxid: last } = this.header;
    const recordEnd = offset + recordBytes(this.header.bodyBytes);
    const zxids = intactHeader ? { type, flags, first, last, end: recordEnd } : undefined;
    if (this.newer) {
      return { ...base, verdict: "format", offset, zxids, problem: "a record of a newer version of Muster" };
    }

    const residue = this.findResidue(offset);
    const resume = { resumeAt: residue.next, resumeAfter: residue.after };
    const found = { ...base, ...resume, offset, zxids, residueEnd: residue.end };
    const problem = intactHeader
      ? "a record's body does not match its checksum"
      : "a record's header is damaged or missing";
    if (end < this.segment.headEnd) {
      return { ...found, verdict: "corruption", problem: `${problem}, in the segment's head` };
    }
    if (successorEnd !== undefined) {
      return { ...found, verdict: "corruption", problem: `${problem}, and a later segment proves it was synced` };
    }
    if (residue.synced) {
      return { ...found, verdict: "corruption", problem: `${problem}, and a later write proves it was synced` };
    }
    if (openGroup >= 0 || intactHeader || residue.end > end || this.damagedHeaderAt(offset, group)) {
      return { ...found, verdict: "uncertain", problem: `${problem}, in the last write` };
    }
    return { ...found, verdict: "end", problem: "" };
  }

  private damagedHeaderAt(offset: number, groupStart: number): boolean {
    const at = this.reader.locate(offset, RECORD_HEADER_BYTES);
    const { number, salt } = this.segment;
    return at >= 0 && looksLikeRecord(this.reader.view, at, { segment: number, salt, groupStart });
  }

  /** Looks through the rest of the segment for intact headers: evidence of what once lay here. */
  private findResidue(from: number): { synced: boolean; next: number; after: number; end: number } {
    let synced = false;
    let [next, after] = [-1, -1];
    let end = this.end;
    for (let offset = from; offset + RECORD_HEADER_BYTES <= this.reader.size; offset += RECORD_ALIGNMENT) {
      const at = this.reader.locate(offset, RECORD_HEADER_BYTES);
      if (at < 0) break;
      if (this.reader.view.getUint32(at, true) !== RECORD_MAGIC || !this.headerAt(offset)) continue;
      end = Math.max(end, Math.min(offset + recordBytes(this.header.bodyBytes), this.reader.size));
      if (this.header.groupStart > from) synced = true;
      if (next < 0 && offset > from) [next, after] = [offset, this.header.previousEnd];
    }
    return { synced, next, after, end };
  }
}
