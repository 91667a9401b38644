import type { SnapshotMeta } from "../../core/tree/snapshot-row.ts";

/** Most transfers that one store sends at once (core.md 36). */
export const TRANSFERS_MAX = 2;
/** A transfer that takes longer fails and is begun again, ms: it holds up checkpoints. */
export const TRANSFER_MS_MAX = 10 * 60 * 1000;
/** While transfers hold up checkpoints, rounds go on into the -wal; beyond this size the transfers fail, bytes. */
export const TRANSFER_WAL_BYTES_MAX = 1024 * 1024 * 1024;

/** Most bytes that {@link SnapshotTransfer.next} gives at once: what one message of a bulk connection may have. */
export const TRANSFER_PIECE_BYTES_MAX = 1024 * 1024;

/**
 * The last committed round on its way to a learner: all of its chunks are of that one round, whatever rounds are
 * committed meanwhile.
 */
export interface SnapshotTransfer {
  readonly zxid: number;
  readonly meta: SnapshotMeta;
  /**
   * The next bytes, at most {@link TRANSFER_PIECE_BYTES_MAX}, to be written to the learner's {@link SnapshotInstall};
   * their memory is the caller's. One call at a time. Undefined after the last.
   *
   * @throws SnapshotTransferError with reason TRANSFER_TOO_LONG, WAL_TOO_LARGE or CLOSED; SnapshotError when the file
   * is damaged
   */
  next(): Promise<Uint8Array | undefined>;
  /** Ends the transfer, finished or not. Every transfer must be closed; more than once is nothing. */
  close(): void;
}

/**
 * A snapshot on its way in. Nothing of it is current before the journal names it (core.md 35): after `finish` the
 * caller appends the SNAPSHOT record at the zxid, closes the store that is open, and only then removes leftovers.
 */
export interface SnapshotInstall {
  /**
   * The next bytes of the transfer, in pieces of any size. Memory that a piece covers whole is transferred: do not
   * touch it afterwards; of other memory a copy is made. Resolves when more may come.
   *
   * @throws SnapshotTransferError with reason DAMAGED_TRANSFER, UNKNOWN_FORMAT, SAME_FILE, NO_SPACE or CLOSED;
   * SnapshotError when the file cannot be written. The install has failed then, and its file is removed
   */
  write(chunk: Uint8Array): Promise<void>;
  /** Checks that everything came, and makes the file durable under its name. Throws as `write` does. */
  finish(): Promise<InstalledSnapshot>;
  /** Gives up and removes what there is; does nothing after `finish`. */
  abort(): Promise<void>;
}

export interface InstalledSnapshot {
  readonly zxid: number;
  /** The database file; of a snapshot in memory, the name it would have. */
  readonly file: string;
}
