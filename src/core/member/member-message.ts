import { type ByteReader, ByteWriter, FormatError } from "../base/bytes.ts";
import { BATCH_COMMANDS_MAX } from "../base/limits.ts";
import { MEMBER_TYPES_FROM } from "../zab/peer-message.ts";
import type { DigestAt } from "./digest-ring.ts";
import type { Chunk } from "./submissions.ts";

/** What a follower asks of its leader for its clients, and the answers. Between the two links keep the order. */
export const memberMessage = {
  /** Commands of the follower's clients. */
  FORWARD: MEMBER_TYPES_FROM,
  /** Sessions whose clients were heard, */
  TOUCH: MEMBER_TYPES_FROM + 1,
  /** and those of them whose end is decided. */
  TOUCHED: MEMBER_TYPES_FROM + 2,
  /** A barrier is wanted, */
  BARRIER: MEMBER_TYPES_FROM + 3,
  /** and it is at this zxid. */
  BARRIER_AT: MEMBER_TYPES_FROM + 4,
  /** A change of the ensemble is asked for, */
  CHANGE: MEMBER_TYPES_FROM + 5,
  /** and this became of it. */
  CHANGED: MEMBER_TYPES_FROM + 6,
  /** The leader wants to know a digest, */
  DIGEST_ASK: MEMBER_TYPES_FROM + 7,
  /** a member tells it, asked or because it suspects, */
  DIGEST_TELL: MEMBER_TYPES_FROM + 8,
  /** and the leader says who is right. */
  VERDICT: MEMBER_TYPES_FROM + 9,
  /** A member whose journal has holes asks for what they held (`mend-message.ts`), */
  MEND_ASK: MEMBER_TYPES_FROM + 10,
  /** and is told. */
  MEND_TELL: MEMBER_TYPES_FROM + 11,
} as const;

/** Sessions one TOUCH may name. */
const SESSIONS_MAX = 1_000_000;

/** TOUCH and TOUCHED: sessions, under a number of the follower's. */
export interface SessionList {
  readonly number: number;
  readonly sessionIds: readonly number[];
}

/** BARRIER and BARRIER_AT; the zxid means nothing in the former. */
export interface BarrierWord {
  readonly number: number;
  readonly zxid: number;
}

/** CHANGE and CHANGED: a number of the asker's, and a JSON text; what people do is rare. */
export interface ChangeWord {
  readonly number: number;
  readonly text: string;
}

/** What a CHANGE text may be long, bytes. */
const CHANGE_BYTES_MAX = 16 * 1024;

export function encodeChange(type: number, { number, text }: ChangeWord): Uint8Array {
  const writer = new ByteWriter(256);
  writer.u8(type);
  writer.u53(number);
  writer.string(text);
  return writer.view();
}

export function decodeChange(reader: ByteReader): ChangeWord {
  if (reader.remaining > CHANGE_BYTES_MAX) throw new FormatError("a change of the ensemble is too long");
  const word = { number: reader.u53(), text: reader.string() };
  reader.expectEnd();
  return word;
}

/** Whether a member's tree is what a quorum has. HALT: nobody's is. */
export const verdict = { RIGHT: 0, WRONG: 1, HALT: 2, UNKNOWABLE: 3 } as const;

export interface VerdictWord {
  readonly zxid: number;
  readonly outcome: number;
}

/** DIGEST_ASK, whose lanes mean nothing, and DIGEST_TELL: zeros where the member has none. */
export function encodeDigest(type: number, { zxid, lane0, lane1 }: DigestAt): Uint8Array {
  const writer = new ByteWriter(24);
  writer.u8(type);
  writer.u53(zxid);
  writer.u32(lane0);
  writer.u32(lane1);
  return writer.view();
}

export function decodeDigest(reader: ByteReader): DigestAt {
  const digest = { zxid: reader.u53(), lane0: reader.u32(), lane1: reader.u32() };
  reader.expectEnd();
  return digest;
}

export function encodeVerdict({ zxid, outcome }: VerdictWord): Uint8Array {
  const writer = new ByteWriter(16);
  writer.u8(memberMessage.VERDICT);
  writer.u53(zxid);
  writer.u8(outcome);
  return writer.view();
}

export function decodeVerdict(reader: ByteReader): VerdictWord {
  const word = { zxid: reader.u53(), outcome: reader.u8() };
  if (word.outcome > verdict.UNKNOWABLE) throw new FormatError(`verdict ${word.outcome} is not known to this program`);
  reader.expectEnd();
  return word;
}

export function encodeForward({ commands, count }: Chunk): Uint8Array {
  const writer = new ByteWriter(commands.length + 8);
  writer.u8(memberMessage.FORWARD);
  writer.u32(count);
  writer.raw(commands);
  return writer.view();
}

/** The commands are a view of the message; they are not decoded yet. */
export function decodeForward(reader: ByteReader): Chunk {
  const count = reader.u32();
  if (count === 0 || count > 2 * BATCH_COMMANDS_MAX) throw new FormatError(`a chunk of ${count} commands`);
  return { count, commands: reader.raw(reader.remaining) };
}

export function encodeSessions(type: number, { number, sessionIds }: SessionList): Uint8Array {
  const writer = new ByteWriter(16 + sessionIds.length * 8);
  writer.u8(type);
  writer.u53(number);
  writer.u32(sessionIds.length);
  for (const id of sessionIds) writer.u53(id);
  return writer.view();
}

export function decodeSessions(reader: ByteReader): SessionList {
  const number = reader.u53();
  const count = reader.u32();
  if (count > SESSIONS_MAX) throw new FormatError(`a list of ${count} sessions`);
  const sessionIds: number[] = [];
  for (let i = 0; i < count; i++) sessionIds.push(reader.u53());
  reader.expectEnd();
  return { number, sessionIds };
}

export function encodeBarrier(type: number, { number, zxid }: BarrierWord): Uint8Array {
  const writer = new ByteWriter(24);
  writer.u8(type);
  writer.u53(number);
  writer.u53(zxid);
  return writer.view();
}

export function decodeBarrier(reader: ByteReader): BarrierWord {
  const word = { number: reader.u53(), zxid: reader.u53() };
  reader.expectEnd();
  return word;
}
