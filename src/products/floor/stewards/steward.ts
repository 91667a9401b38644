import type { Coordination } from "../../../coordination/port.ts";
import { errors, OK, type Reason, reasonOf } from "../../../core/base/errors.ts";
import { type CreateOperation, createMode, type Identity, type LeafOperation } from "../../../core/tree/operation.ts";
import type { Znode } from "../subtree-feed.ts";
import { SubtreeIndex } from "../subtree-index.ts";
import { SessionLostError, type TreeSession } from "../tree-session.ts";
import type { ZnodeDecoder } from "../znode-decoder.ts";
import { type Job, type JobRecord, jobSchema, removal, rewriting } from "./job.ts";
import { JobQueue } from "./job-queue.ts";
import { StewardElection } from "./steward-election.ts";
import { jobsPath, parentsOf } from "./steward-layout.ts";

/** What is later than this is not done any more, but marked as missed (products.md 3), ms. */
export const JOB_LATE_MS_MAX = 10 * 60_000;
/** A job that could not be looked into is tried again after this, ms, */
const RETRY_MS = 1_000;
/** so often; then it has failed. */
const ATTEMPTS_MAX = 5;
const NOTHING = new Uint8Array(0);

/** What a job that is due comes to, by the product. */
export type JobPlan =
  | {
      readonly kind: "act";
      /** Compares and changes, in one multi with the job's own removal. */
      readonly operations: readonly LeafOperation[];
      /** The job goes on, in place of being removed. */
      readonly next?: Pick<JobRecord, "dueAt" | "content"> | undefined;
    }
  | { readonly kind: "fail"; readonly detail: string };

export interface StewardOptions {
  readonly product: string;
  readonly memberId: number;
  readonly identities: readonly Identity[];
  readonly sessionTimeoutMs?: number;
  /** ms since 1970. */
  readonly now: () => number;
  readonly decoder: ZnodeDecoder;
  /** Looks at the state as it is now: a plan made when the job was is worth nothing any more. */
  plan(job: Job, session: TreeSession): Promise<JobPlan>;
  readonly log: StewardLog;
}

export interface StewardLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/**
 * Does a product's timed work on the one member that is elected for it. Each action is one multi which also removes or
 * advances the job's znode, at the version that was looked at: who does it a second time, or after having been deposed,
 * changes nothing (products.md 3).
 */
export class Steward {
  private readonly options: StewardOptions;
  private readonly election: StewardElection;
  private readonly coordination: Pick<Coordination, "connect">;
  private readonly queue = new JobQueue();
  /** All the jobs there are, while it is steward. */
  private jobs: SubtreeIndex<Job> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isWorking = false;

  constructor(coordination: Pick<Coordination, "connect">, options: StewardOptions) {
    this.coordination = coordination;
    this.options = options;
    this.election = new StewardElection(coordination, options, {
      elected: () => void this.begin(),
      deposed: () => this.end(),
    });
  }

  get holdsOffice(): boolean {
    return this.election.holdsOffice;
  }

  start(): void {
    this.election.start();
  }

  async stop(): Promise<void> {
    await this.election.stop();
  }

  private async begin(): Promise<void> {
    const { options, election } = this;
    const { product, memberId } = options;
    options.log.info({ product, member: memberId }, "member is steward");
    const root = jobsPath(product);
    try {
      for (const path of parentsOf(root)) await election.session.write(parent(path), () => undefined);
    } catch (error) {
      if (error instanceof SessionLostError) return;
      throw error;
    }
    if (!election.holdsOffice || this.jobs !== undefined) return;
    this.jobs = new SubtreeIndex<Job>(this.coordination, {
      root,
      identities: options.identities,
      decode: (znode) => this.decode(root, znode),
      covers: (path) => path.lastIndexOf("/") <= root.length,
      onChange: (changes) => {
        for (const { path, after } of changes) {
          if (after === undefined) this.queue.remove(path.slice(root.length + 1));
          else this.queue.put(after);
        }
        this.work();
      },
      onNotice: (_level, message, details) => options.log.warn({ product, ...details }, message),
    });
    this.jobs.start();
  }

  private end(): void {
    const { product, memberId } = this.options;
    this.options.log.info({ product, member: memberId }, "member is steward no more");
    this.jobs?.stop();
    this.jobs = undefined;
    this.queue.clear();
    clearTimeout(this.timer);
  }

  private decode(root: string, { path, data, stat }: Znode): Job | undefined {
    if (path === root) return undefined;
    const id = path.slice(root.length + 1);
    const { product, decoder, log } = this.options;
    const decoded = decoder.json(data, jobSchema);
    if (decoded.ok) return { id, version: stat.version, ...decoded.value };
    log.warn({ product, job: id, defect: decoded.defect, detail: decoded.detail }, "a job cannot be read");
    return undefined;
  }

  /** Does what is due, one after the other, and comes back when the next one is. */
  private work(): void {
    clearTimeout(this.timer);
    if (this.isWorking || this.jobs?.isReady !== true) return;
    const job = this.queue.due(this.options.now());
    if (job === undefined) {
      this.wait();
      return;
    }
    this.isWorking = true;
    this.run(job)
      .catch((error: unknown) => this.giveUp(job, error))
      // Without a session there is nothing more to be said of it.
      .catch(() => undefined)
      .finally(() => {
        this.isWorking = false;
        this.work();
      });
  }

  private wait(): void {
    const ms = this.queue.msToNext(this.options.now());
    if (ms !== undefined) this.timer = setTimeout(() => this.work(), ms).unref();
  }

  private async run(job: Job): Promise<void> {
    const { product, now, log } = this.options;
    const lateMs = now() - job.dueAt;
    if (lateMs > JOB_LATE_MS_MAX) {
      await this.mark(job, "missed", `it was due at ${new Date(job.dueAt).toISOString()}`);
      return;
    }
    const plan = await this.options.plan(job, this.election.session);
    if (plan.kind === "fail") {
      await this.mark(job, "failed", plan.detail);
      return;
    }
    const { operations, next } = plan;
    const last = next === undefined ? removal(product, job) : rewriting(product, job, { ...job, ...next });
    const reason = await this.submit([...operations, last], operations.length);
    if (reason === undefined) {
      log.info({ product, job: job.id, kind: job.kind, lateMs: Math.max(0, lateMs) }, "a job is done");
      this.queue.settle(job);
    } else if (reason === "DONE_BY_ANOTHER") this.queue.settle(job);
    else await this.mark(job, "failed", `it does not apply any more: ${reason}`);
  }

  /** Undefined when it was done; the last operation is the job's own. */
  private submit(operations: readonly LeafOperation[], jobAt: number): Promise<Reason | "DONE_BY_ANOTHER" | undefined> {
    return this.election.session.write({ kind: "multi", operations }, ({ code, parts }) => {
      if (code === OK) return undefined;
      const failed = parts.findIndex((part) => part.code !== OK && part.code !== errors.ROLLED_BACK.code);
      return failed === jobAt ? "DONE_BY_ANOTHER" : reasonOf(parts[failed]?.code ?? code);
    });
  }

  /** Stays in the tree, to be seen; nothing of it is done any more. */
  private async mark(job: Job, state: "missed" | "failed", detail: string): Promise<void> {
    const { product, log } = this.options;
    const { kind, dueAt, content } = job;
    await this.submit([rewriting(product, job, { kind, dueAt, content, state, detail })], 0);
    log.warn({ product, job: job.id, kind, detail }, `a job is ${state}`);
    this.queue.settle(job);
  }

  /** The session is gone, and the office with it, or the product has a defect. */
  private async giveUp(job: Job, error: unknown): Promise<void> {
    if (error instanceof SessionLostError) return;
    const { product, log, now } = this.options;
    const attempts = this.queue.putOff(job, now() + RETRY_MS);
    log.warn({ product, job: job.id, attempts, error: String(error) }, "a job could not be looked into");
    if (attempts === ATTEMPTS_MAX) await this.mark(job, "failed", `tried ${attempts} times: ${String(error)}`);
  }
}

function parent(path: string): CreateOperation {
  return { kind: "create", path, data: NOTHING, mode: createMode.PERSISTENT, ifAbsent: true };
}
