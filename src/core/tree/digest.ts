/**
 * The incremental digest of the replicated state (core.md 30): the sum, modulo 2^32 in each of two lanes, of one hash
 * per znode, per session, per kept answer, of the settings and of the ensemble's configuration. A change subtracts the
 * old hash and adds the new one, so equal states have equal digests however they came about. Against accident, not
 * against an adversary.
 */
const TWO_32 = 2 ** 32;

export class Digest {
  lane0 = 0;
  lane1 = 0;

  add(hash: Hasher): void {
    this.lane0 = (this.lane0 + hash.lane0) >>> 0;
    this.lane1 = (this.lane1 + hash.lane1) >>> 0;
  }

  subtract(hash: Hasher): void {
    this.lane0 = (this.lane0 - hash.lane0) >>> 0;
    this.lane1 = (this.lane1 - hash.lane1) >>> 0;
  }

  addLanes(lane0: number, lane1: number): void {
    this.lane0 = (this.lane0 + lane0) >>> 0;
    this.lane1 = (this.lane1 + lane1) >>> 0;
  }

  subtractLanes(lane0: number, lane1: number): void {
    this.lane0 = (this.lane0 - lane0) >>> 0;
    this.lane1 = (this.lane1 - lane1) >>> 0;
  }

  equals(lanes: readonly [number, number]): boolean {
    return this.lane0 === lanes[0] && this.lane1 === lanes[1];
  }

  lanes(): [number, number] {
    return [this.lane0, this.lane1];
  }
}

/** Mixes a sequence of numbers and byte strings into two 32-bit lanes. Reused: `begin`, mix, `end`, read the lanes. */
export class Hasher {
  lane0 = 0;
  lane1 = 0;

  /** `domain` keeps hashes of different kinds of things apart. */
  begin(domain: number): void {
    this.lane0 = (0x2545f491 ^ domain) | 0;
    this.lane1 = (0x9e3779b9 + Math.imul(domain, 0x85ebca6b)) | 0;
  }

  word(value: number): void {
    const a = Math.imul(this.lane0 ^ value, 0xcc9e2d51);
    this.lane0 = (a << 13) | (a >>> 19);
    const b = Math.imul(this.lane1 + value, 0x1b873593);
    this.lane1 = b ^ (b >>> 15);
  }

  /** A whole number below 2^53. */
  number(value: number): void {
    this.word(value | 0);
    this.word((value / TWO_32) | 0);
  }

  /** A zero-padded string of `length` bytes that begins at a word. */
  words(source: Uint32Array, offset: number, length: number): void {
    this.word(length);
    const end = offset + ((length + 3) >>> 2);
    let lane0 = this.lane0;
    let lane1 = this.lane1;
    for (let i = offset; i < end; i++) {
      const value = source[i] as number;
      const a = Math.imul(lane0 ^ value, 0xcc9e2d51);
      lane0 = (a << 13) | (a >>> 19);
      const b = Math.imul(lane1 + value, 0x1b873593);
      lane1 = b ^ (b >>> 15);
    }
    this.lane0 = lane0;
    this.lane1 = lane1;
  }

  /** Any bytes; the same result as {@link words} for the same string. */
  bytes(source: Uint8Array, start: number, end: number): void {
    this.word(end - start);
    for (let i = start; i < end; i += 4) {
      let value = source[i] as number;
      if (i + 1 < end) value |= (source[i + 1] as number) << 8;
      if (i + 2 < end) value |= (source[i + 2] as number) << 16;
      if (i + 3 < end) value |= (source[i + 3] as number) << 24;
      this.word(value);
    }
  }

  end(): void {
    this.lane0 = finish(this.lane0);
    this.lane1 = finish(this.lane1 ^ this.lane0);
  }
}

function finish(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Domains of {@link Hasher.begin}. */
export const hashDomain = { DATA: 1, ZNODE: 2, SESSION: 3, ANSWER: 4, CONFIGURATION: 5, ACL: 6, ENSEMBLE: 7 } as const;
