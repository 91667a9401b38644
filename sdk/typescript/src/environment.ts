/** What the client takes from the outside world besides sockets, so that tests can supply their own. */
export interface Environment {
  /** Monotonic time, ms. */
  now(): number;
  /** Calls back once after `delayMs`; does not keep the process alive. */
  setTimer(callback: () => void, delayMs: number): unknown;
  clearTimer(timer: unknown): void;
  /** From now on the timer keeps the process alive. */
  holdTimer(timer: unknown): void;
  /** Uniform in [0, 1). */
  random(): number;
}

/** Longest delay `setTimeout` takes. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export const systemEnvironment: Environment = {
  now: () => performance.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), DELAY_MS_MAX));
    timer.unref();
    return timer;
  },
  clearTimer(timer) {
    clearTimeout(timer as NodeJS.Timeout);
  },
  holdTimer(timer) {
    (timer as NodeJS.Timeout).ref();
  },
  random: Math.random,
};
