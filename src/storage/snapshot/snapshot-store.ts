import type { Worker } from "node:worker_threads";
import type { SnapshotMeta } from "../../core/tree/snapshot-row.ts";
import { EarlyThread } from "../early-thread.ts";
import { workerFile } from "../worker-file.ts";
import { SnapshotError, snapshotError } from "./snapshot-error.ts";
import { createSnapshot, currentSnapshot } from "./snapshot-files.ts";
import { loadSnapshotMeta } from "./snapshot-loader.ts";
import {
  FLAG_CLOSING,
  FLAG_PINNED,
  FLAG_WAITING,
  FLAGS_BYTES,
  type SnapshotReport,
  type SnapshotRequest,
  type SnapshotWorkerData,
} from "./snapshot-protocol.ts";
import type { SnapshotTransfer } from "./snapshot-transfer.ts";
import { SnapshotTransfers, type TransferLimits } from "./snapshot-transfers.ts";
import type { WriterSizes } from "./snapshot-writer.ts";

/**
 * Where a member keeps its snapshot. Rows of one round are written in order, then the round is committed with its meta;
 * nothing of a round is visible before, all of it after. One round is open at a time, and the next may be written while
 * the last one is still being applied.
 */
export interface SnapshotStore {
  /**
   * Rows of the open round, in order, as `core/tree/snapshot-row` encodes them. The buffer's memory is transferred: do
   * not touch it, or another view of it, afterwards.
   */
  write(rows: Uint8Array): void;
  /** Commits the round at exactly `meta.zxid`; `onCommitted` follows. The memory of `meta.history` is transferred. */
  commit(meta: SnapshotMeta): void;
  /** Bytes handed over that the worker has not taken in yet, for sorting: the caller slows its capture by it. */
  readonly pendingBytes: number;
  /** zxid of the last committed round; 0 before the first: there is nothing to transfer then. */
  readonly lastZxid: number;
  stats(): SnapshotStats;
  /**
   * Begins to send the last committed round to a learner, while rounds go on. At most {@link TRANSFERS_MAX} at once.
   *
   * @throws SnapshotTransferError with reason NO_ROUND, TOO_MANY_TRANSFERS or CLOSED; SnapshotError when the file
   * cannot be read
   */
  openTransfer(): Promise<SnapshotTransfer>;
  /** Fails open transfers, finishes the commits handed over, drops an unfinished round, and releases the file. */
  close(): Promise<void>;
}

export interface SnapshotStats {
  /** Size of the -wal, bytes: 0 between rounds, unless the last one was large or somebody reads the file. */
  readonly walBytes: number;
  readonly databaseBytes: number;
  /** Rounds committed since the store was opened. */
  readonly rounds: number;
  /** zxid of the last committed round, 0 before the first. */
  readonly lastZxid: number;
  /** Bytes written to -wal and database since the store was opened. */
  readonly writtenBytes: number;
  /** True while the open round waits for free space on the disk. */
  readonly waitingForSpace: boolean;
}

export interface SnapshotEvents {
  /**
   * The round is fsynced, and in the database file as far as other readers of the file allow: the journal up to `zxid`
   * is no longer needed for recovery.
   */
  onCommitted(zxid: number): void;
  /** The open round is lost and the store does nothing any more; the last committed round stays as it is. */
  onFatal(error: Error): void;
}

export interface SnapshotOptions extends TransferLimits {
  /** The member's data directory, whose lock the caller holds. */
  readonly directory: string;
  /** zxid of the installed snapshot the journal names, if any (core.md 35). */
  readonly installed?: number | undefined;
  /** The thread to write on, where it was begun before. */
  readonly thread?: EarlySnapshotThread;
}

export type EarlySnapshotThread = EarlyThread<SnapshotWorkerData>;

/** The worker's heap: it keeps no state but SQLite's, and rows arrive outside the heap. */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 64 } as const;

/** Begins a store's thread before the store is opened. */
export function startSnapshotThread(): EarlySnapshotThread {
  const entry = workerFile("./snapshot-worker", import.meta.url);
  return new EarlyThread<SnapshotWorkerData>(entry, { name: "snapshot", resourceLimits: RESOURCE_LIMITS });
}

/**
 * Opens the directory's current snapshot for writing, on a worker thread; creates an empty one where there is none.
 *
 * @throws SnapshotError when the file is damaged or of another format
 */
export async function openSnapshotStore(options: SnapshotOptions, events: SnapshotEvents): Promise<SnapshotStore> {
  const { directory, installed } = options;
  const current = currentSnapshot(directory, installed) ?? createSnapshot(directory, installed ?? 0);
  const lastZxid = loadSnapshotMeta(current.file)?.zxid ?? 0;
  const store = new WorkerSnapshotStore(current.file, lastZxid, options, events);
  await store.opened;
  return store;
}

class WorkerSnapshotStore implements SnapshotStore {
  pendingBytes = 0;
  /** Settles when the worker has the file open, or could not open it. */
  readonly opened: Promise<void>;
  private readonly worker: Worker;
  private readonly events: SnapshotEvents;
  private readonly flags = new Int32Array(new SharedArrayBuffer(FLAGS_BYTES));
  private readonly exited: Promise<void>;
  private readonly transfers: SnapshotTransfers;
  private sizes: WriterSizes;
  private state: "opening" | "open" | "closing" | "failed" = "opening";
  private rejectOpened: (error: Error) => void = () => {};

  constructor(file: string, lastZxid: number, options: SnapshotOptions, events: SnapshotEvents) {
    this.events = events;
    this.sizes = { walBytes: 0, databaseBytes: 0, rounds: 0, lastZxid, writtenBytes: 0 };
    this.transfers = new SnapshotTransfers(file, options, (isPinned) => {
      Atomics.store(this.flags, FLAG_PINNED, isPinned ? 1 : 0);
      if (!isPinned && this.state === "open") this.post({ kind: "unpinned" });
    });
    this.worker = (options.thread ?? startSnapshotThread()).begin({ file, flags: this.flags });
    this.opened = new Promise((resolve, reject) => {
      this.rejectOpened = reject;
      this.worker.on("message", (report: SnapshotReport) => {
        if (report.kind === "opened") resolve();
        this.receive(report);
      });
    });
    this.worker.on("error", (error) => this.fail(snapshotError(file, "worker", error)));
    this.exited = new Promise((resolve) => {
      this.worker.once("exit", () => {
        if (this.state !== "closing") this.fail(snapshotError(file, "worker", new Error("the thread ended")));
        resolve();
      });
    });
  }

  write(rows: Uint8Array): void {
    if (this.state !== "open") return;
    this.pendingBytes += rows.length;
    this.post({ kind: "write", rows }, [rows.buffer as ArrayBuffer]);
  }

  commit(meta: SnapshotMeta): void {
    if (this.state !== "open") return;
    // An empty history may well be one and the same array every time.
    const transfer = meta.history.length > 0 ? [meta.history.buffer as ArrayBuffer] : [];
    this.post({ kind: "commit", meta }, transfer);
  }

  get lastZxid(): number {
    return this.sizes.lastZxid;
  }

  openTransfer(): Promise<SnapshotTransfer> {
    return this.transfers.open();
  }

  stats(): SnapshotStats {
    return { ...this.sizes, waitingForSpace: Atomics.load(this.flags, FLAG_WAITING) === 1 };
  }

  async close(): Promise<void> {
    if (this.state === "open") {
      this.state = "closing";
      Atomics.store(this.flags, FLAG_CLOSING, 1);
      Atomics.notify(this.flags, FLAG_CLOSING);
      // The last connection to close takes the -wal with it.
      await this.transfers.close();
      this.post({ kind: "close" });
    }
    await Promise.all([this.transfers.close(), this.exited]);
  }

  private receive(report: SnapshotReport): void {
    if (report.kind === "failed") {
      this.fail(new SnapshotError(report.fault));
      return;
    }
    this.sizes = report.sizes;
    this.transfers.walSize(report.sizes.walBytes);
    if (report.kind === "opened") this.state = "open";
    else if (report.kind === "applied") this.pendingBytes -= report.bytes;
    else if (report.kind === "committed") this.events.onCommitted(report.zxid);
  }

  private fail(error: Error): void {
    const { state } = this;
    if (state === "failed") return;
    this.state = "failed";
    void this.transfers.close();
    if (state === "opening") this.rejectOpened(error);
    else this.events.onFatal(error);
  }

  private post(request: SnapshotRequest, transfer: ArrayBuffer[] = []): void {
    this.worker.postMessage(request, transfer);
  }
}
