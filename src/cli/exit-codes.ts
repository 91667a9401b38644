/** What a script learns from `$?`. Part of the interface: never renumbered. */
export const exitCode = {
  OK: 0,
  FAILED: 1,
  USAGE: 2,
  UNAVAILABLE: 3,
  OUTCOME_UNKNOWN: 4,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** The table of `--help` and of docs/reference/cli.md. */
export const exitCodeRows: readonly (readonly [number, string])[] = [
  [exitCode.OK, "done"],
  [exitCode.FAILED, "the operation failed; the reason is on standard error"],
  [exitCode.USAGE, "the command line, an option or an input was wrong; nothing was done"],
  [exitCode.UNAVAILABLE, "no member could be reached, or none can serve now; nothing was changed"],
  [exitCode.OUTCOME_UNKNOWN, "the connection was lost before the answer; the change may have been made"],
];
