const LONG_BITS = 64;

/** A safe integer as Java's Long.toHexString with `0x` before it: a negative one has sixteen digits. */
export function hexadecimal(value: number): string {
  return `0x${value < 0 ? BigInt.asUintN(LONG_BITS, BigInt(value)).toString(16) : value.toString(16)}`;
}
