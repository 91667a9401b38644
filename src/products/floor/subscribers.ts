import { Subscriber, type SubscriberHost, type SubscriberSink } from "./subscriber.ts";

export interface SubscribersOptions {
  /** What one subscriber may have unsent before it has to wait, bytes. Default 64 KiB. */
  readonly unsentBytesMax?: number;
  /** What all of them may have unsent before everybody waits, bytes. Default 256 MiB. */
  readonly allUnsentBytesMax?: number;
  /** Who has something unsent, of which its client has read nothing for so long, is cut, ms. Default 30,000. */
  readonly stalledMs?: number;
  /** The same while everybody waits, ms. Default 5,000. */
  readonly stalledPressedMs?: number;
}

const defaults = {
  unsentBytesMax: 64 * 1024,
  allUnsentBytesMax: 256 * 1024 * 1024,
  stalledMs: 30_000,
  stalledPressedMs: 5_000,
};
/** What telling may take of one turn of the loop, ms; looked at after this many messages (products.md 15). */
const TURN_MS = 5;
const TURN_MESSAGES = 32;
/** How often stalled subscribers are looked for, ms. */
const SWEEP_MS = 500;

/**
 * All subscribers of a product at this member. They are told in turn, a message each, for a bounded time per turn of
 * the loop. Whoever does not read costs its bound and one message, holds nobody up, and is cut in the end.
 */
export class Subscribers implements SubscriberHost {
  readonly unsentBytesMax: number;
  private readonly options: Required<SubscribersOptions>;
  private ready: Subscriber[] = [];
  /** First of `ready` that has not had its turn. */
  private first = 0;
  /** Those with something unsent, and when some of it was sent last, by the monotonic clock. */
  private readonly sending = new Map<Subscriber, number>();
  private unsentBytes = 0;
  private turn: NodeJS.Immediate | undefined;
  private readonly sweeper: NodeJS.Timeout;

  constructor(options: SubscribersOptions = {}) {
    this.options = { ...defaults, ...options };
    this.unsentBytesMax = this.options.unsentBytesMax;
    this.sweeper = setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  add(sink: SubscriberSink): Subscriber {
    return new Subscriber(sink, this);
  }

  /** Nobody is told anything more. */
  stop(): void {
    clearInterval(this.sweeper);
    clearImmediate(this.turn);
    this.ready = [];
    this.first = 0;
    this.sending.clear();
  }

  isReady(subscriber: Subscriber): void {
    this.ready.push(subscriber);
    this.work();
  }

  counted(subscriber: Subscriber, bytes: number, before: number): void {
    this.unsentBytes += bytes - before;
    if (bytes === 0) this.sending.delete(subscriber);
    else if (before === 0 || bytes < before) this.sending.set(subscriber, performance.now());
    if (bytes < before) this.work();
  }

  /** Everybody waits for somebody to read. */
  private get isPressed(): boolean {
    return this.unsentBytes >= this.options.allUnsentBytesMax;
  }

  private work(): void {
    if (this.first === this.ready.length || this.isPressed) return;
    this.turn ??= setImmediate(() => {
      this.turn = undefined;
      this.pump();
    });
  }

  private pump(): void {
    const until = performance.now() + TURN_MS;
    do {
      for (let told = 0; told < TURN_MESSAGES && this.first < this.ready.length && !this.isPressed; told++) {
        this.ready[this.first++]?.takeTurn();
      }
    } while (this.first < this.ready.length && !this.isPressed && performance.now() < until);
    this.compact();
    this.work();
  }

  /** Forgets those that have had their turn, now and then: not one by one. */
  private compact(): void {
    if (this.first < this.ready.length / 2) return;
    this.ready = this.ready.slice(this.first);
    this.first = 0;
  }

  private sweep(): void {
    const { stalledMs, stalledPressedMs } = this.options;
    const since = performance.now() - (this.isPressed ? stalledPressedMs : stalledMs);
    for (const [subscriber, sentAt] of this.sending) if (sentAt <= since) subscriber.cut();
  }
}
