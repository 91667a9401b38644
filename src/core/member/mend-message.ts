import { type ByteReader, ByteWriter, FormatError } from "../base/bytes.ts";
import { MEND_BATCHES_MAX, MEND_STARTS_MAX } from "../base/limits.ts";
import { epochOf } from "../base/zxid.ts";
import type { EpochStart } from "../zab/epoch-ends.ts";
import { memberMessage } from "./member-message.ts";

/** MEND_ASK: for the batches above `afterZxid` that begin at `throughZxid` or before, and where their epochs begin. */
export interface MendAsk {
  /** The asker's; the answer has it again. */
  readonly number: number;
  readonly afterZxid: number;
  readonly throughZxid: number;
  /** Otherwise the starts alone are asked for. */
  readonly wantsBatches: boolean;
}

/** MEND_TELL: what one member has of that, durable; from the first on, as many as one answer takes. */
export interface MendTell {
  readonly number: number;
  /** There is nothing more of it here than this. */
  readonly isAll: boolean;
  /** Ascending; of epochs up to that of `throughZxid`, the last ones if they are many. */
  readonly starts: readonly EpochStart[];
  /** Bodies of batches, ascending; between two of them others may be missing here. Decoded: views of the message. */
  readonly batches: readonly Uint8Array[];
}

const ASK_BYTES = 32;

export function encodeMendAsk({ number, afterZxid, throughZxid, wantsBatches }: MendAsk): Uint8Array {
  const writer = new ByteWriter(ASK_BYTES);
  writer.u8(memberMessage.MEND_ASK);
  writer.u53(number);
  writer.u53(afterZxid);
  writer.u53(throughZxid);
  writer.u8(wantsBatches ? 1 : 0);
  return writer.view();
}

export function decodeMendAsk(reader: ByteReader): MendAsk {
  const ask = {
    number: reader.u53(),
    afterZxid: reader.u53(),
    throughZxid: reader.u53(),
    wantsBatches: reader.flag(),
  };
  if (ask.throughZxid <= ask.afterZxid) throw new FormatError("asks for nothing");
  reader.expectEnd();
  return ask;
}

export function encodeMendTell({ number, isAll, starts, batches }: MendTell): Uint8Array {
  const size = batches.reduce((sum, { length }) => sum + length + 5, 32 + 12 * starts.length);
  const writer = new ByteWriter(size);
  writer.u8(memberMessage.MEND_TELL);
  writer.u53(number);
  writer.u8(isAll ? 1 : 0);
  writer.varint(starts.length);
  for (const { epoch, afterZxid } of starts) {
    writer.u32(epoch);
    writer.u53(afterZxid);
  }
  writer.varint(batches.length);
  for (const body of batches) writer.block(body);
  return writer.view();
}

export function decodeMendTell(reader: ByteReader): MendTell {
  const number = reader.u53();
  const isAll = reader.flag();
  const starts: EpochStart[] = [];
  for (let left = readCount(reader, MEND_STARTS_MAX); left > 0; left--) {
    const start = { epoch: reader.u32(), afterZxid: reader.u53() };
    if (start.epoch <= (starts.at(-1)?.epoch ?? 0)) throw new FormatError("epochs do not ascend");
    if (epochOf(start.afterZxid) >= start.epoch) throw new FormatError("an epoch that begins behind itself");
    starts.push(start);
  }
  const batches: Uint8Array[] = [];
  for (let left = readCount(reader, MEND_BATCHES_MAX); left > 0; left--) batches.push(reader.block());
  reader.expectEnd();
  return { number, isAll, starts, batches };
}

function readCount(reader: ByteReader, most: number): number {
  const count = reader.varint();
  if (count > most) throw new FormatError(`an answer with ${count} parts of a kind`);
  return count;
}
