import { MusterError } from "./errors.ts";
import { HEADER_ROOM, OperationEncoder, writeBatchHeader } from "./operation-encoder.ts";
import { isWrite, type Kind, Pending, PendingRing } from "./pending.ts";
import type { WireResult } from "./response-decoder.ts";
import { resultError, resultValue } from "./result-value.ts";

/** Operations a session may have unanswered (session.proto, Operation.number). */
export const UNANSWERED_MAX = 1024;
/** A batch is closed at this size, bytes. */
export const BATCH_BYTES_TARGET = 1024 * 1024;
/** Largest single operation, bytes: a multi of 4 MiB and its frame. */
export const OPERATION_BYTES_MAX = 4 * 1024 * 1024 + 64 * 1024;
/** Operations issued and not answered, those that wait to be sent included. */
export const QUEUED_OPERATIONS_MAX = 100_000;

/** What every call takes. */
export interface CallOptions {
  /** Gives the call up with CANCELLED. A write already sent may still take effect (`maybeApplied`). */
  readonly signal?: AbortSignal | undefined;
  /** Time until DEADLINE_EXCEEDED, or OUTCOME_UNKNOWN for a write already sent, ms. The client's by default. */
  readonly timeoutMs?: number | undefined;
}

export interface OperationQueueOptions {
  readonly requestTimeoutMs: number;
  /** Bytes of operations issued and not answered. */
  readonly queuedBytesMax: number;
}

export interface OperationQueueHost {
  now(): number;
  /** Something was issued: {@link OperationQueue.flush} is to be called at the end of this turn. */
  flushSoon(): void;
  /** {@link OperationQueue.expire} is to be called no later than this. */
  wakeBy(at: number): void;
}

/**
 * The operations of one client: numbered and encoded when they are issued, sent in batches, answered in order, sent
 * again from the first unanswered one on a new stream. Knows nothing of streams but a function that writes.
 */
export class OperationQueue {
  readonly encoder = new OperationEncoder();
  readonly #ring = new PendingRing();
  readonly #options: OperationQueueOptions;
  readonly #host: OperationQueueHost;
  /** The next number to send on the current stream. */
  #toSend = 1;
  #bytes = 0;
  /** Unsettled operations with a time-out of their own. */
  #ownDeadlines = 0;
  #refusal: MusterError | undefined;
  #turnAt = 0;
  #turnOpen = false;

  constructor(options: OperationQueueOptions, host: OperationQueueHost) {
    this.#options = options;
    this.#host = host;
  }

  get isEmpty(): boolean {
    return this.#ring.size === 0;
  }

  get hasUnsent(): boolean {
    return this.#toSend < this.#ring.next;
  }

  /** When the oldest operation that was sent and not answered was issued. */
  get awaitedSince(): number | undefined {
    return this.#toSend > this.#ring.first ? this.#ring.get(this.#ring.first)?.issuedAt : undefined;
  }

  /** The number to encode the next operation under. */
  get nextNumber(): number {
    return this.#ring.next;
  }

  /** From now on nothing is accepted. */
  refuse(error: MusterError): void {
    this.#refusal ??= error;
  }

  /** An error if an operation may not be issued now. */
  refusal(path: string | undefined, options: CallOptions | undefined): MusterError | undefined {
    if (this.#refusal !== undefined) return new MusterError(this.#refusal.reason, { path, cause: this.#refusal.cause });
    if (options?.signal?.aborted === true) return new MusterError("CANCELLED", { path, cause: options.signal.reason });
    if (this.#bytes >= this.#options.queuedBytesMax || this.#ring.size >= QUEUED_OPERATIONS_MAX) {
      return new MusterError("OVERLOADED", { path, message: "too much is waiting to be sent or answered" });
    }
    return undefined;
  }

  /** Takes the operation the encoder has just encoded under {@link nextNumber}. */
  issue(of: Kind, path: string | undefined, options: CallOptions | undefined, detail?: unknown): Promise<unknown> {
    if (!this.#turnOpen) {
      this.#turnOpen = true;
      this.#turnAt = this.#host.now();
      this.#host.flushSoon();
      this.#host.wakeBy(this.#turnAt + this.#options.requestTimeoutMs);
    }
    const pending = new Pending(this.#ring.next, of, path, this.encoder, this.#turnAt);
    pending.promise = new Promise((resolve, reject) => {
      pending.resolve = resolve;
      pending.reject = reject;
    });
    pending.detail = detail;
    const bytes = pending.end - pending.start;
    this.#ring.push(pending);
    this.#bytes += bytes;
    if (bytes > OPERATION_BYTES_MAX) this.#abandon(pending, new MusterError("MESSAGE_TOO_LARGE", { path }));
    else if (options !== undefined) this.#limit(pending, options);
    return pending.promise;
  }

  /**
   * Sends what may be sent, in batches, until `write` says that the stream is full; false then. `windowUsed` is how
   * many of the {@link UNANSWERED_MAX} others take up.
   */
  flush(write: (message: Buffer) => boolean, windowUsed: number): { open: boolean; wrote: boolean } {
    this.endTurn();
    const result = { open: true, wrote: false };
    while (result.open) {
      const limit = Math.min(this.#ring.next, this.#ring.first + UNANSWERED_MAX - windowUsed);
      if (this.#toSend >= limit) break;
      const message = this.#gather(limit);
      if (message === undefined) break;
      if (message.writes) result.wrote = true;
      result.open = write(message.bytes);
    }
    return result;
  }

  /** What is issued from now on belongs to another batch. */
  endTurn(): void {
    this.#turnOpen = false;
    this.encoder.seal();
  }

  /** Takes an answer; the operation it was for, or undefined if it is none of ours. */
  answer(result: WireResult): Pending | undefined {
    const pending = this.#ring.get(result.number);
    if (pending === undefined || pending.done || !pending.sent) return undefined;
    pending.done = true;
    this.#ring.advance();
    if (pending.settled) return pending;
    this.#settle(pending);
    const error = resultError(pending, result);
    if (error !== undefined) {
      pending.reject(error);
      return pending;
    }
    try {
      pending.resolve(resultValue(pending, result));
    } catch (thrown) {
      pending.reject(MusterError.from(thrown));
    }
    return pending;
  }

  /** The stream is gone: everything unanswered goes out again, save what nobody waits for any more. */
  rewind(): void {
    for (let number = this.#ring.first; number < this.#toSend; number++) {
      const pending = this.#ring.get(number);
      if (pending?.settled) pending.done = true;
    }
    this.#ring.advance();
    this.#toSend = this.#ring.first;
  }

  /** Forgets an operation that its owner sends by other means from now on: its promise stays as it is. */
  withdraw(number: number): void {
    const pending = this.#ring.get(number);
    if (pending === undefined || pending.done) return;
    if (!pending.settled) this.#settle(pending);
    pending.done = true;
    this.#ring.advance();
    this.#toSend = Math.max(this.#toSend, this.#ring.first);
  }

  /**
   * The session is gone. A write belongs to the session it was issued in: one never sent fails with `reason`, one sent
   * with OUTCOME_UNKNOWN. Reads stay, to be repeated on the next session. Answers how many outcomes are unknown.
   */
  dropWrites(cause: MusterError): number {
    let unknown = 0;
    this.#each((pending) => {
      if (!isWrite(pending.kind)) return;
      if (pending.sent) unknown += 1;
      this.#abandon(pending, lostError(pending, cause));
      pending.done = true;
    });
    this.rewind();
    return unknown;
  }

  /** Fails what was sent: a stream that the server refuses as nonsense must not be fed the same again. */
  dropSent(cause: MusterError): void {
    this.#each((pending) => {
      if (!pending.sent) return;
      this.#abandon(pending, lostError(pending, cause));
      pending.done = true;
    });
    this.rewind();
  }

  /** Fails everything, without leaving an unhandled rejection where nobody waits. */
  dropAll(cause: MusterError): void {
    this.#each((pending) => {
      pending.promise.catch(() => {});
      const { path } = pending;
      const maybeApplied = pending.sent && isWrite(pending.kind);
      this.#abandon(pending, new MusterError(cause.reason, { path, maybeApplied, cause: cause.cause ?? cause }));
      pending.done = true;
    });
    this.rewind();
  }

  /** Fails what has waited too long; answers when to look again. */
  expire(now: number): number {
    let nextAt = Number.POSITIVE_INFINITY;
    for (let number = this.#ring.first; number < this.#ring.next; number++) {
      const pending = this.#ring.get(number);
      if (pending === undefined || pending.settled) continue;
      const deadline = this.#deadline(pending);
      if (deadline <= now) this.#abandon(pending, timeoutError(pending));
      else nextAt = Math.min(nextAt, deadline);
      // Without time-outs of their own, operations expire in order: the first that has not ends the search.
      if (deadline > now && this.#ownDeadlines === 0) break;
    }
    return nextAt;
  }

  #deadline(pending: Pending): number {
    return pending.deadline !== 0 ? pending.deadline : pending.issuedAt + this.#options.requestTimeoutMs;
  }

  #limit(pending: Pending, options: CallOptions): void {
    const { signal, timeoutMs } = options;
    if (timeoutMs !== undefined) {
      pending.deadline = pending.issuedAt + Math.max(1, timeoutMs);
      this.#ownDeadlines += 1;
      this.#host.wakeBy(pending.deadline);
    }
    if (signal === undefined) return;
    const onAbort = (): void => {
      const maybeApplied = pending.sent && isWrite(pending.kind);
      const { path } = pending;
      this.#abandon(pending, new MusterError("CANCELLED", { path, maybeApplied, cause: signal.reason }));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    pending.cleanup = () => signal.removeEventListener("abort", onAbort);
  }

  /** Rejects the promise. Sent already, its number stays taken until the answer or the end of the stream. */
  #abandon(pending: Pending, error: MusterError): void {
    if (pending.settled) return;
    this.#settle(pending);
    pending.reject(error);
    if (pending.number >= this.#toSend) {
      pending.done = true;
      this.#ring.advance();
      this.#toSend = Math.max(this.#toSend, this.#ring.first);
    }
  }

  #settle(pending: Pending): void {
    pending.settled = true;
    this.#bytes -= pending.end - pending.start;
    if (pending.deadline !== 0) this.#ownDeadlines -= 1;
    if (pending.cleanup !== undefined) {
      pending.cleanup();
      pending.cleanup = undefined;
    }
  }

  #each(visit: (pending: Pending) => void): void {
    const { first, next } = this.#ring;
    for (let number = first; number < next; number++) {
      const pending = this.#ring.get(number);
      if (pending !== undefined) visit(pending);
    }
  }

  /** Makes one batch of the operations from `#toSend` on, below `limit`. */
  #gather(limit: number): { bytes: Buffer; writes: boolean } | undefined {
    const from = this.#toSend;
    let head: Pending | undefined;
    let last: Pending | undefined;
    let bytes = 0;
    let contiguous = true;
    let writes = false;
    let number = from;
    for (; number < limit; number++) {
      const pending = this.#ring.get(number) as Pending;
      if (pending.done) continue;
      const size = pending.end - pending.start;
      if (head !== undefined && bytes + size > BATCH_BYTES_TARGET) break;
      if (last !== undefined && (pending.chunk !== last.chunk || pending.start !== last.end)) contiguous = false;
      bytes += size;
      pending.sent = true;
      if (isWrite(pending.kind)) writes = true;
      head ??= pending;
      last = pending;
    }
    this.#toSend = number;
    if (head === undefined || last === undefined) return undefined;
    const answeredBelow = this.#ring.first;
    if (contiguous && head.first) {
      const start = writeBatchHeader(head.chunk, head.start, bytes, answeredBelow);
      return { bytes: head.chunk.subarray(start, last.end), writes };
    }
    return { bytes: this.#copy(from, number, bytes, answeredBelow), writes };
  }

  /** The same where the operations do not stand together: after a reconnect, a full window, an abandoned operation. */
  #copy(from: number, below: number, bytes: number, answeredBelow: number): Buffer {
    const message = Buffer.allocUnsafe(HEADER_ROOM + bytes);
    let at = HEADER_ROOM;
    for (let number = from; number < below; number++) {
      const pending = this.#ring.get(number) as Pending;
      if (pending.done) continue;
      at += pending.chunk.copy(message, at, pending.start, pending.end);
    }
    return message.subarray(writeBatchHeader(message, HEADER_ROOM, bytes, answeredBelow));
  }
}

function timeoutError(pending: Pending): MusterError {
  const { path } = pending;
  return new MusterError(pending.sent && isWrite(pending.kind) ? "OUTCOME_UNKNOWN" : "DEADLINE_EXCEEDED", {
    path,
    message: "no answer within the time-out",
  });
}

function lostError(pending: Pending, cause: MusterError): MusterError {
  const { path } = pending;
  if (pending.sent && isWrite(pending.kind)) return new MusterError("OUTCOME_UNKNOWN", { path, cause });
  return new MusterError(cause.reason, { path, cause });
}
