/** What the door needs of a logger; pino's is one. Requests are never logged at info. */
export interface DoorLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** PEM texts. */
export interface DoorTls {
  /** The door's certificate, its chain after it. */
  readonly cert: string;
  readonly key: string;
  /** Of the authority that signs clients' certificates; without it, none is asked for. */
  readonly clientCa: string | undefined;
}

export interface GrpcDoorOptions {
  /** `host:port`, IPv6 in brackets; port 0 takes any free one. */
  readonly listen: string;
  /** Version of the program, for GetStatus. */
  readonly version: string;
  /** Listen in plain text on an address others can reach. Default false: loopback only. */
  readonly insecure?: boolean | undefined;
  /** TLS for every connection; undefined: plain text. */
  readonly tls?: DoorTls | undefined;
  /** Takes callers who prove nothing. */
  readonly mayBeAnonymous: boolean;
  /** Each default is in {@link defaultGrpcLimits}. */
  readonly limits?: Partial<GrpcLimits> | undefined;
}

/** The door's own limits. They act before submit, never in `apply` (core.md 3), so members may differ in them. */
export interface GrpcLimits {
  /** Largest message received, bytes: a product command of 4 MiB and its frame, twice over. */
  readonly messageBytesMax: number;
  /** Largest message that carries no data (opening a session, unary reads and deletes), bytes. */
  readonly smallMessageBytesMax: number;
  /** Most operations of one batch. */
  readonly batchOperationsMax: number;
  /** Above this much submitted and unanswered on a stream, no further operation of it is decoded, bytes. */
  readonly outstandingBytesMax: number;
  /** Messages read ahead while operations are held back, so that keep-alives still get through, bytes. */
  readonly readAheadBytesMax: number;
  /** Above this much unsent on a stream, no further operation of it is decoded, bytes. */
  readonly unsentBytesPause: number;
  /** Above this much unsent, reads are answered OVERLOADED and a stream with events to send is cut, bytes. */
  readonly unsentBytesMax: number;
  /** Largest answer to one operation, bytes; a larger one becomes TOO_LARGE. */
  readonly resultBytesMax: number;
  /** Results collected in one turn become several messages at this size, bytes. */
  readonly resultMessageBytesTarget: number;
  /** Handed to grpc-js and not yet flushed; what is above stays in the door's own queue, bytes. */
  readonly inFlightBytesTarget: number;
  /** Time for a stream's first message, ms. */
  readonly handshakeTimeoutMs: number;
  /** Time for the last messages of an ended stream to leave, ms. */
  readonly lingerMs: number;
  /** Longest a unary call takes, whatever its own deadline, ms. */
  readonly unaryTimeoutMs: number;
  /** Calls and streams at once per client connection. */
  readonly concurrentStreamsMax: number;
  /** Silence on a client connection before it is pinged, ms. */
  readonly keepaliveTimeMs: number;
  /** Time for the answer to that ping, ms. */
  readonly keepaliveTimeoutMs: number;
  /** Age at which a client connection is asked to reconnect (less or more 10 %), ms; 0: never. */
  readonly connectionAgeMs: number;
  /** How often streams with watches get a progress mark, while the tree moves, ms. */
  readonly progressIntervalMs: number;
  /** How often readiness is looked at for grpc.health.v1, ms. */
  readonly healthPollMs: number;
}

const MIB = 1024 * 1024;

export const defaultGrpcLimits: GrpcLimits = {
  messageBytesMax: 8 * MIB,
  smallMessageBytesMax: 64 * 1024,
  batchOperationsMax: 10_000,
  outstandingBytesMax: 4 * MIB,
  readAheadBytesMax: MIB,
  unsentBytesPause: 4 * MIB,
  unsentBytesMax: 16 * MIB,
  resultBytesMax: 8 * MIB,
  resultMessageBytesTarget: MIB,
  inFlightBytesTarget: 256 * 1024,
  handshakeTimeoutMs: 5_000,
  lingerMs: 10_000,
  unaryTimeoutMs: 30_000,
  concurrentStreamsMax: 256,
  keepaliveTimeMs: 10_000,
  keepaliveTimeoutMs: 10_000,
  connectionAgeMs: 0,
  progressIntervalMs: 5_000,
  healthPollMs: 250,
};
