import type Database from "better-sqlite3";
import type { SnapshotMeta } from "../../core/tree/snapshot-row.ts";
import { begin, openReadOnly } from "./snapshot-loader.ts";
import { SnapshotRowReader } from "./snapshot-row-reader.ts";
import { CHUNK_BYTES_TARGET } from "./transfer-encoder.ts";
import { SnapshotTransferError } from "./transfer-error.ts";
import { TransferPieces } from "./transfer-pieces.ts";

/** Names, data and windows that are read at once, bytes: what a chunk may exceed its target by. */
const STEP_BYTES = 256 * 1024;

/** The last committed round, held by a read transaction on a connection of its own until it is closed. */
export class PinnedRound {
  readonly file: string;
  readonly meta: SnapshotMeta;
  readonly database: Database.Database;

  /** @throws SnapshotTransferError with reason NO_ROUND; SnapshotError when the file cannot be read */
  constructor(file: string) {
    this.file = file;
    this.database = openReadOnly(file);
    try {
      const meta = begin(this.database, file, false);
      if (meta === undefined) throw new SnapshotTransferError("NO_ROUND", `${file} holds no round yet`);
      this.meta = meta;
    } catch (error) {
      this.database.close();
      throw error;
    }
  }

  close(): void {
    this.database.close();
  }
}

/** One transfer's way through a pinned round; several may share the round. */
export function readPieces({ database, file, meta }: PinnedRound): TransferPieces {
  const reader = new SnapshotRowReader(database, file, meta, STEP_BYTES);
  return new TransferPieces(meta, (encoder) => reader.step(encoder), CHUNK_BYTES_TARGET);
}
