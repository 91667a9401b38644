import type { MusterError } from "./errors.ts";
import { SessionRequest } from "./gen/muster/coordination/v1/session.ts";
import type { SessionStream, SessionTransport } from "./transport.ts";

export interface MemberStreamListener {
  onMessage(message: Buffer): void;
  onDrain(): void;
  onEnd(error: MusterError): void;
}

/** One stream to one member, from the attempt to its end. Once destroyed, its listener hears nothing more of it. */
export class MemberStream {
  readonly endpoint: string;
  /** When its first request was sent. */
  readonly sentAt: number;
  /** The member has opened or resumed the session on it. */
  live = false;
  liveAt = 0;
  /** Some operation was answered on it. */
  answered = false;
  /** Every event at or below this zxid has come on it. */
  covered = 0;
  /** Nothing but keep-alives may be written until it drains. */
  blocked = false;
  readonly #stream: SessionStream;
  #over = false;

  readonly write = (message: Buffer): boolean => {
    const open = this.#stream.write(message);
    if (!open) this.blocked = true;
    return open;
  };

  constructor(transport: SessionTransport, endpoint: string, now: number, listener: MemberStreamListener) {
    this.endpoint = endpoint;
    this.sentAt = now;
    this.#stream = transport.open(endpoint, {
      onMessage: (message) => {
        if (!this.#over) listener.onMessage(message);
      },
      onDrain: () => {
        this.blocked = false;
        if (!this.#over) listener.onDrain();
      },
      onEnd: (error) => {
        if (!this.#over) listener.onEnd(error);
      },
    });
  }

  send(request: SessionRequest): void {
    const bytes = SessionRequest.encode(request).finish();
    this.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  }

  cover(zxid: number): void {
    if (zxid > this.covered) this.covered = zxid;
  }

  destroy(): void {
    this.#over = true;
    this.#stream.destroy();
  }
}
