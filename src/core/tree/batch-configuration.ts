import { FormatError } from "../base/bytes.ts";
import { BatchReader, batchFlag } from "./batch.ts";
import { Command, decodeCommand } from "./command.ts";

/**
 * The configuration a batch brings, as a view of `body`; undefined for any batch but that of a RECONFIGURE. Whoever
 * journals batches must know, because from then on both the old and the new members' quorums count (core.md 25).
 * Throws FormatError on bytes that are no batch.
 */
export function configurationOfBatch(body: Uint8Array): Uint8Array | undefined {
  const reader = new BatchReader();
  if ((reader.open(body).flags & batchFlag.RECONFIGURE) === 0) return undefined;
  const command = new Command();
  decodeCommand(reader.next(), command);
  if (reader.remaining > 0) throw new FormatError("bytes after the last command of a batch");
  return command.configuration;
}
