import { assert } from "../../core/base/assert.ts";
import type { RecordType } from "../../core/zab/journal-record.ts";
import { getU53, setU53 } from "./segment-header.ts";

/**
 * What crosses from the loop to the journal's worker: a ring of frames in shared memory, one side writing, the other
 * reading, without locks, messages or objects. A frame is a header of 32 bytes - body length, type, two zxids - and
 * the body, padded to 32; a body may wrap around the ring's end, a header never does.
 */
export interface RingMemory {
  readonly control: SharedArrayBuffer;
  readonly frames: SharedArrayBuffer;
}

/** Words of the control block; the counters are modulo 2^32. */
export const word = {
  /** Bytes put in, ever. The reader sleeps on it. */
  HEAD: 0,
  /** Bytes taken out, ever. */
  TAIL: 1,
  /** 1 while the reader sleeps, or is about to. */
  SLEEPING: 2,
  /** Worst-case segment bytes of all records written so far (`worstRecordBytes`). */
  RETIRED: 3,
  /** Room in the segment being written. */
  REMAINING: 4,
  /** Room in the segment after it; 0: none is claimed. */
  SPARE: 5,
  /** Syncs done. */
  SYNCS: 6,
  SEGMENTS: 7,
  /** Odd while the two words behind it are being written: see {@link publishPlace}. */
  PLACE_VERSION: 8,
  /** Number of the segment the last durable record is in, and where that ends. */
  PLACE_SEGMENT: 9,
  PLACE_OFFSET: 10,
  /** Of the latest SYNC_TIMES_MAX syncs, how long write and sync took, in microseconds. */
  SYNC_TIMES: 16,
} as const;

export const SYNC_TIMES_MAX = 256;
/** Byte offsets, in the control block, of two numbers kept as doubles. */
export const BYTES_WRITTEN_AT = (word.SYNC_TIMES + SYNC_TIMES_MAX) * 4;
export const DISK_BYTES_AT = BYTES_WRITTEN_AT + 8;
const CONTROL_BYTES = DISK_BYTES_AT + 8;

/** Not a record: tells the writer which segments may go; the zxid is the snapshot's. */
export const PRUNE_FRAME = 255;
/** Not a record: the writer may remove segments up to the number that stands in the zxids' place. */
export const RELEASE_FRAME = 254;
const FRAME_HEADER_BYTES = 32;

export interface Frame {
  type: RecordType | typeof PRUNE_FRAME | typeof RELEASE_FRAME;
  firstZxid: number;
  lastZxid: number;
  /** Valid until `release`. */
  body: Uint8Array;
}

/** The worker's side: two words that must be read as one. */
export function publishPlace(control: Int32Array, segment: number, offset: number): void {
  Atomics.add(control, word.PLACE_VERSION, 1);
  Atomics.store(control, word.PLACE_SEGMENT, segment | 0);
  Atomics.store(control, word.PLACE_OFFSET, offset);
  Atomics.add(control, word.PLACE_VERSION, 1);
}

/** The loop's side. The writer needs nanoseconds between the two versions, so this hardly ever goes round twice. */
export function readPlace(control: Int32Array): { segment: number; offset: number } {
  for (;;) {
    const version = Atomics.load(control, word.PLACE_VERSION);
    const segment = Atomics.load(control, word.PLACE_SEGMENT) >>> 0;
    const offset = Atomics.load(control, word.PLACE_OFFSET);
    if (version % 2 === 0 && Atomics.load(control, word.PLACE_VERSION) === version) return { segment, offset };
  }
}

/** @param bytes a power of two */
export function makeRing(bytes: number): RingMemory {
  assert(bytes >= 4096 && bytes <= 2 ** 30 && (bytes & (bytes - 1)) === 0, "a ring's size must be a power of two");
  return { control: new SharedArrayBuffer(CONTROL_BYTES), frames: new SharedArrayBuffer(bytes) };
}

function frameBytes(bodyBytes: number): number {
  return Math.ceil((FRAME_HEADER_BYTES + bodyBytes) / FRAME_HEADER_BYTES) * FRAME_HEADER_BYTES;
}

class RingEnd {
  readonly control: Int32Array;
  readonly gauges: Float64Array;
  protected readonly bytes: Uint8Array;
  protected readonly view: DataView;
  protected readonly mask: number;

  constructor(memory: RingMemory) {
    this.control = new Int32Array(memory.control, 0, BYTES_WRITTEN_AT / 4);
    this.gauges = new Float64Array(memory.control, BYTES_WRITTEN_AT, 2);
    this.bytes = new Uint8Array(memory.frames);
    this.view = new DataView(memory.frames);
    this.mask = memory.frames.byteLength - 1;
  }
}

/** The loop's end. */
export class RingWriter extends RingEnd {
  private head = 0;

  /** True when a frame with a body of this size fits now. */
  fits(bodyBytes: number): boolean {
    const used = (this.head - Atomics.load(this.control, word.TAIL)) >>> 0;
    return used + frameBytes(bodyBytes) <= this.bytes.length;
  }

  /** Copies a frame in and wakes the reader. */
  push(type: Frame["type"], firstZxid: number, lastZxid: number, body: Uint8Array): void {
    assert(this.fits(body.length), "the journal's ring is full");
    const at = this.head & this.mask;
    this.view.setUint32(at, body.length, true);
    this.view.setUint8(at + 4, type);
    setU53(this.view, at + 8, firstZxid);
    setU53(this.view, at + 16, lastZxid);
    const start = (at + FRAME_HEADER_BYTES) & this.mask;
    const straight = Math.min(body.length, this.bytes.length - start);
    if (straight === body.length) this.bytes.set(body, start);
    else {
      this.bytes.set(body.subarray(0, straight), start);
      this.bytes.set(body.subarray(straight), 0);
    }
    this.head = (this.head + frameBytes(body.length)) >>> 0;
    Atomics.store(this.control, word.HEAD, this.head | 0);
    // The reader raises the flag before it sleeps on HEAD, so either it sees the new HEAD or this sees the flag.
    if (Atomics.load(this.control, word.SLEEPING) === 1) Atomics.notify(this.control, word.HEAD);
  }
}

/** The worker's end. */
export class RingReader extends RingEnd {
  private tail = 0;
  private taken = 0;
  private scratch = new Uint8Array(0);
  private readonly frame: Frame = { type: 1, firstZxid: 0, lastZxid: 0, body: this.scratch };

  /** The oldest frame, or undefined when the ring is empty. The same object each time. */
  peek(): Frame | undefined {
    if (Atomics.load(this.control, word.HEAD) === (this.tail | 0)) return undefined;
    const at = this.tail & this.mask;
    const length = this.view.getUint32(at, true);
    const { frame } = this;
    frame.type = this.view.getUint8(at + 4) as Frame["type"];
    frame.firstZxid = getU53(this.view, at + 8);
    frame.lastZxid = getU53(this.view, at + 16);
    frame.body = this.bodyAt((at + FRAME_HEADER_BYTES) & this.mask, length);
    this.taken = frameBytes(length);
    return frame;
  }

  /** Gives the peeked frame's bytes back to the writing side. */
  release(): void {
    this.tail = (this.tail + this.taken) >>> 0;
    Atomics.store(this.control, word.TAIL, this.tail | 0);
  }

  /** Sleeps until a frame is there or the time is over; true when a frame is there. */
  wait(timeoutMs: number): boolean {
    Atomics.store(this.control, word.SLEEPING, 1);
    Atomics.wait(this.control, word.HEAD, this.tail | 0, timeoutMs);
    Atomics.store(this.control, word.SLEEPING, 0);
    return Atomics.load(this.control, word.HEAD) !== (this.tail | 0);
  }

  private bodyAt(start: number, length: number): Uint8Array {
    const straight = this.bytes.length - start;
    if (length <= straight) return this.bytes.subarray(start, start + length);
    if (this.scratch.length < length) this.scratch = new Uint8Array(length);
    this.scratch.set(this.bytes.subarray(start), 0);
    this.scratch.set(this.bytes.subarray(0, length - straight), straight);
    return this.scratch.subarray(0, length);
  }
}
