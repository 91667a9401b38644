import { ByteReader, ByteWriter } from "../../../src/core/base/bytes.ts";
import type { BatchFormat } from "../../../src/core/zab/zab-contract.ts";

/** What a batch of a world without a tree says. */
export interface ZabBatch {
  readonly firstZxid: number;
  readonly lastZxid: number;
  /** What its primary knew to be committed: a recovery may rely on it. */
  readonly committedZxid: number;
  /** Of no other batch. */
  readonly id: number;
}

export function encodeZabBatch({ firstZxid, lastZxid, committedZxid, id }: ZabBatch, padding: number): Uint8Array {
  const writer = new ByteWriter(32 + padding);
  writer.u53(firstZxid);
  writer.u53(lastZxid);
  writer.u53(committedZxid);
  writer.u32(id);
  for (let left = padding; left > 0; left--) writer.u8((id * 31 + left) & 255);
  return writer.copy();
}

export function decodeZabBatch(body: Uint8Array): ZabBatch {
  const reader = new ByteReader(body);
  return { firstZxid: reader.u53(), lastZxid: reader.u53(), committedZxid: reader.u53(), id: reader.u32() };
}

export const zabBatchFormat: BatchFormat = { range: decodeZabBatch, configuration: () => undefined };
