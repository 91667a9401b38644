import { assert } from "../../core/base/assert.ts";

const TWO_28 = 2 ** 28;
const CAPACITY_MIN = 512;
const CAPACITY_HINT_MAX = 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/** Bytes a length below 2^32 takes as a varint. */
export function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

/**
 * Writes protobuf into a growing buffer that is handed over whole, not copied: grpc-js may hold what it is given until
 * it is flushed, so every message is a fresh buffer, sized after the one before it. An idle writer holds no memory.
 */
export class WireWriter {
  bytes: Buffer = NOTHING;
  /** Bytes written so far. */
  length = 0;
  private hint = CAPACITY_MIN;

  /** Hands over the bytes from `start` on and begins anew. */
  take(start = 0): Buffer {
    const message = this.bytes.subarray(start, this.length);
    this.hint = Math.min(CAPACITY_HINT_MAX, Math.max(CAPACITY_MIN, this.length + (this.length >>> 3)));
    this.bytes = NOTHING;
    this.length = 0;
    return message;
  }

  /** Makes room for `count` more bytes. */
  ensure(count: number): void {
    const need = this.length + count;
    if (need <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(need, this.bytes.length * 2, this.hint));
    if (this.length > 0) this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  /** A tag below 128, or any other single byte. */
  u8(value: number): void {
    this.ensure(1);
    this.bytes[this.length++] = value;
  }

  uint32(value: number): void {
    this.ensure(5);
    this.length = this.putUint32(this.length, value);
  }

  /** Writes a varint at a place that has room for it; returns where it ends. */
  putUint32(at: number, value: number): number {
    const bytes = this.bytes;
    let next = at;
    let rest = value;
    while (rest >= 0x80) {
      bytes[next++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[next++] = rest;
    return next;
  }

  /** uint64 or int64, for a whole number from 0 to 2^53 - 1. */
  uint53(value: number): void {
    assert(value >= 0 && value <= Number.MAX_SAFE_INTEGER, "uint53 out of range");
    this.ensure(8);
    if (value < TWO_28) {
      this.length = this.putUint32(this.length, value);
      return;
    }
    const low = value % TWO_28;
    const bytes = this.bytes;
    const at = this.length;
    bytes[at] = (low & 0x7f) | 0x80;
    bytes[at + 1] = ((low >>> 7) & 0x7f) | 0x80;
    bytes[at + 2] = ((low >>> 14) & 0x7f) | 0x80;
    bytes[at + 3] = (low >>> 21) | 0x80;
    this.length = this.putUint32(at + 4, (value - low) / TWO_28);
  }

  /** int32: a negative number is sign-extended to 64 bits, ten bytes, as protobuf demands. */
  int32(value: number): void {
    if (value >= 0) {
      this.uint32(value);
      return;
    }
    this.ensure(10);
    const bytes = this.bytes;
    let at = this.length;
    let rest = value | 0;
    for (let i = 0; i < 4; i++) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>= 7;
    }
    // `rest` is the top four bits, sign-extended; bits 32 to 63 are all ones.
    bytes[at++] = (rest & 0x7f) | 0x80;
    for (let i = 5; i < 9; i++) bytes[at++] = 0xff;
    bytes[at++] = 1;
    this.length = at;
  }

  raw(source: Uint8Array): void {
    this.ensure(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** A length-delimited field. */
  field(tag: number, source: Uint8Array): void {
    this.u8(tag);
    this.uint32(source.length);
    this.raw(source);
  }

  /** A string field. */
  text(tag: number, text: string): void {
    this.u8(tag);
    const start = this.begin(text.length);
    this.ensure(text.length * 3);
    this.length += this.bytes.write(text, this.length, "utf8");
    this.end(start, text.length);
  }

  /** Leaves room for the length of what follows, by guess `guess` bytes; give the result to {@link end}. */
  begin(guess: number): number {
    const size = varintSize(guess);
    this.ensure(size);
    this.length += size;
    return this.length;
  }

  /** Writes the length of all since `begin(guess)` returned `start`, moving it if the guess was wrong. */
  end(start: number, guess: number): void {
    const length = this.length - start;
    const reserved = varintSize(guess);
    const needed = varintSize(length);
    if (needed !== reserved) {
      if (needed > reserved) this.ensure(needed - reserved);
      this.bytes.copyWithin(start + needed - reserved, start, this.length);
      this.length += needed - reserved;
    }
    this.putUint32(start - reserved, length);
  }
}
