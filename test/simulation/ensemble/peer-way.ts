import type { Prng } from "../../../src/core/base/prng.ts";
import type { Timeline } from "../timeline.ts";

/** What travels: the handshake first, then frames, and the end last. */
export type Parcel =
  | { readonly kind: "hello" }
  | { readonly kind: "frame"; readonly bytes: Uint8Array }
  | { readonly kind: "end"; readonly why: string };

/** How long things are on their way. */
export interface Weather {
  /** Usual delay at most, ms. */
  readonly delayMsMax: number;
  /** How often a frame is held up, and for how long at most, ms; what is behind it waits too. */
  readonly spikeChance: number;
  readonly spikeMsMax: number;
}

/** From one member to another, whatever connection there is: what the faults of the network change. */
export class Road {
  /** Whether bytes get through; if not they wait, as TCP sends them again and again. */
  isOpen = true;
  /** Bytes per ms; a clogged road has few. */
  rate = Number.POSITIVE_INFINITY;
}

interface Queued {
  readonly parcel: Parcel;
  /** Not before this time, ms. */
  readonly readyAt: number;
}

/** After a road opens again, until TCP tries again, ms at most. */
const RETRANSMIT_MS_MAX = 200;

/**
 * One direction of one connection, as TCP is: parcels arrive in order, late, or, if the connection ends, from some
 * parcel on not at all. The bytes that arrive are a copy of those sent.
 */
export class PeerWay {
  /** Bytes sent and not arrived. */
  bytes = 0;
  isOver = false;
  private readonly timeline: Timeline;
  private readonly random: Prng;
  private readonly weather: () => Weather;
  private readonly road: Road;
  private readonly deliver: (parcel: Parcel) => boolean;
  private queue: Queued[] = [];
  /** Times at which the pump runs are of one run of scheduling; a change makes all scheduled before void. */
  private plan = 0;
  private isScheduled = false;
  private lastArrival = 0;

  /** `deliver` returns false while the receiver takes nothing; {@link resume} follows. */
  constructor(
    timeline: Timeline,
    random: Prng,
    weather: () => Weather,
    road: Road,
    deliver: (parcel: Parcel) => boolean,
  ) {
    this.timeline = timeline;
    this.random = random;
    this.weather = weather;
    this.road = road;
    this.deliver = deliver;
  }

  send(parcel: Parcel): void {
    if (this.isOver) return;
    const { delayMsMax, spikeChance, spikeMsMax } = this.weather();
    const { random } = this;
    const delay = 0.05 + random.below(delayMsMax * 20) / 20;
    const spike = random.chance(spikeChance) ? random.below(spikeMsMax) : 0;
    this.bytes += sizeOf(parcel);
    const copied = parcel.kind === "frame" ? { ...parcel, bytes: parcel.bytes.slice() } : parcel;
    this.queue.push({ parcel: copied, readyAt: this.timeline.now + delay + spike });
    this.schedule(0);
  }

  /** The sender's end goes: some of what is on its way still arrives, then the end does. */
  end(why: string): void {
    if (this.isOver) return;
    const kept = this.random.chance(0.5) ? this.queue.length : this.random.below(this.queue.length + 1);
    for (const { parcel } of this.queue.splice(kept)) this.bytes -= sizeOf(parcel);
    this.send({ kind: "end", why });
    this.isOver = true;
  }

  /** Nothing arrives any more, and nobody is told. */
  drop(): void {
    this.isOver = true;
    this.queue = [];
    this.bytes = 0;
  }

  /** The road, or the receiver, may take something again. */
  resume(afterOutage: boolean): void {
    this.isScheduled = false;
    this.plan++;
    this.schedule(afterOutage ? this.random.below(RETRANSMIT_MS_MAX) : 0);
  }

  private schedule(extraMs: number): void {
    const head = this.queue[0];
    if (this.isScheduled || head === undefined || !this.road.isOpen) return;
    this.isScheduled = true;
    const { plan } = this;
    const begin = Math.max(head.readyAt, this.lastArrival, this.timeline.now + extraMs);
    this.timeline.at(begin + sizeOf(head.parcel) / this.road.rate, () => {
      if (plan === this.plan) this.pump();
    });
  }

  private pump(): void {
    this.isScheduled = false;
    const head = this.queue[0];
    if (head === undefined || !this.road.isOpen) return;
    this.lastArrival = this.timeline.now;
    if (!this.deliver(head.parcel)) return;
    // Delivering may have dropped everything.
    if (this.queue[0] === head) {
      this.queue.shift();
      this.bytes -= sizeOf(head.parcel);
    }
    this.schedule(0);
  }
}

/** The head of a frame counts too. */
function sizeOf(parcel: Parcel): number {
  return parcel.kind === "frame" ? parcel.bytes.length + 8 : 8;
}
