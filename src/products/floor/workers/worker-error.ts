import type { Reason } from "../../../core/base/errors.ts";

/** Why a job has no output, as it crosses threads. */
export interface JobRefusal {
  readonly reason: Reason;
  /** The rule or limit that was met, a stable word: `syntax`, `duplicate-key`, `aliases`, `time`, ... */
  readonly rule: string;
  /**
   * Where in the content: a JSON pointer, `line:column`, or the name in an archive; empty where it is the whole. It is
   * cut off after 1,000 characters, and marked.
   */
  readonly at: string;
  /** For people: what is wrong, with the limit, and what to do. Holds keys and names of the content, never values. */
  readonly message: string;
}

/**
 * A job has no output. INVALID_CONTENT and CONTENT_TOO_LARGE: the content is refused, and would be again.
 * CONTENT_TOO_COSTLY: it was ended for its time or memory. OVERLOADED: too much waits, try again. STOPPING: the member
 * stops. INTERNAL: a defect, which is in the log.
 */
export class WorkerError extends Error {
  override readonly name = "WorkerError";
  readonly reason: Reason;
  readonly rule: string;
  readonly at: string;

  constructor({ reason, rule, at, message }: JobRefusal) {
    super(message);
    this.reason = reason;
    this.rule = rule;
    this.at = at;
  }
}
