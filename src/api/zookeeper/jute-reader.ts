import { decodeUtf8 } from "../../core/base/bytes.ts";

/** Thrown on bytes that are not what the protocol says; the message names what is wrong with them. */
export class JuteError extends Error {
  override readonly name = "JuteError";
}

const TWO_32 = 2 ** 32;
const NOTHING = new Uint8Array(0);

/** Reads ZooKeeper's records (Jute): big-endian, fields one after the other, without tags. */
export class JuteReader {
  bytes: Uint8Array = NOTHING;
  position = 0;
  end = 0;

  reset(bytes: Uint8Array, start: number, end: number): this {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    return this;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  bool(): boolean {
    const at = this.skip(1);
    return this.bytes[at] !== 0;
  }

  i32(): number {
    const at = this.skip(4);
    return readI32(this.bytes, at);
  }

  /** A 64-bit number with sign; beyond 2^53 only nearly what was sent, and no safe integer. */
  i64(): number {
    const high = this.i32();
    const low = this.i32() >>> 0;
    return high * TWO_32 + low;
  }

  /** A view of the bytes; none where the client sent null. */
  buffer(): Uint8Array {
    const size = this.size();
    const at = this.skip(size);
    return size === 0 ? NOTHING : this.bytes.subarray(at, at + size);
  }

  /** Empty where the client sent null. */
  string(): string {
    const size = this.size();
    const at = this.skip(size);
    return decodeUtf8(this.bytes, at, at + size);
  }

  /** undefined where the client sent null. */
  optionalString(): string | undefined {
    if (this.remaining >= 4 && readI32(this.bytes, this.position) === -1) {
      this.position += 4;
      return undefined;
    }
    return this.string();
  }

  /** How many elements of at least `bytesEach` follow; 0 where the client sent null. */
  count(bytesEach: number): number {
    const count = this.i32();
    if (count < -1) throw new JuteError(`a vector of ${count} elements`);
    if (count * bytesEach > this.remaining) throw new JuteError(`a vector of ${count} elements in too few bytes`);
    return Math.max(0, count);
  }

  strings(): string[] {
    const strings: string[] = [];
    for (let left = this.count(4); left > 0; left--) strings.push(this.string());
    return strings;
  }

  private size(): number {
    const size = this.i32();
    if (size < -1) throw new JuteError(`a length of ${size}`);
    return Math.max(0, size);
  }

  private skip(count: number): number {
    const at = this.position;
    if (this.end - at < count) throw new JuteError("the frame ends too early");
    this.position = at + count;
    return at;
  }
}

export function readI32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}
