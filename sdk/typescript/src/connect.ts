import { MusterClient } from "./client.ts";
import { EndpointList, parseEndpoints } from "./endpoints.ts";
import { type Environment, systemEnvironment } from "./environment.ts";
import { MusterError } from "./errors.ts";
import { grpcTransport, type TlsOptions } from "./grpc-transport.ts";
import { SessionCore } from "./session.ts";
import type { Credential } from "./stat.ts";
import { callMetadata, type TokenOption } from "./token.ts";
import type { SessionTransport } from "./transport.ts";
import { userAgent } from "./user-agent.ts";

export interface ConnectOptions {
  /** "host:port", a comma list, or an array of either; any of the members will do, the others are discovered. */
  readonly endpoints: string | readonly string[];
  /**
   * How long the session outlives a lost connection, ms: 1,000 to 600,000, 30,000 by default. The server may grant
   * another; `client.session.timeoutMs` says.
   */
  readonly sessionTimeoutMs?: number | undefined;
  /** Identities to prove, e.g. `{ scheme: "digest", secret: "user:password" }`. */
  readonly credentials?: readonly Credential[] | undefined;
  /** True, or the certificates, for members that serve TLS; plain by default. */
  readonly tls?: TlsOptions | boolean | undefined;
  /**
   * A token that says who this is, or a function that reads it for each connection, so that it can be changed without a
   * restart. Needed wherever members can be reached from other machines, beside TLS.
   */
  readonly token?: TokenOption | undefined;
  /** Who this is, for the server's log. */
  readonly applicationName?: string | undefined;
  /** How long `connect` looks for a member that opens a session, ms; 10,000 by default. */
  readonly connectTimeoutMs?: number | undefined;
  /** Default of every call's `timeoutMs`; 30,000 by default. */
  readonly requestTimeoutMs?: number | undefined;
  /** Bytes of calls issued and not answered before further ones are OVERLOADED; 64 MiB by default. */
  readonly queuedBytesMax?: number | undefined;
  /** Gives up connecting. An open client is ended by `close`. */
  readonly signal?: AbortSignal | undefined;
}

export const SESSION_TIMEOUT_MS = 30_000;
export const CONNECT_TIMEOUT_MS = 10_000;
export const REQUEST_TIMEOUT_MS = 30_000;
export const QUEUED_BYTES_MAX = 64 * 1024 * 1024;

/** What tests replace. @internal */
export interface ConnectModules {
  readonly environment?: Environment | undefined;
  readonly transport?: SessionTransport | undefined;
}

/**
 * Connects to an ensemble and opens a session. Rejects with UNREACHABLE, naming the endpoints and the last cause, when
 * no member opened one in time, and at once with the server's reason when every member refuses this client.
 */
export function connect(options: ConnectOptions): Promise<MusterClient> {
  return connectWith(options, {});
}

/** @internal */
export async function connectWith(options: ConnectOptions, modules: ConnectModules): Promise<MusterClient> {
  const environment = modules.environment ?? systemEnvironment;
  const addresses = parseEndpoints(options.endpoints);
  const { signal, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
  // What can be no token is said at once, and not by the first attempt.
  callMetadata(options.token);
  if (signal?.aborted === true) throw new MusterError("CANCELLED", { cause: signal.reason });
  const core = new SessionCore(
    {
      sessionTimeoutMs: positive(options.sessionTimeoutMs, SESSION_TIMEOUT_MS, "sessionTimeoutMs"),
      requestTimeoutMs: positive(options.requestTimeoutMs, REQUEST_TIMEOUT_MS, "requestTimeoutMs"),
      queuedBytesMax: positive(options.queuedBytesMax, QUEUED_BYTES_MAX, "queuedBytesMax"),
      credentials: options.credentials ?? [],
    },
    {
      environment,
      transport:
        modules.transport ??
        grpcTransport({ tls: options.tls, token: options.token, userAgent: userAgent(options.applicationName) }),
      endpoints: new EndpointList(addresses, () => environment.random()),
    },
  );
  const onAbort = (): void => core.finish(new MusterError("CANCELLED", { cause: signal?.reason }));
  const timer = environment.setTimer(
    () => {
      const cause = core.lastError;
      const message = `no member opened a session within ${connectTimeoutMs} ms; tried ${addresses.join(", ")}`;
      const detail = cause === undefined ? "no answer" : cause.message;
      core.finish(new MusterError("UNREACHABLE", { message: `${message}: ${detail}`, cause }));
    },
    positive(connectTimeoutMs, CONNECT_TIMEOUT_MS, "connectTimeoutMs"),
  );
  environment.holdTimer(timer);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    await core.start();
    const { tls, token, applicationName, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
    return new MusterClient(core, { tls, token, applicationName, timeoutMs: requestTimeoutMs });
  } finally {
    environment.clearTimer(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

function positive(value: number | undefined, otherwise: number, name: string): number {
  if (value === undefined) return otherwise;
  if (!(value > 0)) throw new MusterError("INVALID_ARGUMENT", { message: `${name} must be positive` });
  return value;
}
