import { ByteReader, ByteWriter } from "../base/bytes.ts";

/** Bodies of the two epoch records (core.md 19). Votes are volatile; these are what is fsynced. */

/** The accepted epoch, and the leader it was promised to: on disk before ACKEPOCH. */
export interface EpochPromise {
  readonly epoch: number;
  readonly leaderId: number;
}

export function encodePromise(promise: EpochPromise): Uint8Array {
  const writer = new ByteWriter(16);
  writer.u32(promise.epoch);
  writer.u32(promise.leaderId);
  return writer.copy();
}

export function decodePromise(bytes: Uint8Array): EpochPromise {
  const reader = new ByteReader(bytes);
  const promise = { epoch: reader.u32(), leaderId: reader.u32() };
  reader.expectEnd();
  return promise;
}

/** The current epoch: on disk after the data synchronised for it. */
export function encodeEpoch(epoch: number): Uint8Array {
  const writer = new ByteWriter(4);
  writer.u32(epoch);
  return writer.copy();
}

export function decodeEpoch(bytes: Uint8Array): number {
  const reader = new ByteReader(bytes);
  const epoch = reader.u32();
  reader.expectEnd();
  return epoch;
}
