import type { Reason } from "../../core/base/errors.ts";
import type { Subscriber, SubscriberSink } from "../../products/floor/subscriber.ts";
import type { Subscribers } from "../../products/floor/subscribers.ts";
import type { DoorCounters } from "./door-counters.ts";
import type { GrpcLimits } from "./grpc-options.ts";
import { type OutboundCall, OutboundQueue } from "./outbound-queue.ts";
import { failureOf, type GrpcFailure } from "./status.ts";

/** A stream of responses, be it one of requests as well, with both as bytes. */
export interface SubscriptionCall extends OutboundCall {
  on(event: "cancelled", listener: () => void): unknown;
}

export interface SubscriptionStreamDependencies {
  readonly subscribers: Subscribers;
  readonly limits: Pick<GrpcLimits, "inFlightBytesTarget" | "lingerMs">;
  readonly counters: DoorCounters;
  /** The call is over. */
  onGone(stream: SubscriptionStream): void;
}

/**
 * One client's stream of what it follows. Its {@link subscriber} takes the topics; messages are bytes that were encoded
 * once for all who get them. A client that does not read is cut with WATCH_OVERFLOW: the status is behind all that was
 * sent, so the versions to come back with are those of the last messages it got.
 */
export class SubscriptionStream implements SubscriberSink {
  readonly subscriber: Subscriber;
  private readonly deps: SubscriptionStreamDependencies;
  private readonly outbound: OutboundQueue;
  private linger: NodeJS.Timeout | undefined;

  constructor(call: SubscriptionCall, deps: SubscriptionStreamDependencies) {
    this.deps = deps;
    const { counters, limits, subscribers } = deps;
    this.outbound = new OutboundQueue(call, limits.inFlightBytesTarget, counters, () => this.subscriber.drained());
    this.subscriber = subscribers.add(this);
    counters.streams++;
    counters.streamsOpened++;
    call.on("cancelled", () => this.onGone());
  }

  get unsentBytes(): number {
    return this.outbound.unsentBytes;
  }

  write(message: Uint8Array): void {
    const { buffer, byteOffset, length } = message;
    this.outbound.push(message instanceof Buffer ? message : Buffer.from(buffer, byteOffset, length));
  }

  cut(): void {
    this.deps.counters.streamsCut++;
    // Its client comes back for the newest; what waits here is old by then.
    this.outbound.drop();
    this.end("WATCH_OVERFLOW");
  }

  /** Ends it after what is written already; without a reason, with status OK. */
  end(reason: Reason | undefined): void {
    this.finish(reason === undefined ? undefined : failureOf(reason));
  }

  private finish(failure: GrpcFailure | undefined): void {
    this.subscriber.close();
    this.linger ??= setTimeout(() => this.outbound.drop(), this.deps.limits.lingerMs).unref();
    this.outbound.end(failure);
  }

  private onGone(): void {
    this.subscriber.close();
    this.outbound.abandon();
    clearTimeout(this.linger);
    this.deps.counters.streams--;
    this.deps.onGone(this);
  }
}
