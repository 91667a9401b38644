import type { SnapshotMeta } from "../../core/tree/snapshot-row.ts";
import { PinnedRound, readPieces } from "./pinned-round.ts";
import type { TransferPieces } from "./transfer-pieces.ts";

interface OpenTransfer {
  readonly round: PinnedRound;
  readonly pieces: TransferPieces;
}

/** The open transfers of one file, by id. Those that begin at the same zxid share one read transaction. */
export class PinnedRounds {
  private readonly file: string;
  private readonly transfers = new Map<number, OpenTransfer>();

  constructor(file: string) {
    this.file = file;
  }

  /** Read transactions there are. */
  get pinned(): number {
    return new Set([...this.transfers.values()].map(({ round }) => round)).size;
  }

  /** Begins a transfer of the last committed round; throws as {@link PinnedRound} does. */
  open(id: number): SnapshotMeta {
    const round = this.pin();
    this.transfers.set(id, { round, pieces: readPieces(round) });
    return round.meta;
  }

  /** The transfer's next piece; undefined after its last, and of a transfer that is closed. */
  next(id: number): Uint8Array | undefined {
    return this.transfers.get(id)?.pieces.next();
  }

  /** Ends a transfer, and its read transaction unless another has part in it. */
  close(id: number): void {
    const closed = this.transfers.get(id)?.round;
    this.transfers.delete(id);
    for (const { round } of this.transfers.values()) if (round === closed) return;
    closed?.close();
  }

  closeAll(): void {
    for (const id of [...this.transfers.keys()]) this.close(id);
  }

  private pin(): PinnedRound {
    const fresh = new PinnedRound(this.file);
    for (const { round } of this.transfers.values()) {
      if (round.meta.zxid !== fresh.meta.zxid) continue;
      fresh.close();
      return round;
    }
    return fresh;
  }
}
