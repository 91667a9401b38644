/**
 * The time the leader stamps batches with: its wall clock when it began to lead, plus monotonic time since, never below
 * what earlier leaders stamped. A clock that jumps therefore moves neither mtimes nor TTLs while a leader leads.
 */
export class LeaderClock {
  private readonly base: number;
  private readonly since: number;
  private last: number;

  constructor(wallMs: number, monotonicMs: number, lastStamped: number) {
    this.base = Math.max(wallMs, lastStamped);
    this.since = monotonicMs;
    this.last = lastStamped;
  }

  /** When this leader began. */
  get startedAt(): number {
    return this.base;
  }

  stamp(monotonicMs: number): number {
    this.last = Math.max(this.last, Math.floor(this.base + monotonicMs - this.since));
    return this.last;
  }
}
