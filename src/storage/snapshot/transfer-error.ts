/** Why a transfer of a snapshot did not come about or ended early. */
export type TransferReason =
  /** No round was ever committed: make one, then open the transfer again. */
  | "NO_ROUND"
  /** As many transfers as may run at once are open; try again when one has ended. */
  | "TOO_MANY_TRANSFERS"
  /** The transfer took longer than it may; begin again. */
  | "TRANSFER_TOO_LONG"
  /** Rounds went on meanwhile, and the -wal grew beyond its cap; begin again. */
  | "WAL_TOO_LARGE"
  /** The store, or the transfer itself, was closed. */
  | "CLOSED"
  /** The bytes received are not what was sent; begin again. */
  | "DAMAGED_TRANSFER"
  /** The sender writes a transfer format that this version does not know. */
  | "UNKNOWN_FORMAT"
  /** The member's current file began at this very zxid: only a snapshot at another zxid can replace it. */
  | "SAME_FILE"
  /** The disk has too little room for the file. */
  | "NO_SPACE";

export interface TransferFault {
  readonly reason: TransferReason;
  readonly text: string;
}

/** A transfer failed; nothing of it was installed, and the current snapshot is as it was. */
export class SnapshotTransferError extends Error {
  override readonly name = "SnapshotTransferError";
  readonly reason: TransferReason;
  readonly fault: TransferFault;

  constructor(reason: TransferReason, text: string) {
    super(`${reason}: ${text}`);
    this.reason = reason;
    this.fault = { reason, text };
  }
}
