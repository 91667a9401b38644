import { join } from "node:path";
import { assert } from "../../core/base/assert.ts";
import { isSticky, type JournalRecord, recordType } from "../../core/zab/journal-record.ts";
import { alignToSector, type Disk, type DiskFile, SECTOR_BYTES } from "../disk.ts";
import { HistoryLedger, type JournalPlace } from "./history-ledger.ts";
import { type SegmentFile, segmentName } from "./journal-files.ts";
import {
  bodyChecksum,
  markLast,
  RECORD_HEADER_BYTES,
  recordBytes,
  recordFlag,
  writeRecordHeader,
} from "./record-codec.ts";
import type { JournalPosition } from "./recover-journal.ts";
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES, type SegmentHeader } from "./segment-header.ts";
import { SegmentPool, type Space } from "./segment-pool.ts";
import { StickyRecords } from "./sticky-records.ts";
import type { Voiding } from "./voiding.ts";
import { ZxidChain } from "./zxid-chain.ts";

export interface WriterOptions {
  /** Size of a segment's file. */
  readonly segmentBytes: number;
  /** What stays behind the snapshot: this many commands or this many bytes, whichever is less on disk. */
  readonly keepCommands: number;
  readonly keepBytes: number;
  /** Source of the segments' salts: any 32 bits, not guessable by those who write data. */
  readonly random32: () => number;
}

/** A write group is closed at this size, so that the first in line does not wait for a long write. */
export const GROUP_BYTES_TARGET = 1024 * 1024;
/** Memory for a group at first: it grows with the groups. */
const FIRST_GROUP_BYTES = 16 * 1024;
/** The first segment of a journal is smaller, so that a fresh member starts at once. */
const FIRST_SEGMENT_BYTES = 8 * 1024 * 1024;
/** Kept free for the CLOSE record and for the sector a group's end is padded to. */
const CLOSE_BYTES = 2 * SECTOR_BYTES;

/** Most of a segment that appending a record can take: the room the appender must have been promised. */
export function worstRecordBytes(record: {
  readonly type: number;
  readonly body: { readonly length: number };
}): number {
  const sticky = isSticky(record.type as JournalRecord["type"]);
  // A sticky record may come again at the head of the next segment, a configuration twice.
  return recordBytes(record.body.length) * (sticky ? 3 : 1) + SECTOR_BYTES;
}

/**
 * Writes the journal: collects records into a group, writes it with one write and makes it durable with one sync. Plain
 * and synchronous; the worker and the simulator both drive it. The first error of the disk is final: it is thrown, and
 * so is every later call (fsyncgate: after a failed sync nobody knows what is on disk).
 */
export class JournalWriter {
  bytesWritten = 0;
  /** Records made durable since this writer was made. */
  durable = 0;
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly options: WriterOptions;
  private readonly pool: SegmentPool;
  /** Segments and voidings, as far as they are durable. */
  readonly ledger: HistoryLedger;
  private readonly chain: ZxidChain;
  private readonly sticky: StickyRecords;
  private commands: number;
  private file: DiskFile | undefined;
  private previousEnd: number;
  private poison: unknown;
  private closed = false;
  /** The open group: its bytes, their number, its records, where its last header begins. */
  private group = new Uint8Array(FIRST_GROUP_BYTES);
  private view = new DataView(this.group.buffer);
  private groupBytes = 0;
  private groupRecords = 0;
  private lastHeaderAt = 0;
  /** Voidings of the open group. */
  private openVoidings: Voiding[] = [];
  private snapshotZxid = 0;

  constructor(disk: Disk, directory: string, position: JournalPosition, options: WriterOptions) {
    this.disk = disk;
    this.directory = directory;
    this.options = options;
    this.ledger = new HistoryLedger(position);
    this.chain = new ZxidChain(position.lastZxid);
    this.sticky = new StickyRecords(position.sticky);
    this.commands = position.commands;
    this.previousEnd = position.end;
    this.pool = new SegmentPool(disk, directory, options.segmentBytes);
    const current = this.segments.at(-1);
    if (current !== undefined) this.file = disk.open(join(directory, current.name), "write");
    else this.begin();
  }

  private get segments(): readonly SegmentFile[] {
    return this.ledger.segments;
  }

  /** Where the durable records end. */
  get place(): JournalPlace {
    return { segment: this.current.number, offset: this.previousEnd };
  }

  get space(): Space {
    return this.pool.space;
  }

  get segmentCount(): number {
    return this.segments.length;
  }

  get diskBytes(): number {
    return this.segments.reduce((sum, { header }) => sum + header.bytes, 0) + this.pool.diskBytes;
  }

  /** Bytes for records left in the segment being written. */
  get remaining(): number {
    return Math.max(0, this.current.bytes - CLOSE_BYTES - this.groupStart - this.groupBytes);
  }

  /** Bytes for records the next segment would offer; 0: none is ready. */
  get spareRoom(): number {
    const head = alignToSector(SEGMENT_HEADER_BYTES + this.sticky.bytes);
    return Math.max(0, this.pool.spareBytes - head - CLOSE_BYTES);
  }

  /** True when a segment, or the reserve, is to be claimed. */
  get wantsClaim(): boolean {
    return this.pool.wanting;
  }

  /** Bytes still to be claimed before the next segment is ready; 0 when it is. */
  get claimBacklog(): number {
    if (this.pool.spareBytes > 0) return 0;
    return this.pool.unclaimed > 0 ? this.pool.unclaimed : this.options.segmentBytes;
  }

  /** True when a record can be taken now, whatever else is in the group. */
  hasRoom(record: { readonly type: number; readonly body: { readonly length: number } }): boolean {
    const worst = worstRecordBytes(record);
    return worst <= this.remaining || worst <= this.spareRoom;
  }

  /**
   * Adds a record to the group; false when it must be flushed first. The body is copied.
   *
   * @throws InvariantError on a gap, or without claimed room
   */
  add(record: JournalRecord): boolean {
    this.check();
    const size = recordBytes(record.body.length);
    if (this.groupRecords > 0 && this.groupBytes >= GROUP_BYTES_TARGET) return false;
    if (alignToSector(this.groupStart + this.groupBytes + size) > this.limitFor(record.type)) {
      if (this.groupRecords > 0) return false;
      this.roll(record.type === recordType.BATCH ? record.firstZxid : this.chain.last + 1);
      assert(alignToSector(this.groupStart + size) <= this.limitFor(record.type), "a record does not fit a segment");
    }
    const problem = this.chain.advance(record.type, record.firstZxid, record.lastZxid);
    assert(problem === undefined, problem ?? "");
    const voiding = this.voidingOf(record);
    if (voiding !== undefined) this.openVoidings.push(voiding);
    this.put(record, 0);
    this.sticky.note(record);
    if (record.type === recordType.BATCH) this.commands += record.lastZxid - record.firstZxid + 1;
    return true;
  }

  /** Writes the group and waits until it is durable. */
  flush(): void {
    this.check();
    if (this.groupRecords === 0) return;
    markLast(this.view, this.lastHeaderAt, this.current.salt);
    const start = this.groupStart;
    const padded = alignToSector(this.groupBytes);
    this.ensure(padded);
    this.group.fill(0, this.groupBytes, padded);
    this.guard(() => {
      const file = this.file as DiskFile;
      file.write(start, this.group.subarray(0, padded));
      file.datasync();
    });
    this.bytesWritten += padded;
    this.previousEnd = start + this.groupBytes;
    this.durable += this.groupRecords;
    this.groupBytes = 0;
    this.groupRecords = 0;
    for (const voiding of this.openVoidings) this.ledger.voided(voiding);
    this.openVoidings = [];
  }

  private voidingOf({ type, lastZxid }: JournalRecord): Voiding | undefined {
    if (type !== recordType.TRUNCATE && type !== recordType.SNAPSHOT) return undefined;
    const offset = this.groupStart + this.groupBytes;
    return { segment: this.current.number, offset, above: type === recordType.SNAPSHOT ? -1 : lastZxid, lastZxid };
  }

  /** Lets segments go that are wholly at or below `snapshotZxid` and beyond what is kept; {@link pruneOne} does it. */
  prune(snapshotZxid: number): void {
    this.snapshotZxid = Math.max(this.snapshotZxid, snapshotZxid);
  }

  /** Number up to which segments may go, after what {@link prune} was told; 0: none. */
  get prunable(): number {
    let through = 0;
    for (const [index, { header }] of this.segments.entries()) {
      if (!this.mayDrop(index)) break;
      through = header.number;
    }
    return through;
  }

  /**
   * Removes the oldest segment if it may go; one at a time, since each takes a directory sync.
   *
   * @param through only up to this number: what readers of the history still need is above it
   */
  pruneOne(through = Number.POSITIVE_INFINITY): boolean {
    this.check();
    const [oldest] = this.segments;
    if (oldest === undefined || oldest.header.number > through || !this.mayDrop(0)) return false;
    this.guard(() => this.pool.recycle(oldest.name, oldest.header.bytes));
    this.ledger.drop(oldest.header.number);
    return true;
  }

  /** One bounded step of claiming disk space ahead; false when there is nothing to do, or no space to do it. */
  claimSlice(): boolean {
    this.check();
    return this.guard(() => this.pool.claimSlice());
  }

  /** Writes the closing record, if there is room, and closes the files. */
  close(): void {
    this.flush();
    const { last } = this.chain;
    const record = { type: recordType.CLOSE, firstZxid: last, lastZxid: last, body: new Uint8Array(0) };
    if (this.groupStart + SECTOR_BYTES <= this.current.bytes) {
      this.add(record);
      this.flush();
    }
    this.release();
  }

  /** Lets the files go without a closing record. */
  release(): void {
    if (this.closed) return;
    this.closed = true;
    this.pool.abandon();
    this.file?.close();
  }

  private get current(): SegmentHeader {
    return (this.segments.at(-1) as SegmentFile).header;
  }

  private get groupStart(): number {
    return alignToSector(this.previousEnd);
  }

  private limitFor(type: number): number {
    return type === recordType.CLOSE ? this.current.bytes : this.current.bytes - CLOSE_BYTES;
  }

  /** A segment may go after those before it, when the next and what follows cover what must stay. */
  private mayDrop(at: number): boolean {
    const { keepBytes, keepCommands } = this.options;
    const { installed } = this.ledger;
    const segment = this.segments[at] as SegmentFile;
    const next = this.segments[at + 1];
    if (next === undefined) return false;
    // Behind an installed snapshot everything is void, and of no use once that snapshot is the current one.
    const isVoid = installed !== undefined && segment.header.number < installed.segment;
    if (isVoid && installed.lastZxid <= this.snapshotZxid) return true;
    if (next.header.baseZxid > this.snapshotZxid) return false;
    let bytes = 0;
    let commands = 0;
    for (let index = at + 1; index < this.segments.length; index++) {
      const { header } = this.segments[index] as SegmentFile;
      const successor = this.segments[index + 1]?.header;
      if (successor === undefined || successor.baseZxid > this.snapshotZxid) continue;
      bytes += header.bytes;
      commands += successor.commandsBefore - header.commandsBefore;
    }
    return bytes >= keepBytes || commands >= keepCommands;
  }

  private put(record: JournalRecord, flags: number): void {
    const { type, firstZxid, lastZxid, body } = record;
    const at = this.groupBytes;
    const bodyAt = at + RECORD_HEADER_BYTES;
    const { number, salt } = this.current;
    const end = at + recordBytes(body.length);
    this.ensure(end);
    this.group.set(body, bodyAt);
    this.group.fill(0, bodyAt + body.length, end);
    const checksum = bodyChecksum(this.group.subarray(bodyAt, bodyAt + body.length), salt);
    const groupStart = this.groupStart;
    const previousEnd = at === 0 ? this.previousEnd : groupStart + at;
    const header = {
      type,
      flags,
      bodyBytes: body.length,
      segment: number,
      firstZxid,
      lastZxid,
      groupStart,
      previousEnd,
    };
    writeRecordHeader(this.view, at, { ...header, bodyChecksum: checksum }, salt);
    this.lastHeaderAt = at;
    this.groupBytes = end;
    this.groupRecords++;
  }

  private ensure(bytes: number): void {
    if (bytes <= this.group.length) return;
    const grown = new Uint8Array(Math.max(alignToSector(bytes) + FIRST_GROUP_BYTES, 2 * this.group.length));
    grown.set(this.group.subarray(0, this.groupBytes));
    this.group = grown;
    this.view = new DataView(grown.buffer);
  }

  private begin(): void {
    this.pool.claimNow(Math.min(this.options.segmentBytes, FIRST_SEGMENT_BYTES));
    this.roll(this.chain.last + 1);
  }

  /** Begins the next segment in a claimed file: header and sticky copies are durable before the file gets its name. */
  private roll(firstZxid: number): void {
    const spare = this.pool.take();
    const number = (this.segments.at(-1)?.header.number ?? 0) + 1;
    const header: SegmentHeader = {
      number,
      salt: this.options.random32() >>> 0,
      bytes: spare.bytes,
      baseZxid: this.chain.last,
      commandsBefore: this.commands,
      previousEnd: number === 1 ? 0 : this.previousEnd,
      headEnd: SEGMENT_HEADER_BYTES + this.sticky.bytes,
    };
    const taken = new Set(this.segments.map(({ name }) => name));
    const name = segmentName(firstZxid, number, (candidate) => taken.has(candidate));
    this.guard(() => {
      this.file?.close();
      this.file = this.disk.open(join(this.directory, spare.name), "write");
      this.file.write(0, encodeSegmentHeader(header));
    });
    this.ledger.begun({ name, header });
    this.previousEnd = SEGMENT_HEADER_BYTES;
    const durableBefore = this.durable;
    for (const record of this.sticky.all()) this.put(record, recordFlag.COPY);
    this.flush();
    // Copies are not records of the caller's.
    this.durable = durableBefore;
    this.guard(() => {
      (this.file as DiskFile).datasync();
      this.disk.rename(join(this.directory, spare.name), join(this.directory, name));
      this.disk.syncDirectory(this.directory);
    });
  }

  private check(): void {
    if (this.poison !== undefined) throw this.poison;
    assert(!this.closed, "the journal is closed");
  }

  private guard<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      this.poison ??= error;
      throw error;
    }
  }
}
