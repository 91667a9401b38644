import { parentPort } from "node:worker_threads";
import { assert } from "../../core/base/assert.ts";
import { nodeDisk } from "../node-disk.ts";
import { type JournalWorkerData, runJournalThread } from "./journal-thread.ts";

/** Entry module of the journal's worker. */
const port = parentPort;
assert(port !== null, "this module is the entry of a worker");
port.once("message", (data: JournalWorkerData) => {
  runJournalThread(nodeDisk, data, (message) => port.postMessage(message));
});
