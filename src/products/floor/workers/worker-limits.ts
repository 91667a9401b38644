/** The bounds of a worker pool; those of what jobs read stand in `content/content-limits.ts`. */
export interface PoolLimits {
  /** Jobs that run at once. */
  readonly running: number;
  /** Warm workers beyond these: one takes over at once where a worker was killed. */
  readonly spares: number;
  /** How long one job may run, ms, from its start in the worker. */
  readonly jobMs: number;
  /** JavaScript heap of one worker, MiB. Bytes outside the heap are bounded by what jobs take and give. */
  readonly heapMib: number;
  /** Bytes one job may be given. */
  readonly jobBytes: number;
  /** Jobs that may wait, and their bytes together. */
  readonly queueJobs: number;
  readonly queueBytes: number;
}

/** Most jobs that run at once, however many cores there are. */
const RUNNING_MAX = 4;

/**
 * A core is left to the member's loop: on two cores one job runs at a time, so that hostile content never has both, and
 * a queue full of the dearest jobs is empty after 16 s. The heap holds the largest document, parsed, several times.
 */
export function defaultPoolLimits(cores: number): PoolLimits {
  return {
    running: Math.min(Math.max(1, cores - 1), RUNNING_MAX),
    spares: 1,
    jobMs: 500,
    heapMib: 128,
    jobBytes: 8 * 1024 * 1024,
    queueJobs: 32,
    queueBytes: 32 * 1024 * 1024,
  };
}
