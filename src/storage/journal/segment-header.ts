import { crc32 } from "node:zlib";
import { SECTOR_BYTES } from "../disk.ts";

/**
 * The first sector of a segment. Layout in FORMAT.md; all numbers little-endian. It is synced before the file gets its
 * `.journal` name, so a bad one in a named segment is damage, never the trace of a crash.
 */
export interface SegmentHeader {
  /** 1, 2, 3... in order of use; stands in every record. */
  readonly number: number;
  /** Random, seeds every checksum, so that bytes of the file's earlier life never pass. */
  readonly salt: number;
  /** Size of the file. */
  readonly bytes: number;
  /** Last zxid in force before the segment's first record. */
  readonly baseZxid: number;
  /** Commands journalled before this segment, since the journal began. */
  readonly commandsBefore: number;
  /** Where the records of segment `number - 1` end; 0 in the first. */
  readonly previousEnd: number;
  /** Where the copies of sticky records end: below it everything is known synced. */
  readonly headEnd: number;
}

export const SEGMENT_HEADER_BYTES = SECTOR_BYTES;
export const FORMAT_VERSION = 1;
const MAGIC = new TextEncoder().encode("MUSTERJ\n");
const CHECKSUM_AT = 48;
const TWO_32 = 2 ** 32;

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC, 0);
  view.setUint32(8, FORMAT_VERSION, true);
  view.setUint32(12, header.number, true);
  view.setUint32(16, header.salt, true);
  view.setUint32(20, header.bytes, true);
  setU53(view, 24, header.baseZxid);
  setU53(view, 32, header.commandsBefore);
  view.setUint32(40, header.previousEnd, true);
  view.setUint32(44, header.headEnd, true);
  view.setUint32(CHECKSUM_AT, crc32(bytes.subarray(0, CHECKSUM_AT)), true);
  return bytes;
}

export type DecodedSegmentHeader =
  | { readonly ok: true; readonly header: SegmentHeader }
  | { readonly ok: false; readonly fault: "not a segment" | "newer format" | "damaged"; readonly version: number };

/** Checks magic, version and checksum, in that order: a newer format may have another checksum. */
export function decodeSegmentHeader(bytes: Uint8Array): DecodedSegmentHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < SEGMENT_HEADER_BYTES || MAGIC.some((byte, index) => bytes[index] !== byte)) {
    return { ok: false, fault: "not a segment", version: 0 };
  }
  const version = view.getUint32(8, true);
  if (version > FORMAT_VERSION) return { ok: false, fault: "newer format", version };
  const checksum = crc32(bytes.subarray(0, CHECKSUM_AT));
  if (version === 0 || view.getUint32(CHECKSUM_AT, true) !== checksum) return { ok: false, fault: "damaged", version };
  const header: SegmentHeader = {
    number: view.getUint32(12, true),
    salt: view.getUint32(16, true),
    bytes: view.getUint32(20, true),
    baseZxid: getU53(view, 24),
    commandsBefore: getU53(view, 32),
    previousEnd: view.getUint32(40, true),
    headEnd: view.getUint32(44, true),
  };
  return { ok: true, header };
}

/** Writes a whole number below 2^53. */
export function setU53(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / TWO_32), true);
}

/** May exceed 2^53 on foreign bytes; callers check the checksum first. */
export function getU53(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * TWO_32;
}
