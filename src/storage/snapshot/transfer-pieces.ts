import type { SnapshotMeta } from "../../core/tree/snapshot-row.ts";
import { TRANSFER_PIECE_BYTES_MAX } from "./snapshot-transfer.ts";
import { TransferEncoder } from "./transfer-encoder.ts";

/** Where a transfer's rows come from: gives the encoder the next ones; false when there are none left. */
export type RowSource = (encoder: TransferEncoder) => boolean;

/** The bytes of one transfer, piece by piece: a chunk each, and chunks that are too large for one in several. */
export class TransferPieces {
  private readonly meta: SnapshotMeta;
  private readonly source: RowSource;
  private readonly chunkBytes: number;
  private readonly encoder = new TransferEncoder();
  private state: "new" | "rows" | "ended" = "new";
  /** What is left of a chunk that was cut. */
  private rest: Uint8Array | undefined;

  /** @param chunkBytes rows are sent when they have this many bytes */
  constructor(meta: SnapshotMeta, source: RowSource, chunkBytes: number) {
    this.meta = meta;
    this.source = source;
    this.chunkBytes = chunkBytes;
  }

  /** The next piece, its memory the caller's; undefined after the last. Some milliseconds of work. */
  next(): Uint8Array | undefined {
    const bytes = this.rest ?? this.chunk();
    this.rest = undefined;
    if (bytes === undefined || bytes.length <= TRANSFER_PIECE_BYTES_MAX) return bytes;
    this.rest = bytes.slice(TRANSFER_PIECE_BYTES_MAX);
    return bytes.slice(0, TRANSFER_PIECE_BYTES_MAX);
  }

  private chunk(): Uint8Array | undefined {
    const { encoder } = this;
    if (this.state === "ended") return undefined;
    if (this.state === "new") {
      this.state = "rows";
      return encoder.begin(this.meta);
    }
    while (encoder.pendingBytes < this.chunkBytes && this.source(encoder));
    if (encoder.pendingBytes > 0) return encoder.rows();
    this.state = "ended";
    return encoder.end();
  }
}
