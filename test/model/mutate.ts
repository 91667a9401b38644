import type { Prng } from "../../src/core/base/prng.ts";

/** Bytes a careless or hostile sender could make of good ones. */
export class Mutator {
  private readonly random: Prng;

  constructor(random: Prng) {
    this.random = random;
  }

  /** A few changes at once; `others` are good bytes to borrow from. */
  mutate(bytes: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
    let mutated = bytes;
    for (let times = 1 + this.random.below(3); times > 0; times--) mutated = this.change(mutated, others);
    return mutated;
  }

  private change(bytes: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
    const { random } = this;
    const at = random.below(bytes.length + 1);
    const size = random.below(9);
    switch (random.below(7)) {
      case 0:
        return this.flip(bytes, at);
      case 1:
        return bytes.slice(0, at);
      case 2:
        return join(bytes.subarray(0, at), bytes.subarray(at + size));
      case 3:
        return join(bytes.subarray(0, at), this.noise(size), bytes.subarray(at));
      case 4:
        return join(bytes.subarray(0, at), this.extreme(), bytes.subarray(at + 4));
      case 5: {
        const other = random.pick(others);
        const from = random.below(other.length + 1);
        return join(bytes.subarray(0, at), other.subarray(from, from + random.below(64)), bytes.subarray(at));
      }
      default:
        return join(
          bytes.subarray(0, at),
          Uint8Array.of(random.pick([0, 1, 2, 5, 6, 16, 20, 127, 128, 255])),
          bytes.subarray(at + 1),
        );
    }
  }

  private flip(bytes: Uint8Array, at: number): Uint8Array {
    const flipped = bytes.slice();
    if (at < flipped.length) flipped[at] = (flipped[at] as number) ^ (1 << this.random.below(8));
    return flipped;
  }

  private noise(size: number): Uint8Array {
    return Uint8Array.from({ length: size }, () => this.random.below(256));
  }

  /** A number at an end of its range, little-endian. */
  private extreme(): Uint8Array {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(
      0,
      this.random.pick([0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe]),
      true,
    );
    return bytes;
  }
}

function join(...pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
