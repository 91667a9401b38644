import { type Deferred, deferred } from "./deferred.ts";
import { MusterError } from "./errors.ts";

/**
 * What a watch reports. `data`, `exists` and `children` fire once, as in ZooKeeper; the persistent ones go on.
 * `data`: the znode's data changes, or it is deleted. `exists`: it is created, changed or deleted. `children`: a child
 * comes or goes, or the znode is deleted. `persistent`: all of these. `persistent-recursive`: every creation, change
 * and deletion at or below it.
 */
export type WatchMode = "data" | "exists" | "children" | "persistent" | "persistent-recursive";

export type WatchEventType = "created" | "deleted" | "data-changed" | "children-changed";

export interface ZnodeEvent {
  readonly type: WatchEventType;
  /** The znode it happened to. */
  readonly path: string;
  readonly zxid: number;
}

/**
 * The server no longer keeps the events since the watch was last heard of, so some may be missing. The watch is armed
 * again already: what is read after this event, together with the events that follow it, is complete.
 */
export interface CompactedEvent {
  readonly type: "compacted";
  /** The path watched. */
  readonly path: string;
  /** Events after this zxid follow. */
  readonly zxid: number;
}

export type WatchEvent = ZnodeEvent | CompactedEvent;

export interface WatchOptions {
  /** `persistent-recursive` by default. */
  readonly mode?: WatchMode | undefined;
  /** Begin with the events after this zxid; by default with what happens from now on. */
  readonly afterZxid?: number | undefined;
  /** Ends the watch, without an error. */
  readonly signal?: AbortSignal | undefined;
  /** Events held for a consumer that does not come for them, before the watch is cut; 10,000 by default. */
  readonly queueMax?: number | undefined;
}

export const WATCH_QUEUE_MAX = 10_000;

/** What a watch tells the registry that made it. */
export interface WatchOwner {
  watchEnded(watch: Watch): void;
  watchOverflowed(watch: Watch, queued: number): void;
}

/**
 * A standing request for events, consumed by `for await`. It is registered from the call on, in order with the reads
 * and writes around it, and survives reconnects and the session's end: each event comes once, in order, and before
 * the answer of any read that could show its effect.
 *
 * The iteration ends when the loop is left, on `close()`, when the signal is aborted, when a one-shot watch has fired,
 * and when the client is closed. It throws when the server refuses the watch, and WATCH_OVERFLOW once the events that
 * were queued are consumed: its `zxid` is where to resume.
 */
export class Watch implements AsyncIterableIterator<WatchEvent, undefined>, AsyncDisposable {
  readonly path: string;
  readonly mode: WatchMode;
  /** @internal The number of the operation that registered it; re-armed under it, before everything unanswered. */
  number = 0;
  /** @internal */
  readonly id: number;
  /** @internal Registered on the current stream. */
  armed = false;
  /** @internal The server has confirmed it once, under `number`: the registry re-arms it, not the queue. */
  wasRegistered = false;
  /** @internal Events have come before the answer to its registration: the past is being replayed. */
  replaying = false;
  /** @internal Armed again after COMPACTED, which the consumer is yet to be told. */
  compacted = false;
  /** @internal Every event up to here has come. */
  seen: number;
  /** @internal Events up to here are repetitions. */
  floor: number;
  readonly #owner: WatchOwner;
  readonly #queueMax: number;
  readonly #detach: (() => void) | undefined;
  #queue: WatchEvent[] = [];
  #head = 0;
  #over = false;
  #error: MusterError | undefined;
  readonly #waiting: Deferred<IteratorResult<WatchEvent, undefined>>[] = [];
  readonly #ready = deferred<number>();

  /** @internal */
  constructor(id: number, path: string, options: WatchOptions, owner: WatchOwner) {
    this.id = id;
    this.path = path;
    this.mode = options.mode ?? "persistent-recursive";
    this.seen = options.afterZxid ?? 0;
    this.floor = this.seen;
    this.#queueMax = options.queueMax ?? WATCH_QUEUE_MAX;
    this.#owner = owner;
    // `ready` is for those who ask; the iteration reports the same error to everybody else.
    this.#ready.promise.catch(() => {});
    const { signal } = options;
    if (signal !== undefined) {
      const onAbort = (): void => this.close();
      signal.addEventListener("abort", onAbort, { once: true });
      this.#detach = () => signal.removeEventListener("abort", onAbort);
    }
  }

  /** Every event up to this zxid has been received; a later watch can go on from it with `afterZxid`. */
  get zxid(): number {
    return this.seen;
  }

  /** Resolves with the zxid it was registered at, once it is. Need not be awaited. */
  get ready(): Promise<number> {
    return this.#ready.promise;
  }

  get isOver(): boolean {
    return this.#over;
  }

  next(): Promise<IteratorResult<WatchEvent, undefined>> {
    const event = this.#queue[this.#head];
    if (event !== undefined) {
      this.#head += 1;
      if (this.#head === this.#queue.length || this.#head > 1024) this.#compactQueue();
      return Promise.resolve({ done: false, value: event });
    }
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#over) return Promise.resolve({ done: true, value: undefined });
    const waiting = deferred<IteratorResult<WatchEvent, undefined>>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** Called when a `for await` loop is left. */
  return(): Promise<IteratorResult<WatchEvent, undefined>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  /** Ends the watch; events queued are dropped. Idempotent. */
  close(): void {
    this.#queue = [];
    this.#head = 0;
    this.end(undefined);
  }

  /** @internal */
  registered(zxid: number): void {
    this.armed = true;
    this.#ready.resolve(zxid);
  }

  /** @internal */
  push(event: WatchEvent): void {
    if (this.#over) return;
    this.seen = Math.max(this.seen, event.zxid);
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting.resolve({ done: false, value: event });
    else this.#queue.push(event);
    const oneShot = this.mode !== "persistent" && this.mode !== "persistent-recursive";
    if (oneShot && event.type !== "compacted") {
      // The server has forgotten it with this event.
      this.armed = false;
      this.end(undefined);
    } else if (this.#queue.length - this.#head > this.#queueMax) {
      this.#overflow();
    }
  }

  /** @internal Nothing more comes; queued events are still delivered, then the error. */
  end(error: MusterError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#detach?.();
    this.#ready.reject(error ?? new MusterError("CANCELLED", { path: this.path, message: "the watch was ended" }));
    this.#owner.watchEnded(this);
    const [first, ...others] = this.#waiting.splice(0);
    if (error === undefined) first?.resolve({ done: true, value: undefined });
    else if (first === undefined) this.#error = error;
    else first.reject(error);
    for (const waiting of others) waiting.resolve({ done: true, value: undefined });
  }

  #overflow(): void {
    const queued = this.#queue.length - this.#head;
    this.#owner.watchOverflowed(this, queued);
    this.end(new MusterError("WATCH_OVERFLOW", { path: this.path, zxid: this.#resumeZxid() }));
  }

  /** Events of one zxid come together; the last one may be cut in the middle, so it is to be repeated whole. */
  #resumeZxid(): number {
    const last = this.#queue.at(-1)?.zxid ?? this.seen;
    let end = this.#queue.length;
    while (end > this.#head && this.#queue[end - 1]?.zxid === last) end -= 1;
    this.#queue.length = end;
    return this.#queue.at(-1)?.zxid ?? last - 1;
  }

  #compactQueue(): void {
    this.#queue.splice(0, this.#head);
    this.#head = 0;
  }
}
