import { JuteError, readI32 } from "./jute-reader.ts";

/** A frame that may not be so long. */
export class FrameTooLargeError extends JuteError {}

const LENGTH_BYTES = 4;
const NOTHING = Buffer.alloc(0);

/**
 * Cuts what a socket brings into frames: a length of four bytes, then so many. Frames that came whole are read where
 * they lie; only the beginning of one that did not is copied, into a buffer that grows with what has come, not with
 * what was announced.
 */
export class FrameReader {
  /** The frame {@link next} found is here, from `start` to `end`; valid until the next `push`. */
  bytes: Buffer = NOTHING;
  start = 0;
  end = 0;
  private at = 0;
  private limit = 0;
  private isOwn = false;
  private readonly frameBytesMax: number;

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax;
  }

  /** Bytes that have come and are not read. */
  get heldBytes(): number {
    return this.limit - this.at;
  }

  push(chunk: Buffer): void {
    if (this.at === this.limit) {
      this.bytes = chunk;
      this.at = 0;
      this.limit = chunk.length;
      this.isOwn = false;
    } else if (this.isOwn && this.bytes.length - this.limit >= chunk.length) {
      this.bytes.set(chunk, this.limit);
      this.limit += chunk.length;
    } else {
      const held = this.heldBytes;
      this.keep(held + chunk.length + Math.min(held, this.frameBytesMax));
      this.bytes.set(chunk, held);
      this.limit = held + chunk.length;
    }
  }

  /** The first four bytes of what comes next, as a number; undefined while there are fewer. */
  peek(): number | undefined {
    return this.heldBytes < LENGTH_BYTES ? undefined : readI32(this.bytes, this.at);
  }

  /** False when there is no further whole frame; throws JuteError for one that may not be. */
  next(): boolean {
    const length = this.peek();
    if (length === undefined) return false;
    if (length < 0 || length > this.frameBytesMax) {
      throw new FrameTooLargeError(`a frame of ${length} bytes; the limit is ${this.frameBytesMax}`);
    }
    if (this.heldBytes - LENGTH_BYTES < length) return false;
    this.start = this.at + LENGTH_BYTES;
    this.end = this.start + length;
    this.at = this.end;
    return true;
  }

  /** Nothing more is read for now: lets go of a large chunk for a small rest. */
  settle(): void {
    const held = this.heldBytes;
    if (held === 0) {
      this.bytes = NOTHING;
      this.at = 0;
      this.limit = 0;
    } else if (!this.isOwn && held * 2 < this.bytes.length) {
      this.keep(held);
      this.limit = held;
    }
  }

  private keep(capacity: number): void {
    const own = Buffer.allocUnsafeSlow(capacity);
    own.set(this.bytes.subarray(this.at, this.limit));
    this.bytes = own;
    this.at = 0;
    this.isOwn = true;
  }
}
