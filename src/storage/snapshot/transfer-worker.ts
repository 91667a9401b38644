import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../core/base/assert.ts";
import { type TransferReport, type TransferRequest, type TransferWorkerData, toFault } from "./transfer-protocol.ts";
import { PinnedRound, TransferSource } from "./transfer-source.ts";

/** Entry of the thread that reads a snapshot for transfers, beside the one that writes it. It ends on `stop`. */

const port = parentPort;
assert(port !== null, "transfer-worker runs as a worker thread");
const { file } = workerData as TransferWorkerData;

interface OpenTransfer {
  readonly round: PinnedRound;
  readonly source: TransferSource;
}

const transfers = new Map<number, OpenTransfer>();

/** The round just committed, or the same read transaction once more if another transfer holds that very round. */
function pin(): PinnedRound {
  const fresh = new PinnedRound(file);
  for (const { round } of transfers.values()) {
    if (round.meta.zxid !== fresh.meta.zxid) continue;
    fresh.close();
    return round;
  }
  return fresh;
}

function open(id: number): void {
  const round = pin();
  transfers.set(id, { round, source: new TransferSource(round) });
  port?.postMessage({ kind: "opened", id, meta: round.meta } satisfies TransferReport);
}

function next(id: number): void {
  const chunk = transfers.get(id)?.source.next();
  const transfer = chunk === undefined ? [] : [chunk.buffer as ArrayBuffer];
  port?.postMessage({ kind: "chunk", id, chunk } satisfies TransferReport, transfer);
}

function close(id: number): void {
  const closed = transfers.get(id)?.round;
  transfers.delete(id);
  if (closed === undefined) return;
  for (const { round } of transfers.values()) if (round === closed) return;
  closed.close();
}

port.on("message", (request: TransferRequest) => {
  if (request.kind === "stop") {
    for (const id of [...transfers.keys()]) close(id);
    port.close();
    return;
  }
  const { kind, id } = request;
  try {
    if (kind === "open") open(id);
    else if (kind === "next") next(id);
    else close(id);
  } catch (error) {
    port.postMessage({ kind: "failed", id, fault: toFault(error, file, "transfer") } satisfies TransferReport);
  }
});
