import { Worker } from "node:worker_threads";
import type { SnapshotMeta } from "../../core/tree/snapshot-row.ts";
import { workerFile } from "../worker-file.ts";
import { snapshotError } from "./snapshot-error.ts";
import { type SnapshotTransfer, TRANSFER_MS_MAX, TRANSFER_WAL_BYTES_MAX, TRANSFERS_MAX } from "./snapshot-transfer.ts";
import { SnapshotTransferError } from "./transfer-error.ts";
import { fromFault, type TransferReport, type TransferRequest, type TransferWorkerData } from "./transfer-protocol.ts";

export interface TransferLimits {
  /** Most time one transfer may take, ms; {@link TRANSFER_MS_MAX} by default. */
  readonly transferMsMax?: number | undefined;
  /** Most bytes of -wal while there are transfers; {@link TRANSFER_WAL_BYTES_MAX} by default. */
  readonly transferWalBytesMax?: number | undefined;
}

/** The thread's heap: a page of rows and a chunk. */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 128 } as const;

/**
 * The transfers of one snapshot file, read by a thread of their own while there are any, so that rounds and transfers
 * do not wait for each other. What they hold up is checkpoints: that is bounded by time and by the -wal's size.
 */
export class SnapshotTransfers {
  private readonly file: string;
  private readonly msMax: number;
  private readonly walBytesMax: number;
  /** Told when the first read transaction may begin, and when the last has ended. */
  private readonly onPinned: (isPinned: boolean) => void;
  private readonly transfers = new Map<number, OpenTransfer>();
  private worker: Worker | undefined;
  /** Threads that still run, those told to stop included. */
  private readonly running = new Set<Promise<void>>();
  private lastId = 0;
  private closed = false;

  constructor(file: string, limits: TransferLimits, onPinned: (isPinned: boolean) => void) {
    this.file = file;
    this.msMax = limits.transferMsMax ?? TRANSFER_MS_MAX;
    this.walBytesMax = limits.transferWalBytesMax ?? TRANSFER_WAL_BYTES_MAX;
    this.onPinned = onPinned;
  }

  async open(): Promise<SnapshotTransfer> {
    if (this.closed) throw new SnapshotTransferError("CLOSED", "the snapshot store is closed");
    if (this.transfers.size >= TRANSFERS_MAX) {
      throw new SnapshotTransferError("TOO_MANY_TRANSFERS", `${TRANSFERS_MAX} transfers are running`);
    }
    this.worker ??= this.start();
    const { worker } = this;
    const id = ++this.lastId;
    const transfer = new OpenTransfer(
      (kind) => worker.postMessage({ kind, id } satisfies TransferRequest),
      () => this.remove(id),
      this.msMax,
    );
    this.transfers.set(id, transfer);
    await transfer.opened;
    return transfer;
  }

  /** The -wal has this size now. */
  walSize(bytes: number): void {
    if (bytes <= this.walBytesMax || this.transfers.size === 0) return;
    const text = `the -wal has ${bytes} bytes, and ${this.walBytesMax} is the most while there are transfers`;
    this.failAll(() => new SnapshotTransferError("WAL_TOO_LARGE", text));
  }

  /** Fails the open transfers and resolves when nothing reads the file any more. */
  async close(): Promise<void> {
    this.closed = true;
    this.failAll(() => new SnapshotTransferError("CLOSED", "the snapshot store is closed"));
    await Promise.all(this.running);
  }

  private failAll(error: () => Error): void {
    for (const transfer of [...this.transfers.values()]) transfer.fail(error());
  }

  /** A transfer has ended; with the last one the thread ends, and its connections with it. */
  private remove(id: number): void {
    this.transfers.delete(id);
    if (this.transfers.size > 0) return;
    this.worker?.postMessage({ kind: "stop" } satisfies TransferRequest);
    this.worker = undefined;
  }

  private start(): Worker {
    if (this.running.size === 0) this.onPinned(true);
    const workerData: TransferWorkerData = { file: this.file };
    const worker = new Worker(workerFile("./transfer-worker", import.meta.url), {
      name: "snapshot transfers",
      workerData,
      resourceLimits: RESOURCE_LIMITS,
    });
    worker.on("message", (report: TransferReport) => this.transfers.get(report.id)?.receive(report));
    worker.on("error", (error) => this.lost(worker, error));
    const exited = new Promise<void>((resolve) => {
      worker.once("exit", () => {
        this.lost(worker, new Error("the thread ended"));
        this.running.delete(exited);
        if (this.running.size === 0) this.onPinned(false);
        resolve();
      });
    });
    this.running.add(exited);
    return worker;
  }

  private lost(worker: Worker, error: Error): void {
    if (worker === this.worker) this.failAll(() => snapshotError(this.file, "transfer", error));
  }
}

/** One transfer, a chunk ahead of its reader. */
class OpenTransfer implements SnapshotTransfer {
  meta!: SnapshotMeta;
  /** Settles when the round is pinned. */
  readonly opened: Promise<void>;
  private readonly post: (kind: "open" | "next" | "close") => void;
  private readonly onClosed: () => void;
  private readonly timer: NodeJS.Timeout;
  private settleOpened: (error?: Error) => void = () => {};
  private waiting: { resolve(chunk: Uint8Array | undefined): void; reject(error: Error): void } | undefined;
  /** The chunk that came before it was asked for. */
  private ahead: { readonly chunk: Uint8Array | undefined } | undefined;
  private error: Error | undefined;

  constructor(post: (kind: "open" | "next" | "close") => void, onClosed: () => void, msMax: number) {
    this.post = post;
    this.onClosed = onClosed;
    this.opened = new Promise((resolve, reject) => {
      this.settleOpened = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.timer = setTimeout(() => {
      this.fail(new SnapshotTransferError("TRANSFER_TOO_LONG", `it took longer than ${msMax} ms`));
    }, msMax);
    this.timer.unref();
    post("open");
  }

  get zxid(): number {
    return this.meta.zxid;
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.error !== undefined) throw this.error;
    const { ahead } = this;
    if (ahead === undefined) {
      return new Promise((resolve, reject) => {
        this.waiting = { resolve, reject };
      });
    }
    if (ahead.chunk === undefined) return undefined;
    this.ahead = undefined;
    this.post("next");
    return ahead.chunk;
  }

  close(): void {
    this.fail(new SnapshotTransferError("CLOSED", "the transfer was closed"));
  }

  receive(report: TransferReport): void {
    if (report.kind === "failed") {
      this.fail(fromFault(report.fault));
    } else if (report.kind === "opened") {
      this.meta = report.meta;
      this.settleOpened();
      this.post("next");
    } else {
      this.take(report.chunk);
    }
  }

  fail(error: Error): void {
    if (this.error !== undefined) return;
    this.error = error;
    clearTimeout(this.timer);
    this.post("close");
    this.settleOpened(error);
    this.waiting?.reject(error);
    this.waiting = undefined;
    this.ahead = undefined;
    this.onClosed();
  }

  private take(chunk: Uint8Array | undefined): void {
    const { waiting } = this;
    if (waiting === undefined || chunk === undefined) this.ahead = { chunk };
    if (waiting === undefined) return;
    this.waiting = undefined;
    waiting.resolve(chunk);
    if (chunk !== undefined) this.post("next");
  }
}
