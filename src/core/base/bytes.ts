import { assert } from "./assert.ts";

/**
 * Little-endian byte writing and reading for the core's own formats, without Buffer, TextEncoder or BigInt, so that
 * they run unchanged in the simulator and cost nothing per field. A 53-bit integer takes 8 bytes (two 32-bit halves).
 */
const TWO_32 = 2 ** 32;

/** Thrown by {@link ByteReader} on input that is not what the format says. Handled where outside bytes come in. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

export class ByteWriter {
  bytes: Uint8Array;
  /** Bytes written so far. */
  length = 0;

  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity);
  }

  reset(): void {
    this.length = 0;
  }

  /** A view of what has been written; valid until the next write. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** A copy of what has been written. */
  copy(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  /** Makes room for `count` more bytes. */
  ensure(count: number): void {
    const need = this.length + count;
    if (need <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(need, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  u8(value: number): void {
    this.ensure(1);
    this.bytes[this.length++] = value;
  }

  u16(value: number): void {
    this.ensure(2);
    this.bytes[this.length++] = value;
    this.bytes[this.length++] = value >>> 8;
  }

  u32(value: number): void {
    this.ensure(4);
    this.putU32(this.length, value);
    this.length += 4;
  }

  /** Overwrites four bytes written before, for lengths known only afterwards. */
  putU32(at: number, value: number): void {
    const bytes = this.bytes;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
  }

  i32(value: number): void {
    this.u32(value >>> 0);
  }

  /** A whole number from 0 to 2^53 - 1. */
  u53(value: number): void {
    assert(value >= 0 && value <= Number.MAX_SAFE_INTEGER, "u53 out of range");
    this.u32(value >>> 0);
    this.u32((value / TWO_32) >>> 0);
  }

  /** A length or count below 2^32, one byte when below 128. */
  varint(value: number): void {
    this.ensure(5);
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.bytes[this.length++] = rest | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.length++] = rest;
  }

  raw(source: Uint8Array): void {
    this.ensure(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** varint length, then the bytes. */
  block(source: Uint8Array): void {
    this.varint(source.length);
    this.raw(source);
  }

  /** varint length in bytes, then UTF-8. */
  string(text: string): void {
    const start = this.length;
    // Most strings are short ASCII: guess a one-byte length, and shift in the rare other case.
    this.ensure(text.length * 3 + 5);
    this.length = start + 1;
    this.utf8(text);
    const size = this.length - start - 1;
    if (size < 0x80) {
      this.bytes[start] = size;
      return;
    }
    const lengthBytes = size < 0x4000 ? 2 : size < 0x200000 ? 3 : size < 0x10000000 ? 4 : 5;
    this.bytes.copyWithin(start + lengthBytes, start + 1, this.length);
    this.length = start;
    this.varint(size);
    this.length = start + lengthBytes + size;
  }

  /** UTF-8 without a length. A lone surrogate becomes U+FFFD, which path rules refuse. */
  utf8(text: string): void {
    this.ensure(text.length * 3);
    const bytes = this.bytes;
    let at = this.length;
    for (let i = 0; i < text.length; i++) {
      let code = text.charCodeAt(i);
      if (code < 0x80) {
        bytes[at++] = code;
        continue;
      }
      if (code < 0x800) {
        bytes[at++] = 0xc0 | (code >> 6);
        bytes[at++] = 0x80 | (code & 0x3f);
        continue;
      }
      if (code >= 0xd800 && code < 0xe000) {
        const low = i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
        if (code < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
          i++;
          const point = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          bytes[at++] = 0xf0 | (point >> 18);
          bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
          bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
          bytes[at++] = 0x80 | (point & 0x3f);
          continue;
        }
        code = 0xfffd;
      }
      bytes[at++] = 0xe0 | (code >> 12);
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
      bytes[at++] = 0x80 | (code & 0x3f);
    }
    this.length = at;
  }
}

export class ByteReader {
  bytes: Uint8Array;
  position: number;
  end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  /** Points the reader elsewhere, to save the allocation. */
  reset(bytes: Uint8Array, start = 0, end = bytes.length): this {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    return this;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  private need(count: number): void {
    if (this.end - this.position < count) throw new FormatError("ends too early");
  }

  /** Every strict decoder ends with this. */
  expectEnd(): void {
    if (this.position !== this.end) throw new FormatError("bytes left over");
  }

  u8(): number {
    this.need(1);
    return this.bytes[this.position++] as number;
  }

  /** A yes or no: nothing but 1 and 0. */
  flag(): boolean {
    const value = this.u8();
    if (value > 1) throw new FormatError(`flag ${value} is not known to this program`);
    return value === 1;
  }

  u16(): number {
    this.need(2);
    const at = this.position;
    this.position = at + 2;
    return (this.bytes[at] as number) | ((this.bytes[at + 1] as number) << 8);
  }

  u32(): number {
    this.need(4);
    const bytes = this.bytes;
    const at = this.position;
    this.position = at + 4;
    return (
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24)) >>>
      0
    );
  }

  i32(): number {
    return this.u32() | 0;
  }

  u53(): number {
    const low = this.u32();
    const high = this.u32();
    if (high >= 2 ** 21) throw new FormatError("number above 2^53");
    return high * TWO_32 + low;
  }

  /** Shortest form only, so that equal values have equal bytes. */
  varint(): number {
    let value = 0;
    for (let unit = 1; unit < 2 ** 35; unit *= 2 ** 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * unit;
      if (byte >= 0x80) continue;
      if ((byte === 0 && unit > 1) || value >= TWO_32) throw new FormatError("varint not in shortest form");
      return value;
    }
    throw new FormatError("varint too long");
  }

  /** A view of the next `count` bytes. */
  raw(count: number): Uint8Array {
    this.need(count);
    const at = this.position;
    this.position = at + count;
    return this.bytes.subarray(at, at + count);
  }

  /** Skips `count` bytes and returns where they begin. */
  skip(count: number): number {
    this.need(count);
    const at = this.position;
    this.position = at + count;
    return at;
  }

  block(): Uint8Array {
    return this.raw(this.varint());
  }

  string(): string {
    const size = this.varint();
    const at = this.skip(size);
    return decodeUtf8(this.bytes, at, at + size);
  }
}

/** UTF-8 to string; malformed sequences become U+FFFD each. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let at = start;
  while (at < end) {
    // Nearly everything is ASCII: eight characters at a time are four times as fast as one.
    while (at + 8 <= end && isAscii8(bytes, at)) {
      text += ascii8(bytes, at);
      at += 8;
    }
    if (at === end) break;
    const first = bytes[at] as number;
    if (first < 0x80) {
      text += String.fromCharCode(first);
      at++;
      continue;
    }
    const size = first > 0xf4 ? 0 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    const point = size === 0 || at + size > end ? -1 : decodePoint(bytes, at, size);
    if (point < 0) {
      text += "\ufffd";
      at++;
      continue;
    }
    text += String.fromCodePoint(point);
    at += size;
  }
  return text;
}

function isAscii8(bytes: Uint8Array, at: number): boolean {
  let bits = 0;
  for (let i = 0; i < 8; i++) bits |= bytes[at + i] as number;
  return bits < 0x80;
}

function ascii8(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(
    bytes[at] as number,
    bytes[at + 1] as number,
    bytes[at + 2] as number,
    bytes[at + 3] as number,
    bytes[at + 4] as number,
    bytes[at + 5] as number,
    bytes[at + 6] as number,
    bytes[at + 7] as number,
  );
}

const MIN_POINT = [0, 0, 0x80, 0x800, 0x10000];

function decodePoint(bytes: Uint8Array, at: number, size: number): number {
  let point = (bytes[at] as number) & (0xff >> (size + 1));
  for (let i = 1; i < size; i++) {
    const next = bytes[at + i] as number;
    if ((next & 0xc0) !== 0x80) return -1;
    point = (point << 6) | (next & 0x3f);
  }
  if (point < (MIN_POINT[size] as number) || point > 0x10ffff) return -1;
  if (point >= 0xd800 && point < 0xe000) return -1;
  return point;
}

/** The UTF-8 bytes of a string. */
export function encodeUtf8(text: string): Uint8Array {
  const writer = new ByteWriter(text.length * 3);
  writer.utf8(text);
  return writer.copy();
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
