import { Worker } from "node:worker_threads";
import type { JobRefusal } from "./worker-error.ts";
import type { PoolLimits } from "./worker-limits.ts";
import { type JobRequest, ownCopy, type WorkerReport } from "./worker-protocol.ts";

/** How one job ended. After the last three the thread is no more. */
export type JobEnd =
  | { readonly outcome: "done"; readonly output: unknown }
  | { readonly outcome: "refused"; readonly refusal: JobRefusal }
  | { readonly outcome: "timeout" }
  | { readonly outcome: "memory" }
  | { readonly outcome: "crashed"; readonly error: Error };

export interface ThreadListener {
  /** It has loaded its code, or has ended a job, and waits. */
  onIdle(): void;
  /** It is gone, though nobody asked it to go. `error` where that was not of a job. */
  onGone(error: Error | undefined): void;
}

interface RunningJob {
  /** `ms` counts from the job's start in the worker. */
  readonly onEnd: (end: JobEnd, ms: number) => void;
  /** performance.now() at that start; 0 before it. */
  begunAt: number;
  timer: NodeJS.Timeout | undefined;
}

/** Of the heap, where new objects are made, MiB. */
const YOUNG_HEAP_MIB = 16;

/** One worker thread of a pool: one job at a time, killed when a job takes too long. */
export class PoolThread {
  private readonly worker: Worker;
  private readonly jobMs: number;
  private readonly listener: ThreadListener;
  private state: "starting" | "idle" | "busy" | "gone" = "starting";
  private job: RunningJob | undefined;

  constructor(entry: URL, { jobMs, heapMib }: PoolLimits, listener: ThreadListener) {
    this.jobMs = jobMs;
    this.listener = listener;
    this.worker = new Worker(entry, {
      name: "content",
      resourceLimits: { maxOldGenerationSizeMb: heapMib - YOUNG_HEAP_MIB, maxYoungGenerationSizeMb: YOUNG_HEAP_MIB },
    });
    this.worker.on("message", (report: WorkerReport) => this.receive(report));
    this.worker.on("error", (error: NodeJS.ErrnoException) => this.die(error));
    this.worker.on("exit", () => this.die(new Error("the thread ended by itself")));
  }

  /** The thread must be idle. */
  run({ kind, input }: JobRequest, onEnd: RunningJob["onEnd"]): void {
    this.state = "busy";
    this.worker.ref();
    this.job = { onEnd, begunAt: 0, timer: undefined };
    const copy = ownCopy(input);
    this.worker.postMessage({ kind, input: copy.input } satisfies JobRequest, copy.buffers);
  }

  /** Ends the thread, without a word about its job. */
  async end(): Promise<void> {
    this.state = "gone";
    clearTimeout(this.job?.timer);
    this.job = undefined;
    await this.worker.terminate();
  }

  private receive(report: WorkerReport): void {
    // What a thread said before it was ended may arrive after.
    if (this.state === "gone") return;
    if (report.event === "begun") {
      this.begun();
      return;
    }
    if (report.event === "done") this.settle({ outcome: "done", output: report.output });
    else if (report.event === "refused") this.settle({ outcome: "refused", refusal: report.refusal });
    this.state = "idle";
    // A pool without work keeps no process alive.
    this.worker.unref();
    this.listener.onIdle();
  }

  private begun(): void {
    const job = this.job as RunningJob;
    job.begunAt = performance.now();
    // When this loop was late itself, the answer may lie ready: one look at what has arrived, then the kill.
    job.timer = setTimeout(() => setImmediate(() => this.expire(job)), this.jobMs);
  }

  private expire(job: RunningJob): void {
    if (this.job !== job) return;
    this.leave({ outcome: "timeout" }, undefined);
    void this.worker.terminate();
  }

  private die(error: NodeJS.ErrnoException): void {
    if (this.state === "gone") return;
    const isOfJob = this.state === "busy";
    const isMemory = error.code === "ERR_WORKER_OUT_OF_MEMORY";
    this.leave(isMemory ? { outcome: "memory" } : { outcome: "crashed", error }, isOfJob ? undefined : error);
  }

  private leave(end: JobEnd, error: Error | undefined): void {
    this.state = "gone";
    this.settle(end);
    this.listener.onGone(error);
  }

  private settle(end: JobEnd): void {
    const { job } = this;
    if (job === undefined) return;
    this.job = undefined;
    clearTimeout(job.timer);
    job.onEnd(end, job.begunAt === 0 ? 0 : performance.now() - job.begunAt);
  }
}
