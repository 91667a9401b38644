import type { Job } from "./job.ts";

/** The clock is looked at again after this at the latest, ms: it may have been set meanwhile. */
const LOOK_MS_MAX = 60_000;

interface Entry {
  readonly job: Job;
  /** When it is to be done, or tried again. */
  readonly at: number;
  readonly attempts: number;
}

/** The jobs that wait, by when they are due: few enough to be looked through when they change. */
export class JobQueue {
  private readonly entries = new Map<string, Entry>();

  /** A job as it is in the tree now, in place of what was known of it. */
  put(job: Job): void {
    if (job.state === "waiting") this.entries.set(job.id, { job, at: job.dueAt, attempts: 0 });
    else this.entries.delete(job.id);
  }

  /** @returns how often it has been put off; undefined where the job is another one by now */
  putOff(job: Job, at: number): number | undefined {
    const entry = this.entries.get(job.id);
    if (entry?.job.version !== job.version) return undefined;
    const attempts = entry.attempts + 1;
    this.entries.set(job.id, { job, at, attempts });
    return attempts;
  }

  remove(id: string): void {
    this.entries.delete(id);
  }

  /** It is not as it was any more; what it has become instead may be known already. */
  settle({ id, version }: Job): void {
    if (this.entries.get(id)?.job.version === version) this.entries.delete(id);
  }

  clear(): void {
    this.entries.clear();
  }

  /** The one that has been due for longest. */
  due(now: number): Job | undefined {
    const next = this.next();
    return next !== undefined && next.at <= now ? next.job : undefined;
  }

  /** Until a look at {@link due} is worth it; undefined: nothing waits. */
  msToNext(now: number): number | undefined {
    const next = this.next();
    return next === undefined ? undefined : Math.min(LOOK_MS_MAX, Math.max(0, next.at - now));
  }

  private next(): Entry | undefined {
    let next: Entry | undefined;
    for (const entry of this.entries.values()) if (next === undefined || entry.at < next.at) next = entry;
    return next;
  }
}
