import type { Reason } from "../../core/base/errors.ts";

/** Of what somebody wrote, this much is repeated in an error, characters. */
const ECHO_CHARS_MAX = 80;

/** What is wrong with an input, and what to write in its place. Both are clauses without a full stop. */
export interface Fault {
  readonly rule: string;
  readonly fix: string;
  /** Where in the input, counted from 0; undefined: all of it. */
  readonly at?: number | undefined;
}

/**
 * What a person wrote breaks a rule of the products. The message names the input, the rule and the fix; `details` has
 * the same by name, for doors whose errors carry them.
 */
export class InputError extends Error {
  override readonly name = "InputError";
  readonly reason: Reason;
  readonly details: Readonly<Record<string, string>>;

  /** `what` the input is meant to be: "name", "selector". */
  constructor(reason: Reason, what: string, input: string, { rule, fix, at }: Fault) {
    const echo = echoOf(input);
    const place = at === undefined ? "" : `at character ${at + 1}: `;
    super(`${what} ${echo}: ${place}${rule}; ${fix}`);
    this.reason = reason;
    this.details = { input: echo, rule, fix, ...(at === undefined ? {} : { at: `${at + 1}` }) };
  }
}

/** Quoted and escaped, since an input may hold control characters, and cut, since it may be as long as it likes. */
function echoOf(input: string): string {
  const isLong = input.length > ECHO_CHARS_MAX;
  const shown = JSON.stringify(isLong ? input.slice(0, ECHO_CHARS_MAX) : input);
  return isLong ? `${shown}... (${input.length} characters)` : shown;
}
