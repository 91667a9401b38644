import { readRows, type SnapshotMeta } from "../../core/tree/snapshot-row.ts";
import type { SnapshotTransfer } from "./snapshot-transfer.ts";
import type { TransferEncoder } from "./transfer-encoder.ts";
import { SnapshotTransferError } from "./transfer-error.ts";
import { TransferPieces } from "./transfer-pieces.ts";

type Rows = ReadonlyMap<number, Uint8Array>;

/** One round of a snapshot in memory as the chunks of a transfer, synchronously: pinned by its own list of the rows. */
export class MemoryExport {
  readonly meta: SnapshotMeta;
  private readonly rows: readonly Uint8Array[];
  private readonly pieces: TransferPieces;
  private at = 0;

  constructor(meta: SnapshotMeta, znodes: Rows, sessions: Rows, chunkBytes: number) {
    this.meta = meta;
    this.rows = [...inOrder(znodes), ...inOrder(sessions)];
    this.pieces = new TransferPieces(meta, (encoder) => this.step(encoder), chunkBytes);
  }

  get zxid(): number {
    return this.meta.zxid;
  }

  /** The next bytes; undefined after the last. */
  next(): Uint8Array | undefined {
    return this.pieces.next();
  }

  private step(encoder: TransferEncoder): boolean {
    const row = this.rows[this.at++];
    if (row !== undefined) readRows(row, encoder);
    return row !== undefined;
  }
}

/** An export behind the interface of the real thing. */
export class MemoryTransfer implements SnapshotTransfer {
  private readonly source: MemoryExport;
  private readonly onClosed: () => void;
  private closed = false;

  constructor(source: MemoryExport, onClosed: () => void) {
    this.source = source;
    this.onClosed = onClosed;
  }

  get zxid(): number {
    return this.source.zxid;
  }

  get meta(): SnapshotMeta {
    return this.source.meta;
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.closed) throw new SnapshotTransferError("CLOSED", "the transfer was closed");
    return this.source.next();
  }

  close(): void {
    this.closed = true;
    this.onClosed();
  }
}

function inOrder(rows: Rows): Uint8Array[] {
  return [...rows].sort(([a], [b]) => a - b).map(([, row]) => row);
}
