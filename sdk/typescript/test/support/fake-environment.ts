import type { Environment } from "../../src/environment.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
  held: boolean;
}

/** A clock that stands still until it is told to move, timers on it, and random numbers that are always the same. */
export class FakeEnvironment implements Environment {
  #now = 1_000_000;
  #order = 0;
  readonly #timers = new Set<Timer>();
  randomValue = 0.5;

  now(): number {
    return this.#now;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timer = { at: this.#now + delayMs, order: this.#order++, callback, held: false };
    this.#timers.add(timer);
    return timer;
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as Timer);
  }

  holdTimer(timer: unknown): void {
    (timer as Timer).held = true;
  }

  random(): number {
    return this.randomValue;
  }

  get timerCount(): number {
    return this.#timers.size;
  }

  get heldTimerCount(): number {
    return [...this.#timers].filter(({ held }) => held).length;
  }

  /** Moves the clock, stopping at every timer on the way. */
  advance(delayMs: number): void {
    const end = this.#now + delayMs;
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next);
      next.callback();
    }
    this.#now = end;
  }

  /** Moves the clock past its timers, which then run late: a process that stood still. */
  stall(delayMs: number): void {
    this.#now += delayMs;
    this.advance(0);
  }

  #next(): Timer | undefined {
    return [...this.#timers].sort((a, b) => a.at - b.at || a.order - b.order)[0];
  }
}
