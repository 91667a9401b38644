import { Alarm } from "./alarm.ts";
import { deferred } from "./deferred.ts";
import { Diagnostics } from "./diagnostics.ts";
import { Doubt } from "./doubt.ts";
import type { EndpointList } from "./endpoints.ts";
import type { Environment } from "./environment.ts";
import { failureError, MusterError } from "./errors.ts";
import { FailurePolicy, isForAnotherStream } from "./failure-policy.ts";
import { Liveness } from "./liveness.ts";
import { MemberStream } from "./member-stream.ts";
import { OperationQueue, type OperationQueueHost } from "./operation-queue.ts";
import { isWrite } from "./pending.ts";
import { Reconnection } from "./reconnection.ts";
import {
  decodeSessionResponse,
  type ResponseSink,
  type WireEvent,
  type WireFailure,
  type WireOpened,
  type WireResult,
} from "./response-decoder.ts";
import { SessionIdentity } from "./session-identity.ts";
import type { SessionCoreModules, SessionCoreOptions, SessionState } from "./session-options.ts";
import type { Credential } from "./stat.ts";
import type { SessionTransport } from "./transport.ts";
import { WatchRegistry } from "./watch-registry.ts";

const never = Number.POSITIVE_INFINITY;
/** How long `close` waits for the server's word, ms. */
const CLOSE_TIMEOUT_MS = 5_000;
/** A timer this late means that the process stood still: what the sockets hold is looked at before judging, ms. */
const STALL_MS = 250;
/**
 * One client's session and the streams that carry it, one at a time: opens, resumes, keeps alive, fails over, opens
 * anew after an expiry. All time comes from the environment, through one timer.
 */
export class SessionCore implements OperationQueueHost, ResponseSink {
  readonly diagnostics = new Diagnostics();
  readonly queue: OperationQueue;
  readonly watches: WatchRegistry;
  readonly #environment: Environment;
  readonly #transport: SessionTransport;
  readonly #endpoints: EndpointList;
  readonly #sessionTimeoutMs: number;
  readonly #identity: SessionIdentity;
  readonly #liveness = new Liveness();
  readonly #opened = deferred<void>();
  readonly #finished = deferred<void>();

  #state: SessionState = "connecting";

  /** The attempt at one, or the one that carries the session. */
  #stream: MemberStream | undefined;
  #lastError: MusterError | undefined;
  readonly #policy = new FailurePolicy();
  readonly #doubt: Doubt;
  readonly #reconnection: Reconnection;

  #attemptEndsAt = never;
  #closeEndsAt = never;
  #requestsAt = never;
  #graceUntil = 0;
  readonly #alarm: Alarm;
  #flushScheduled = false;
  #closing = false;
  #closeSent = false;

  readonly #flushNow = (): void => {
    this.#flushScheduled = false;
    this.#flush();
  };

  constructor(options: SessionCoreOptions, modules: SessionCoreModules) {
    this.#environment = modules.environment;
    this.#transport = modules.transport;
    this.#endpoints = modules.endpoints;
    this.#sessionTimeoutMs = options.sessionTimeoutMs;
    this.#identity = new SessionIdentity(options.credentials);
    this.#liveness.timeoutMs = options.sessionTimeoutMs;
    this.#alarm = new Alarm(modules.environment, (lateMs) => this.#wake(lateMs));
    this.#reconnection = new Reconnection(modules.environment, modules.endpoints, this.diagnostics);
    this.#doubt = new Doubt(modules.transport, this, {
      owedSince: () => [this.queue.awaitedSince, this.#liveness.awaitedSince],
      hasOthers: () => this.#endpoints.all.length > 1,
      leave: (error) => this.#lost(error),
    });
    this.queue = new OperationQueue(options, this);
    const later = (callback: () => void, delayMs: number) => this.#alarm.later(callback, delayMs);
    this.watches = new WatchRegistry(this.queue, this.diagnostics, later);
    this.#opened.promise.catch(() => {});
  }

  get state(): SessionState {
    return this.#state;
  }
  get id(): number {
    return this.#identity.id;
  }
  get timeoutMs(): number {
    return this.#liveness.timeoutMs;
  }
  /** The highest zxid seen. */
  get zxid(): number {
    return this.#identity.zxid;
  }
  get ensembleId(): string {
    return this.#identity.ensembleId;
  }
  get endpoint(): string | undefined {
    return this.#live?.endpoint;
  }
  /** Where members are known to be; the one in use comes first. */
  get endpoints(): readonly string[] {
    return this.#endpoints.startingWith(this.endpoint);
  }
  get lastError(): MusterError | undefined {
    return this.#lastError;
  }
  /** Until when the session is alive for sure, on the environment's clock; 0 without a session. */
  get marginEndsAt(): number {
    return this.#identity.id === 0 ? 0 : this.#liveness.marginEndsAt;
  }

  /** Begins; resolves when the first session is open, rejects when the client is closed before. */
  start(): Promise<void> {
    this.#connect();
    return this.#opened.promise;
  }

  /** An identity proven on the current stream, to be proved again on later ones. */
  remember(credential: Credential): void {
    this.#identity.remember(credential);
  }

  /** Ends the session after everything issued before, and resolves when that is done or has taken too long. */
  close(): Promise<void> {
    if (!this.#closing && this.#state !== "closed") {
      this.#closing = true;
      this.queue.refuse(new MusterError("CLIENT_CLOSED"));
      this.watches.end(undefined);
      if (this.#live !== undefined) {
        this.#closeEndsAt = this.now() + CLOSE_TIMEOUT_MS;
        this.wakeBy(this.#closeEndsAt);
        this.flushSoon();
      } else {
        this.finish(undefined);
      }
    }
    return this.#finished.promise;
  }

  /** The client is over, at once. */
  finish(error: MusterError | undefined): void {
    if (this.#state === "closed") return;
    const cause = error ?? new MusterError("CLIENT_CLOSED");
    this.#state = "closed";
    this.#stream?.destroy();
    this.#stream = undefined;
    this.#doubt.end();
    this.#alarm.end();
    this.queue.refuse(cause);
    this.watches.end(error);
    this.queue.dropAll(cause);
    this.#opened.reject(cause);
    this.#finished.resolve();
    this.diagnostics.emit({ type: "closed", error });
  }

  /** The stream that carries the session. */
  get #live(): MemberStream | undefined {
    return this.#stream?.live === true ? this.#stream : undefined;
  }

  // --- the queue's host ---

  now(): number {
    return this.#environment.now();
  }

  flushSoon(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    // After the microtasks: everything that the answers of one message set off goes out as one batch.
    process.nextTick(this.#flushNow);
  }

  wakeBy(at: number): void {
    this.#alarm.by(at);
  }

  /** Without a socket, only the timer keeps the process alive for whoever waits: for the opening, a call, a watch. */
  #holdProcess(): void {
    const awaited = this.#identity.id === 0 || !this.queue.isEmpty || this.watches.size > 0;
    if (this.#live === undefined && awaited) this.#alarm.hold();
  }

  // --- connecting ---

  #connect(): void {
    const now = this.now();
    this.#reconnection.begun();
    this.#attemptEndsAt = now + this.#liveness.attemptMs;
    this.wakeBy(this.#attemptEndsAt);
    const stream = new MemberStream(this.#transport, this.#endpoints.take(), now, {
      onMessage: (message) => this.#receive(message),
      onDrain: () => this.#flush(),
      onEnd: (error) => this.#lost(error),
    });
    this.#stream = stream;
    this.#doubt.begin(stream);
    this.wakeBy(this.#doubt.nextAt());
    stream.send(this.#identity.firstRequest(this.#sessionTimeoutMs));
  }

  /** The current stream, or the attempt at one, is over. */
  #lost(error: MusterError): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    stream.destroy();
    this.#stream = undefined;
    this.#doubt.end();
    this.#lastError = error;
    this.#attemptEndsAt = never;
    this.#liveness.streamLost();
    if (stream.live) this.#disconnected(stream, error);
    const isSure = this.now() < this.marginEndsAt;
    if (this.#closing) {
      this.finish(undefined);
    } else if (this.#policy.isSessionGone(error) && this.#identity.id !== 0) {
      this.#expired(error);
      this.#endpoints.stay(stream.endpoint);
      this.#reconnect();
    } else if (!stream.live && this.#policy.isRefused(stream.endpoint, error, this.#endpoints.all, isSure)) {
      this.finish(error);
    } else {
      this.#reconnect();
    }
  }

  #disconnected(stream: MemberStream, error: MusterError): void {
    this.queue.rewind();
    this.watches.streamLost(stream.covered);
    this.#state = "disconnected";
    this.#reconnection.lived(this.now() - stream.liveAt);
    if (this.#policy.blamesRequests(error, stream.answered)) this.queue.dropSent(error);
    this.diagnostics.emit({ type: "disconnected", endpoint: stream.endpoint, error });
  }

  #reconnect(): void {
    if (this.#state === "closed") return;
    this.#reconnection.plan(this.#lastError);
    this.wakeBy(this.#reconnection.at);
    if (this.#identity.id !== 0) this.wakeBy(this.#liveness.marginEndsAt);
  }

  #expired(cause: MusterError): void {
    const sessionId = this.#identity.id;
    this.#identity.forget();
    this.#state = "expired";
    const unknownWrites = this.queue.dropWrites(cause);
    this.diagnostics.emit({ type: "session-expired", sessionId, unknownWrites });
  }

  // --- what the server says ---

  #receive(message: Buffer): void {
    this.#doubt.heard(this.now());
    try {
      decodeSessionResponse(message, this);
    } catch (error) {
      this.#lost(MusterError.from(error));
      return;
    }
    if (this.queue.hasUnsent || this.watches.hasUnsent) this.flushSoon();
  }

  onOpened(opened: WireOpened): void {
    const stream = this.#stream;
    if (stream === undefined || stream.live) return;
    const resumed = this.#identity.isResumedBy(opened);
    if (this.#identity.id !== 0 && !resumed) this.#expired(new MusterError("SESSION_EXPIRED"));
    this.#identity.take(opened);
    stream.live = true;
    stream.liveAt = this.now();
    this.#state = "open";
    this.#attemptEndsAt = never;
    this.#policy.accepted();
    this.#liveness.begin(opened.timeoutMs, stream.sentAt);
    this.#endpoints.discover(opened.endpoints, stream.endpoint);
    const { sessionId, timeoutMs, memberId } = opened;
    this.diagnostics.emit({ type: "connected", endpoint: stream.endpoint, memberId });
    if (resumed) this.diagnostics.emit({ type: "session-resumed", sessionId });
    else this.diagnostics.emit({ type: "session-opened", sessionId, timeoutMs });
    this.#opened.resolve();
    // Set anew, so that it keeps the process alive no longer than needed.
    this.#alarm.clear();
    this.wakeBy(this.#nextWake());
    this.#flush();
  }

  onResult(result: WireResult): void {
    const stream = this.#live;
    if (stream === undefined) return;
    if (isForAnotherStream(result.failureReason)) {
      this.#lost(failureError(result.failureStatus, result.failureReason, result.failureMessage));
      return;
    }
    stream.answered = true;
    this.#identity.see(result.zxid);
    stream.cover(result.zxid);
    const pending = this.queue.answer(result);
    if (pending === undefined) this.watches.answer(result);
    // A write with a zxid went through the leader's log, failed or not.
    else if (isWrite(pending.kind) && result.zxid !== 0) this.#liveness.proven(pending.issuedAt);
  }

  onEvents(zxid: number, events: readonly WireEvent[]): void {
    const stream = this.#live;
    if (stream === undefined) return;
    this.#identity.see(zxid);
    stream.cover(zxid);
    this.watches.deliver(zxid, events);
  }

  onKeepAlive(token: number, zxid: number): void {
    this.#live?.cover(zxid);
    this.#liveness.keepAliveAcknowledged(token);
  }

  onProgress(zxid: number): void {
    this.#live?.cover(zxid);
  }

  onClosed(failure: WireFailure | undefined, zxid: number): void {
    this.#identity.see(zxid);
    if (failure !== undefined) this.#lost(failureError(failure.status, failure.reason, failure.message, { zxid }));
    else if (this.#closing) this.finish(undefined);
    else this.#lost(new MusterError("SESSION_EXPIRED", { zxid }));
  }

  #flush(): void {
    const stream = this.#live;
    if (stream === undefined || stream.blocked || !this.watches.rearm(stream.write) || stream.blocked) {
      this.queue.endTurn();
      this.#holdProcess();
      return;
    }
    const { wrote } = this.queue.flush(stream.write, this.watches.unanswered);
    if (wrote) this.#liveness.writeSent(this.now());
    if (!this.queue.isEmpty) this.wakeBy(this.#doubt.nextAt());
    if (this.#closing && !this.#closeSent && !this.queue.hasUnsent) {
      this.#closeSent = true;
      stream.send({ request: { $case: "close", value: {} } });
    }
  }

  // --- time ---

  /** Does what is due, and sets the timer for what is next. */
  #wake(lateMs: number): void {
    const now = this.now();
    if (lateMs > STALL_MS) this.#graceUntil = now + STALL_MS;
    this.#requestsAt = this.queue.expire(now);
    if (now >= this.#closeEndsAt) this.finish(undefined);
    else if (this.#live !== undefined) this.#tend(this.#live, now);
    else this.#persist(now);
    // Not before what the sockets held at a stall has been read.
    if (now >= this.#graceUntil) this.#doubt.look(now);
    this.wakeBy(this.#nextWake());
    this.#holdProcess();
  }

  #tend(stream: MemberStream, now: number): void {
    if (now >= this.#liveness.giveUpAt && now >= this.#graceUntil) {
      this.#lost(new MusterError("UNREACHABLE", { message: "no acknowledgement for two thirds of the time-out" }));
    } else if (now >= this.#liveness.keepAliveAt) {
      // Goes past a full stream on purpose: liveness must not queue behind data.
      stream.send({ request: { $case: "keepAlive", value: { token: this.#liveness.keepAliveSent(now) } } });
    }
  }

  #persist(now: number): void {
    if (this.#identity.id !== 0 && this.#state === "disconnected" && now >= this.#liveness.marginEndsAt) {
      this.#state = "suspended";
      this.diagnostics.emit({ type: "session-suspended", sessionId: this.#identity.id });
    }
    if (now >= this.#attemptEndsAt) {
      this.#lost(new MusterError("UNREACHABLE", { message: `no answer from ${this.#stream?.endpoint}` }));
    } else if (now >= this.#reconnection.at) this.#connect();
  }

  #nextWake(): number {
    const { keepAliveAt, giveUpAt, marginEndsAt } = this.#liveness;
    const tending = Math.min(keepAliveAt, Math.max(giveUpAt, this.#graceUntil));
    const liveness = this.#live !== undefined ? tending : this.#state === "disconnected" ? marginEndsAt : never;
    const doubt = Math.max(this.#doubt.nextAt(), this.#graceUntil);
    const deadlines = Math.min(this.#attemptEndsAt, this.#reconnection.at, this.#closeEndsAt, this.#requestsAt);
    return Math.min(liveness, deadlines, doubt, this.#alarm.laterAt);
  }
}
