import { invalid } from "./arguments.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { MusterError } from "./errors.ts";
import {
  AddWatchOperation,
  OperationBatch,
  RemoveWatchOperation,
  SessionRequest,
} from "./gen/muster/coordination/v1/session.ts";
import { operationField } from "./operation-encoder.ts";
import { type OperationQueue, UNANSWERED_MAX } from "./operation-queue.ts";
import { kind } from "./pending.ts";
import type { WireEvent, WireResult } from "./response-decoder.ts";
import type { Written } from "./result-value.ts";
import { resultError } from "./result-value.ts";
import { Watch, type WatchEventType, type WatchMode, type WatchOptions, type WatchOwner } from "./watch.ts";

/** The proto's WatchMode numbers. */
const wireMode = {
  data: 1,
  exists: 2,
  children: 3,
  persistent: 4,
  "persistent-recursive": 5,
} as const satisfies Record<WatchMode, number>;
/** By the proto's EventType number; what a newer server may add is not reported. */
const eventTypes: readonly (WatchEventType | undefined)[] = [
  undefined,
  "created",
  "deleted",
  "data-changed",
  "children-changed",
];
/** Pause before a watch refused for the moment is armed again, ms. */
const REARM_DELAY_MS = 500;
const forever = { timeoutMs: Number.POSITIVE_INFINITY };

/**
 * The watches of a client. A watch lives on its stream at the server; here it lives until it ends, and is armed again
 * on each new stream from the last zxid it has seen.
 *
 * Re-arming goes before everything unanswered, so that an event is still delivered before the answer that reveals it;
 * and it uses the number each watch was first registered under, so that numbers rise on the new stream too (answers
 * come in order, hence every registered watch's number is below every unanswered one).
 */
export class WatchRegistry implements WatchOwner {
  readonly #queue: OperationQueue;
  readonly #diagnostics: Diagnostics;
  readonly #later: (callback: () => void, delayMs: number) => void;
  readonly #watches = new Map<number, Watch>();
  #nextId = 1;
  /** To be armed again on this stream, in the order of their numbers. */
  #toRearm: Watch[] = [];
  /** Sent for that, by number. */
  readonly #rearming = new Map<number, Watch>();

  constructor(queue: OperationQueue, diagnostics: Diagnostics, later: (callback: () => void, delayMs: number) => void) {
    this.#queue = queue;
    this.#diagnostics = diagnostics;
    this.#later = later;
  }

  get size(): number {
    return this.#watches.size;
  }

  /** Unanswered operations that the queue does not know of. */
  get unanswered(): number {
    return this.#rearming.size;
  }

  /** Watches still to be armed again on this stream. */
  get hasUnsent(): boolean {
    return this.#toRearm.length > 0;
  }

  add(path: string, options: WatchOptions): Watch {
    const watch = new Watch(this.#nextId++, path, options, this);
    this.#watches.set(watch.id, watch);
    const refusal = this.#queue.refusal(path, undefined) ?? argumentError(watch);
    if (options.signal?.aborted === true) watch.close();
    else if (refusal !== undefined) watch.end(refusal);
    else this.#register(watch, watch.seen);
    return watch;
  }

  /** The stream is gone. `covered`: every event at or below it was received by the watches registered on it. */
  streamLost(covered: number): void {
    this.#rearming.clear();
    this.#toRearm = [];
    for (const watch of this.#watches.values()) {
      if (watch.armed) watch.seen = Math.max(watch.seen, covered);
      watch.floor = watch.seen;
      if (watch.replaying) this.#takeOver(watch);
      if (watch.number !== 0 && watch.wasRegistered) this.#toRearm.push(watch);
      watch.armed = false;
    }
    this.#toRearm.sort((a, b) => a.number - b.number);
  }

  /** Sends what is to be armed again; false when the stream or the window is full before everything is sent. */
  rearm(write: (message: Buffer) => boolean): boolean {
    while (this.#toRearm.length > 0) {
      const room = UNANSWERED_MAX - this.#rearming.size;
      if (room <= 0) return false;
      const watches = this.#toRearm.splice(0, room).filter((watch) => !watch.isOver);
      const operations = watches.map((watch) => {
        this.#rearming.set(watch.number, watch);
        const value = { watchId: watch.id, path: watch.path, mode: wireMode[watch.mode], afterZxid: watch.seen };
        return { number: watch.number, operation: { $case: "addWatch" as const, value } };
      });
      if (operations.length === 0) continue;
      const value = OperationBatch.fromPartial({ operations });
      const message = SessionRequest.encode({ request: { $case: "operations", value } }).finish();
      if (!write(Buffer.from(message.buffer, message.byteOffset, message.length))) return this.#toRearm.length === 0;
    }
    return true;
  }

  /** Takes an answer that is not the queue's. */
  answer(result: WireResult): void {
    const watch = this.#rearming.get(result.number);
    if (watch === undefined) return;
    this.#rearming.delete(result.number);
    if (watch.isOver) return;
    if (result.failed)
      this.#refused(watch, resultError({ kind: kind.ADD_WATCH, path: watch.path, detail: undefined }, result), true);
    else this.#registered(watch, result.zxid);
  }

  deliver(zxid: number, events: readonly WireEvent[]): void {
    for (const { type, path, watchIds } of events) {
      const named = eventTypes[type];
      if (named === undefined) continue;
      const event = { type: named, path, zxid };
      for (const id of watchIds) {
        const watch = this.#watches.get(id);
        if (watch === undefined || zxid <= watch.floor) continue;
        watch.replaying = !watch.wasRegistered;
        watch.push(event);
      }
    }
  }

  /** The client is closed. */
  end(error: MusterError | undefined): void {
    for (const watch of [...this.#watches.values()]) watch.end(error);
  }

  watchEnded(watch: Watch): void {
    this.#watches.delete(watch.id);
    if (!watch.armed || this.#queue.refusal(undefined, undefined) !== undefined) return;
    const message = RemoveWatchOperation.encode({ watchId: watch.id }).finish();
    this.#queue.encoder.encoded(this.#queue.nextNumber, operationField.removeWatch, message);
    // A one-shot watch that has fired is unknown to the server already, and that is fine.
    this.#queue.issue(kind.REMOVE_WATCH, watch.path, undefined).catch(() => {});
  }

  watchOverflowed(watch: Watch, queued: number): void {
    this.#diagnostics.emit({ type: "slow-watcher", path: watch.path, zxid: watch.zxid, queued });
  }

  /**
   * The stream was lost in the middle of a replay. The queue would ask for all of it again, and so, where it is too
   * much for one stream, for ever: from here on the registry asks, for what is missing. Whatever was issued before the
   * watch is answered, else there were no events, so its number may go before the unanswered ones.
   */
  #takeOver(watch: Watch): void {
    watch.replaying = false;
    watch.wasRegistered = true;
    this.#queue.withdraw(watch.number);
  }

  /** Registers a watch in order with the operations around it. */
  #register(watch: Watch, afterZxid: number): void {
    const operation = { watchId: watch.id, path: watch.path, mode: wireMode[watch.mode], afterZxid };
    watch.number = this.#queue.nextNumber;
    watch.wasRegistered = false;
    watch.replaying = false;
    this.#queue.encoder.encoded(watch.number, operationField.addWatch, AddWatchOperation.encode(operation).finish());
    this.#queue.issue(kind.ADD_WATCH, watch.path, forever).then(
      (answer) => this.#registered(watch, (answer as Written).zxid),
      (error) => this.#refused(watch, MusterError.from(error), afterZxid !== 0),
    );
  }

  #registered(watch: Watch, zxid: number): void {
    if (watch.isOver) {
      // It ended while it was being registered: the server is to forget it too.
      watch.armed = true;
      this.watchEnded(watch);
      return;
    }
    watch.wasRegistered = true;
    watch.replaying = false;
    watch.registered(zxid);
    if (watch.compacted) {
      watch.compacted = false;
      this.#diagnostics.emit({ type: "watch-compacted", path: watch.path, zxid });
      watch.push({ type: "compacted", path: watch.path, zxid });
    }
    watch.seen = Math.max(watch.seen, zxid);
  }

  #refused(watch: Watch, error: MusterError | undefined, resuming: boolean): void {
    if (watch.isOver) return;
    if (error?.reason === "COMPACTED") {
      watch.compacted = true;
      this.#register(watch, 0);
    } else if (resuming && error !== undefined && error.retry !== "never") {
      watch.wasRegistered = false;
      this.#later(() => {
        if (!watch.isOver && this.#queue.refusal(undefined, undefined) === undefined) this.#register(watch, watch.seen);
      }, REARM_DELAY_MS);
    } else {
      watch.end(error);
    }
  }
}

function argumentError({ path, mode, seen }: Watch): MusterError | undefined {
  if (wireMode[mode] === undefined) return invalid(`there is no watch mode ${String(mode)}`, path);
  return Number.isSafeInteger(seen) && seen >= 0 ? undefined : invalid("afterZxid is no zxid", path);
}
