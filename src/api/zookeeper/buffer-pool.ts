/** Smallest and largest buffers that are kept, bytes: powers of two. */
const BYTES_MIN = 1024;
const BYTES_MAX = 1024 * 1024;
/** What all spare buffers of one size take at most, bytes. */
const SPARE_BYTES_MAX = 4 * 1024 * 1024;

/** Output buffers, shared by all connections of the door: only those with something unsent hold one. */
export class BufferPool {
  private readonly spares: Buffer[][] = [];

  /** A buffer of at least so many bytes; its content is whatever it was. */
  take(bytes: number): Buffer {
    if (bytes > BYTES_MAX) return Buffer.allocUnsafeSlow(bytes);
    const size = Math.max(BYTES_MIN, 2 ** Math.ceil(Math.log2(bytes)));
    return this.spares[Math.log2(size)]?.pop() ?? Buffer.allocUnsafeSlow(size);
  }

  /** The buffer is not used any more. */
  release(buffer: Buffer): void {
    const { length } = buffer;
    if (length < BYTES_MIN || length > BYTES_MAX) return;
    const index = Math.log2(length);
    this.spares[index] ??= [];
    const list = this.spares[index] as Buffer[];
    if ((list.length + 1) * length <= SPARE_BYTES_MAX) list.push(buffer);
  }
}
