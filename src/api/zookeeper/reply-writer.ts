import type { Stat } from "../../core/tree/stat.ts";
import type { BufferPool } from "./buffer-pool.ts";

const TWO_32 = 2 ** 32;
/** Bytes of a stat on the wire. */
export const STAT_BYTES = 68;
/** Bytes of a frame's length and its reply header. */
const HEADER_BYTES = 4 + 16;
const NOTHING = Buffer.alloc(0);

/**
 * The frames of one connection that have not been handed to its socket yet, in ZooKeeper's encoding. Holds a buffer
 * only while there are some, so that an idle connection costs none.
 */
export class ReplyWriter {
  bytes: Buffer = NOTHING;
  /** Bytes written. */
  length = 0;
  private readonly pool: BufferPool;
  /** What was written last time: about as much room is taken at once the next time. */
  private usual = 0;

  constructor(pool: BufferPool) {
    this.pool = pool;
  }

  /** Where the frame begins whose header this writes; {@link endFrame} completes it. */
  beginReply(xid: number, zxid: number, error: number): number {
    const start = this.beginFrame(HEADER_BYTES);
    this.putI32(xid);
    this.putI64(zxid);
    this.putI32(error);
    return start;
  }

  /** A frame without a header, of which at least `bytes` will be written. */
  beginFrame(bytes: number): number {
    this.ensure(bytes);
    const start = this.length;
    this.length = start + 4;
    return start;
  }

  endFrame(start: number): void {
    const size = this.length - start - 4;
    const { bytes } = this;
    bytes[start] = size >>> 24;
    bytes[start + 1] = size >>> 16;
    bytes[start + 2] = size >>> 8;
    bytes[start + 3] = size;
  }

  /** Takes back a frame begun. */
  dropFrame(start: number): void {
    this.length = start;
  }

  bool(value: boolean): void {
    this.ensure(1);
    this.bytes[this.length++] = value ? 1 : 0;
  }

  i32(value: number): void {
    this.ensure(4);
    this.putI32(value);
  }

  i64(value: number): void {
    this.ensure(8);
    this.putI64(value);
  }

  buffer(source: Uint8Array): void {
    this.ensure(4 + source.length);
    this.putI32(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  string(text: string): void {
    this.ensure(4 + text.length * 3);
    const { bytes } = this;
    const start = this.length + 4;
    let at = start;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        at = start + bytes.write(text, start, "utf8");
        break;
      }
      bytes[at++] = code;
    }
    this.putI32(at - start);
    this.length = at;
  }

  strings(texts: readonly string[]): void {
    this.i32(texts.length);
    for (const text of texts) this.string(text);
  }

  stat(stat: Stat): void {
    this.ensure(STAT_BYTES);
    this.putI64(stat.czxid);
    this.putI64(stat.mzxid);
    this.putI64(stat.ctime);
    this.putI64(stat.mtime);
    this.putI32(stat.version);
    this.putI32(stat.cversion);
    this.putI32(stat.aversion);
    this.putI64(stat.ephemeralOwner);
    this.putI32(stat.dataLength);
    this.putI32(stat.numChildren);
    this.putI64(stat.pzxid);
  }

  raw(source: Uint8Array): void {
    this.ensure(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** What has been written; the writer begins anew with another buffer. Give it back to the pool when it is sent. */
  take(): Buffer {
    const taken = this.bytes;
    this.usual = this.length;
    this.bytes = NOTHING;
    this.length = 0;
    return taken;
  }

  private ensure(count: number): void {
    if (this.length + count > this.bytes.length) this.grow(count);
  }

  private grow(count: number): void {
    const old = this.bytes;
    const grown = this.pool.take(Math.max(this.length + count, old.length * 2, this.usual));
    grown.set(old.subarray(0, this.length));
    if (old !== NOTHING) this.pool.release(old);
    this.bytes = grown;
  }

  private putI32(value: number): void {
    const { bytes } = this;
    const at = this.length;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
    this.length = at + 4;
  }

  private putI64(value: number): void {
    this.putI32(Math.floor(value / TWO_32));
    this.putI32(value >>> 0);
  }
}
