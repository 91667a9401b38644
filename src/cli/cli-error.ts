import { type ExitCode, exitCode } from "./exit-codes.ts";

/**
 * Something the user should read instead of a stack trace: what was given, the rule it broke, and what to do. Ends
 * the command with `code`.
 */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly code: ExitCode;

  constructor(message: string, code: ExitCode = exitCode.FAILED) {
    super(message);
    this.code = code;
  }
}

/** A mistake in what was typed or fed in. */
export function usageError(message: string): CliError {
  return new CliError(message, exitCode.USAGE);
}
