export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Asks until there is an answer other than undefined. What `ask` throws counts as none: whoever is asked may be on its
 * way up or down. Rejects, naming `what` and the last error, when the time is up.
 */
export async function until<T>(
  timeoutMs: number,
  pollMs: number,
  what: string,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await sleep(pollMs);
  }
  const why = last === undefined ? "" : `: ${(last as Error).message}`;
  throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}${why}`);
}
