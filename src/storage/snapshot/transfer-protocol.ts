import type { SnapshotMeta } from "../../core/tree/snapshot-row.ts";
import { SnapshotError, type SnapshotFault, snapshotError } from "./snapshot-error.ts";
import { SnapshotTransferError, type TransferFault } from "./transfer-error.ts";

/** An error on its way out of a worker, which only takes plain objects. */
export type WorkerFault =
  | { readonly kind: "file"; readonly fault: SnapshotFault }
  | { readonly kind: "transfer"; readonly fault: TransferFault };

export function toFault(error: unknown, file: string, where: string): WorkerFault {
  if (error instanceof SnapshotTransferError) return { kind: "transfer", fault: error.fault };
  return { kind: "file", fault: snapshotError(file, where, error).fault };
}

export function fromFault({ kind, fault }: WorkerFault): Error {
  return kind === "file" ? new SnapshotError(fault) : new SnapshotTransferError(fault.reason, fault.text);
}

export interface TransferWorkerData {
  readonly file: string;
}

/** What the store asks of the thread that reads for transfers. `id` names a transfer. */
export type TransferRequest =
  | { readonly kind: "open" | "next" | "close"; readonly id: number }
  /** Closes all of them and ends the thread. */
  | { readonly kind: "stop" };

export type TransferReport =
  | { readonly kind: "opened"; readonly id: number; readonly meta: SnapshotMeta }
  | { readonly kind: "chunk"; readonly id: number; readonly chunk: Uint8Array | undefined }
  | { readonly kind: "failed"; readonly id: number; readonly fault: WorkerFault };

export interface InstallWorkerData {
  readonly directory: string;
  readonly installed: number | undefined;
}

/** What an install asks of its thread, in order. The last two end it. */
export type InstallRequest =
  | { readonly kind: "write"; readonly bytes: Uint8Array }
  | { readonly kind: "finish" }
  | { readonly kind: "abort" };

export type InstallReport =
  | { readonly kind: "written"; readonly bytes: number }
  | { readonly kind: "finished"; readonly zxid: number; readonly file: string }
  | { readonly kind: "failed"; readonly fault: WorkerFault };
