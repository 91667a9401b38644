import type { Prng } from "../../../src/core/base/prng.ts";

/** Bytes at which decoders of lengths, tags and text change their minds. */
const EDGES = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x2f, 0x20, 0x0a, 0x0d, 0xc0, 0xed, 0xf4];
const LONGEST_INSERT = 64;
const CHANGES_MAX = 5;

/** A copy of `bytes` with one to five random changes; `others` lend parts to splice in. Never a no-op by intention. */
export function mutate(bytes: Uint8Array, others: readonly Uint8Array[], random: Prng): Uint8Array {
  let mutated: Uint8Array = Uint8Array.from(bytes);
  for (let changes = 1 + random.below(CHANGES_MAX); changes > 0; changes--) mutated = change(mutated, others, random);
  return mutated;
}

function change(bytes: Uint8Array, others: readonly Uint8Array[], random: Prng): Uint8Array {
  const at = random.below(bytes.length + 1);
  const length = 1 + random.below(random.chance(0.8) ? 4 : LONGEST_INSERT);
  switch (random.below(8)) {
    case 0:
      return replaced(bytes, at, (old) => old ^ (1 << random.below(8)));
    case 1:
      return replaced(bytes, at, () => random.below(256));
    case 2:
      return replaced(bytes, at, () => random.pick(EDGES));
    case 3:
      return spliced(bytes, at, length, new Uint8Array(0));
    case 4:
      return spliced(
        bytes,
        at,
        0,
        Uint8Array.from({ length }, () => random.below(256)),
      );
    case 5:
      return spliced(bytes, at, 0, new Uint8Array(length).fill(random.pick(EDGES)));
    case 6:
      return spliced(bytes, random.below(bytes.length + 1), 0, bytes.subarray(at, at + length));
    default: {
      const other = random.pick(others);
      const from = random.below(other.length + 1);
      return random.chance(0.3)
        ? bytes.subarray(0, at)
        : spliced(bytes, at, length, other.subarray(from, from + length));
    }
  }
}

function replaced(bytes: Uint8Array, at: number, value: (old: number) => number): Uint8Array {
  if (at < bytes.length) bytes[at] = value(bytes[at] as number);
  return bytes;
}

function spliced(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  const rest = bytes.subarray(Math.min(bytes.length, at + remove));
  const result = new Uint8Array(at + insert.length + rest.length);
  result.set(bytes.subarray(0, at));
  result.set(insert, at);
  result.set(rest, at + insert.length);
  return result;
}
