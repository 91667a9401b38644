import type { MusterError, Reason } from "./errors.ts";

/** Streams in a row that may die of a defect of the server before what was sent is suspected to cause it. */
export const FRUITLESS_STREAMS_MAX = 3;

/** The server says that the very bytes it got are wrong. */
const badBytes: ReadonlySet<Reason> = new Set(["MALFORMED", "MESSAGE_TOO_LARGE", "INVALID_ARGUMENT"]);
/** A member will not have this client, as far as it knows. */
const unwanted: ReadonlySet<Reason> = new Set([
  "WRONG_ENSEMBLE",
  "INVALID_ARGUMENT",
  "MALFORMED",
  "UNSUPPORTED",
  "NO_PERMISSION",
]);
const gone: ReadonlySet<Reason> = new Set(["SESSION_EXPIRED", "WRONG_SECRET"]);

/** What the end of a stream says about what may be tried next. */
export class FailurePolicy {
  #fruitless = 0;
  /** Endpoints whose last word was that they do not want this client. */
  readonly #refusing = new Set<string>();

  isSessionGone({ reason }: MusterError): boolean {
    return gone.has(reason);
  }

  /** Whether what was sent is to be failed rather than sent again: it would fail every other stream, too. */
  blamesRequests({ reason }: MusterError, answered: boolean): boolean {
    this.#fruitless = reason === "INTERNAL" && !answered ? this.#fruitless + 1 : 0;
    if (!badBytes.has(reason) && this.#fruitless < FRUITLESS_STREAMS_MAX) return false;
    this.#fruitless = 0;
    return true;
  }

  /** An attempt failed; whether no endpoint is left that might have this client. */
  refusedByAll(endpoint: string, { reason }: MusterError, endpoints: readonly string[]): boolean {
    if (unwanted.has(reason)) this.#refusing.add(endpoint);
    else this.#refusing.delete(endpoint);
    return endpoints.every((each) => this.#refusing.has(each));
  }

  accepted(): void {
    this.#refusing.clear();
  }
}
