import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../core/base/assert.ts";
import { nodeDisk } from "../node-disk.ts";
import { type HistoryRequest, HistoryServer } from "./history-server.ts";

/** Entry module of the thread that reads histories; `workerData` is the journal's directory. */
const port = parentPort;
assert(port !== null, "this module is the entry of a worker");
const server = new HistoryServer(nodeDisk, workerData as string);
port.on("message", (request: HistoryRequest) => {
  const reply = server.handle(request);
  if (reply === undefined) return;
  if (reply.kind === "chunk") {
    port.postMessage(reply, [reply.bytes.buffer as ArrayBuffer, reply.spans.buffer as ArrayBuffer]);
  } else port.postMessage(reply);
});
