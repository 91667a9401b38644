import type { Prng } from "../../src/core/base/prng.ts";
import type { Timeline } from "./timeline.ts";

/** One end of a link, as the network calls it. */
export interface LinkEnd<In> {
  receive(message: In): void;
  /** The link is gone, as far as this end can tell. */
  lost(): void;
}

/** Until one end notices that the other has gone, ms at most. */
const NOTICE_MS_MAX = 3_000;

/** A connection in the simulated network: each direction delivers in order, late, until one end goes. */
export class Link<Up, Down> {
  private readonly timeline: Timeline;
  private readonly random: Prng;
  private readonly upward: Lane<Up>;
  private readonly downward: Lane<Down>;

  constructor(timeline: Timeline, random: Prng, server: LinkEnd<Up>, client: LinkEnd<Down>) {
    this.timeline = timeline;
    this.random = random;
    this.upward = new Lane(timeline, random, server);
    this.downward = new Lane(timeline, random, client);
  }

  /** From the client. */
  send(message: Up): void {
    this.upward.send(message);
  }

  /** From the server. */
  reply(message: Down): void {
    this.downward.send(message);
  }

  /** The client lets go: it hears nothing more, and the server may not know for long; what is on its way may arrive. */
  abandon(): void {
    this.downward.cut();
    if (this.random.chance(0.3)) this.upward.cut();
    const { upward } = this;
    this.timeline.after(this.random.below(this.random.chance(0.5) ? 5 : NOTICE_MS_MAX), () => upward.end());
  }

  /** The server is gone at once; what it had sent may still arrive. */
  crash(): void {
    this.upward.cut();
    if (this.random.chance(0.5)) this.downward.cut();
    const { downward } = this;
    this.timeline.after(this.random.below(20) + 1, () => downward.end());
  }
}

class Lane<Message> {
  private readonly timeline: Timeline;
  private readonly random: Prng;
  private readonly target: LinkEnd<Message>;
  private lastArrival = 0;
  private isCut = false;
  private isOver = false;

  constructor(timeline: Timeline, random: Prng, end: LinkEnd<Message>) {
    this.timeline = timeline;
    this.random = random;
    this.target = end;
  }

  send(message: Message): void {
    if (this.isCut || this.isOver) return;
    const delay = this.random.chance(0.02) ? this.random.below(60) : this.random.below(4) / 4;
    this.lastArrival = Math.max(this.lastArrival, this.timeline.now + delay);
    this.timeline.at(this.lastArrival, () => {
      if (!this.isCut && !this.isOver) this.target.receive(message);
    });
  }

  /** Nothing more arrives, and the end does not know. */
  cut(): void {
    this.isCut = true;
  }

  /** The end is told. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.target.lost();
  }
}
