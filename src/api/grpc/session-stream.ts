import { createHash, randomBytes } from "node:crypto";
import type { Connection, ConnectionListener, Coordination, OpenedSession } from "../../coordination/port.ts";
import type { Reason } from "../../core/base/errors.ts";
import type { Answer } from "../../core/tree/answer.ts";
import type { WatchEvent } from "../../core/tree/watch-event.ts";
import type { Principal } from "../../products/floor/principal.ts";
import { warrantOf } from "../../products/floor/warrant.ts";
import { AnswerLine } from "./answer-line.ts";
import { identitiesOf } from "./credentials.ts";
import { decodeMessage } from "./decode-message.ts";
import type { DoorCounters } from "./door-counters.ts";
import { encodeEvents } from "./event-encoder.ts";
import { type Credential, OpenSession, ResumeSession } from "./gen/muster/coordination/v1/session.ts";
import type { DoorLog, GrpcLimits } from "./grpc-options.ts";
import { checkHistory, checkServing } from "./history-check.ts";
import { Inbox } from "./inbox.ts";
import { OutboundQueue, type SessionCall } from "./outbound-queue.ts";
import { SessionOperations } from "./session-operations.ts";
import { enterSessionRequest, readKeepAliveToken, requestKind } from "./session-request.ts";
import { encodeClosed, encodeKeepAlive, encodeOpened, encodeProgress } from "./session-responses.ts";
import { DoorError, failureOf, failureOfThrown, type GrpcFailure } from "./status.ts";
import { MalformedError, WireReader } from "./wire-reader.ts";

export interface SessionStreamDependencies {
  readonly coordination: Coordination;
  readonly limits: GrpcLimits;
  readonly counters: DoorCounters;
  readonly log: DoorLog;
  /** Who opened it. */
  readonly principal: Principal;
  /** The stream is over, its call too. */
  readonly onGone: (stream: SessionStream) => void;
}

/** waiting: for open or resume; opening: for the member's word on it; ended: nothing more is read or collected. */
type Phase = "waiting" | "opening" | "open" | "ended";

const SECRET_BYTES = 32;
const NO_BYTES = new Uint8Array(0);

/**
 * One client's stream: decodes what it says into calls of a port connection, and writes what the port calls back, in
 * the order of those callbacks. Invariants:
 *
 * - no byte is kept beyond the limits: operations are held back while too much of theirs is unanswered or unsent,
 *   reading stops when too much is held back, and a stream whose client does not read its events is cut;
 * - keep-alives overtake operations held back (core.md 40);
 * - the end of a stream never ends its session: only an explicit close does.
 */
export class SessionStream implements ConnectionListener {
  private readonly call: SessionCall;
  private readonly deps: SessionStreamDependencies;
  private readonly limits: GrpcLimits;
  private readonly counters: DoorCounters;
  private readonly outbound: OutboundQueue;
  private readonly answers: AnswerLine;
  private readonly inbox: Inbox;
  private readonly reader = new WireReader();

  private phase: Phase = "waiting";
  private gone = false;
  private connection: Connection | undefined;
  private operations: SessionOperations | undefined;
  private secret: Uint8Array = NO_BYTES;
  private minZxid = 0;
  /** zxid of the last progress mark. */
  private marked = 0;
  private timer: NodeJS.Timeout | undefined;

  private pumpQueued = false;
  /** Set once nothing more will be asked: how to end when all is answered. */
  private draining: { readonly failure: GrpcFailure | undefined } | undefined;

  constructor(call: SessionCall, deps: SessionStreamDependencies) {
    this.call = call;
    this.deps = deps;
    this.limits = deps.limits;
    this.counters = deps.counters;
    this.answers = new AnswerLine(deps.limits.resultBytesMax, deps.counters);
    this.inbox = new Inbox(call, deps.limits.readAheadBytesMax, deps.counters);
    this.outbound = new OutboundQueue(call, deps.limits.inFlightBytesTarget, deps.counters, () => this.queuePump());
    this.counters.streams++;
    this.counters.streamsOpened++;
    call.on("data", (message: Buffer) => this.guard(() => this.onMessage(message)));
    call.on("end", () => this.guard(() => this.onHalfClose()));
    call.on("cancelled", () => this.onCallGone());
    this.timer = setTimeout(
      () => this.fail(failureOf("DEADLINE_EXCEEDED", { detail: "no open or resume came" })),
      deps.limits.handshakeTimeoutMs,
    );
  }

  /** The member stops: what is asked is still answered, nothing new is taken, then the stream ends with STOPPING. */
  stop(): void {
    if (this.phase === "ended") return;
    this.inbox.drop();
    this.operations?.drop();
    this.draining = { failure: failureOf("STOPPING") };
    if (this.phase === "open") this.endWhenAnswered();
    else this.fail(this.draining.failure);
  }

  /**
   * Tells a client that watches how far its events are complete, so that a watch in a quiet corner resumes from near
   * the end of the history and not from its last event. Nothing for a client that does not keep up.
   */
  mark(zxid: number): void {
    if (this.phase !== "open" || zxid === this.marked || this.operations?.watches !== true) return;
    if (this.outbound.unsentBytes > 0) return;
    this.marked = zxid;
    this.guard(() => {
      this.flushResults();
      this.outbound.push(encodeProgress(zxid));
    });
  }

  get principal(): Principal {
    return this.deps.principal;
  }

  /** Who opened it is no longer let in. The session is left to its time-out. */
  expel(): void {
    this.fail(failureOf("UNAUTHENTICATED", { detail: "the token was revoked or has expired" }));
  }

  /** Ends the stream at once; what is unsent is dropped. */
  stopNow(): void {
    this.fail(failureOf("STOPPING"));
    this.outbound.drop();
  }

  // What the client says.

  private onMessage(message: Buffer): void {
    this.counters.messagesReceived++;
    this.counters.bytesReceived += message.length;
    if (this.phase === "ended" || this.draining !== undefined) return;
    const limit = this.phase === "waiting" ? this.limits.smallMessageBytesMax : this.limits.messageBytesMax;
    if (message.length > limit)
      throw new DoorError("MESSAGE_TOO_LARGE", { limit: `${limit}`, bytes: `${message.length}` });
    if (this.phase !== "waiting" && (this.waiting || this.saturated())) {
      const kind = enterSessionRequest(this.reader, message);
      if (kind === requestKind.KEEP_ALIVE && this.mayOvertake()) this.keepAlive();
      else this.inbox.hold(message);
      return;
    }
    this.handle(message);
    this.flushResults();
  }

  private handle(message: Buffer): void {
    const kind = enterSessionRequest(this.reader, message);
    const { position, end } = this.reader;
    if (this.phase === "waiting") {
      const body = message.subarray(position, end);
      if (kind === requestKind.OPEN) this.open(decodeMessage(OpenSession, body));
      else if (kind === requestKind.RESUME) this.resume(decodeMessage(ResumeSession, body));
      else throw new MalformedError("the first message must be open or resume");
      return;
    }
    if (kind === requestKind.OPERATIONS) {
      this.operations?.begin(message, position, end);
      this.decode();
    } else if (kind === requestKind.KEEP_ALIVE) this.keepAlive();
    else if (kind === requestKind.CLOSE) this.connection?.close();
    else throw new MalformedError("the session is open already");
  }

  private open(request: OpenSession): void {
    this.introduce(request.credentials, request.ensembleId, request.minZxid);
    this.secret = randomBytes(SECRET_BYTES);
    this.connection?.open(hashOf(this.secret), request.timeoutMs);
  }

  private resume(request: ResumeSession): void {
    this.introduce(request.credentials, request.ensembleId, request.minZxid);
    this.connection?.resume(request.sessionId, hashOf(request.secret));
  }

  private introduce(credentials: readonly Credential[], ensembleId: string, minZxid: number): void {
    this.clearTimer();
    const status = this.deps.coordination.status();
    checkServing(status);
    checkHistory(status, ensembleId, minZxid);
    const identities = identitiesOf(this.call.getPeer(), this.principal, credentials);
    this.minZxid = minZxid;
    this.phase = "opening";
    this.connection = this.deps.coordination.connect(this, identities);
    const { answers, limits } = this;
    const operationsMax = limits.batchOperationsMax;
    const readEpoch = () => this.deps.coordination.status().epoch;
    const rules = { answers, operationsMax, readEpoch, warrant: warrantOf(this.principal) };
    this.operations = new SessionOperations(this.connection, identities, rules);
  }

  /** Not where the answers to keep-alives, too, would pile up. */
  private mayOvertake(): boolean {
    return this.phase === "open" && this.outbound.unsentBytes <= this.limits.unsentBytesMax;
  }

  private keepAlive(): void {
    this.connection?.touch(readKeepAliveToken(this.reader));
  }

  /** The client will say nothing more: answer what it asked, then end. Its session lives on. */
  private onHalfClose(): void {
    if (this.phase === "waiting") throw new MalformedError("no open or resume came");
    this.draining ??= { failure: undefined };
    this.endWhenAnswered();
  }

  private onCallGone(): void {
    if (this.phase !== "ended") this.leave();
    this.outbound.abandon();
    this.clearTimer();
    if (this.gone) return;
    this.gone = true;
    this.counters.streams--;
    this.deps.onGone(this);
  }

  // Holding back.

  /** Operations wait, in a message half decoded or in whole ones. */
  private get waiting(): boolean {
    return this.operations?.open === true || !this.inbox.empty;
  }

  private saturated(): boolean {
    if (this.phase !== "open" || this.answers.crowded) return true;
    if (this.outbound.unsentBytes + this.answers.bytes > this.limits.unsentBytesPause) return true;
    return (this.connection?.outstandingBytes ?? 0) > this.limits.outstandingBytesMax;
  }

  private readonly isSaturated = (): boolean => this.saturated();

  /** Goes on with what is held back, in a turn of its own: the port may be in the middle of a call back. */
  private queuePump(): void {
    if (this.pumpQueued || this.phase !== "open" || !this.waiting) return;
    if (this.saturated()) return;
    this.pumpQueued = true;
    setImmediate(() => {
      this.pumpQueued = false;
      this.guard(() => this.pump());
    });
  }

  private pump(): void {
    if (this.phase !== "open") return;
    this.decode();
    while (this.phase === "open" && this.operations?.open === false && !this.saturated()) {
      const message = this.inbox.take();
      if (message === undefined) break;
      this.handle(message);
    }
    this.flushResults();
    this.endWhenAnswered();
  }

  private decode(): void {
    this.operations?.advance(this.isSaturated);
    if (this.operations?.open === true) this.counters.pauses++;
  }

  // ConnectionListener. None of these may throw into the port.

  onOpened(session: OpenedSession): void {
    this.guard(() => this.opened(session));
  }

  onAnswer(answer: Answer): void {
    if (this.phase !== "open") return;
    try {
      const unsent = this.outbound.unsentBytes + this.answers.bytes;
      this.answers.add(answer, unsent > this.limits.unsentBytesMax);
      if (this.answers.bytes >= this.limits.resultMessageBytesTarget) this.flushResults();
    } catch (error) {
      this.failThrown(error);
    }
  }

  onEvents(events: readonly WatchEvent[], zxid: number): void {
    if (this.phase !== "open") return;
    this.guard(() => {
      this.flushResults();
      if (this.outbound.unsentBytes > this.limits.unsentBytesMax) this.cut(zxid);
      else this.outbound.push(encodeEvents(events, zxid), zxid);
    });
  }

  onTouched(token: number): void {
    if (this.phase !== "open") return;
    this.guard(() => {
      this.flushResults();
      const { zxid } = this.deps.coordination.status();
      this.outbound.push(encodeKeepAlive(token, zxid));
    });
  }

  onClosed(reason: Reason | undefined, zxid: number): void {
    if (this.phase === "ended") return;
    this.guard(() => this.finish(reason, zxid, reason === undefined ? undefined : failureOf(reason)));
  }

  onTurnEnd(): void {
    if (this.phase === "ended") return;
    this.guard(() => {
      this.flushResults();
      this.queuePump();
      this.endWhenAnswered();
    });
  }

  private opened(session: OpenedSession): void {
    if (this.phase !== "opening") return;
    const status = this.deps.coordination.status();
    if (session.zxid < this.minZxid) {
      // The log is totally ordered: a zxid it has not reached by now was never part of it. The session, if new, is
      // nobody's and goes with its time-out.
      throw new DoorError("WRONG_ENSEMBLE", { detail: "min_zxid is above the session's own zxid" });
    }
    this.phase = "open";
    this.answers.begin(session.zxid);
    this.outbound.push(encodeOpened(session, session.resumed ? NO_BYTES : this.secret, status));
    this.secret = NO_BYTES;
    this.queuePump();
    this.endWhenAnswered();
  }

  // Writing and ending.

  private flushResults(): void {
    const message = this.answers.take();
    if (message !== undefined) this.outbound.push(message);
  }

  private endWhenAnswered(): void {
    if (this.draining === undefined || this.phase !== "open") return;
    if (this.waiting || !this.answers.complete) return;
    this.fail(this.draining.failure);
  }

  /** The client does not read: events from `zxid` on are not sent. It learns up to where it has them, to resume. */
  private cut(zxid: number): void {
    this.counters.streamsCut++;
    const complete = (this.outbound.drop() || zxid) - 1;
    this.finish("WATCH_OVERFLOW", complete, failureOf("WATCH_OVERFLOW", { last_zxid: `${complete}` }));
  }

  /** SessionClosed, then the end of the stream; both carry the same reason. */
  private finish(reason: Reason | undefined, zxid: number, failure: GrpcFailure | undefined): void {
    this.flushResults();
    this.outbound.push(encodeClosed(reason, zxid));
    this.fail(failure);
  }

  /** Ends the stream, with status OK where there is no failure; the session is left to its time-out. */
  private fail(failure: GrpcFailure | undefined): void {
    if (this.phase === "ended") return;
    this.flushResults();
    this.leave();
    this.timer = setTimeout(() => this.outbound.drop(), this.limits.lingerMs);
    this.outbound.end(failure);
  }

  private leave(): void {
    this.phase = "ended";
    this.clearTimer();
    this.connection?.detach();
    this.inbox.drop();
    this.operations?.drop();
  }

  private clearTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.failThrown(error);
    }
  }

  private failThrown(error: unknown): void {
    if (error instanceof MalformedError) this.counters.malformed++;
    const failure = failureOfThrown(error, this.deps.log);
    if (failure.reason === "INTERNAL") this.counters.defects++;
    this.fail(failure);
  }
}

function hashOf(secret: Uint8Array): Uint8Array {
  return createHash("sha256").update(secret).digest();
}
