import type { Reason } from "../core/base/errors.ts";

/** A control of a server for tests cannot do what it is asked. The message names the input, the rule and the fix. */
export class TestingError extends Error {
  override readonly name = "TestingError";
  /** Stable, of the one registry of errors. */
  readonly reason: Reason;

  constructor(reason: Reason, message: string) {
    super(message);
    this.reason = reason;
  }
}
