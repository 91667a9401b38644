import { readRows, type SnapshotMeta } from "../../core/tree/snapshot-row.ts";
import type { SnapshotTransfer } from "./snapshot-transfer.ts";
import { TransferEncoder } from "./transfer-encoder.ts";
import { SnapshotTransferError } from "./transfer-error.ts";

type Rows = ReadonlyMap<number, Uint8Array>;

/** One round of a snapshot in memory as the chunks of a transfer, synchronously: pinned by its own list of the rows. */
export class MemoryExport {
  readonly meta: SnapshotMeta;
  private readonly rows: readonly Uint8Array[];
  private readonly chunkBytes: number;
  private readonly encoder = new TransferEncoder();
  private at = 0;
  private state: "new" | "rows" | "ended" = "new";

  constructor(meta: SnapshotMeta, znodes: Rows, sessions: Rows, chunkBytes: number) {
    this.meta = meta;
    this.chunkBytes = chunkBytes;
    this.rows = [...inOrder(znodes), ...inOrder(sessions)];
  }

  get zxid(): number {
    return this.meta.zxid;
  }

  /** The next chunk; undefined after the last. */
  next(): Uint8Array | undefined {
    const { encoder, rows } = this;
    if (this.state === "ended") return undefined;
    if (this.state === "new") {
      this.state = "rows";
      return encoder.begin(this.meta);
    }
    while (this.at < rows.length && encoder.pendingBytes < this.chunkBytes) {
      readRows(rows[this.at++] as Uint8Array, encoder);
    }
    if (encoder.pendingBytes > 0) return encoder.rows();
    this.state = "ended";
    return encoder.end();
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
