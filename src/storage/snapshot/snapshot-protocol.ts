import type { SnapshotMeta } from "../../core/tree/snapshot-row.ts";
import type { SnapshotFault } from "./snapshot-error.ts";
import type { WriterSizes } from "./snapshot-writer.ts";

/** What the store asks of its worker, in order. */
export type SnapshotRequest =
  | { readonly kind: "write"; readonly rows: Uint8Array }
  | { readonly kind: "commit"; readonly meta: SnapshotMeta }
  /** The last transfer has ended: what it held back may move. */
  | { readonly kind: "unpinned" }
  | { readonly kind: "close" };

/** What the worker tells the store. */
export type SnapshotReport =
  | { readonly kind: "opened"; readonly sizes: WriterSizes }
  | { readonly kind: "applied"; readonly bytes: number; readonly sizes: WriterSizes }
  | { readonly kind: "unpinned"; readonly sizes: WriterSizes }
  | { readonly kind: "committed"; readonly zxid: number; readonly sizes: WriterSizes }
  | { readonly kind: "failed"; readonly fault: SnapshotFault };

export interface SnapshotWorkerData {
  readonly file: string;
  /** Shared memory: {@link FLAG_WAITING} is set by the worker, the others by the store. */
  readonly flags: Int32Array;
}

export const FLAG_CLOSING = 0;
export const FLAG_WAITING = 1;
/** Transfers read the file. */
export const FLAG_PINNED = 2;
export const FLAGS_BYTES = 12;
