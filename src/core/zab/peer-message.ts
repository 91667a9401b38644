import { ByteReader, ByteWriter, FormatError } from "../base/bytes.ts";

/**
 * What members say to each other about the log: one message is one frame of a link, its first byte the type. The names
 * are those of the protocol (DSN'11): CEPOCH, NEWEPOCH, ACKEPOCH, NEWLEADER, PROPOSE, ACK, COMMIT. Types from
 * {@link MEMBER_TYPES_FROM} on belong to `core/member`.
 */
export const peerMessage = {
  NOTIFY: 1,
  CEPOCH: 2,
  NEWEPOCH: 3,
  ACKEPOCH: 4,
  SYNC: 5,
  PROPOSE: 6,
  NEWLEADER: 7,
  ACKLEADER: 8,
  COMMIT: 9,
  ACK: 10,
  PING: 11,
  PONG: 12,
  HANDOVER: 13,
  INSTALLED: 14,
} as const;
export const MEMBER_TYPES_FROM = 32;

export const zabState = { LOOKING: 0, FOLLOWING: 1, LEADING: 2 } as const;
export type ZabState = (typeof zabState)[keyof typeof zabState];

/** What a member tells every other one about itself: on every change, and regularly. */
export interface Notify {
  readonly state: ZabState;
  /** Of the leader it follows, or itself; 0 while it looks. */
  readonly leaderId: number;
  /** It leads, and a quorum has its history. */
  readonly isEstablished: boolean;
  /** The epoch it is in, or was in last. */
  readonly currentEpoch: number;
  readonly lastZxid: number;
  readonly appliedZxid: number;
  /** Whom it would have lead; 0 for nobody. */
  readonly vote: number;
  /** It can lead: a voter that is neither damaged nor about to stop. */
  readonly isElectable: boolean;
  /** It may have forgotten what it acknowledged or promised: its word does not count in elections. */
  readonly isDamaged: boolean;
  /** The highest feature level its program knows. */
  readonly featureLevel: number;
  /** Whom it has heard within the time-out. */
  readonly hears: readonly number[];
  /** Those of them who say that they hear it. */
  readonly mutual: readonly number[];
}

/** A learner to the leader it has found: where it stands. */
export interface CurrentEpoch {
  readonly acceptedEpoch: number;
  /** To whom it promised that epoch. */
  readonly promisedTo: number;
  readonly currentEpoch: number;
  readonly lastZxid: number;
  /** It may have promised, and acknowledged, more than it knows. */
  readonly isDamaged: boolean;
}

/** The leader asks for the promise of an epoch. */
export interface NewEpoch {
  readonly epoch: number;
  /** Of its asking this learner: the answer to the last one tells where the learner stands. */
  readonly attempt: number;
}

/** A learner has the promise of `epoch` on disk, and its history is this. */
export interface AckEpoch extends NewEpoch {
  readonly currentEpoch: number;
  readonly lastZxid: number;
  readonly appliedZxid: number;
  /** What it has applied is not to be trusted: it needs a snapshot. */
  readonly wantsSnapshot: boolean;
}

/** How a learner gets the leader's history: from the log after `zxid`, or by a snapshot first. */
export interface Sync {
  readonly epoch: number;
  readonly bySnapshot: boolean;
  /** By log: what the learner has above it is void. */
  readonly zxid: number;
}

/** An epoch, and a zxid in it or before it. */
export interface EpochZxid {
  readonly epoch: number;
  readonly zxid: number;
}

/** PING and PONG: the round they belong to, and a digest of the sender's tree at a zxid it has applied. */
export interface Pulse {
  readonly epoch: number;
  readonly round: number;
  readonly zxid: number;
  readonly digest0: number;
  readonly digest1: number;
}

const flag = { ELECTABLE: 1, ESTABLISHED: 2, DAMAGED: 4 } as const;
/** Members a list may name: more than any ensemble has. */
const LIST_MAX = 1024;

export function encodeNotify(notify: Notify): Uint8Array {
  const writer = new ByteWriter(64);
  writer.u8(peerMessage.NOTIFY);
  writer.u8(notify.state);
  writer.u32(notify.leaderId);
  writer.u32(notify.currentEpoch);
  writer.u53(notify.lastZxid);
  writer.u53(notify.appliedZxid);
  writer.u32(notify.vote);
  writer.u8(flagsOf(notify));
  writer.u16(notify.featureLevel);
  writeIds(writer, notify.hears);
  writeIds(writer, notify.mutual);
  return writer.copy();
}

export function decodeNotify(reader: ByteReader): Notify {
  const state = reader.u8();
  if (state > zabState.LEADING) throw new FormatError(`state ${state} is not known to this program`);
  const notify = {
    state: state as ZabState,
    leaderId: reader.u32(),
    currentEpoch: reader.u32(),
    lastZxid: reader.u53(),
    appliedZxid: reader.u53(),
    vote: reader.u32(),
    ...readFlags(reader),
    featureLevel: reader.u16(),
    hears: readIds(reader),
    mutual: readIds(reader),
  };
  reader.expectEnd();
  return notify;
}

export function encodeCurrentEpoch(message: CurrentEpoch): Uint8Array {
  const writer = new ByteWriter(32);
  writer.u8(peerMessage.CEPOCH);
  writer.u32(message.acceptedEpoch);
  writer.u32(message.promisedTo);
  writer.u32(message.currentEpoch);
  writer.u53(message.lastZxid);
  writer.u8(message.isDamaged ? 1 : 0);
  return writer.copy();
}

export function decodeCurrentEpoch(reader: ByteReader): CurrentEpoch {
  const message = {
    acceptedEpoch: reader.u32(),
    promisedTo: reader.u32(),
    currentEpoch: reader.u32(),
    lastZxid: reader.u53(),
    isDamaged: reader.flag(),
  };
  reader.expectEnd();
  return message;
}

export function encodeNewEpoch({ epoch, attempt }: NewEpoch): Uint8Array {
  const writer = new ByteWriter(16);
  writer.u8(peerMessage.NEWEPOCH);
  writer.u32(epoch);
  writer.u32(attempt);
  return writer.copy();
}

export function decodeNewEpoch(reader: ByteReader): NewEpoch {
  const message = { epoch: reader.u32(), attempt: reader.u32() };
  reader.expectEnd();
  return message;
}

export function encodeAckEpoch(message: AckEpoch): Uint8Array {
  const writer = new ByteWriter(32);
  writer.u8(peerMessage.ACKEPOCH);
  writer.u32(message.epoch);
  writer.u32(message.attempt);
  writer.u32(message.currentEpoch);
  writer.u53(message.lastZxid);
  writer.u53(message.appliedZxid);
  writer.u8(message.wantsSnapshot ? 1 : 0);
  return writer.copy();
}

export function decodeAckEpoch(reader: ByteReader): AckEpoch {
  const message = {
    epoch: reader.u32(),
    attempt: reader.u32(),
    currentEpoch: reader.u32(),
    lastZxid: reader.u53(),
    appliedZxid: reader.u53(),
    wantsSnapshot: reader.flag(),
  };
  reader.expectEnd();
  return message;
}

export function encodeSync(message: Sync): Uint8Array {
  const writer = new ByteWriter(16);
  writer.u8(peerMessage.SYNC);
  writer.u32(message.epoch);
  writer.u8(message.bySnapshot ? 1 : 0);
  writer.u53(message.zxid);
  return writer.copy();
}

export function decodeSync(reader: ByteReader): Sync {
  const message = { epoch: reader.u32(), bySnapshot: reader.flag(), zxid: reader.u53() };
  reader.expectEnd();
  return message;
}

/** ACKLEADER, HANDOVER. */
export function encodeEpochMessage(type: number, epoch: number): Uint8Array {
  const writer = new ByteWriter(8);
  writer.u8(type);
  writer.u32(epoch);
  return writer.copy();
}

export function decodeEpochMessage(reader: ByteReader): number {
  const epoch = reader.u32();
  reader.expectEnd();
  return epoch;
}

/**
 * NEWLEADER: the history synchronised ends at `zxid`. COMMIT and ACK: up to `zxid`, in this epoch. INSTALLED: a
 * snapshot at `zxid` is in place.
 */
export function encodeEpochZxid(type: number, epoch: number, zxid: number): Uint8Array {
  const writer = new ByteWriter(16);
  writer.u8(type);
  writer.u32(epoch);
  writer.u53(zxid);
  return writer.copy();
}

export function decodeEpochZxid(reader: ByteReader): EpochZxid {
  const message = { epoch: reader.u32(), zxid: reader.u53() };
  reader.expectEnd();
  return message;
}

export function encodePulse(type: number, pulse: Pulse): Uint8Array {
  const writer = new ByteWriter(32);
  writer.u8(type);
  writer.u32(pulse.epoch);
  writer.u53(pulse.round);
  writer.u53(pulse.zxid);
  writer.u32(pulse.digest0);
  writer.u32(pulse.digest1);
  return writer.copy();
}

export function decodePulse(reader: ByteReader): Pulse {
  const pulse = {
    epoch: reader.u32(),
    round: reader.u53(),
    zxid: reader.u53(),
    digest0: reader.u32(),
    digest1: reader.u32(),
  };
  reader.expectEnd();
  return pulse;
}

/** HANDOVER: who should lead next. */
export function encodeHandover(target: number): Uint8Array {
  return encodeEpochMessage(peerMessage.HANDOVER, target);
}

/** PROPOSE: the type and the batch. */
export function encodePropose(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(1 + body.length);
  frame[0] = peerMessage.PROPOSE;
  frame.set(body, 1);
  return frame;
}

/** The batch of a PROPOSE: a view. */
export function bodyOfPropose(frame: Uint8Array): Uint8Array {
  return frame.subarray(1);
}

type Flags = Pick<Notify, "isElectable" | "isEstablished" | "isDamaged">;

function flagsOf({ isElectable, isEstablished, isDamaged }: Flags): number {
  return (isElectable ? flag.ELECTABLE : 0) | (isEstablished ? flag.ESTABLISHED : 0) | (isDamaged ? flag.DAMAGED : 0);
}

function readFlags(reader: ByteReader): Flags {
  const flags = reader.u8();
  if (flags > (flag.ELECTABLE | flag.ESTABLISHED | flag.DAMAGED)) throw new FormatError("unknown flags");
  return {
    isElectable: (flags & flag.ELECTABLE) !== 0,
    isEstablished: (flags & flag.ESTABLISHED) !== 0,
    isDamaged: (flags & flag.DAMAGED) !== 0,
  };
}

function writeIds(writer: ByteWriter, ids: readonly number[]): void {
  writer.varint(ids.length);
  for (const id of ids) writer.u32(id);
}

function readIds(reader: ByteReader): number[] {
  const count = reader.varint();
  if (count > LIST_MAX) throw new FormatError("a list of members is too long");
  const ids: number[] = [];
  for (let i = 0; i < count; i++) ids.push(reader.u32());
  return ids;
}

/** A reader behind the type byte. */
export function readerOf(frame: Uint8Array): ByteReader {
  return new ByteReader(frame, 1);
}
