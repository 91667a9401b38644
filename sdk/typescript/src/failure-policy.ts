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
  "UNAUTHENTICATED",
  "TOO_MANY_FAILURES",
]);
/** An operation refused so was not taken, and not for itself: another member takes it, or the same one later. */
const elsewhere: ReadonlySet<string> = new Set(["SESSION_MOVED", "NOT_READY", "STOPPING", "NOT_LEADER"]);
const gone: ReadonlySet<Reason> = new Set(["SESSION_EXPIRED", "WRONG_SECRET"]);

/**
 * Whether an operation is refused for the stream it came on rather than for itself: the stream is left, and what was
 * unanswered is sent again, under the same numbers, where the session is resumed. NO_QUORUM is not of these: there is
 * nowhere to go, and the caller is to know at once.
 */
export function isForAnotherStream(failureReason: string): boolean {
  return elsewhere.has(failureReason);
}

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

  /**
   * An attempt failed; whether every endpoint refuses this client and it has nothing to lose by believing them. A
   * member far behind takes our history for another ensemble's: while the session is alive for sure, we keep looking.
   */
  isRefused(endpoint: string, { reason }: MusterError, endpoints: readonly string[], isSessionSure: boolean): boolean {
    if (unwanted.has(reason)) this.#refusing.add(endpoint);
    else this.#refusing.delete(endpoint);
    return !isSessionSure && endpoints.every((each) => this.#refusing.has(each));
  }

  accepted(): void {
    this.#refusing.clear();
  }
}
