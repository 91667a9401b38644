import { MusterError } from "./errors.ts";

export function malformed(what: string): MusterError {
  return new MusterError("MALFORMED", { message: `the server's message cannot be decoded: ${what}` });
}

/** Deepest nesting followed while skipping unknown groups. */
const GROUP_DEPTH_MAX = 32;

/**
 * Reads protobuf from a Buffer, numbers as plain numbers. Whatever the bytes, it either returns or throws MALFORMED.
 * `end` is the end of the message being read: {@link enter} narrows it, {@link leave} widens it again.
 */
export class WireReader {
  buffer: Buffer;
  position: number;
  end: number;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
    this.position = 0;
    this.end = buffer.length;
  }

  /** An unsigned number; one above 2^53 - 1 is malformed. */
  uint(): number {
    const { buffer, end } = this;
    let at = this.position;
    if (at >= end) throw malformed("it ends inside a number");
    let byte = buffer[at++] as number;
    let low = byte & 0x7f;
    for (let shift = 7; byte >= 0x80 && shift < 28; shift += 7) {
      if (at >= end) throw malformed("it ends inside a number");
      byte = buffer[at++] as number;
      low |= (byte & 0x7f) << shift;
    }
    let value = low;
    for (let scale = 0x10000000; byte >= 0x80; scale *= 0x80) {
      if (at >= end) throw malformed("it ends inside a number");
      byte = buffer[at++] as number;
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER || at - this.position > 10) throw malformed("a number is too large");
    }
    this.position = at;
    return value;
  }

  /** A signed 64-bit number within the safe integers. */
  int64(): number {
    const start = this.position;
    if (!this.#isNegative(start)) return this.uint();
    // Sign-extended to ten bytes: the complement of a small number.
    let complement = 0;
    let scale = 1;
    for (let index = 0; index < 9; index++) {
      complement += (~(this.buffer[start + index] as number) & 0x7f) * scale;
      scale *= 0x80;
    }
    if (complement >= Number.MAX_SAFE_INTEGER) throw malformed("a number is too small");
    this.position = start + 10;
    return -complement - 1;
  }

  int32(): number {
    const start = this.position;
    if (!this.#isNegative(start)) return this.uint() | 0;
    let low = 0;
    for (let index = 0; index < 5; index++) low |= ((this.buffer[start + index] as number) & 0x7f) << (7 * index);
    this.position = start + 10;
    return low;
  }

  /** Whether ten bytes with the sign bit in the last stand here. */
  #isNegative(start: number): boolean {
    if (start + 10 > this.end) return false;
    for (let index = 0; index < 9; index++) if ((this.buffer[start + index] as number) < 0x80) return false;
    return this.buffer[start + 9] === 1;
  }

  /** Narrows `end` to the embedded message that begins here; returns the outer end, for {@link leave}. */
  enter(): number {
    const outer = this.end;
    const length = this.uint();
    if (length > outer - this.position) throw malformed("a part is longer than its whole");
    this.end = this.position + length;
    return outer;
  }

  leave(outer: number): void {
    this.position = this.end;
    this.end = outer;
  }

  text(): string {
    const outer = this.enter();
    const text = this.buffer.toString("utf8", this.position, this.end);
    this.leave(outer);
    return text;
  }

  /** A view of the buffer. */
  view(): Buffer {
    const outer = this.enter();
    const view = this.buffer.subarray(this.position, this.end);
    this.leave(outer);
    return view;
  }

  /** Skips the value of an unknown field. */
  skip(tag: number, depth = 0): void {
    switch (tag & 7) {
      case 0:
        this.#skipVarint();
        return;
      case 1:
        this.#skipBytes(8);
        return;
      case 2:
        this.#skipBytes(this.uint());
        return;
      case 3:
        this.#skipGroup(tag, depth);
        return;
      case 5:
        this.#skipBytes(4);
        return;
      default:
        throw malformed("a field has no known type");
    }
  }

  #skipVarint(): void {
    for (let index = 0; index < 10; index++) {
      if (this.position >= this.end) throw malformed("it ends inside a number");
      if ((this.buffer[this.position++] as number) < 0x80) return;
    }
    throw malformed("a number is too long");
  }

  #skipBytes(count: number): void {
    if (count > this.end - this.position) throw malformed("it ends inside a field");
    this.position += count;
  }

  #skipGroup(tag: number, depth: number): void {
    if (depth >= GROUP_DEPTH_MAX) throw malformed("groups are nested too deeply");
    for (;;) {
      const inner = this.uint();
      if ((inner & 7) === 4) {
        if (inner >>> 3 !== tag >>> 3) throw malformed("a group ends with another's tag");
        return;
      }
      this.skip(inner, depth + 1);
    }
  }
}
