/** First bound of the random delay, ms. */
export const BACKOFF_BASE_MS = 50;
/** Largest bound, ms. */
export const BACKOFF_CAP_MS = 2_000;

/**
 * How long to wait before reconnect attempt `attempt` (counted from 1): the first goes at once; the others of a first
 * round over all `endpoints` after a random time below the first bound, since one of them most likely serves; later
 * ones below a bound that doubles ("full jitter"), so that clients cut off together do not return together.
 */
export function backoffDelayMs(attempt: number, endpoints: number, random: () => number): number {
  if (attempt <= 1) return 0;
  const doublings = Math.min(Math.max(0, attempt - Math.max(2, endpoints)), 16);
  return random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** doublings);
}
