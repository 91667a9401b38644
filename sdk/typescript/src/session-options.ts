import type { EndpointList } from "./endpoints.ts";
import type { Environment } from "./environment.ts";
import type { OperationQueueOptions } from "./operation-queue.ts";
import type { Credential } from "./stat.ts";
import type { SessionTransport } from "./transport.ts";

/**
 * `connecting`: there is no session yet. `open`: a stream carries it. `disconnected`: no stream, and the session is
 * alive for sure. `suspended`: no acknowledgement for its whole time-out, it may be gone. `expired`: the server said
 * it is gone; the next one is being opened. `closed`: the client is closed.
 */
export type SessionState = "connecting" | "open" | "disconnected" | "suspended" | "expired" | "closed";

export interface SessionCoreOptions extends OperationQueueOptions {
  readonly sessionTimeoutMs: number;
  readonly credentials: readonly Credential[];
}

export interface SessionCoreModules {
  readonly environment: Environment;
  readonly transport: SessionTransport;
  readonly endpoints: EndpointList;
}
