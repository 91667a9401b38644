/**
 * The one registry of errors: every reason a request can be refused for, with what each door shows for it.
 *
 * - `code` is what answers carry and the at-most-once window stores: part of the disk format, never reused.
 * - `grpc` and `http` are the statuses of those doors, `zookeeper` the KeeperException code.
 * - `retry` is what a client may do: `never`; `same-request` (again, under the same request number);
 *   `other-member` (again, elsewhere); `after-reread` (read the state, decide again).
 *
 * Clients decide by reason, never by text.
 */
export type RetryClass = "never" | "same-request" | "other-member" | "after-reread";

/** gRPC status codes by name, so that the table below reads. */
export const grpcStatus = {
  OK: 0,
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export interface ErrorEntry {
  readonly code: number;
  readonly grpc: number;
  readonly http: number;
  readonly zookeeper: number;
  readonly retry: RetryClass;
  /** What went wrong and what to do, for people. */
  readonly message: string;
}

const g = grpcStatus;
const entry = (
  code: number,
  grpc: number,
  http: number,
  zookeeper: number,
  retry: RetryClass,
  message: string,
): ErrorEntry => ({ code, grpc, http, zookeeper, retry, message });

export const errors = {
  NODE_NOT_FOUND: entry(1, g.NOT_FOUND, 404, -101, "never", "there is no znode at this path"),
  NODE_EXISTS: entry(2, g.ALREADY_EXISTS, 409, -110, "never", "a znode exists at this path already"),
  VERSION_MISMATCH: entry(3, g.ABORTED, 409, -103, "after-reread", "the version asked for is not the znode's version"),
  NOT_EMPTY: entry(
    4,
    g.FAILED_PRECONDITION,
    409,
    -111,
    "never",
    "the znode has children; delete them first, or delete recursively",
  ),
  EPHEMERAL_PARENT: entry(5, g.FAILED_PRECONDITION, 409, -108, "never", "an ephemeral znode cannot have children"),
  NO_PERMISSION: entry(
    6,
    g.PERMISSION_DENIED,
    403,
    -102,
    "never",
    "the znode's ACL, or what the caller was granted, does not allow this",
  ),
  INVALID_PATH: entry(7, g.INVALID_ARGUMENT, 400, -8, "never", "the path breaks a path rule"),
  INVALID_ARGUMENT: entry(8, g.INVALID_ARGUMENT, 400, -8, "never", "an argument is out of its range"),
  INVALID_ACL: entry(9, g.INVALID_ARGUMENT, 400, -114, "never", "the ACL is empty or has an entry that is not valid"),
  QUOTA_EXCEEDED: entry(10, g.RESOURCE_EXHAUSTED, 429, -125, "never", "a hard quota of a parent would be exceeded"),
  TOO_LARGE: entry(
    11,
    g.RESOURCE_EXHAUSTED,
    413,
    -8,
    "never",
    "the request touches more than one command may; do it in parts",
  ),
  EPHEMERAL_LIMIT: entry(
    12,
    g.RESOURCE_EXHAUSTED,
    429,
    -8,
    "never",
    "the session owns as many ephemeral znodes as it may",
  ),
  ROLLED_BACK: entry(13, g.ABORTED, 409, -2, "never", "another operation of the same multi failed"),
  SESSION_EXPIRED: entry(14, g.FAILED_PRECONDITION, 410, -112, "never", "the session has ended; open a new one"),
  SESSION_MOVED: entry(15, g.ABORTED, 409, -118, "never", "the session is owned by a newer connection"),
  SESSION_REQUIRED: entry(16, g.FAILED_PRECONDITION, 400, -120, "never", "ephemeral znodes need a session"),
  STALE_REQUEST: entry(
    17,
    g.FAILED_PRECONDITION,
    409,
    -8,
    "never",
    "the request number is below the session's window: it is not applied now, and whether it ever was is forgotten",
  ),
  WRONG_SECRET: entry(18, g.UNAUTHENTICATED, 401, -112, "never", "the session's secret is wrong"),
  UNSUPPORTED: entry(19, g.UNIMPLEMENTED, 501, -6, "never", "this operation is not supported"),
  SESSION_LIMIT: entry(
    21,
    g.RESOURCE_EXHAUSTED,
    429,
    -8,
    "same-request",
    "the ensemble has as many sessions as it may",
  ),
  NOT_EXPIRED: entry(22, g.FAILED_PRECONDITION, 409, -8, "never", "the znode is no longer due for removal"),
  CONFIGURATION_CHANGED: entry(
    23,
    g.ABORTED,
    409,
    -103,
    "after-reread",
    "the configuration is no longer the one this change was made for",
  ),
  COMPACTED: entry(
    40,
    g.OUT_OF_RANGE,
    410,
    -8,
    "after-reread",
    "events since that zxid are no longer kept; read the state again",
  ),
  NOT_READY: entry(41, g.UNAVAILABLE, 503, -4, "other-member", "the member is not serving yet"),
  NO_QUORUM: entry(42, g.UNAVAILABLE, 503, -4, "other-member", "no quorum of members is reachable"),
  NOT_CAUGHT_UP: entry(43, g.UNAVAILABLE, 503, -4, "other-member", "the member has not applied min_zxid yet"),
  OVERLOADED: entry(
    44,
    g.RESOURCE_EXHAUSTED,
    429,
    -127,
    "same-request",
    "the member has as many requests in flight as it may; slow down",
  ),
  NO_SPACE: entry(
    45,
    g.RESOURCE_EXHAUSTED,
    507,
    -4,
    "same-request",
    "the disk is full; only deletes are accepted until there is room",
  ),
  NO_MEMORY: entry(
    46,
    g.RESOURCE_EXHAUSTED,
    507,
    -4,
    "same-request",
    "memory is above the high-water mark; only deletes are accepted",
  ),
  WRONG_ENSEMBLE: entry(
    47,
    g.FAILED_PRECONDITION,
    409,
    -8,
    "never",
    "the zxid or session belongs to another ensemble or a future epoch",
  ),
  DEADLINE_EXCEEDED: entry(48, g.DEADLINE_EXCEEDED, 504, -7, "same-request", "the deadline passed before the answer"),
  OUTCOME_UNKNOWN: entry(
    49,
    g.UNAVAILABLE,
    503,
    -4,
    "same-request",
    "the connection was lost before the answer; the request may have been applied",
  ),
  WATCH_OVERFLOW: entry(
    50,
    g.RESOURCE_EXHAUSTED,
    429,
    -4,
    "after-reread",
    "the watcher is too slow; resume from its last zxid",
  ),
  MESSAGE_TOO_LARGE: entry(51, g.RESOURCE_EXHAUSTED, 413, -8, "never", "the message is larger than the limit"),
  MALFORMED: entry(52, g.INVALID_ARGUMENT, 400, -5, "never", "the request cannot be decoded"),
  NO_WATCH: entry(53, g.NOT_FOUND, 404, -121, "never", "there is no such watch"),
  STOPPING: entry(54, g.UNAVAILABLE, 503, -4, "other-member", "the member is shutting down"),
  INTERNAL: entry(55, g.INTERNAL, 500, -1, "never", "a defect of the server; see its log"),
  NO_ROUTE: entry(56, g.UNIMPLEMENTED, 404, -6, "never", "there is nothing at this address"),
  METHOD_NOT_ALLOWED: entry(57, g.UNIMPLEMENTED, 405, -6, "never", "this address does not take this method"),
  UNAUTHENTICATED: entry(58, g.UNAUTHENTICATED, 401, -115, "never", "nothing proves who asks"),
  TOO_MANY_FAILURES: entry(
    59,
    g.RESOURCE_EXHAUSTED,
    429,
    -115,
    "same-request",
    "this token has failed too often from this address; wait, then try again",
  ),
  NOT_LEADER: entry(70, g.UNAVAILABLE, 503, -4, "other-member", "the member that was asked to decide does not lead"),
  INVALID_CONFIGURATION: entry(
    71,
    g.FAILED_PRECONDITION,
    409,
    -8,
    "never",
    "the change would leave an ensemble that breaks a rule of its configuration",
  ),
  CHANGE_IN_PROGRESS: entry(
    72,
    g.ABORTED,
    409,
    -14,
    "after-reread",
    "another change of the ensemble is under way; look at its outcome first",
  ),
  NEW_QUORUM_UNREACHABLE: entry(
    73,
    g.FAILED_PRECONDITION,
    409,
    -13,
    "after-reread",
    "the changed ensemble would have no quorum of connected, synchronized members",
  ),
  MEMBER_UNKNOWN: entry(74, g.NOT_FOUND, 404, -8, "never", "the ensemble has no member of this id"),
  MEMBER_EXISTS: entry(75, g.ALREADY_EXISTS, 409, -8, "never", "the ensemble has a member of this id already"),
  MEMBER_NOT_CONNECTED: entry(
    76,
    g.FAILED_PRECONDITION,
    409,
    -13,
    "after-reread",
    "the member is not connected to the leader; start it, and let it reach the others",
  ),
  MEMBER_NOT_SYNCED: entry(
    77,
    g.FAILED_PRECONDITION,
    409,
    -13,
    "after-reread",
    "the member has not caught up with the leader yet",
  ),
  TRANSFER_FAILED: entry(
    78,
    g.ABORTED,
    409,
    -8,
    "after-reread",
    "leadership could not be handed over; see who leads now",
  ),
  TOKEN_UNKNOWN: entry(80, g.NOT_FOUND, 404, -8, "never", "there is no token of this id"),
  GUARDED_PATH: entry(
    90,
    g.PERMISSION_DENIED,
    403,
    -102,
    "never",
    "only a product writes here; use that product's own requests in place of raw writes",
  ),
  INVALID_NAME: entry(91, g.INVALID_ARGUMENT, 400, -8, "never", "the name breaks a rule of names"),
  INVALID_SELECTOR: entry(92, g.INVALID_ARGUMENT, 400, -8, "never", "the selector cannot be read"),
  INVALID_CONTENT: entry(
    100,
    g.INVALID_ARGUMENT,
    400,
    -8,
    "never",
    "the content is not what it is said to be, or its schema cannot be used",
  ),
  CONTENT_TOO_LARGE: entry(
    101,
    g.RESOURCE_EXHAUSTED,
    413,
    -8,
    "never",
    "the content is over a limit of what is read; make it smaller or simpler",
  ),
  CONTENT_TOO_COSTLY: entry(
    102,
    g.RESOURCE_EXHAUSTED,
    413,
    -8,
    "never",
    "reading the content took more time or memory than it may",
  ),
} as const satisfies Record<string, ErrorEntry>;

export type Reason = keyof typeof errors;

/** The code of a successful answer. */
export const OK = 0;

const reasonByCode = new Map<number, Reason>();
for (const [reason, { code }] of Object.entries(errors)) reasonByCode.set(code, reason as Reason);

/** The reason behind an answer's code; unknown codes, from a newer member, read as INTERNAL. */
export function reasonOf(code: number): Reason {
  return reasonByCode.get(code) ?? "INTERNAL";
}

/** The domain of `google.rpc.ErrorInfo`, constant for every error of Muster. */
export const ERROR_DOMAIN = "muster.dev";
