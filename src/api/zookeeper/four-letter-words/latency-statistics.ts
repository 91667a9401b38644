/** The decimals of ZooKeeper's averages. */
const AVERAGE_SCALE = 10_000;

/** How long requests took, in whole ms. */
export class LatencyStatistics {
  count = 0;
  sum = 0;
  max = 0;
  private least = Number.POSITIVE_INFINITY;

  record(latencyMs: number): void {
    this.count += 1;
    this.sum += latencyMs;
    if (latencyMs > this.max) this.max = latencyMs;
    if (latencyMs < this.least) this.least = latencyMs;
  }

  reset(): void {
    this.count = 0;
    this.sum = 0;
    this.max = 0;
    this.least = Number.POSITIVE_INFINITY;
  }

  /** 0 while nothing is recorded; so is the average. */
  get min(): number {
    return this.count === 0 ? 0 : this.least;
  }

  get average(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  /**
   * The average as ZooKeeper prints it: four decimals at most, one at least. Never with an exponent, which Java writes
   * from 1e7 and below 1e-3 and which patterns of digits and dots do not match.
   */
  get averageText(): string {
    const rounded = Math.round(this.average * AVERAGE_SCALE) / AVERAGE_SCALE;
    return Number.isInteger(rounded) ? `${rounded}.0` : String(rounded);
  }
}
