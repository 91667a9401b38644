/**
 * What a caller may do about an error: `never` retry it; retry it as it is (`same-request`); retry it on another member
 * (`other-member`, which the client does by itself as long as the session lives); read the state and decide again
 * (`after-reread`).
 */
export type RetryClass = "never" | "same-request" | "other-member" | "after-reread";

interface ReasonEntry {
  /** The gRPC status code. */
  readonly status: number;
  readonly retry: RetryClass;
  readonly message: string;
}

const entry = (status: number, retry: RetryClass, message: string): ReasonEntry => ({ status, retry, message });

/** The reasons a server gives. A test keeps them equal to the server's own registry. */
export const serverReasons = {
  NODE_NOT_FOUND: entry(5, "never", "there is no znode at this path"),
  NODE_EXISTS: entry(6, "never", "a znode exists at this path already"),
  VERSION_MISMATCH: entry(10, "after-reread", "the version asked for is not the znode's version"),
  NOT_EMPTY: entry(9, "never", "the znode has children; delete them first, or delete recursively"),
  EPHEMERAL_PARENT: entry(9, "never", "an ephemeral znode cannot have children"),
  NO_PERMISSION: entry(7, "never", "the znode's ACL, or what the caller was granted, does not allow this"),
  INVALID_PATH: entry(3, "never", "the path breaks a path rule"),
  INVALID_ARGUMENT: entry(3, "never", "an argument is out of its range"),
  INVALID_ACL: entry(3, "never", "the ACL is empty or has an entry that is not valid"),
  QUOTA_EXCEEDED: entry(8, "never", "a hard quota of a parent would be exceeded"),
  TOO_LARGE: entry(8, "never", "the request touches more than one command may; do it in parts"),
  EPHEMERAL_LIMIT: entry(8, "never", "the session owns as many ephemeral znodes as it may"),
  ROLLED_BACK: entry(10, "never", "another operation of the same multi failed"),
  SESSION_EXPIRED: entry(9, "never", "the session has ended; open a new one"),
  SESSION_MOVED: entry(10, "never", "the session is owned by a newer connection"),
  SESSION_REQUIRED: entry(9, "never", "ephemeral znodes need a session"),
  STALE_REQUEST: entry(
    9,
    "never",
    "the request number is below the session's window: it is not applied now, and whether it ever was is forgotten",
  ),
  WRONG_SECRET: entry(16, "never", "the session's secret is wrong"),
  UNSUPPORTED: entry(12, "never", "this operation is not supported"),
  SESSION_LIMIT: entry(8, "same-request", "the ensemble has as many sessions as it may"),
  NOT_EXPIRED: entry(9, "never", "the znode is no longer due for removal"),
  CONFIGURATION_CHANGED: entry(10, "after-reread", "the configuration is no longer the one this change was made for"),
  COMPACTED: entry(11, "after-reread", "events since that zxid are no longer kept; read the state again"),
  NOT_READY: entry(14, "other-member", "the member is not serving yet"),
  NO_QUORUM: entry(14, "other-member", "no quorum of members is reachable"),
  NOT_CAUGHT_UP: entry(14, "other-member", "the member has not applied min_zxid yet"),
  OVERLOADED: entry(8, "same-request", "there are as many requests in flight as there may be; slow down"),
  NO_SPACE: entry(8, "same-request", "the disk is full; only deletes are accepted until there is room"),
  NO_MEMORY: entry(8, "same-request", "memory is above the high-water mark; only deletes are accepted"),
  WRONG_ENSEMBLE: entry(9, "never", "the zxid or session belongs to another ensemble or a future epoch"),
  DEADLINE_EXCEEDED: entry(4, "same-request", "the deadline passed before the answer"),
  OUTCOME_UNKNOWN: entry(14, "same-request", "there was no answer; the request may have been applied"),
  WATCH_OVERFLOW: entry(8, "after-reread", "the watcher is too slow; resume from its last zxid"),
  MESSAGE_TOO_LARGE: entry(8, "never", "the message is larger than the limit"),
  MALFORMED: entry(3, "never", "the message cannot be decoded"),
  NO_WATCH: entry(5, "never", "there is no such watch"),
  STOPPING: entry(14, "other-member", "the member is shutting down"),
  NO_ROUTE: entry(12, "never", "there is nothing at this address"),
  METHOD_NOT_ALLOWED: entry(12, "never", "this address does not take this method"),
  UNAUTHENTICATED: entry(16, "never", "nothing proves who asks"),
  TOO_MANY_FAILURES: entry(
    8,
    "same-request",
    "this token has failed too often from this address; wait, then try again",
  ),
  NOT_LEADER: entry(14, "other-member", "the member that was asked to decide does not lead"),
  INVALID_CONFIGURATION: entry(
    9,
    "never",
    "the change would leave an ensemble that breaks a rule of its configuration",
  ),
  CHANGE_IN_PROGRESS: entry(
    10,
    "after-reread",
    "another change of the ensemble is under way; look at its outcome first",
  ),
  NEW_QUORUM_UNREACHABLE: entry(
    9,
    "after-reread",
    "the changed ensemble would have no quorum of connected, synchronized members",
  ),
  MEMBER_UNKNOWN: entry(5, "never", "the ensemble has no member of this id"),
  MEMBER_EXISTS: entry(6, "never", "the ensemble has a member of this id already"),
  MEMBER_NOT_CONNECTED: entry(
    9,
    "after-reread",
    "the member is not connected to the leader; start it, and let it reach the others",
  ),
  MEMBER_NOT_SYNCED: entry(9, "after-reread", "the member has not caught up with the leader yet"),
  TRANSFER_FAILED: entry(10, "after-reread", "leadership could not be handed over; see who leads now"),
  TOKEN_UNKNOWN: entry(5, "never", "there is no token of this id"),
  GUARDED_PATH: entry(7, "never", "only a product writes here; use that product's own requests in place of raw writes"),
  INVALID_NAME: entry(3, "never", "the name breaks a rule of names"),
  INVALID_SELECTOR: entry(3, "never", "the selector cannot be read"),
  INVALID_CONTENT: entry(3, "never", "the content is not what it is said to be, or its schema cannot be used"),
  CONTENT_TOO_LARGE: entry(8, "never", "the content is over a limit of what is read; make it smaller or simpler"),
  CONTENT_TOO_COSTLY: entry(8, "never", "reading the content took more time or memory than it may"),
  INTERNAL: entry(13, "never", "a defect of the server; see its log"),
} as const satisfies Record<string, ReasonEntry>;

/** The reasons only a client gives. */
export const clientReasons = {
  ANSWER_FORGOTTEN: entry(
    0,
    "never",
    "the write was applied, once; its large answer was no longer kept when it was repeated",
  ),
  CANCELLED: entry(1, "never", "the caller's signal was aborted"),
  CLIENT_CLOSED: entry(1, "never", "the client is closed"),
  UNREACHABLE: entry(14, "other-member", "no member could be reached"),
} as const satisfies Record<string, ReasonEntry>;

export type Reason = keyof typeof serverReasons | keyof typeof clientReasons;

const reasons: Readonly<Record<Reason, ReasonEntry>> = { ...serverReasons, ...clientReasons };

export function isReason(text: string): text is Reason {
  return Object.hasOwn(reasons, text);
}

/** The details an error may carry. */
export interface MusterErrorInit {
  /** For people; the reason's own text by default. */
  readonly message?: string | undefined;
  /** The gRPC status, where it is not the reason's own. */
  readonly status?: number | undefined;
  readonly retry?: RetryClass | undefined;
  readonly path?: string | undefined;
  readonly zxid?: number | undefined;
  readonly maybeApplied?: boolean | undefined;
  readonly partIndex?: number | undefined;
  readonly cause?: unknown;
}

const brand = Symbol.for("muster.dev/MusterError");

/**
 * The one error of this package. Decide by `reason`, never by the text; `retry` says what may be done.
 *
 * `instanceof` holds across copies of this package.
 */
export class MusterError extends Error {
  static {
    MusterError.prototype.name = "MusterError";
  }
  readonly [brand] = true;
  readonly reason: Reason;
  /** The gRPC status code. */
  readonly status: number;
  readonly retry: RetryClass;
  /**
   * True when this is about a write that may have taken effect or may still: it was sent, and there will be no answer
   * (OUTCOME_UNKNOWN, or CANCELLED and CLIENT_CLOSED after it was sent).
   */
  readonly maybeApplied: boolean;
  /** The znode it is about. */
  readonly path: string | undefined;
  /** Where the failed write stands in the history, or where a cut watch can resume. */
  readonly zxid: number | undefined;
  /** Of a failed multi: which operation failed. */
  readonly partIndex: number | undefined;

  constructor(reason: Reason, init: MusterErrorInit = {}) {
    const known = reasons[reason];
    const about = init.path === undefined ? "" : ` (${init.path})`;
    super(`[${reason}] ${init.message ?? known.message}${about}`, "cause" in init ? { cause: init.cause } : undefined);
    this.reason = reason;
    this.status = init.status ?? known.status;
    this.retry = init.retry ?? known.retry;
    this.maybeApplied = init.maybeApplied ?? reason === "OUTCOME_UNKNOWN";
    this.path = init.path;
    this.zxid = init.zxid;
    this.partIndex = init.partIndex;
  }

  /** Turns anything thrown into a MusterError: itself if it is one, a gRPC error by its details, else INTERNAL. */
  static from(value: unknown): MusterError {
    if (value instanceof MusterError) return value;
    if (isGrpcError(value)) return fromGrpcCode(value);
    if (value instanceof Error) {
      if (value.name === "AbortError") return new MusterError("CANCELLED", { cause: value });
      if (value.name === "TimeoutError") return new MusterError("DEADLINE_EXCEEDED", { cause: value });
      return new MusterError("INTERNAL", { message: value.message, cause: value });
    }
    return new MusterError("INTERNAL", { message: String(value), cause: value });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && brand in value;
  }
}

/** What grpc-js rejects with. */
export interface GrpcError extends Error {
  readonly code: number;
  readonly details: string;
}

export function isGrpcError(value: unknown): value is GrpcError {
  return value instanceof Error && "code" in value && typeof value.code === "number" && "details" in value;
}

/** A server's failure by its reason; one this client does not know is INTERNAL, retried as its status says. */
export function failureError(status: number, reason: string, message: string, init: MusterErrorInit = {}): MusterError {
  if (isReason(reason)) return new MusterError(reason, { ...init, status, message: message || undefined });
  const retry = status === 14 ? "other-member" : status === 8 ? "same-request" : "never";
  return new MusterError("INTERNAL", { ...init, status, retry, message: `${reason}: ${message}` });
}

const reasonByGrpcCode: Readonly<Record<number, Reason>> = {
  1: "CANCELLED",
  3: "INVALID_ARGUMENT",
  4: "DEADLINE_EXCEEDED",
  7: "NO_PERMISSION",
  8: "MESSAGE_TOO_LARGE",
  12: "UNSUPPORTED",
  14: "UNREACHABLE",
  16: "UNAUTHENTICATED",
};

/** A gRPC error without ErrorInfo: made by the library or a proxy, not by a member. */
export function fromGrpcCode(error: GrpcError, explain = (message: string): string => message): MusterError {
  const reason = reasonByGrpcCode[error.code] ?? "INTERNAL";
  const message = explain(error.details || error.message);
  return new MusterError(reason, { status: error.code, message, cause: error });
}
