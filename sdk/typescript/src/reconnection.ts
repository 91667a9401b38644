import { backoffDelayMs } from "./backoff.ts";
import type { Diagnostics } from "./diagnostics.ts";
import type { EndpointList } from "./endpoints.ts";
import type { Environment } from "./environment.ts";
import type { MusterError } from "./errors.ts";

const never = Number.POSITIVE_INFINITY;
/** A stream that lived this long counts as a success: the next reconnect begins without delay again, ms. */
const STABLE_MS = 1_000;

/** When the next attempt to reach a member comes. */
export class Reconnection {
  readonly #environment: Environment;
  readonly #endpoints: EndpointList;
  readonly #diagnostics: Diagnostics;
  #attempt = 0;
  /** Infinity while none is planned. */
  at = never;

  constructor(environment: Environment, endpoints: EndpointList, diagnostics: Diagnostics) {
    this.#environment = environment;
    this.#endpoints = endpoints;
    this.#diagnostics = diagnostics;
  }

  /** Plans the next attempt and tells of it; `error` is why the one before failed. */
  plan(error: MusterError | undefined): void {
    this.#attempt += 1;
    const { all } = this.#endpoints;
    const delayMs = backoffDelayMs(this.#attempt, all.length, () => this.#environment.random());
    this.at = this.#environment.now() + delayMs;
    const endpoint = this.#endpoints.peek();
    this.#diagnostics.emit({ type: "reconnecting", attempt: this.#attempt, delayMs, endpoint, error });
  }

  /** The attempt that was planned begins. */
  begun(): void {
    this.at = never;
  }

  /** A stream that carried the session for so long is over. */
  lived(ms: number): void {
    if (ms >= STABLE_MS) this.#attempt = 0;
  }
}
