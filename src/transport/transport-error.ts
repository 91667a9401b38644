/** What went wrong, for callers that decide by it. */
export type TransportReason =
  | "listen"
  | "insecure"
  | "certificates"
  | "unknown-peer"
  | "unreachable"
  | "refused"
  | "aborted"
  | "lost"
  | "idle"
  | "stopped";

/** A link or bulk connection that could not be had or kept. An operating error: never a broken invariant. */
export class TransportError extends Error {
  override readonly name = "TransportError";
  readonly reason: TransportReason;

  constructor(reason: TransportReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EPIPE: "connection reset",
  ETIMEDOUT: "connection timed out",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name could not be resolved now",
};

/** A socket's error in few words, the same for the same cause at every attempt. */
export function describeSocketError(error: unknown): string {
  // A name with several addresses, all of which failed: the first speaks for all.
  if (error instanceof AggregateError && error.errors.length > 0) return describeSocketError(error.errors[0]);
  const { code, reason } = error as NodeJS.ErrnoException & { readonly reason?: unknown };
  const known = code === undefined ? undefined : words[code];
  if (known !== undefined) return known;
  // OpenSSL's own messages begin with an address in memory: another one each time.
  if (typeof reason === "string") return reason;
  return error instanceof Error ? error.message.trim() : String(error);
}
