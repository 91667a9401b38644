import type { Prng } from "../../../src/core/base/prng.ts";

const LENGTH_BYTES = 4;
/** Numbers at which readers of lengths, counts and versions go wrong. */
const EDGES = [0, 1, -1, -2, 127, 255, 65_535, 1 << 20, (1 << 20) - 1, 2 ** 31 - 1, -(2 ** 31)];

type Mutation = (frame: Buffer, random: Prng) => Buffer;

const mutations: readonly Mutation[] = [flipBits, flipBits, flipBits, putEdge, putEdge, cut, stretch, repeat, noise];
/** The length says what is not so. Rare: a reader that waits for more than comes reads nothing else meanwhile. */
const RARE_LIE = 0.005;

/** The frame with something wrong in it: in its body mostly, with a length that fits; now and then in the length. */
export function mutateFrame(frame: Buffer, random: Prng): Buffer {
  const body = random.pick(mutations)(Buffer.from(frame.subarray(LENGTH_BYTES)), random);
  const prefix = Buffer.allocUnsafe(LENGTH_BYTES);
  prefix.writeInt32BE(random.chance(RARE_LIE) ? lie(body.length, random) : body.length);
  return Buffer.concat([prefix, body]);
}

function lie(length: number, random: Prng): number {
  return random.chance(0.5) ? random.pick(EDGES) : length + random.below(64) - 32;
}

function flipBits(body: Buffer, random: Prng): Buffer {
  if (body.length === 0) return body;
  for (let flips = 1 + random.below(3); flips > 0; flips--) {
    const at = random.below(body.length);
    body.writeUInt8(body.readUInt8(at) ^ (1 << random.below(8)), at);
  }
  return body;
}

/** Over any four bytes: now and then they are a length, a count, a version or a mode. */
function putEdge(body: Buffer, random: Prng): Buffer {
  if (body.length >= 4) body.writeInt32BE(random.pick(EDGES), random.below(body.length - 3));
  return body;
}

function cut(body: Buffer, random: Prng): Buffer {
  return body.subarray(0, random.below(body.length + 1));
}

function stretch(body: Buffer, random: Prng): Buffer {
  return Buffer.concat([body, Buffer.alloc(1 + random.below(64), random.below(256))]);
}

function repeat(body: Buffer, random: Prng): Buffer {
  const from = random.below(body.length + 1);
  const part = body.subarray(from, from + random.below(64));
  return Buffer.concat([body.subarray(0, from), part, body.subarray(from)]);
}

/** Behind the header all is chance. */
function noise(body: Buffer, random: Prng): Buffer {
  for (let at = 8; at < body.length; at++) body.writeUInt8(random.below(256), at);
  return body;
}
