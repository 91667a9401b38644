import { assert } from "../base/assert.ts";
import { decodeUtf8, encodeUtf8 } from "../base/bytes.ts";
import { OPEN_ACL } from "./acl-table.ts";
import {
  RECORD_HEADER_BYTES as HEADER_BYTES,
  paddedBytes as padded,
  RECORD_TYPE_BITS as TYPE_BITS,
  RECORD_TYPE_MASK as TYPE_MASK,
  RECORD_UNIT as UNIT,
} from "./event-record.ts";
import type { EventType } from "./operation.ts";

/** Who counts the uses of ACLs: each kept event is one, so that it can be checked when it is replayed. */
export interface AclUses {
  retain(aclId: number): void;
  release(aclId: number): void;
}

export type EventVisitor = (zxid: number, type: EventType, path: string, aclId: number) => void;

/** The newest events, whole zxids only, where they lie in the ring. Valid until the next append. */
export interface HistoryTail {
  /** The events are all there were after this zxid. */
  readonly floorZxid: number;
  readonly bytes: number;
  /** From and to which offset in the ring: one stretch, or two around its end. */
  readonly pieces: readonly (readonly [number, number])[];
  /** The ACLs they are checked with, and maybe others, but not the open one. */
  readonly aclIds: ReadonlySet<number>;
}

/** In place of a zxid: the rest of the ring is unused, the next event is at its begin. */
const WRAP = -1;
/** As many buckets of fingerprints as events of this size have room in the ring, within limits; powers of two. */
const BYTES_PER_BUCKET = 64;
const BUCKETS_MAX = 65_536;
/** The first event of each stretch of this many bytes is marked: where a replay may begin. */
const STRETCH_BYTES = 32 * 1024;
const LITTLE_RING = 64 * 1024;
/** Distances are in units and 32 bits wide. */
const BIG_RING = 2 ** 34;

/**
 * The recent events of every znode, bounded by bytes, so that a watch can go on where its connection broke
 * (core.md 17). Appended for every event whether anybody watches or not, hence one ring of bytes and no object.
 *
 * Positions count bytes ever written and only rise; the place in the ring is the position modulo its size. Events of
 * equal fingerprint are chained backwards, because after a restart thousands of clients resume at once, and each asks
 * for one path among hundreds of thousands of events.
 */
export class EventHistory {
  private readonly size: number;
  private readonly bytes: Uint8Array;
  private readonly words: Uint32Array;
  private readonly zxids: Float64Array;
  private readonly acl: AclUses;
  /** Position of the newest event of each fingerprint's bucket, -1 for none. */
  private readonly heads: Float64Array;
  private readonly bucketMask: number;
  /** Position of the first event of each stretch, in a ring of its own. */
  private readonly marks: Float64Array;
  /** Positions of the oldest event and of the place for the next. */
  private tail = 0;
  private head = 0;
  /**
   * `head % size`, or `size` itself: kept because a remainder of large numbers costs more than the rest of an append.
   */
  private headAt = 0;
  /** Where the newest lap that is over ended in the ring. */
  private wrapAt = 0;
  private floor = 0;
  private newestZxid = 0;
  /** Position of the first event of the newest zxid, and the zxid before it. */
  private newestStart = 0;
  private previousZxid = 0;
  private visiting = false;
  /** Events in the ring by their ACL, without the open one. */
  private readonly aclCounts = new Map<number, number>();

  constructor(bytesMax: number, acl: AclUses) {
    assert(bytesMax >= LITTLE_RING && bytesMax <= BIG_RING, "size of the event history out of range");
    this.size = Math.floor(bytesMax / UNIT) * UNIT;
    const buffer = new ArrayBuffer(this.size);
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.zxids = new Float64Array(buffer);
    const buckets = Math.min(BUCKETS_MAX, 2 ** Math.floor(Math.log2(this.size / BYTES_PER_BUCKET)));
    this.bucketMask = buckets - 1;
    this.heads = new Float64Array(buckets).fill(-1);
    this.marks = new Float64Array(Math.ceil(this.size / STRETCH_BYTES) + 1).fill(-1);
    this.acl = acl;
  }

  /** The history is complete for every resume from this zxid or a later one. */
  get floorZxid(): number {
    return this.floor;
  }

  /** Keeps one event, the newest; drops the oldest where its room is needed. */
  append(zxid: number, type: EventType, pathBytes: Uint8Array, start: number, end: number, aclId: number): void {
    assert(!this.visiting && zxid >= this.newestZxid, "an event out of order");
    if (zxid > this.newestZxid) {
      this.previousZxid = this.newestZxid;
      this.newestZxid = zxid;
      this.newestStart = this.head;
    }
    const length = end - start;
    const need = HEADER_BYTES + padded(length);
    const at = this.claim(need);
    if (at < 0) return;
    const word = at / 4;
    const print = fingerprint(pathBytes, start, end);
    const bucket = print & this.bucketMask;
    const before = this.heads[bucket] as number;
    this.zxids[at / UNIT] = zxid;
    this.words[word + 2] = (length << TYPE_BITS) | type;
    this.words[word + 3] = aclId;
    this.words[word + 4] = before < this.tail ? 0 : (this.head - before) / UNIT;
    this.words[word + 5] = print;
    this.heads[bucket] = this.head;
    this.mark();
    const bytes = this.bytes;
    for (let from = start, to = at + HEADER_BYTES; from < end; from++, to++) bytes[to] = pathBytes[from] as number;
    this.head += need;
    this.headAt = at + need;
    this.retain(aclId);
  }

  /** Takes back the events of the newest zxid, if it is this one (a failed multi). */
  discard(zxid: number): void {
    assert(!this.visiting, "events were discarded during a replay");
    if (zxid !== this.newestZxid) return;
    const keep = Math.max(this.newestStart, this.tail);
    for (let position = keep; position < this.head; ) {
      const at = position % this.size;
      if (this.zxids[at / UNIT] === WRAP) {
        position += this.size - at;
        continue;
      }
      const bucket = (this.words[at / 4 + 5] as number) & this.bucketMask;
      const back = this.words[at / 4 + 4] as number;
      // The bucket's first event being discarded says what its head was before.
      if ((this.heads[bucket] as number) >= keep) this.heads[bucket] = back === 0 ? -1 : position - back * UNIT;
      this.release(this.words[at / 4 + 3] as number);
      position += this.lengthAt(at);
    }
    this.unmark(keep);
    this.head = keep;
    this.headAt = keep % this.size;
    this.newestZxid = Math.max(this.previousZxid, this.floor);
    this.newestStart = this.head;
  }

  /** Visits all events after a zxid, oldest first. False, without a visit, when some of them are no longer kept. */
  replay(afterZxid: number, visit: EventVisitor): boolean {
    if (afterZxid < this.floor) return false;
    this.visiting = true;
    try {
      this.scan(afterZxid, undefined, visit);
    } finally {
      this.visiting = false;
    }
    return true;
  }

  /** As {@link replay}, for events at one path, or (`below`) at or below it. */
  replayAt(afterZxid: number, path: string, below: boolean, visit: EventVisitor): boolean {
    if (afterZxid < this.floor) return false;
    if (afterZxid >= this.newestZxid) return true;
    this.visiting = true;
    try {
      if (below) this.scan(afterZxid, encodeUtf8(path), visit);
      else this.replayExactly(afterZxid, encodeUtf8(path), visit);
    } finally {
      this.visiting = false;
    }
    return true;
  }

  /** Empties the history: it begins after this zxid (a snapshot was installed). */
  reset(zxid: number): void {
    assert(!this.visiting, "the history was reset during a replay");
    while (this.tail < this.head) this.dropOldest();
    this.heads.fill(-1);
    this.marks.fill(-1);
    this.tail = this.head = this.headAt = this.newestStart = 0;
    this.floor = this.newestZxid = this.previousZxid = zxid;
  }

  /**
   * The newest events in at most `bytesMax`. Their ACLs are collected from the events themselves (`exact`) or, which
   * takes no time, are those of all events; not all of them once there are more than `aclsMax`.
   */
  newest(bytesMax: number, exact: boolean, aclsMax: number): HistoryTail {
    const { from, floorZxid } = this.tailStart(bytesMax);
    const begin = from % this.size;
    const inOneLap = Math.floor(from / this.size) === Math.floor((this.head - 1) / this.size);
    const pieces: readonly [number, number][] =
      from === this.head
        ? []
        : inOneLap
          ? [[begin, this.headAt]]
          : [
              [begin, this.wrapAt],
              [0, this.headAt],
            ];
    const aclIds = new Set<number>();
    if (exact) for (const [start, end] of pieces) this.collectAcls(start, end, aclIds, aclsMax);
    else for (const id of this.aclCounts.keys()) if (aclIds.add(id).size > aclsMax) break;
    return { floorZxid, bytes: pieces.reduce((sum, [start, end]) => sum + end - start, 0), pieces, aclIds };
  }

  /** Adds the ACLs of the records from one offset to another. */
  private collectAcls(start: number, end: number, aclIds: Set<number>, aclsMax: number): void {
    const { words } = this;
    const last = end / 4;
    for (let word = start / 4; word < last && aclIds.size <= aclsMax; ) {
      const aclId = words[word + 3] as number;
      if (aclId !== OPEN_ACL) aclIds.add(aclId);
      word += (HEADER_BYTES + padded((words[word + 2] as number) >>> TYPE_BITS)) >>> 2;
    }
  }

  /** Copies a tail's records, one after the other, to `to` in `target`. */
  copyTail(tail: HistoryTail, target: Uint8Array, to: number): void {
    for (const [start, end] of tail.pieces) {
      target.set(this.bytes.subarray(start, end), to);
      to += end - start;
    }
  }

  /** The position of the first event to keep, and the zxid before it: a zxid is kept whole or not at all. */
  private tailStart(bytesMax: number): { from: number; floorZxid: number } {
    const oldest = Math.max(this.tail, this.head - bytesMax);
    let from = this.markBefore(oldest);
    let floorZxid = this.floor;
    while (from < this.head) {
      const at = from % this.size;
      const zxid = this.zxids[at / UNIT] as number;
      if (zxid > floorZxid) {
        if (from >= oldest) break;
        floorZxid = zxid;
      }
      from += zxid === WRAP ? this.size - at : this.lengthAt(at);
    }
    return { from, floorZxid };
  }

  /** The newest marked position before this one, or that of the oldest event. */
  private markBefore(end: number): number {
    for (let stretch = Math.floor(end / STRETCH_BYTES); stretch * STRETCH_BYTES >= this.tail; stretch--) {
      const position = this.marks[stretch % this.marks.length] as number;
      if (position >= this.tail && position < end && Math.floor(position / STRETCH_BYTES) === stretch) return position;
    }
    return this.tail;
  }

  /** Makes room for `need` bytes in one piece and answers where, or -1 when they cannot be kept at all. */
  private claim(need: number): number {
    if (need > this.size) {
      while (this.tail < this.head) this.dropOldest();
      this.floor = this.newestZxid;
      return -1;
    }
    let at = this.headAt;
    const rest = this.size - at;
    if (rest < need) this.wrapAt = at;
    if (rest === 0) at = 0;
    else if (rest < need) {
      while (this.head + rest - this.tail > this.size) this.dropOldest();
      this.zxids[at / UNIT] = WRAP;
      if (this.tail === this.head) this.tail += rest;
      this.head += rest;
      at = 0;
    }
    while (this.head + need - this.tail > this.size) this.dropOldest();
    return at;
  }

  private retain(aclId: number): void {
    if (aclId !== OPEN_ACL) this.aclCounts.set(aclId, (this.aclCounts.get(aclId) ?? 0) + 1);
    this.acl.retain(aclId);
  }

  private release(aclId: number): void {
    this.acl.release(aclId);
    if (aclId === OPEN_ACL) return;
    const left = (this.aclCounts.get(aclId) as number) - 1;
    if (left === 0) this.aclCounts.delete(aclId);
    else this.aclCounts.set(aclId, left);
  }

  private dropOldest(): void {
    const at = this.tail % this.size;
    const zxid = this.zxids[at / UNIT] as number;
    if (zxid === WRAP) {
      this.tail += this.size - at;
      return;
    }
    this.floor = zxid;
    this.release(this.words[at / 4 + 3] as number);
    this.tail += this.lengthAt(at);
  }

  private replayExactly(afterZxid: number, path: Uint8Array, visit: EventVisitor): void {
    const print = fingerprint(path, 0, path.length);
    const places: number[] = [];
    let position = this.heads[print & this.bucketMask] as number;
    while (position >= this.tail) {
      const at = position % this.size;
      if ((this.zxids[at / UNIT] as number) <= afterZxid) break;
      if (this.words[at / 4 + 5] === print && this.isAt(at, path, false)) places.push(at);
      const back = this.words[at / 4 + 4] as number;
      if (back === 0) break;
      position -= back * UNIT;
    }
    for (let i = places.length - 1; i >= 0; i--) this.visit(places[i] as number, visit);
  }

  /** Visits the events after a zxid, all or those at or below a path. */
  private scan(afterZxid: number, path: Uint8Array | undefined, visit: EventVisitor): void {
    for (let position = this.scanStart(afterZxid); position < this.head; ) {
      const at = position % this.size;
      const zxid = this.zxids[at / UNIT] as number;
      if (zxid === WRAP) {
        position += this.size - at;
        continue;
      }
      if (zxid > afterZxid && (path === undefined || this.isAt(at, path, true))) this.visit(at, visit);
      position += this.lengthAt(at);
    }
  }

  /** The newest marked position that has no event after `afterZxid` before it. */
  private scanStart(afterZxid: number): number {
    for (let stretch = Math.floor(this.head / STRETCH_BYTES); stretch * STRETCH_BYTES >= this.tail; stretch--) {
      const position = this.marks[stretch % this.marks.length] as number;
      if (position < this.tail || position >= this.head || Math.floor(position / STRETCH_BYTES) !== stretch) continue;
      if ((this.zxids[(position % this.size) / UNIT] as number) <= afterZxid) return position;
    }
    return this.tail;
  }

  private mark(): void {
    const stretch = Math.floor(this.head / STRETCH_BYTES);
    const slot = stretch % this.marks.length;
    const marked = this.marks[slot] as number;
    if (marked < stretch * STRETCH_BYTES) this.marks[slot] = this.head;
  }

  private unmark(from: number): void {
    for (let stretch = Math.floor(from / STRETCH_BYTES); stretch * STRETCH_BYTES < this.head; stretch++) {
      const slot = stretch % this.marks.length;
      if ((this.marks[slot] as number) >= from) this.marks[slot] = -1;
    }
  }

  /** Is the event's path this one, or (`below`) under it? */
  private isAt(at: number, path: Uint8Array, below: boolean): boolean {
    const length = (this.words[at / 4 + 2] as number) >>> TYPE_BITS;
    if (length < path.length || (!below && length !== path.length)) return false;
    const from = at + HEADER_BYTES;
    // From the end: siblings differ there.
    for (let i = path.length - 1; i >= 0; i--) if (this.bytes[from + i] !== path[i]) return false;
    return length === path.length || path.length === 1 || this.bytes[from + path.length] === 0x2f;
  }

  private visit(at: number, visit: EventVisitor): void {
    const word = this.words[at / 4 + 2] as number;
    const from = at + HEADER_BYTES;
    const type = (word & TYPE_MASK) as EventType;
    const path = decodeUtf8(this.bytes, from, from + (word >>> TYPE_BITS));
    visit(this.zxids[at / UNIT] as number, type, path, this.words[at / 4 + 3] as number);
  }

  private lengthAt(at: number): number {
    return HEADER_BYTES + padded((this.words[at / 4 + 2] as number) >>> TYPE_BITS);
  }
}

/** Of the length and the last eight bytes: where paths of one parent differ. Equal paths have equal ones. */
function fingerprint(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let i = Math.max(start, end - 8); i < end; i++) hash = Math.imul(hash, 0x01000193) ^ (bytes[i] as number);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
