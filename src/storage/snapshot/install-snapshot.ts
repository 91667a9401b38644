import { Worker } from "node:worker_threads";
import { workerFile } from "../worker-file.ts";
import { snapshotError } from "./snapshot-error.ts";
import type { InstalledSnapshot, SnapshotInstall } from "./snapshot-transfer.ts";
import { SnapshotTransferError } from "./transfer-error.ts";
import { fromFault, type InstallReport, type InstallRequest, type InstallWorkerData } from "./transfer-protocol.ts";

/** Bytes handed to the thread and not yet in the file above which `write` waits. */
const PENDING_BYTES_MAX = 4 * 1024 * 1024;
/** The thread's heap: rows arrive outside of it. */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 128 } as const;

export interface InstallOptions {
  /** The member's data directory, whose lock the caller holds. */
  readonly directory: string;
  /** zxid of the installed snapshot the journal names, if any: what is current, and must not be written over. */
  readonly installed?: number | undefined;
}

/** Begins to receive a snapshot, in a thread of its own; the current one stays as it is. One at a time. */
export function installSnapshot(options: InstallOptions): SnapshotInstall {
  return new WorkerInstall(options);
}

interface Waiting<Value> {
  resolve(value: Value): void;
  reject(error: Error): void;
}

class WorkerInstall implements SnapshotInstall {
  private readonly worker: Worker;
  private readonly exited: Promise<void>;
  private pendingBytes = 0;
  private error: Error | undefined;
  private state: "open" | "finishing" | "ended" = "open";
  private readonly writes: Waiting<void>[] = [];
  private finished: Waiting<InstalledSnapshot> | undefined;

  constructor({ directory, installed }: InstallOptions) {
    const workerData: InstallWorkerData = { directory, installed };
    this.worker = new Worker(workerFile("./install-worker", import.meta.url), {
      name: "snapshot install",
      workerData,
      resourceLimits: RESOURCE_LIMITS,
    });
    this.worker.on("message", (report: InstallReport) => this.receive(report));
    this.worker.on("error", (error) => this.fail(snapshotError(directory, "install", error)));
    this.exited = new Promise((resolve) => {
      this.worker.once("exit", () => {
        this.fail(new SnapshotTransferError("CLOSED", "the install has ended"));
        resolve();
      });
    });
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.expectOpen();
    const { buffer, byteLength } = chunk;
    const isWhole = buffer instanceof ArrayBuffer && byteLength === buffer.byteLength;
    const bytes = isWhole ? chunk : chunk.slice();
    this.pendingBytes += byteLength;
    this.post({ kind: "write", bytes }, [bytes.buffer as ArrayBuffer]);
    if (this.pendingBytes <= PENDING_BYTES_MAX) return;
    await new Promise<void>((resolve, reject) => {
      this.writes.push({ resolve, reject });
    });
  }

  async finish(): Promise<InstalledSnapshot> {
    this.expectOpen();
    this.state = "finishing";
    this.post({ kind: "finish" });
    const installed = await new Promise<InstalledSnapshot>((resolve, reject) => {
      this.finished = { resolve, reject };
    });
    await this.exited;
    return installed;
  }

  async abort(): Promise<void> {
    if (this.state !== "ended") this.post({ kind: "abort" });
    await this.exited;
  }

  private expectOpen(): void {
    if (this.error !== undefined) throw this.error;
    if (this.state !== "open") throw new SnapshotTransferError("CLOSED", "the install has ended");
  }

  private receive(report: InstallReport): void {
    if (report.kind === "failed") {
      this.fail(fromFault(report.fault));
    } else if (report.kind === "written") {
      this.pendingBytes -= report.bytes;
      if (this.pendingBytes <= PENDING_BYTES_MAX) for (const { resolve } of this.writes.splice(0)) resolve();
    } else {
      this.state = "ended";
      const { zxid, file } = report;
      this.finished?.resolve({ zxid, file });
    }
  }

  private fail(error: Error): void {
    this.error ??= error;
    this.state = "ended";
    for (const { reject } of this.writes.splice(0)) reject(this.error);
    this.finished?.reject(this.error);
  }

  private post(request: InstallRequest, transfer: ArrayBuffer[] = []): void {
    this.worker.postMessage(request, transfer);
  }
}
