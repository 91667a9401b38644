import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../core/base/assert.ts";
import { PinnedRounds } from "./pinned-rounds.ts";
import { type TransferReport, type TransferRequest, type TransferWorkerData, toFault } from "./transfer-protocol.ts";

/** Entry of the thread that reads a snapshot for transfers, beside the one that writes it. It ends on `stop`. */

const port = parentPort;
assert(port !== null, "transfer-worker runs as a worker thread");
const { file } = workerData as TransferWorkerData;
const rounds = new PinnedRounds(file);

const report = (message: TransferReport, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

function handle(kind: "open" | "next" | "close", id: number): void {
  if (kind === "open") {
    report({ kind: "opened", id, meta: rounds.open(id) });
  } else if (kind === "next") {
    const chunk = rounds.next(id);
    report({ kind: "chunk", id, chunk }, chunk === undefined ? [] : [chunk.buffer as ArrayBuffer]);
  } else {
    rounds.close(id);
  }
}

port.on("message", (request: TransferRequest) => {
  if (request.kind === "stop") {
    rounds.closeAll();
    port.close();
    return;
  }
  try {
    handle(request.kind, request.id);
  } catch (error) {
    report({ kind: "failed", id: request.id, fault: toFault(error, file, "transfer") });
  }
});
