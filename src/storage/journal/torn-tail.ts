import { join } from "node:path";
import { type Disk, isOutOfSpace } from "../disk.ts";
import { CLAIMING_NAME, TORN_SUFFIX } from "./journal-files.ts";
import { bodyChecksum, emptyRecordHeader, RECORD_HEADER_BYTES, readRecordHeader } from "./record-codec.ts";
import type { SegmentHeader } from "./segment-header.ts";

/**
 * Keeps what is cut off for people. The final name appears with the whole content or not at all, and once there is
 * never written again.
 *
 * @returns what was done, in words
 */
export function keepTornAside(
  disk: Disk,
  directory: string,
  { file, offset }: { readonly file: string; readonly offset: number },
  bytes: Uint8Array,
): string {
  const name = `${file}.${offset}${TORN_SUFFIX}`;
  const names = disk.list(directory);
  const path = join(directory, CLAIMING_NAME);
  if (names.includes(CLAIMING_NAME)) disk.unlink(path);
  if (names.includes(name)) return `kept aside as ${name} before`;
  try {
    const copy = disk.open(path, "create");
    try {
      copy.write(0, bytes);
      copy.datasync();
    } finally {
      copy.close();
    }
    disk.rename(path, join(directory, name));
    disk.syncDirectory(directory);
    return `kept aside as ${name}`;
  } catch (error) {
    if (!isOutOfSpace(error)) throw error;
    return "not kept aside: the disk is full";
  }
}

/**
 * What the sectors of a torn write are overwritten with: zeros, so that its records cannot join a later one. But a
 * record that begins in the sector before, which stays as it is, may lack nothing but zeros: being erased would make it
 * intact. Then the first byte is another one.
 *
 * @param torn the bytes from that record on
 * @param kept how many of them are not overwritten
 */
export function erasure(torn: Uint8Array, kept: number, { number, salt }: SegmentHeader): Uint8Array {
  const erased = new Uint8Array(torn.length - kept);
  const left = new Uint8Array(torn.length);
  left.set(torn.subarray(0, kept));
  const header = emptyRecordHeader();
  if (!readRecordHeader(new DataView(left.buffer), 0, number, salt, header)) return erased;
  const body = left.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + header.bodyBytes);
  if (bodyChecksum(body, salt) === header.bodyChecksum) erased[0] = 0xff;
  return erased;
}
