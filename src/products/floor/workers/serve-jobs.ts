import { constants, getPriority, setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { assert } from "../../../core/base/assert.ts";
import { refusalOf } from "./content-fault.ts";
import type { JobTable } from "./worker-pool.ts";
import type { JobRequest, WorkerReport } from "./worker-protocol.ts";

/** How each kind of job is done. What it throws but a ContentFault is a defect, and the end of the thread. */
export type JobHandlers<Jobs extends JobTable<Jobs>> = {
  readonly [Kind in keyof Jobs]: (input: Jobs[Kind]["input"]) => Jobs[Kind]["output"] | Promise<Jobs[Kind]["output"]>;
};

/** Where the loop and a worker want one core, the loop is to win: how much nicer the worker is than the process. */
const NICENESS = 5;

/**
 * The life of a worker of the pool: one job after the other, until it is ended. The bytes of an output are handed over,
 * so each array of them owns its buffer.
 */
export function serveJobs<Jobs extends JobTable<Jobs>>(handlers: JobHandlers<Jobs>): void {
  const port = parentPort;
  assert(port !== null, "jobs are served by a worker thread");
  // Linux counts this for the thread; elsewhere it would slow the whole process.
  if (process.platform === "linux") setPriority(Math.min(getPriority() + NICENESS, constants.priority.PRIORITY_LOW));
  const report = (message: WorkerReport, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
  port.on("message", async ({ kind, input }: JobRequest) => {
    report({ event: "begun" });
    try {
      const output = await handlers[kind as keyof Jobs](input);
      report({ event: "done", output }, buffersOf(output));
    } catch (error) {
      report({ event: "refused", refusal: refusalOf(error) });
    }
  });
  report({ event: "ready" });
}

function buffersOf(output: object): ArrayBuffer[] {
  return Object.values(output).flatMap((part) => {
    if (part instanceof Uint8Array) return [part.buffer as ArrayBuffer];
    return Array.isArray(part) ? part.flatMap(buffersOf) : [];
  });
}
