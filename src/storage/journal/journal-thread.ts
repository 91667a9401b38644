import { randomBytes } from "node:crypto";
import { type JournalRecord, recordType } from "../../core/zab/journal-record.ts";
import type { Disk } from "../disk.ts";
import type { SegmentFile } from "./journal-files.ts";
import { JournalWriter, worstRecordBytes } from "./journal-writer.ts";
import {
  PRUNE_FRAME,
  publishPlace,
  RELEASE_FRAME,
  type RingMemory,
  RingReader,
  SYNC_TIMES_MAX,
  word,
} from "./record-ring.ts";
import type { JournalPosition } from "./recover-journal.ts";
import { CLAIM_SLICE_BYTES, type Space } from "./segment-pool.ts";
import type { Voiding } from "./voiding.ts";

/** What the journal's thread starts with. */
export interface JournalWorkerData {
  readonly directory: string;
  readonly position: JournalPosition;
  readonly ring: RingMemory;
  readonly segmentBytes: number;
  readonly keepCommands: number;
  readonly keepBytes: number;
}

/** A plain number is the sequence of the last durable record: the frequent message is the cheapest. */
export type JournalWorkerMessage =
  | number
  | { readonly kind: "ready" }
  | { readonly kind: "space"; readonly space: Space }
  /** A segment was begun; told before any of its records is told durable. So is a voiding. */
  | { readonly kind: "segment"; readonly segment: SegmentFile }
  | { readonly kind: "voiding"; readonly voiding: Voiding }
  /** Segments up to this number may go, as far as nobody reads them; answered by a RELEASE_FRAME. */
  | { readonly kind: "prunable"; readonly through: number }
  | { readonly kind: "closed" }
  | { readonly kind: "fatal"; readonly message: string; readonly code: string | undefined };

/** Without records for this long, the thread uses the time to claim and prune. */
const IDLE_MS = 2;
/** A full disk is asked again this often. */
const SPACE_RETRY_MS = 1000;
/** Under load without a pause, a step of idle work is done after this many groups. */
const GROUPS_PER_STEP = 32;
/** The next segment is to be ready when this part of the current one's room is left, without ever a pause. */
const CLAIM_LEAD = 0.5;
/** Slices of claiming between two groups at most. */
const SLICES_PER_GROUP = 8;

/** The journal's thread: takes what the ring holds, writes and syncs it, says so. Blocks until it is told to close. */
class JournalThread {
  private readonly tell: (message: JournalWorkerMessage) => void;
  private readonly reader: RingReader;
  private readonly writer: JournalWriter;
  private retired = 0;
  private groups = 0;
  /** The last wait for records was in vain. */
  private idle = false;
  /** Bytes that should have been claimed by now. */
  private claimDue = 0;
  private space: Space = "ample";
  /** Set while the disk is full: when to ask again. */
  private retryAt = 0;
  /** Segments up to this number were released by the loop. */
  private released = 0;
  private pruning = false;
  private toldSegment: number;
  private toldVoiding: Voiding | undefined;
  private closing = false;

  constructor(disk: Disk, data: JournalWorkerData, tell: (message: JournalWorkerMessage) => void) {
    this.tell = tell;
    this.reader = new RingReader(data.ring);
    const { segmentBytes, keepCommands, keepBytes } = data;
    const options = { segmentBytes, keepCommands, keepBytes, random32: () => randomBytes(4).readUInt32LE(0) };
    this.writer = new JournalWriter(disk, data.directory, data.position, options);
    this.toldSegment = data.position.segments.at(-1)?.header.number ?? 0;
    this.toldVoiding = data.position.voidings.at(-1);
    this.report();
    this.publish();
  }

  run(): void {
    this.tell({ kind: "ready" });
    while (!this.closing) {
      if (this.takeGroup()) {
        this.idle = false;
        if (++this.groups % GROUPS_PER_STEP === 0) this.useIdleTime();
      } else if (!this.reader.wait(this.waitMs)) {
        this.idle = true;
        this.useIdleTime();
      }
    }
    this.writer.close();
    this.publish();
    this.tell({ kind: "closed" });
  }

  /** Moves frames from the ring into one group and makes it durable; false when there was nothing to do. */
  private takeGroup(): boolean {
    const { reader, writer } = this;
    let records = 0;
    for (let frame = reader.peek(); frame !== undefined; frame = reader.peek()) {
      if (frame.type === PRUNE_FRAME) {
        writer.prune(frame.lastZxid);
        if (writer.prunable > this.released) this.tell({ kind: "prunable", through: writer.prunable });
      } else if (frame.type === RELEASE_FRAME) {
        this.released = Math.max(this.released, frame.lastZxid);
        this.pruning = true;
      } else if (frame.type === recordType.CLOSE) {
        this.closing = true;
      } else {
        if (!writer.add(frame as JournalRecord)) break;
        this.retired = (this.retired + worstRecordBytes(frame)) >>> 0;
        records++;
      }
      reader.release();
      if (this.closing) break;
    }
    if (records === 0) return this.closing;
    const before = writer.bytesWritten;
    const started = performance.now();
    writer.flush();
    this.recordSync(performance.now() - started);
    this.report();
    this.publish();
    this.tell(writer.durable);
    this.keepPace(writer.bytesWritten - before);
    return true;
  }

  /** Tells what the loop must know to let the history be read. */
  private report(): void {
    const { segments, voidings } = this.writer.ledger;
    for (const segment of segments) {
      if (segment.header.number <= this.toldSegment) continue;
      this.tell({ kind: "segment", segment });
      this.toldSegment = segment.header.number;
    }
    if (voidings.at(-1) === this.toldVoiding) return;
    const told = this.toldVoiding === undefined ? -1 : voidings.indexOf(this.toldVoiding);
    for (const voiding of voidings.slice(told + 1)) this.tell({ kind: "voiding", voiding });
    this.toldVoiding = voidings.at(-1);
  }

  /** Without a pause to claim in, claims in proportion to what is written: so the next segment is ready in time. */
  private keepPace(written: number): void {
    const { claimBacklog, remaining } = this.writer;
    if (claimBacklog === 0 || this.retryAt !== 0) {
      this.claimDue = 0;
      return;
    }
    this.claimDue += (written * claimBacklog) / Math.max(1, remaining * CLAIM_LEAD);
    const sliceBytes = Math.min(CLAIM_SLICE_BYTES, claimBacklog);
    for (let slice = 0; slice < SLICES_PER_GROUP && this.claimDue >= sliceBytes; slice++) {
      this.claim();
      this.claimDue -= sliceBytes;
    }
    this.claimDue = Math.min(this.claimDue, claimBacklog);
  }

  private get waitMs(): number {
    const pause = this.idle ? 0 : IDLE_MS;
    if (this.pruning) return pause;
    if (!this.writer.wantsClaim) return Number.POSITIVE_INFINITY;
    return this.retryAt === 0 ? pause : Math.max(pause, this.retryAt - performance.now());
  }

  private useIdleTime(): void {
    if (this.pruning) {
      this.pruning = this.writer.pruneOne(this.released);
      this.publish();
    } else if (this.writer.wantsClaim && performance.now() >= this.retryAt) this.claim();
  }

  private claim(): void {
    const advanced = this.writer.claimSlice();
    this.retryAt = advanced || !this.writer.wantsClaim ? 0 : performance.now() + SPACE_RETRY_MS;
    this.publish();
  }

  /** The order matters: whoever reads RETIRED, REMAINING and SPARE in this order errs only towards less room. */
  private publish(): void {
    const { writer } = this;
    const { control, gauges } = this.reader;
    const { segment, offset } = writer.place;
    publishPlace(control, segment, offset);
    // Before the room that they have left: who sees that room sees them.
    gauges[0] = writer.bytesWritten;
    gauges[1] = writer.diskBytes;
    Atomics.store(control, word.SPARE, writer.spareRoom);
    Atomics.store(control, word.REMAINING, writer.remaining);
    Atomics.store(control, word.RETIRED, this.retired | 0);
    Atomics.store(control, word.SEGMENTS, writer.segmentCount);
    if (writer.space === this.space) return;
    this.space = writer.space;
    this.tell({ kind: "space", space: this.space });
  }

  private recordSync(ms: number): void {
    const { control } = this.reader;
    const count = Atomics.load(control, word.SYNCS);
    Atomics.store(control, word.SYNC_TIMES + ((count >>> 0) % SYNC_TIMES_MAX), Math.round(ms * 1000));
    Atomics.store(control, word.SYNCS, count + 1);
  }
}

/** Runs a journal's thread to its end; a failure is told, not thrown: the disk's is final (core.md 32). */
export function runJournalThread(
  disk: Disk,
  data: JournalWorkerData,
  tell: (message: JournalWorkerMessage) => void,
): void {
  try {
    new JournalThread(disk, data, tell).run();
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    tell({ kind: "fatal", message, code });
  }
}
