/**
 * How the event history keeps one event, in its ring and in a snapshot alike: f64 zxid; u32 type in the low 4 bits,
 * path length in bytes above; u32 ACL; u32 distance back, in units, to the event before it of the same fingerprint (0:
 * none kept); u32 fingerprint; then the path, padded to whole units. Numbers are in the machine's byte order.
 */
export const RECORD_HEADER_BYTES = 24;
/** Records are aligned to this many bytes, so that fields are read as numbers. */
export const RECORD_UNIT = 8;
export const RECORD_TYPE_BITS = 4;
export const RECORD_TYPE_MASK = (1 << RECORD_TYPE_BITS) - 1;

/** Bytes a path takes in a record. */
export function paddedBytes(length: number): number {
  return (length + RECORD_UNIT - 1) & -RECORD_UNIT;
}
