import { join } from "node:path";
import { assert } from "../../core/base/assert.ts";
import { type Disk, type DiskFile, isOutOfSpace } from "../disk.ts";
import { CLAIMING_NAME, RESERVE_NAME, SPARE_SUFFIX } from "./journal-files.ts";

/** "refusing": no new segment can be claimed, so only what makes room - deletes, closes - may be written. */
export type Space = "ample" | "refusing";

export interface Spare {
  readonly name: string;
  readonly bytes: number;
}

/** Zeros written, and synced, at once while a file is claimed: what an append may have to wait for, about 1 ms. */
export const CLAIM_SLICE_BYTES = 256 * 1024;
/**
 * Recycled segments kept ready besides the reserve; more are deleted. As many as the longest snapshot round lets go at
 * once: to write into a file that is there costs a fraction of claiming one anew.
 */
const SPARES_MAX = 4;
const ZEROS = new Uint8Array(CLAIM_SLICE_BYTES);

/**
 * Files whose disk space is claimed - every byte written and synced - before any record depends on it: spares for the
 * segments to come, and a reserve that becomes the last spare when the disk is full, so that deletes can still be
 * written. Claiming goes in slices, so that an append never waits long.
 */
export class SegmentPool {
  space: Space = "ample";
  /** Bytes of the file being claimed that are still to be written. */
  unclaimed = 0;
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly segmentBytes: number;
  private readonly spares: Spare[] = [];
  private reserve: Spare | undefined;
  private claiming: { readonly file: DiskFile; readonly bytes: number; written: number } | undefined;
  private nextSpare = 1;

  constructor(disk: Disk, directory: string, segmentBytes: number) {
    this.disk = disk;
    this.directory = directory;
    this.segmentBytes = segmentBytes;
    this.adopt();
  }

  /** Takes over what an earlier run claimed; a name ending in "spare" says that all its bytes are on disk. */
  private adopt(): void {
    const { disk, directory } = this;
    for (const name of disk.list(directory)) {
      if (name === CLAIMING_NAME) disk.unlink(join(directory, name));
      else if (name === RESERVE_NAME) this.reserve = { name, bytes: this.sizeOf(name) };
      else if (name.endsWith(SPARE_SUFFIX)) {
        this.spares.push({ name, bytes: this.sizeOf(name) });
        this.nextSpare = Math.max(this.nextSpare, Number.parseInt(name, 10) + 1);
      }
    }
  }

  /** Size of the spare that would be taken next; 0: none is ready. */
  get spareBytes(): number {
    return this.spares[0]?.bytes ?? 0;
  }

  /** True while something remains to be claimed. */
  get wanting(): boolean {
    return this.spares.length === 0 || this.reserve === undefined;
  }

  get diskBytes(): number {
    const claimed = this.spares.reduce((sum, { bytes }) => sum + bytes, 0);
    return claimed + (this.reserve?.bytes ?? 0) + (this.claiming?.written ?? 0);
  }

  /** Hands out a claimed file. */
  take(): Spare {
    const spare = this.spares.shift();
    assert(spare !== undefined, "no claimed segment is ready");
    return spare;
  }

  /** Keeps a segment that is no longer needed for use again, or deletes it. Durable on return. */
  recycle(name: string, bytes: number): void {
    const path = join(this.directory, name);
    if (bytes === this.segmentBytes && this.spares.length > 0 && this.reserve === undefined) {
      this.disk.rename(path, join(this.directory, RESERVE_NAME));
      this.reserve = { name: RESERVE_NAME, bytes };
    } else if (bytes === this.segmentBytes && this.spares.length < SPARES_MAX) {
      this.spares.push({ name: this.rename(name), bytes });
    } else {
      this.disk.unlink(path);
    }
    this.disk.syncDirectory(this.directory);
    if (this.wanting) return;
    this.abandon();
    this.space = "ample";
  }

  /** Claims one file at once: how a journal gets its first segment. */
  claimNow(bytes: number): void {
    if (this.spares.length > 0) return;
    this.begin(bytes);
    while (this.claiming !== undefined) this.writeSlice();
  }

  /**
   * One slice of claiming. A full disk is not an error: it sets {@link space}, falls back on the reserve, and the next
   * call tries again.
   *
   * @returns true when it got on
   */
  claimSlice(): boolean {
    if (!this.wanting) return false;
    try {
      if (this.claiming === undefined) {
        if (this.disk.freeBytes(this.directory) < this.segmentBytes) return this.refuse();
        this.begin(this.segmentBytes);
      }
      this.writeSlice();
    } catch (error) {
      if (!isOutOfSpace(error)) throw error;
      this.abandon();
      return this.refuse();
    }
    if (!this.wanting) this.space = "ample";
    return true;
  }

  /** Gives up a half-claimed file. */
  abandon(): void {
    const { claiming, disk, directory } = this;
    this.claiming = undefined;
    this.unclaimed = 0;
    if (claiming === undefined) return;
    claiming.file.close();
    disk.unlink(join(directory, CLAIMING_NAME));
  }

  private refuse(): false {
    this.space = "refusing";
    if (this.spares.length === 0 && this.reserve !== undefined) {
      const { bytes } = this.reserve;
      this.spares.push({ name: this.rename(RESERVE_NAME), bytes });
      this.disk.syncDirectory(this.directory);
      this.reserve = undefined;
    }
    return false;
  }

  private begin(bytes: number): void {
    const file = this.disk.open(join(this.directory, CLAIMING_NAME), "create");
    this.claiming = { file, bytes, written: 0 };
    this.unclaimed = bytes;
  }

  private writeSlice(): void {
    const claiming = this.claiming;
    assert(claiming !== undefined, "nothing is being claimed");
    const { file, bytes, written } = claiming;
    const count = Math.min(CLAIM_SLICE_BYTES, bytes - written);
    file.write(written, count === CLAIM_SLICE_BYTES ? ZEROS : ZEROS.subarray(0, count));
    file.datasync();
    claiming.written += count;
    this.unclaimed = bytes - claiming.written;
    if (this.unclaimed > 0) return;
    file.close();
    this.claiming = undefined;
    if (this.spares.length === 0) this.spares.push({ name: this.rename(CLAIMING_NAME), bytes });
    else {
      this.disk.rename(join(this.directory, CLAIMING_NAME), join(this.directory, RESERVE_NAME));
      this.reserve = { name: RESERVE_NAME, bytes };
    }
    this.disk.syncDirectory(this.directory);
  }

  private rename(name: string): string {
    const spare = `${this.nextSpare++}${SPARE_SUFFIX}`;
    this.disk.rename(join(this.directory, name), join(this.directory, spare));
    return spare;
  }

  private sizeOf(name: string): number {
    const file = this.disk.open(join(this.directory, name), "read");
    try {
      return file.size();
    } finally {
      file.close();
    }
  }
}
