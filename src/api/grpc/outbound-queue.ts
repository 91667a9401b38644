import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { DoorCounters } from "./door-counters.ts";
import type { GrpcFailure } from "./status.ts";

/** A session stream as grpc-js gives it, with messages as bytes both ways. */
export type SessionCall = ServerDuplexStream<Buffer, Buffer>;

/** What of a stream the queue needs: of a session's, or one of responses alone. */
export interface OutboundCall {
  write(message: Buffer, flushed: () => void): unknown;
  end(): unknown;
  emit(event: "error", failure: GrpcFailure): unknown;
}

/** What a queued message costs beside its bytes: many tiny ones must count, too. */
export const MESSAGE_OVERHEAD_BYTES = 128;

interface Queued {
  readonly message: Buffer;
  /** Of a message of events, theirs; else 0. */
  readonly zxid: number;
}

/**
 * What waits to be sent on one stream. grpc-js buffers without bound and counts messages, not bytes; so only a little
 * is handed to it at a time, and the rest stays here, where it is counted and can still be dropped.
 */
export class OutboundQueue {
  private readonly call: OutboundCall;
  private readonly inFlightTarget: number;
  private readonly counters: DoorCounters;
  private readonly onDrain: () => void;
  private waiting: Queued[] = [];
  private head = 0;
  /** Sizes of the messages handed to grpc-js, oldest first. */
  private inFlight: number[] = [];
  private inFlightBytes = 0;
  private ending = false;
  private ended = false;
  private failure: GrpcFailure | undefined;
  /** Bytes not flushed yet, those in flight and {@link MESSAGE_OVERHEAD_BYTES} included. */
  unsentBytes = 0;

  /** `onDrain` is told each time grpc-js flushed a message. */
  constructor(call: OutboundCall, inFlightTarget: number, counters: DoorCounters, onDrain: () => void) {
    this.call = call;
    this.inFlightTarget = inFlightTarget;
    this.counters = counters;
    this.onDrain = onDrain;
  }

  push(message: Buffer, zxid = 0): void {
    if (this.ending) return;
    this.account(message.length + MESSAGE_OVERHEAD_BYTES);
    this.waiting.push({ message, zxid });
    this.advance();
  }

  /** Ends the stream when all is sent: with status OK, or with `failure`. */
  end(failure: GrpcFailure | undefined): void {
    if (this.ending) return;
    this.ending = true;
    this.failure = failure;
    this.advance();
  }

  /** Forgets what has not been handed to grpc-js; returns the zxid of the first events forgotten, 0 if none were. */
  drop(): number {
    let bytes = 0;
    let first = 0;
    for (const { message, zxid } of this.waiting.slice(this.head)) {
      bytes += message.length + MESSAGE_OVERHEAD_BYTES;
      if (first === 0) first = zxid;
    }
    this.waiting = [];
    this.head = 0;
    this.account(-bytes);
    this.advance();
    return first;
  }

  /** The call is gone: nothing more is sent, nothing more is counted. */
  abandon(): void {
    this.ending = true;
    this.ended = true;
    this.waiting = [];
    this.head = 0;
    this.inFlight = [];
    this.account(-this.unsentBytes);
  }

  private account(bytes: number): void {
    this.unsentBytes += bytes;
    this.counters.unsentBytes += bytes;
  }

  private advance(): void {
    while (this.head < this.waiting.length && this.inFlightBytes < this.inFlightTarget && !this.ended) {
      this.handOver((this.waiting[this.head++] as Queued).message);
    }
    if (this.head < this.waiting.length) {
      if (this.head > 1024) this.compact();
      return;
    }
    this.waiting = this.waiting.length === 0 ? this.waiting : [];
    this.head = 0;
    if (this.ending && !this.ended) this.finish();
  }

  private compact(): void {
    this.waiting = this.waiting.slice(this.head);
    this.head = 0;
  }

  private handOver(message: Buffer): void {
    this.inFlight.push(message.length);
    this.inFlightBytes += message.length;
    this.counters.messagesSent++;
    this.counters.bytesSent += message.length;
    this.call.write(message, this.onWritten);
  }

  /** One function for all messages: they are flushed in order. */
  private readonly onWritten = (): void => {
    if (this.ended) return;
    const bytes = this.inFlight.shift() ?? 0;
    this.inFlightBytes -= bytes;
    this.account(-bytes - MESSAGE_OVERHEAD_BYTES);
    this.advance();
    this.onDrain();
  };

  private finish(): void {
    this.ended = true;
    this.account(-this.unsentBytes);
    // grpc-js's way to end a stream with a status; without a failure the status is OK.
    if (this.failure === undefined) this.call.end();
    else this.call.emit("error", this.failure);
  }
}
