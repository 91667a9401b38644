import type { SnapshotMeta } from "../../core/tree/snapshot-row.ts";
import type { SnapshotFault } from "./snapshot-error.ts";
import type { WriterSizes } from "./snapshot-writer.ts";

/** What the store asks of its worker, in order. */
export type SnapshotRequest =
  | { readonly kind: "write"; readonly rows: Uint8Array }
  | { readonly kind: "commit"; readonly meta: SnapshotMeta }
  | { readonly kind: "close" };

/** What the worker tells the store. */
export type SnapshotReport =
  | { readonly kind: "opened"; readonly sizes: WriterSizes }
  | { readonly kind: "applied"; readonly bytes: number; readonly sizes: WriterSizes }
  | { readonly kind: "committed"; readonly zxid: number; readonly sizes: WriterSizes }
  | { readonly kind: "failed"; readonly fault: SnapshotFault };

export interface SnapshotWorkerData {
  readonly file: string;
  /** Shared memory: {@link FLAG_CLOSING} set by the store, {@link FLAG_WAITING} by the worker. */
  readonly flags: Int32Array;
}

export const FLAG_CLOSING = 0;
export const FLAG_WAITING = 1;
export const FLAGS_BYTES = 8;
