/**
 * Spreads bytes over time: `rate` per second, and up to `burst` at once after a rest. What is taken beyond that is
 * owed, and whoever took it waits; so a piece larger than the burst passes as well.
 */
export class TokenBucket {
  private readonly rate: number;
  private readonly burst: number;
  private tokens: number;
  private filledAt = 0;

  constructor(rate: number, burst: number) {
    this.rate = rate;
    this.burst = burst;
    this.tokens = burst;
  }

  /** Takes `bytes` at `now` (monotonic, ms) and returns how long to wait before the next piece, ms. */
  take(bytes: number, now: number): number {
    const gained = (Math.max(0, now - this.filledAt) * this.rate) / 1000;
    this.tokens = Math.min(this.burst, this.tokens + gained) - bytes;
    this.filledAt = now;
    return this.tokens >= 0 ? 0 : (-this.tokens * 1000) / this.rate;
  }
}
