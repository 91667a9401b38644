import { availableParallelism } from "node:os";
import { type JobEnd, PoolThread } from "./pool-thread.ts";
import { type JobRefusal, WorkerError } from "./worker-error.ts";
import { defaultPoolLimits, type PoolLimits } from "./worker-limits.ts";
import { bytesOf, type JobInput } from "./worker-protocol.ts";

/** Jobs by kind. */
export type JobTable<Jobs> = { [Kind in keyof Jobs]: { input: JobInput; output: object } };

export interface PoolOptions {
  /** The worker's entry module, as JavaScript; it calls `serveJobs`. */
  readonly entry: URL;
  /** Those of {@link defaultPoolLimits} where left out. */
  readonly limits?: Partial<PoolLimits>;
}

export interface PoolDependencies {
  readonly log: PoolLog;
  /** A job that began has ended after so many seconds. */
  readonly observeJob?: (seconds: number) => void;
}

/** What the pool needs of a logger; pino's is one. */
export interface PoolLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** `overloaded` and `stopped` are jobs that never began, or were given up. */
export type JobOutcome = JobEnd["outcome"] | "overloaded" | "stopped";

/** All but `jobs` is of this moment. */
export interface PoolStats {
  readonly threads: number;
  readonly running: number;
  readonly queuedJobs: number;
  readonly queuedBytes: number;
  readonly jobs: readonly { readonly kind: string; readonly outcome: JobOutcome; readonly count: number }[];
}

interface Job {
  readonly kind: string;
  readonly input: JobInput;
  readonly bytes: number;
  resolve(output: unknown): void;
  reject(error: WorkerError): void;
}

/**
 * Threads that read what users sent, so that whatever it is, the member's loop goes on: each job is bounded in bytes,
 * time and memory, and so is what waits. A worker that goes over its time is killed and a warm one takes over; one
 * that runs out of memory takes only its own job with it.
 */
export class WorkerPool<Jobs extends JobTable<Jobs>> {
  private readonly entry: URL;
  private readonly limits: PoolLimits;
  private readonly log: PoolLog;
  private readonly observeJob: (seconds: number) => void;
  private readonly threads = new Set<PoolThread>();
  private readonly idle: PoolThread[] = [];
  private readonly running = new Set<Job>();
  private readonly queue: Job[] = [];
  private queuedBytes = 0;
  private readonly counts = new Map<string, Map<JobOutcome, number>>();
  private isStopped = false;

  constructor({ entry, limits }: PoolOptions, { log, observeJob = () => {} }: PoolDependencies) {
    this.entry = entry;
    this.limits = { ...defaultPoolLimits(availableParallelism()), ...limits };
    this.log = log;
    this.observeJob = observeJob;
  }

  /** Starts the threads, so that the first job finds them warm. Without it the first job does. */
  start(): void {
    const { running, spares } = this.limits;
    while (!this.isStopped && this.threads.size < running + spares) this.startThread();
  }

  /**
   * Runs a job; `input` is copied at the latest when the job begins, and must not change until it has ended.
   *
   * @throws WorkerError with the reason there is no output
   */
  run<Kind extends keyof Jobs & string>(kind: Kind, input: Jobs[Kind]["input"]): Promise<Jobs[Kind]["output"]> {
    const bytes = bytesOf(input);
    return new Promise((resolve, reject) => {
      const job: Job = { kind, input, bytes, resolve: resolve as (output: unknown) => void, reject };
      const refusal = this.refusalOf(bytes);
      if (refusal !== undefined) {
        this.refuse(job, refusal);
        return;
      }
      this.queue.push(job);
      this.queuedBytes += bytes;
      this.start();
      this.advance();
    });
  }

  stats(): PoolStats {
    const jobs = [...this.counts].flatMap(([kind, outcomes]) =>
      [...outcomes].map(([outcome, count]) => ({ kind, outcome, count })),
    );
    const { queue, queuedBytes } = this;
    return { threads: this.threads.size, running: this.running.size, queuedJobs: queue.length, queuedBytes, jobs };
  }

  /** Gives up all jobs with STOPPING and ends the threads. Idempotent. */
  async stop(): Promise<void> {
    this.isStopped = true;
    const threads = [...this.threads];
    this.threads.clear();
    this.idle.length = 0;
    for (const job of [...this.running, ...this.takeQueue()]) this.refuse(job, stopping);
    this.running.clear();
    await Promise.all(threads.map((thread) => thread.end()));
  }

  private refusalOf(bytes: number): Refused | undefined {
    const { jobBytes, queueJobs, queueBytes } = this.limits;
    if (this.isStopped) return stopping;
    if (bytes > jobBytes) {
      const message = `the job has ${bytes} bytes, and ${jobBytes} is the most: send it in parts`;
      return { outcome: "refused", reason: "CONTENT_TOO_LARGE", rule: "job-bytes", message };
    }
    if (this.queue.length < queueJobs && this.queuedBytes + bytes <= queueBytes) return undefined;
    const message = `${this.queue.length} jobs wait for a worker, with ${this.queuedBytes} bytes: try again`;
    return { outcome: "overloaded", reason: "OVERLOADED", rule: "queue", message };
  }

  private startThread(): void {
    const thread = new PoolThread(this.entry, this.limits, {
      onIdle: () => {
        this.idle.push(thread);
        this.advance();
      },
      onGone: (error) => this.gone(thread, error),
    });
    this.threads.add(thread);
  }

  /** Begins what may begin. */
  private advance(): void {
    while (this.running.size < this.limits.running && this.idle.length > 0) {
      const job = this.queue.shift();
      if (job === undefined) return;
      this.queuedBytes -= job.bytes;
      this.running.add(job);
      (this.idle.pop() as PoolThread).run({ kind: job.kind, input: job.input }, (end, ms) => this.ended(job, end, ms));
    }
  }

  private ended(job: Job, end: JobEnd, ms: number): void {
    this.running.delete(job);
    this.observeJob(ms / 1000);
    if (end.outcome === "done") {
      this.count(job.kind, "done");
      job.resolve(end.output);
      return;
    }
    const refused = this.refusedBy(end);
    if (end.outcome !== "refused") {
      const details = { kind: job.kind, bytes: job.bytes, ms: Math.round(ms), why: end.outcome };
      if (end.outcome === "crashed") this.log.error({ ...details, err: end.error }, "a worker met a defect");
      else this.log.warn(details, "a worker was killed");
    }
    this.refuse(job, refused);
  }

  private refusedBy(end: Exclude<JobEnd, { outcome: "done" }>): Refused {
    const { outcome } = end;
    if (outcome === "refused") return { outcome, ...end.refusal };
    if (outcome === "crashed") return { outcome, reason: "INTERNAL", rule: "", message: "the worker met a defect" };
    const limit = outcome === "timeout" ? `${this.limits.jobMs} ms` : `${this.limits.heapMib} MiB of memory`;
    const message = `the content took more than ${limit} to read: make it smaller or simpler`;
    return { outcome, reason: "CONTENT_TOO_COSTLY", rule: outcome === "timeout" ? "time" : "memory", message };
  }

  private refuse(job: Job, { outcome, reason, rule, at = "", message }: Refused): void {
    this.count(job.kind, outcome);
    job.reject(new WorkerError({ reason, rule, at, message }));
  }

  /** A thread is no more: another takes its place, unless it was no job that ended it. */
  private gone(thread: PoolThread, error: Error | undefined): void {
    this.threads.delete(thread);
    const index = this.idle.indexOf(thread);
    if (index >= 0) this.idle.splice(index, 1);
    if (error === undefined) {
      this.start();
      this.advance();
      return;
    }
    // The next job tries again; to try at once might never end.
    this.log.error({ err: error }, "a worker ended that had no job");
    if (this.threads.size > 0) return;
    for (const job of this.takeQueue()) {
      this.refuse(job, { outcome: "crashed", reason: "INTERNAL", rule: "", message: "no worker can start" });
    }
  }

  private takeQueue(): Job[] {
    this.queuedBytes = 0;
    return this.queue.splice(0);
  }

  private count(kind: string, outcome: JobOutcome): void {
    const outcomes = this.counts.get(kind) ?? new Map<JobOutcome, number>();
    this.counts.set(kind, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1));
  }
}

type Refused = Omit<JobRefusal, "at"> & { readonly outcome: JobOutcome; readonly at?: string };

const stopping: Refused = {
  outcome: "stopped",
  reason: "STOPPING",
  rule: "",
  message: "the member stops: ask another one",
};
