import { crc32 } from "node:zlib";
import { recordType } from "../../core/zab/journal-record.ts";
import { getU53, setU53 } from "./segment-header.ts";

/**
 * The header of one record; its body follows, then zeros up to the next multiple of 8. Layout in FORMAT.md; all numbers
 * little-endian. Both checksums are CRC-32 seeded with the segment's salt.
 */
export interface RecordHeader {
  type: number;
  flags: number;
  bodyBytes: number;
  /** Number of the segment it was written for. */
  segment: number;
  firstZxid: number;
  lastZxid: number;
  /** Where the write group begins: everything below was synced before this record was written. */
  groupStart: number;
  /** Where the record before it ends. */
  previousEnd: number;
  bodyChecksum: number;
}

export const recordFlag = {
  /** The last record of its write group: what follows begins at the next sector. */
  LAST: 1,
  /** A sticky record repeated at the head of a segment. */
  COPY: 2,
} as const;

export const RECORD_HEADER_BYTES = 48;
export const RECORD_ALIGNMENT = 8;
export const RECORD_VERSION = 1;
/** "MREC" */
export const RECORD_MAGIC = 0x4345524d;
const FLAGS_AT = 6;
const SEGMENT_AT = 12;
const GROUP_START_AT = 32;
const CHECKSUM_AT = 44;

/** What a body of this size takes in a group. */
export function recordBytes(bodyBytes: number): number {
  return Math.ceil((RECORD_HEADER_BYTES + bodyBytes) / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
}

export function bodyChecksum(body: Uint8Array, salt: number): number {
  // An empty array may have no memory at all, and then zlib answers 0 whatever the salt.
  return body.length === 0 ? salt >>> 0 : crc32(body, salt);
}

export function writeRecordHeader(view: DataView, at: number, header: RecordHeader, salt: number): void {
  view.setUint32(at, RECORD_MAGIC, true);
  view.setUint8(at + 4, RECORD_VERSION);
  view.setUint8(at + 5, header.type);
  view.setUint16(at + FLAGS_AT, header.flags, true);
  view.setUint32(at + 8, header.bodyBytes, true);
  view.setUint32(at + SEGMENT_AT, header.segment, true);
  setU53(view, at + 16, header.firstZxid);
  setU53(view, at + 24, header.lastZxid);
  view.setUint32(at + GROUP_START_AT, header.groupStart, true);
  view.setUint32(at + 36, header.previousEnd, true);
  view.setUint32(at + 40, header.bodyChecksum, true);
  view.setUint32(at + CHECKSUM_AT, headerChecksum(view, at, salt), true);
}

/** Marks a written header as its group's last. */
export function markLast(view: DataView, at: number, salt: number): void {
  view.setUint16(at + FLAGS_AT, view.getUint16(at + FLAGS_AT, true) | recordFlag.LAST, true);
  view.setUint32(at + CHECKSUM_AT, headerChecksum(view, at, salt), true);
}

/** Reads the header at `at` if it is an intact one of that segment, whatever its version and type. */
export function readRecordHeader(
  view: DataView,
  at: number,
  segment: number,
  salt: number,
  into: RecordHeader,
): boolean {
  if (view.getUint32(at, true) !== RECORD_MAGIC || view.getUint32(at + SEGMENT_AT, true) !== segment) return false;
  if (view.getUint32(at + CHECKSUM_AT, true) !== headerChecksum(view, at, salt)) return false;
  into.type = view.getUint8(at + 5);
  into.flags = view.getUint16(at + FLAGS_AT, true);
  into.bodyBytes = view.getUint32(at + 8, true);
  into.segment = segment;
  into.firstZxid = getU53(view, at + 16);
  into.lastZxid = getU53(view, at + 24);
  into.groupStart = view.getUint32(at + GROUP_START_AT, true);
  into.previousEnd = view.getUint32(at + 36, true);
  into.bodyChecksum = view.getUint32(at + 40, true);
  return true;
}

/** A header this program cannot understand although its checksum holds: a newer one wrote it. */
export function isNewerRecord(view: DataView, at: number, header: RecordHeader): boolean {
  return view.getUint8(at + 4) !== RECORD_VERSION || header.type < recordType.BATCH || header.type > recordType.CLOSE;
}

/**
 * True when bytes that fail as a header still look like the one expected here, so that one flipped bit in the last
 * record is named instead of passing for the old bytes a recycled file is full of.
 */
export function looksLikeRecord(
  view: DataView,
  at: number,
  expected: { segment: number; salt: number; groupStart: number },
): boolean {
  const magic = view.getUint32(at, true) === RECORD_MAGIC;
  if (view.getUint32(at + SEGMENT_AT, true) === expected.segment) {
    return magic || view.getUint32(at + GROUP_START_AT, true) === expected.groupStart;
  }
  if (!magic) return false;
  const repaired = new DataView(new ArrayBuffer(RECORD_HEADER_BYTES));
  for (let i = 0; i < RECORD_HEADER_BYTES; i++) repaired.setUint8(i, view.getUint8(at + i));
  repaired.setUint32(SEGMENT_AT, expected.segment, true);
  return repaired.getUint32(CHECKSUM_AT, true) === headerChecksum(repaired, 0, expected.salt);
}

export function emptyRecordHeader(): RecordHeader {
  return {
    type: 0,
    flags: 0,
    bodyBytes: 0,
    segment: 0,
    firstZxid: 0,
    lastZxid: 0,
    groupStart: 0,
    previousEnd: 0,
    bodyChecksum: 0,
  };
}

function headerChecksum(view: DataView, at: number, salt: number): number {
  return crc32(new Uint8Array(view.buffer, view.byteOffset + at, CHECKSUM_AT), salt);
}
