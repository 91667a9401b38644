import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../core/base/assert.ts";
import { SnapshotInstaller } from "./snapshot-installer.ts";
import { type InstallReport, type InstallRequest, type InstallWorkerData, toFault } from "./transfer-protocol.ts";

/** Entry of the thread that receives one snapshot. It ends with the install, or with its first error. */

const port = parentPort;
assert(port !== null, "install-worker runs as a worker thread");
const data = workerData as InstallWorkerData;
const installer = new SnapshotInstaller(data);

const report = (message: InstallReport): void => port.postMessage(message);

function handle(request: InstallRequest): void {
  if (request.kind === "write") {
    installer.write(request.bytes);
    report({ kind: "written", bytes: request.bytes.length });
    return;
  }
  if (request.kind === "finish") report({ kind: "finished", ...installer.finish() });
  else installer.abort();
  port?.close();
}

port.on("message", (request: InstallRequest) => {
  try {
    handle(request);
  } catch (error) {
    installer.abort();
    report({ kind: "failed", fault: toFault(error, data.directory, "install") });
    port.close();
  }
});
