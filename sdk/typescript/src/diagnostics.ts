import type { MusterError } from "./errors.ts";

/** What a client tells about its connection, for logs, metrics and tests. */
export type DiagnosticEvent =
  /** A stream to a member carries the session. */
  | { readonly type: "connected"; readonly endpoint: string; readonly memberId: number }
  /** The stream is gone; the session lives on for its time-out. */
  | { readonly type: "disconnected"; readonly endpoint: string; readonly error: MusterError }
  /** The next attempt, counted from 1, begins after the delay. `error` is why the one before failed. */
  | {
      readonly type: "reconnecting";
      readonly attempt: number;
      readonly delayMs: number;
      readonly endpoint: string;
      readonly error: MusterError | undefined;
    }
  | { readonly type: "session-opened"; readonly sessionId: number; readonly timeoutMs: number }
  | { readonly type: "session-resumed"; readonly sessionId: number }
  /** The whole time-out passed without an acknowledgement: the session may be gone, only the server knows. */
  | { readonly type: "session-suspended"; readonly sessionId: number }
  /** The server said so: its ephemeral znodes are gone. A new session is opened at once; watches are kept. */
  | {
      readonly type: "session-expired";
      readonly sessionId: number;
      /** Writes that were sent and will have no answer. */
      readonly unknownWrites: number;
    }
  /** Events of a watch since this zxid were no longer kept; it goes on from now. */
  | { readonly type: "watch-compacted"; readonly path: string; readonly zxid: number }
  /** A watch was cut because its events were not consumed. */
  | { readonly type: "slow-watcher"; readonly path: string; readonly zxid: number; readonly queued: number }
  /** The client is closed; `error` when not by its user. */
  | { readonly type: "closed"; readonly error: MusterError | undefined };

export type DiagnosticType = DiagnosticEvent["type"];
export type DiagnosticListener<T extends DiagnosticType = DiagnosticType> = (
  event: Extract<DiagnosticEvent, { type: T }>,
) => void;

/** Tells listeners, in order, at the moment it happens. What a listener throws becomes a process warning. */
export class Diagnostics {
  readonly #listeners = new Set<DiagnosticListener>();

  /** Listens to everything; returns the function that stops it. */
  subscribe(listener: DiagnosticListener): () => void {
    const own: DiagnosticListener = (event) => listener(event);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Listens to one type; returns the function that stops it. */
  on<T extends DiagnosticType>(type: T, listener: DiagnosticListener<T>): () => void {
    return this.subscribe((event) => {
      if (event.type === type) listener(event as Extract<DiagnosticEvent, { type: T }>);
    });
  }

  /** @internal */
  emit(event: DiagnosticEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : new Error(String(error)));
      }
    }
  }
}
