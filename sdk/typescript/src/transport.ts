import type { MusterError } from "./errors.ts";

/** What a session needs of the network: one bidirectional stream of messages to one member. */
export interface SessionTransport {
  /** Begins a stream; what becomes of it the listener hears, never during this call. */
  open(endpoint: string, listener: StreamListener): SessionStream;
  /**
   * Asks a member how it is, on a connection of its own. Calls back once, with no time-out; the function returned gives
   * the question up.
   */
  probe(endpoint: string, done: (answer: ProbeAnswer) => void): () => void;
}

/** Of a member that was asked how it is. `not-serving` is one that lives and has no leader, say. */
export type ProbeAnswer = "serving" | "not-serving" | "unreachable";

export interface SessionStream {
  /** Sends one encoded SessionRequest; false: full, wait for `onDrain` before sending more. */
  write(message: Buffer): boolean;
  /** Gives the stream up: the listener hears nothing more. Idempotent. */
  destroy(): void;
}

export interface StreamListener {
  /** One encoded SessionResponse. */
  onMessage(message: Buffer): void;
  onDrain(): void;
  /** The stream is over, by the server or the network; nothing follows. */
  onEnd(error: MusterError): void;
}
