import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from "pino";
import { PinoPretty } from "pino-pretty";

export type Log = Logger;

export interface LoggingOptions {
  readonly level: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
  readonly format: "json" | "pretty";
  /** Stands in every line. */
  readonly memberId: number;
}

/**
 * The log of a member, on standard error, because standard output carries the ready line. Written synchronously:
 * the last lines before a crash are the ones that matter, and a member logs little.
 */
export function createLog(options: LoggingOptions, stream: DestinationStream = standardError(options.format)): Log {
  const { level, memberId } = options;
  return pino({ level, base: { member: memberId }, timestamp: stdTimeFunctions.isoTime }, stream);
}

function standardError(format: "json" | "pretty"): DestinationStream {
  if (format === "json") return destination({ fd: 2, sync: true });
  return PinoPretty({ destination: 2, sync: true, ignore: "pid,hostname,member", translateTime: "HH:MM:ss.l" });
}
