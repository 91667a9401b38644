/** Thrown for bytes that are not the protobuf they should be; the door answers it with the reason MALFORMED. */
export class MalformedError extends Error {
  override readonly name = "MalformedError";
}

/** The low three bits of a tag. */
const wireType = { VARINT: 0, FIXED64: 1, BYTES: 2, GROUP: 3, END_GROUP: 4, FIXED32: 5 } as const;
/** Groups nested in an unknown field; deeper is an attack on the stack, not a message. */
const GROUP_DEPTH_MAX = 32;
const TWO_28 = 2 ** 28;
/** Bits 28 to 52: what the second part of a 53-bit number may use. */
const HIGH_LIMIT = 2 ** 25;

/**
 * Reads protobuf straight from a received message, without an object per message and without BigInt: the session
 * stream's share of ARCHITECTURE decision 12. It never reads past `end`, and throws nothing but {@link MalformedError}.
 */
export class WireReader {
  bytes: Buffer = Buffer.alloc(0);
  position = 0;
  /** Where the message being read ends; {@link enter} and {@link leave} move it. */
  end = 0;

  reset(bytes: Buffer, start: number, end: number): this {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    return this;
  }

  get more(): boolean {
    return this.position < this.end;
  }

  private byte(): number {
    const at = this.position;
    if (at >= this.end) throw new MalformedError("ends too early");
    this.position = at + 1;
    return this.bytes[at] as number;
  }

  /** Field number times 8 plus wire type. */
  tag(): number {
    const tag = this.uint32();
    if (tag < 8) throw new MalformedError("field number 0");
    return tag;
  }

  /** The low 32 bits of a varint, as protobuf wants it for uint32. */
  uint32(): number {
    let byte = this.byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    byte = this.byte();
    value |= (byte & 0x7f) << 7;
    if (byte < 0x80) return value;
    byte = this.byte();
    value |= (byte & 0x7f) << 14;
    if (byte < 0x80) return value;
    byte = this.byte();
    value |= (byte & 0x7f) << 21;
    if (byte < 0x80) return value;
    byte = this.byte();
    value |= (byte & 0x0f) << 28;
    for (let read = 5; byte >= 0x80; read++) {
      if (read === 10) throw new MalformedError("varint too long");
      byte = this.byte();
    }
    return value >>> 0;
  }

  int32(): number {
    return this.uint32() | 0;
  }

  /** A uint64 that must fit a plain number. */
  uint53(): number {
    let byte = this.byte();
    if (byte < 0x80) return byte;
    let low = byte & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      byte = this.byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return low;
    }
    return this.highBits() * TWO_28 + low;
  }

  /** Bytes 5 to 10 of a varint. */
  private highBits(): number {
    let high = 0;
    for (let read = 4; ; read++) {
      if (read === 10) throw new MalformedError("varint too long");
      const byte = this.byte();
      const payload = byte & 0x7f;
      if (read < 8) high |= payload << ((read - 4) * 7);
      else if (payload !== 0) high = HIGH_LIMIT;
      if (byte < 0x80) break;
    }
    if (high >= HIGH_LIMIT) throw new MalformedError("number above 2^53 - 1");
    return high;
  }

  bool(): boolean {
    let any = 0;
    for (let read = 0; read < 10; read++) {
      const byte = this.byte();
      any |= byte & 0x7f;
      if (byte < 0x80) return any !== 0;
    }
    throw new MalformedError("varint too long");
  }

  /** Reads a length and returns where what it measures ends; the position is where that begins. */
  lengthEnd(): number {
    const length = this.uint32();
    if (length > this.end - this.position) throw new MalformedError("length beyond the message");
    return this.position + length;
  }

  /** Goes into a nested message; give the result to {@link leave} when it has been read. */
  enter(): number {
    const outer = this.end;
    this.end = this.lengthEnd();
    return outer;
  }

  leave(outer: number): void {
    this.position = this.end;
    this.end = outer;
  }

  /** UTF-8; malformed sequences become U+FFFD, which path rules refuse. */
  string(): string {
    const end = this.lengthEnd();
    const start = this.position;
    this.position = end;
    return start === end ? "" : this.bytes.toString("utf8", start, end);
  }

  /** A view into the message. */
  view(): Uint8Array {
    const end = this.lengthEnd();
    const start = this.position;
    this.position = end;
    return this.bytes.subarray(start, end);
  }

  /** Passes over a field nobody here knows. */
  skip(tag: number, depth = 0): void {
    switch (tag & 7) {
      case wireType.VARINT:
        this.bool();
        return;
      case wireType.FIXED64:
        this.advance(8);
        return;
      case wireType.BYTES:
        this.position = this.lengthEnd();
        return;
      case wireType.FIXED32:
        this.advance(4);
        return;
      case wireType.GROUP:
        this.skipGroup(tag, depth);
        return;
      default:
        throw new MalformedError("unknown wire type");
    }
  }

  private skipGroup(start: number, depth: number): void {
    if (depth === GROUP_DEPTH_MAX) throw new MalformedError("groups nested too deep");
    const end = start - wireType.GROUP + wireType.END_GROUP;
    for (let tag = this.tag(); tag !== end; tag = this.tag()) this.skip(tag, depth + 1);
  }

  private advance(count: number): void {
    if (count > this.end - this.position) throw new MalformedError("ends too early");
    this.position += count;
  }
}
