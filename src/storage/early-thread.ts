import { Worker, type WorkerOptions } from "node:worker_threads";

/**
 * A thread begun before it is known what it is to work on: it loads its code, which takes longer than many a journal,
 * while others read. Its entry module waits for one message, which is what it would have had as `workerData`.
 */
export class EarlyThread<Data> {
  private readonly entry: URL;
  private readonly options: WorkerOptions;
  private worker: Worker | undefined;

  constructor(entry: URL, options: WorkerOptions) {
    this.entry = entry;
    this.options = options;
    this.start();
  }

  /** A thread waits for its work. */
  get isWaiting(): boolean {
    return this.worker !== undefined;
  }

  private start(): void {
    const worker = new Worker(this.entry, this.options);
    this.worker = worker;
    // Another one is begun in its place, and fails before somebody who listens.
    worker.once("error", this.onEnd).once("exit", this.onEnd);
  }

  /** The thread at work, from here on the caller's; listen to it before the turn is over. */
  begin(data: Data): Worker {
    if (!this.isWaiting) this.start();
    const worker = this.worker as Worker;
    this.worker = undefined;
    worker.off("error", this.onEnd).off("exit", this.onEnd);
    worker.postMessage(data);
    return worker;
  }

  /** Ends the thread if it still waits. */
  async end(): Promise<void> {
    await this.worker?.terminate();
  }

  private readonly onEnd = (): void => {
    this.worker = undefined;
  };
}
