/** Failures that cost nothing: a token mistyped, a restart with an old one. */
export const FREE_FAILURES = 5;
/** The first wait, ms; it doubles with each failure after that, */
export const WAIT_FIRST_MS = 1_000;
/** up to this. */
export const WAIT_MAX_MS = 60_000;
/** Failures are forgotten after this long without another, ms. */
export const FORGET_MS = 10 * 60_000;
/** Keys remembered at most: whoever has more addresses than this pushes the oldest out. */
export const KEYS_MAX = 10_000;

interface Failures {
  readonly count: number;
  readonly at: number;
}

/**
 * Who failed to prove who they are waits, longer each time. A key is an address with the public id it tried, so that
 * one client with a revoked token does not lock out its neighbours behind the same address.
 */
export class FailureBackoff {
  private readonly now: () => number;
  /** In the order of the last failure: the first is the oldest. */
  private readonly failures = new Map<string, Failures>();

  /** `now`: monotonic, ms. */
  constructor(now: () => number) {
    this.now = now;
  }

  /** How long this key has to wait before it is looked at again, ms; 0: not at all. */
  waitMs(key: string): number {
    const known = this.failures.get(key);
    if (known === undefined || known.count < FREE_FAILURES) return 0;
    const wait = Math.min(WAIT_MAX_MS, WAIT_FIRST_MS * 2 ** (known.count - FREE_FAILURES));
    return Math.max(0, Math.ceil(known.at + wait - this.now()));
  }

  failed(key: string): void {
    const now = this.now();
    const known = this.failures.get(key);
    const count = known === undefined || now - known.at > FORGET_MS ? 1 : known.count + 1;
    this.failures.delete(key);
    this.failures.set(key, { count, at: now });
    for (const [oldest, { at }] of this.failures) {
      if (this.failures.size <= KEYS_MAX && now - at <= FORGET_MS) break;
      this.failures.delete(oldest);
    }
  }

  succeeded(key: string): void {
    this.failures.delete(key);
  }
}
