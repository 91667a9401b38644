import type { DiskFile } from "../disk.ts";

const WINDOW_BYTES = 1024 * 1024;

/** Reads a segment through a window in memory; a view it gives is valid until the next call. */
export class SegmentReader {
  readonly size: number;
  /** The window. */
  bytes = new Uint8Array(0);
  view = new DataView(this.bytes.buffer);
  private readonly file: DiskFile;
  private start = 0;
  private length = 0;

  constructor(file: DiskFile, size = file.size()) {
    this.file = file;
    this.size = size;
  }

  /** Brings `length` bytes at `offset` into the window; returns where they begin in it, or -1 beyond the file's end. */
  locate(offset: number, length: number): number {
    if (offset + length > this.size) return -1;
    if (offset < this.start || offset + length > this.start + this.length) this.fill(offset, length);
    return offset + length > this.start + this.length ? -1 : offset - this.start;
  }

  close(): void {
    this.file.close();
  }

  private fill(offset: number, length: number): void {
    const want = Math.max(length, Math.min(WINDOW_BYTES, this.size - offset));
    if (this.bytes.length < want) {
      this.bytes = new Uint8Array(want);
      this.view = new DataView(this.bytes.buffer);
    }
    this.start = offset;
    this.length = this.file.read(offset, this.bytes.subarray(0, want));
  }
}
