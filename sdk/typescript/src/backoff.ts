/** First bound of the random delay, ms. */
export const BACKOFF_BASE_MS = 50;
/** Largest bound, ms. */
export const BACKOFF_CAP_MS = 2_000;

/**
 * How long to wait before reconnect attempt `attempt` (counted from 1): the first goes at once, later ones after a
 * random time below a bound that doubles ("full jitter"), so that clients cut off together do not return together.
 */
export function backoffDelayMs(attempt: number, random: () => number): number {
  if (attempt <= 1) return 0;
  const bound = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** Math.min(attempt - 2, 16));
  return random() * bound;
}
