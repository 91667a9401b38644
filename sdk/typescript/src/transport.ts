import type { MusterError } from "./errors.ts";

/** What a session needs of the network: one bidirectional stream of messages to one member. */
export interface SessionTransport {
  /** Begins a stream; what becomes of it the listener hears, never during this call. */
  open(endpoint: string, listener: StreamListener): SessionStream;
}

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
