import { shortened } from "./shortened.ts";
import type { JobRefusal } from "./worker-error.ts";

/** A job's refusal, thrown inside the worker. */
export class ContentFault extends Error {
  override readonly name = "ContentFault";
  readonly refusal: JobRefusal;

  constructor({ reason, rule, at, message }: JobRefusal) {
    super(shortened(message));
    this.refusal = { reason, rule, at: shortened(at), message: this.message };
  }
}

/** The content breaks a rule, named by a stable word. */
export function invalid(rule: string, at: string, message: string): ContentFault {
  return new ContentFault({ reason: "INVALID_CONTENT", rule, at, message });
}

/** The content is over a limit, named by a stable word. */
export function tooLarge(rule: string, at: string, message: string): ContentFault {
  return new ContentFault({ reason: "CONTENT_TOO_LARGE", rule, at, message });
}

/** The refusal in what a job threw. @throws what else it is: a defect */
export function refusalOf(thrown: unknown): JobRefusal {
  if (thrown instanceof ContentFault) return thrown.refusal;
  // Parsers and validators call themselves for every level, of the content or of a schema that refers to itself.
  if (thrown instanceof RangeError && thrown.message.includes("call stack")) {
    return tooLarge("depth", "", "the content is nested too deeply to be read: make it flatter").refusal;
  }
  throw thrown;
}
