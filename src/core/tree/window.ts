import { assert } from "../base/assert.ts";
import { type ByteReader, type ByteWriter, FormatError } from "../base/bytes.ts";
import type { Limits } from "../base/limits.ts";
import { SHORT_ANSWER_BYTES, shortAnswer } from "./answer-codec.ts";
import { type Digest, Hasher, hashDomain } from "./digest.ts";
import { Slab } from "./slab.ts";

/** What the window says of a request number. */
export const windowVerdict = { NEW: 0, KNOWN: 1, STALE: 2 } as const;

const CAPACITY_MIN = 16;

/**
 * The at-most-once window of one session (core.md 13): the answers of its latest writes, by request number. Replicated
 * state: every member keeps the same, snapshots carry it, the digest covers it.
 *
 * A number below the floor is stale, whatever it was. At or above it, a number that is here was applied and is answered
 * with its first answer; one that is not was never applied. Numbers normally rise; one may come late when the door
 * refused it at first, and is then put in its place.
 */
export class Window {
  /** Numbers below it are stale. */
  floor = 0;
  private numbers = new Float64Array(CAPACITY_MIN);
  private refs = new Uint32Array(CAPACITY_MIN);
  private lengths = new Uint32Array(CAPACITY_MIN);
  private hash0 = new Uint32Array(CAPACITY_MIN);
  private hash1 = new Uint32Array(CAPACITY_MIN);
  private head = 0;
  private count = 0;
  private bytes = 0;
  /** All answers below this position are short: a memory of the search, not of the state. */
  private shortened = 0;
  private foundAt = -1;

  private readonly session: number;
  private readonly memory: WindowMemory;

  constructor(session: number, memory: WindowMemory) {
    this.session = session;
    this.memory = memory;
  }

  get size(): number {
    return this.count;
  }

  /** Looks a number up; after KNOWN, {@link answer} is its first answer. */
  look(number: number): 0 | 1 | 2 {
    if (number < this.floor) return windowVerdict.STALE;
    if (this.count === 0 || number > this.numberAt(this.count - 1)) return windowVerdict.NEW;
    const at = this.search(number);
    if (at >= this.count || this.numberAt(at) !== number) return windowVerdict.NEW;
    this.foundAt = at;
    return windowVerdict.KNOWN;
  }

  answer(): Uint8Array {
    const slot = this.slot(this.foundAt);
    return this.memory.slab.view(this.refs[slot] as number, this.lengths[slot] as number);
  }

  /**
   * Keeps an answer. Beyond the bytes allowed the oldest answers shrink to their zxid and code: what is known of them
   * is enough to apply nothing twice. Only beyond the numbers allowed are the oldest forgotten.
   */
  keep(number: number, answer: Uint8Array, start: number, end: number, limits: Limits): void {
    this.insert(number, answer, start, end);
    while (this.count > limits.windowNumbersMax) {
      this.floor = Math.max(this.floor, this.numberAt(0) + 1);
      this.dropFirst();
    }
    while (this.bytes > limits.windowBytesMax && this.shortened < this.count) this.shorten(this.shortened++);
  }

  /** Forgets the answers of all numbers below `number`. */
  forgetBelow(number: number): void {
    if (number > this.floor) this.floor = number;
    while (this.count > 0 && this.numberAt(0) < this.floor) this.dropFirst();
  }

  /** One lane of a checksum over all numbers and answers; 0 of none. */
  checksum(): number {
    let sum = 0;
    for (let i = 0; i < this.count; i++) sum = (sum + (this.hash0[this.slot(i)] as number)) >>> 0;
    return sum;
  }

  clear(): void {
    while (this.count > 0) this.dropFirst();
  }

  write(writer: ByteWriter): void {
    writer.u53(this.floor);
    writer.varint(this.count);
    for (let i = 0; i < this.count; i++) {
      const slot = this.slot(i);
      writer.u53(this.numbers[slot] as number);
      writer.block(this.memory.slab.view(this.refs[slot] as number, this.lengths[slot] as number));
    }
  }

  read(reader: ByteReader): void {
    assert(this.count === 0, "a window is read once");
    this.floor = reader.u53();
    const count = reader.varint();
    for (let i = 0; i < count; i++) {
      const number = reader.u53();
      if (number < this.floor || (this.count > 0 && number <= this.numberAt(this.count - 1))) {
        throw new FormatError("window numbers do not rise");
      }
      const answer = reader.block();
      this.insert(number, answer, 0, answer.length);
    }
  }

  private insert(number: number, answer: Uint8Array, start: number, end: number): void {
    if (this.count === this.numbers.length) this.resize();
    const at = this.count === 0 || number > this.numberAt(this.count - 1) ? this.count : this.search(number);
    for (let i = this.count; i > at; i--) this.copySlot(this.slot(i - 1), this.slot(i));
    this.fill(this.slot(at), number, answer, start, end);
    this.count++;
    this.bytes += end - start;
    this.shortened = Math.min(this.shortened, at);
  }

  private fill(slot: number, number: number, answer: Uint8Array, start: number, end: number): void {
    const { slab, hasher, digest } = this.memory;
    this.numbers[slot] = number;
    this.refs[slot] = slab.store(answer, start, end);
    this.lengths[slot] = end - start;
    hasher.begin(hashDomain.ANSWER);
    hasher.number(this.session);
    hasher.number(number);
    hasher.bytes(answer, start, end);
    hasher.end();
    this.hash0[slot] = hasher.lane0;
    this.hash1[slot] = hasher.lane1;
    digest.add(hasher);
  }

  private shorten(position: number): void {
    const slot = this.slot(position);
    const length = this.lengths[slot] as number;
    if (length <= SHORT_ANSWER_BYTES) return;
    const short = shortAnswer(this.memory.slab.view(this.refs[slot] as number, length));
    this.release(slot);
    this.fill(slot, this.numbers[slot] as number, short, 0, short.length);
    this.bytes += short.length;
  }

  private release(slot: number): void {
    this.memory.slab.free(this.refs[slot] as number);
    this.memory.digest.subtractLanes(this.hash0[slot] as number, this.hash1[slot] as number);
    this.bytes -= this.lengths[slot] as number;
  }

  private dropFirst(): void {
    this.release(this.head);
    this.shortened = Math.max(0, this.shortened - 1);
    this.head = (this.head + 1) & (this.numbers.length - 1);
    this.count--;
  }

  /** The position of the first number at or above `number`. */
  private search(number: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.numberAt(middle) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private numberAt(position: number): number {
    return this.numbers[this.slot(position)] as number;
  }

  private slot(position: number): number {
    return (this.head + position) & (this.numbers.length - 1);
  }

  private copySlot(from: number, to: number): void {
    for (const column of [this.numbers, this.refs, this.lengths, this.hash0, this.hash1]) {
      column[to] = column[from] as number;
    }
  }

  private resize(): void {
    const old = this.numbers.length;
    const grow = <T extends Float64Array | Uint32Array>(column: T, made: T): T => {
      for (let i = 0; i < this.count; i++) made[i] = column[(this.head + i) & (old - 1)] as number;
      return made;
    };
    this.refs = grow(this.refs, new Uint32Array(old * 2));
    this.lengths = grow(this.lengths, new Uint32Array(old * 2));
    this.hash0 = grow(this.hash0, new Uint32Array(old * 2));
    this.hash1 = grow(this.hash1, new Uint32Array(old * 2));
    this.numbers = grow(this.numbers, new Float64Array(old * 2));
    this.head = 0;
  }
}

/** What all windows share. */
export interface WindowMemory {
  readonly slab: Slab;
  readonly hasher: Hasher;
  readonly digest: Digest;
}

export function windowMemory(digest: Digest): WindowMemory {
  return { slab: new Slab(), hasher: new Hasher(), digest };
}
