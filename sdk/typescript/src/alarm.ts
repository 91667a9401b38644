import type { Environment } from "./environment.ts";

/** One timer for many deadlines: rings no later than the earliest it was asked for. */
export class Alarm {
  readonly #environment: Environment;
  /** Called with how late it is, ms. */
  readonly #ring: (lateMs: number) => void;
  #timer: unknown;
  #at = Number.POSITIVE_INFINITY;
  #over = false;
  readonly #later: { readonly at: number; readonly callback: () => void }[] = [];

  constructor(environment: Environment, ring: (lateMs: number) => void) {
    this.#environment = environment;
    this.#ring = ring;
  }

  /** Rings no later than `at`. */
  by(at: number): void {
    if (at >= this.#at || this.#over) return;
    this.clear();
    this.#at = at;
    this.#timer = this.#environment.setTimer(
      () => {
        this.#timer = undefined;
        this.#at = Number.POSITIVE_INFINITY;
        this.#runLater();
        this.#ring(this.#environment.now() - at);
      },
      Math.max(0, at - this.#environment.now()),
    );
  }

  /** Calls back once after `delayMs`, just before it rings. */
  later(callback: () => void, delayMs: number): void {
    const at = this.#environment.now() + delayMs;
    this.#later.push({ at, callback });
    this.by(at);
  }

  /** When the next of {@link later} is due. */
  get laterAt(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#later.map(({ at }) => at));
  }

  #runLater(): void {
    const now = this.#environment.now();
    for (const item of this.#later.filter(({ at }) => at <= now)) {
      this.#later.splice(this.#later.indexOf(item), 1);
      item.callback();
    }
  }

  /** Until it rings, it keeps the process alive. */
  hold(): void {
    if (this.#timer !== undefined) this.#environment.holdTimer(this.#timer);
  }

  clear(): void {
    if (this.#timer !== undefined) this.#environment.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#at = Number.POSITIVE_INFINITY;
  }

  /** Never rings again. */
  end(): void {
    this.clear();
    this.#over = true;
  }
}
