/**
 * ZooKeeper's serialization, as the tester needs it: big-endian, no tags, −1 for what is null. Independent of the
 * server's codec on purpose: a mistake shared by both would not be seen.
 */
export class JuteWriter {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  private length = 0;

  int(value: number): this {
    this.reserve(4);
    this.view.setInt32(this.length, value);
    this.length += 4;
    return this;
  }

  long(value: bigint): this {
    this.reserve(8);
    this.view.setBigInt64(this.length, value);
    this.length += 8;
    return this;
  }

  boolean(value: boolean): this {
    this.reserve(1);
    this.view.setUint8(this.length++, value ? 1 : 0);
    return this;
  }

  buffer(value: Uint8Array | null): this {
    if (value === null) return this.int(-1);
    return this.int(value.length).raw(value);
  }

  string(value: string | null): this {
    return this.buffer(value === null ? null : new TextEncoder().encode(value));
  }

  vector<Element>(list: readonly Element[] | null, write: (element: Element) => void): this {
    if (list === null) return this.int(-1);
    this.int(list.length);
    for (const element of list) write(element);
    return this;
  }

  raw(value: Uint8Array): this {
    this.reserve(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
    return this;
  }

  done(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array(2 * (this.length + more));
    grown.set(this.bytes);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}

/** Reads what {@link JuteWriter} writes; every method throws a RangeError beyond the end. */
export class JuteReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes that have not been read. */
  get left(): number {
    return this.bytes.length - this.at;
  }

  int(): number {
    const value = this.view.getInt32(this.at);
    this.at += 4;
    return value;
  }

  long(): bigint {
    const value = this.view.getBigInt64(this.at);
    this.at += 8;
    return value;
  }

  boolean(): boolean {
    return this.view.getUint8(this.at++) !== 0;
  }

  buffer(): Uint8Array | null {
    const length = this.int();
    if (length < 0) return null;
    if (length > this.left) throw new RangeError(`a buffer of ${length} bytes where ${this.left} are left`);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  string(): string | null {
    const bytes = this.buffer();
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }

  vector<Element>(read: () => Element): Element[] | null {
    const count = this.int();
    return count < 0 ? null : Array.from({ length: count }, read);
  }
}
