/**
 * The few protobuf primitives the hot messages need, on a Buffer of which the caller has made sure it is large enough.
 * Numbers are plain: unsigned ones below 2^53.
 */

/** Shorter strings are written by a loop, which beats the call into native code. */
const LOOP_CHARS_MAX = 64;

export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  if (value < 0x10000000) return 4;
  if (value < 0x800000000) return 5;
  if (value < 0x40000000000) return 6;
  return value < 0x2000000000000 ? 7 : 8;
}

/** Writes an unsigned number; returns the position behind it. */
export function writeVarint(buffer: Uint8Array, position: number, value: number): number {
  let at = position;
  let rest = value;
  while (rest >= 0x80000000) {
    buffer[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}

/** A negative int32 takes ten bytes, sign-extended to 64 bits. */
export function int32Size(value: number): number {
  return value < 0 ? 10 : varintSize(value);
}

export function writeInt32(buffer: Uint8Array, position: number, value: number): number {
  if (value >= 0) return writeVarint(buffer, position, value);
  let at = position;
  let rest = value;
  for (let index = 0; index < 9; index++) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest >>= 7;
  }
  buffer[at++] = 1;
  return at;
}

/** Bytes of a string in UTF-8; a lone surrogate counts as U+FFFD, as it is written. */
export function utf8Size(text: string): number {
  const { length } = text;
  if (length > LOOP_CHARS_MAX) return Buffer.byteLength(text);
  for (let index = 0; index < length; index++) if (text.charCodeAt(index) > 0x7f) return Buffer.byteLength(text);
  return length;
}

/** Writes a string whose size is `size`. */
export function writeUtf8(buffer: Buffer, position: number, text: string, size: number): number {
  const { length } = text;
  if (size === length && length <= LOOP_CHARS_MAX) {
    for (let index = 0; index < length; index++) buffer[position + index] = text.charCodeAt(index);
  } else {
    buffer.write(text, position, size, "utf8");
  }
  return position + size;
}

/** A field of bytes or text: tag of one byte, length, content. */
export function lengthDelimitedSize(size: number): number {
  return 1 + varintSize(size) + size;
}

export function writeTextField(buffer: Buffer, position: number, tag: number, text: string, size: number): number {
  buffer[position] = tag;
  return writeUtf8(buffer, writeVarint(buffer, position + 1, size), text, size);
}

export function writeBytesField(buffer: Buffer, position: number, tag: number, bytes: Uint8Array): number {
  buffer[position] = tag;
  const at = writeVarint(buffer, position + 1, bytes.length);
  buffer.set(bytes, at);
  return at + bytes.length;
}
