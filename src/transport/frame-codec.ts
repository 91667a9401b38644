import { crc32 } from "node:zlib";

/**
 * A frame is a header of three little-endian words - payload length (24 bits) with the kind above it, sequence,
 * checksum - and the payload. Each direction counts its frames from 1, modulo 2^32. The checksum is the CRC-32 of the
 * payload begun from the other two words, so that a damaged header is noticed as well.
 */
export const FRAME_HEADER_BYTES = 12;

/** What both directions begin with, before the first frame. The last byte is the version of this framing. */
export const MAGIC = Uint8Array.of(0x4d, 0x55, 0x53, 0x54, 0x45, 0x52, 0x00, 0x01);

function checksum(word: number, sequence: number, payload: Uint8Array): number {
  return crc32(payload, (word ^ Math.imul(sequence, 0x9e3779b1)) >>> 0);
}

/** Writes the header of a frame at `at`. */
export function putFrameHeader(into: Buffer, at: number, kind: number, sequence: number, payload: Uint8Array): void {
  const word = ((kind << 24) | payload.length) >>> 0;
  into.writeUInt32LE(word, at);
  into.writeUInt32LE(sequence, at + 4);
  into.writeUInt32LE(checksum(word, sequence, payload), at + 8);
}

/** Receives a parser's frames. A payload is a view, valid until return, unless the parser hands out copies. */
export interface FrameSink {
  onFrame(kind: number, payload: Uint8Array): void;
}

/** An assembly buffer larger than this is not kept for the next frame, bytes. */
const KEPT_BYTES_MAX = 2 * 1024 * 1024;

/**
 * Cuts a stream into frames straight from the chunks of the socket; a frame is copied only when it straddles chunks.
 * Every rule broken is final: {@link push} says which, and nothing may be pushed after.
 */
export class FrameParser {
  /** Largest payload taken; raised when the handshake is over. */
  payloadBytesMax: number;
  /** Set when each payload must be the receiver's own. */
  copies = false;
  private readonly sink: FrameSink;
  private sequence = 0;
  private magicSeen = 0;
  private magicTaken = 0;
  private word = 0;
  private frameSequence = 0;
  private frameChecksum = 0;
  private stopped = false;
  private readonly header = Buffer.alloc(FRAME_HEADER_BYTES);
  private headerSeen = 0;
  /** The payload under way, if it straddles, and how much of it is there. */
  private assembly: Uint8Array | undefined;
  private assembled = 0;
  private kept = new Uint8Array(0);

  constructor(sink: FrameSink, payloadBytesMax: number) {
    this.sink = sink;
    this.payloadBytesMax = payloadBytesMax;
  }

  /** Nothing more comes out, not even of the chunk being cut. */
  stop(): void {
    this.stopped = true;
  }

  /** True between frames: a stream that ends elsewhere was cut off. */
  get isBetweenFrames(): boolean {
    return this.headerSeen === 0 && this.assembly === undefined;
  }

  /** Returns the rule that the bytes break, if one. */
  push(chunk: Buffer): string | undefined {
    let at = 0;
    if (this.magicSeen < MAGIC.length) {
      const fault = this.takeMagic(chunk);
      if (fault !== undefined) return fault;
      at = this.magicTaken;
    }
    while (!this.stopped && at < chunk.length) {
      if (this.assembly !== undefined) {
        at = this.fill(this.assembly, this.frameLength, chunk, at);
        if (this.assembled < this.frameLength) return undefined;
        const payload = this.assembly.subarray(0, this.frameLength);
        this.assembly = undefined;
        const fault = this.deliver(payload, false);
        if (fault !== undefined) return fault;
        continue;
      }
      if (this.headerSeen === 0 && chunk.length - at >= FRAME_HEADER_BYTES) {
        this.readHeader(chunk, at);
        at += FRAME_HEADER_BYTES;
      } else {
        at = this.gatherHeader(chunk, at);
        if (this.headerSeen < FRAME_HEADER_BYTES) return undefined;
        this.headerSeen = 0;
        this.readHeader(this.header, 0);
      }
      const fault = this.checkHeader() ?? this.begin(chunk, at);
      if (fault !== undefined) return fault;
      if (this.assembly === undefined) at += this.frameLength;
    }
    return undefined;
  }

  private get frameLength(): number {
    return this.word & 0xffffff;
  }

  private takeMagic(chunk: Buffer): string | undefined {
    this.magicTaken = 0;
    while (this.magicSeen < MAGIC.length && this.magicTaken < chunk.length) {
      const byte = chunk[this.magicTaken];
      if (byte !== MAGIC[this.magicSeen]) return describeStranger(this.magicSeen, byte);
      this.magicSeen++;
      this.magicTaken++;
    }
    return undefined;
  }

  private gatherHeader(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + FRAME_HEADER_BYTES - this.headerSeen);
    chunk.copy(this.header, this.headerSeen, at, end);
    this.headerSeen += end - at;
    return end;
  }

  private readHeader(from: Buffer, at: number): void {
    this.word = from.readUInt32LE(at);
    this.frameSequence = from.readUInt32LE(at + 4);
    this.frameChecksum = from.readUInt32LE(at + 8);
  }

  private checkHeader(): string | undefined {
    if (this.frameLength > this.payloadBytesMax) {
      return `length: a frame of ${this.frameLength} bytes where ${this.payloadBytesMax} are allowed`;
    }
    const expected = (this.sequence + 1) >>> 0;
    if (this.frameSequence !== expected) {
      return `sequence: frame ${this.frameSequence} where ${expected} is due`;
    }
    this.sequence = expected;
    return undefined;
  }

  /** Delivers the payload if the chunk holds all of it, otherwise starts gathering it. */
  private begin(chunk: Buffer, at: number): string | undefined {
    const length = this.frameLength;
    if (chunk.length - at >= length) {
      // Not a Buffer: its slice() would be a view where callers expect a copy.
      return this.deliver(new Uint8Array(chunk.buffer, chunk.byteOffset + at, length), true);
    }
    this.assembled = 0;
    this.assembly = this.bufferOf(length);
    return undefined;
  }

  private bufferOf(length: number): Uint8Array {
    if (this.copies || length > KEPT_BYTES_MAX) return new Uint8Array(length);
    if (this.kept.length < length) this.kept = new Uint8Array(Math.min(KEPT_BYTES_MAX, length * 2));
    return this.kept;
  }

  private fill(into: Uint8Array, length: number, chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + length - this.assembled);
    into.set(chunk.subarray(at, end), this.assembled);
    this.assembled += end - at;
    return end;
  }

  private deliver(payload: Uint8Array, isInChunk: boolean): string | undefined {
    if (checksum(this.word, this.frameSequence, payload) !== this.frameChecksum) {
      return `checksum: frame ${this.frameSequence} of ${payload.length} bytes was damaged on the way`;
    }
    this.sink.onFrame(this.word >>> 24, this.copies && isInChunk ? payload.slice() : payload);
    return undefined;
  }
}

/** Who speaks instead, as far as the first bytes tell. */
function describeStranger(seen: number, byte: number | undefined): string {
  if (seen === 0 && byte === 0x16) {
    return "magic: the other side speaks TLS, and this one does not";
  }
  if (seen === MAGIC.length - 1) return `magic: framing version ${byte} is not known to this program`;
  return "magic: the other side does not speak Muster's protocol between members";
}
