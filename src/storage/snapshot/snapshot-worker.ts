import { parentPort } from "node:worker_threads";
import { assert } from "../../core/base/assert.ts";
import { SnapshotError, snapshotError } from "./snapshot-error.ts";
import {
  FLAG_CLOSING,
  FLAG_PINNED,
  FLAG_WAITING,
  type SnapshotReport,
  type SnapshotRequest,
  type SnapshotWorkerData,
} from "./snapshot-protocol.ts";
import { RoundAbandonedError, SnapshotWriter } from "./snapshot-writer.ts";

/** Entry of the snapshot's worker thread: requests in, SQLite, reports out. After a failure it ends. */

/** How long the worker sleeps between two looks at a full disk, ms. */
const SPACE_POLL_MS = 500;

const port = parentPort;
assert(port !== null, "snapshot-worker runs as a worker thread");

const report = (message: SnapshotReport): void => port.postMessage(message);

function waitForSpace(flags: Int32Array): boolean {
  Atomics.store(flags, FLAG_WAITING, 1);
  return Atomics.wait(flags, FLAG_CLOSING, 0, SPACE_POLL_MS) === "timed-out";
}

function handle(writer: SnapshotWriter, flags: Int32Array, request: SnapshotRequest): void {
  if (request.kind === "write") {
    writer.write(request.rows);
    report({ kind: "applied", bytes: request.rows.length, sizes: writer.sizes });
  } else if (request.kind === "commit") {
    writer.commit(request.meta);
    report({ kind: "committed", zxid: request.meta.zxid, sizes: writer.sizes });
  } else if (request.kind === "unpinned") {
    writer.unpinned();
    report({ kind: "unpinned", sizes: writer.sizes });
  } else {
    writer.close();
    port?.close();
  }
  Atomics.store(flags, FLAG_WAITING, 0);
}

function run({ file, flags }: SnapshotWorkerData): void {
  const writer = new SnapshotWriter(file, {
    waitForSpace: () => waitForSpace(flags),
    isPinned: () => Atomics.load(flags, FLAG_PINNED) === 1,
  });
  report({ kind: "opened", sizes: writer.sizes });
  port?.on("message", (request: SnapshotRequest) => {
    try {
      handle(writer, flags, request);
    } catch (error) {
      if (!(error instanceof RoundAbandonedError)) fail(file, error);
      writer.close();
      port?.close();
    }
  });
}

function fail(file: string, error: unknown): void {
  const { fault } = error instanceof SnapshotError ? error : snapshotError(file, "worker", error);
  report({ kind: "failed", fault });
}

port.once("message", (data: SnapshotWorkerData) => {
  try {
    run(data);
  } catch (error) {
    fail(data.file, error);
    port.close();
  }
});
