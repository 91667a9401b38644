import { createHash, randomBytes } from "node:crypto";
import type {
  Connection,
  ConnectionListener,
  Coordination,
  OpenedSession,
  ReadOptions,
  WatchRequest,
} from "../../coordination/port.ts";
import { errors, OK, type Reason } from "../../core/base/errors.ts";
import type { Answer } from "../../core/tree/answer.ts";
import type { Identity, ReadOperation, WriteOperation } from "../../core/tree/operation.ts";
import type { WatchEvent } from "../../core/tree/watch-event.ts";
import { identitiesOf, identityOfCredential, withIdentity } from "./credentials.ts";
import { decodeMessage } from "./decode-message.ts";
import type { DoorCounters } from "./door-counters.ts";
import { encodeEvents } from "./event-encoder.ts";
import { type Credential, OpenSession, ResumeSession, SessionResponse } from "./gen/muster/coordination/v1/session.ts";
import type { DoorLog, GrpcLimits } from "./grpc-options.ts";
import { checkHistory, checkServing } from "./history-check.ts";
import { OperationDecoder, type OperationSink } from "./operation-decoder.ts";
import { OutboundQueue, type SessionCall } from "./outbound-queue.ts";
import { ResultEncoder } from "./result-encoder.ts";
import { enterSessionRequest, readKeepAliveToken, requestKind } from "./session-request.ts";
import { DoorError, failureOf, failureOfThrown, type GrpcFailure } from "./status.ts";
import { MalformedError, WireReader } from "./wire-reader.ts";

export interface SessionStreamDependencies {
  readonly coordination: Coordination;
  readonly limits: GrpcLimits;
  readonly counters: DoorCounters;
  readonly log: DoorLog;
  /** The stream is over, its call too. */
  readonly onGone: (stream: SessionStream) => void;
}

/** waiting: for open or resume; opening: for the member's word on it; ended: nothing more is read or collected. */
type Phase = "waiting" | "opening" | "open" | "ended";

interface OwnAnswer {
  /** It stands behind this many answers of the port. */
  readonly after: number;
  readonly number: number;
  readonly code: number;
}

const SECRET_BYTES = 32;
const NO_BYTES = new Uint8Array(0);

/**
 * One client's stream: decodes what it says into calls of a port connection, and writes what the port calls back, in the
 * order of those callbacks. Invariants:
 *
 * - answers the door gives itself (a refused operation, a proved credential) keep their place among the port's;
 * - no byte is kept beyond the limits: operations are held back while too much of theirs is unanswered or unsent, reading
 *   stops when too much is held back, and a stream whose client does not read its events is cut;
 * - keep-alives overtake operations held back (core.md 40);
 * - the end of a stream never ends its session: only an explicit close does.
 */
export class SessionStream implements ConnectionListener, OperationSink {
  private readonly call: SessionCall;
  private readonly deps: SessionStreamDependencies;
  private readonly limits: GrpcLimits;
  private readonly counters: DoorCounters;
  private readonly outbound: OutboundQueue;
  private readonly results: ResultEncoder;
  private readonly reader = new WireReader();
  private readonly decoder = new OperationDecoder();

  private phase: Phase = "waiting";
  private gone = false;
  private connection: Connection | undefined;
  private identities: readonly Identity[] = [];
  private secret: Uint8Array = NO_BYTES;
  private minZxid = 0;
  private timer: NodeJS.Timeout | undefined;

  /** Messages held back, oldest first. */
  private inbox: Buffer[] = [];
  private inboxBytes = 0;
  private decoding = false;
  private batchOpen = false;
  private pumpQueued = false;
  /** The read grpc-js's stream asked for while the inbox was full; handed on once it is not. */
  private heldRead = false;
  private readonly startRead: (size: number) => void;

  private asked = 0;
  private answered = 0;
  private ownAnswers: OwnAnswer[] = [];
  /** The highest zxid answered on this stream, for the door's own answers. */
  private lastZxid = 0;
  /** Set once nothing more will be asked: how to end when all is answered. */
  private draining: { readonly failure: GrpcFailure | undefined } | undefined;

  constructor(call: SessionCall, deps: SessionStreamDependencies) {
    this.call = call;
    this.deps = deps;
    this.limits = deps.limits;
    this.counters = deps.counters;
    this.results = new ResultEncoder(deps.limits.resultBytesMax);
    this.outbound = new OutboundQueue(call, deps.limits.inFlightBytesTarget, deps.counters, () => this.queuePump());
    this.counters.streams++;
    this.counters.streamsOpened++;
    // A paused Readable still reads 16 messages ahead; holding its own request for more bounds that by bytes.
    this.startRead = call._read.bind(call);
    call._read = (size) => {
      if (this.inboxFull()) this.heldRead = true;
      else this.startRead(size);
    };
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
    this.dropInbox();
    this.decoder.release();
    this.batchOpen = false;
    this.draining = { failure: failureOf("STOPPING") };
    if (this.phase === "open") this.endWhenAnswered();
    else this.fail(this.draining.failure);
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
    if (this.phase !== "waiting" && this.heldBack()) {
      const kind = enterSessionRequest(this.reader, message);
      if (kind === requestKind.KEEP_ALIVE && this.phase === "open") this.keepAlive();
      else this.hold(message);
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
      this.decoder.begin(message, position, end, this.limits.batchOperationsMax);
      this.batchOpen = true;
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
    this.identities = identitiesOf(this.call.getPeer(), credentials);
    this.minZxid = minZxid;
    this.phase = "opening";
    this.connection = this.deps.coordination.connect(this, this.identities);
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

  private heldBack(): boolean {
    return this.batchOpen || this.inbox.length > 0 || this.saturated();
  }

  private saturated(): boolean {
    if (this.phase !== "open") return true;
    if (this.outbound.unsentBytes + this.results.bytes > this.limits.unsentBytesPause) return true;
    return (this.connection?.outstandingBytes ?? 0) > this.limits.outstandingBytesMax;
  }

  private inboxFull(): boolean {
    return this.inboxBytes >= this.limits.readAheadBytesMax;
  }

  private hold(message: Buffer): void {
    this.inbox.push(message);
    this.addInboxBytes(message.length);
  }

  private addInboxBytes(bytes: number): void {
    this.inboxBytes += bytes;
    this.counters.readAheadBytes += bytes;
  }

  private dropInbox(): void {
    this.inbox = [];
    this.addInboxBytes(-this.inboxBytes);
  }

  /** Goes on with what is held back, in a turn of its own: the port may be in the middle of a call back. */
  private queuePump(): void {
    if (this.pumpQueued || this.phase !== "open" || !(this.batchOpen || this.inbox.length > 0 || this.heldRead)) return;
    if (this.saturated()) return;
    this.pumpQueued = true;
    setImmediate(() => {
      this.pumpQueued = false;
      this.guard(() => this.pump());
    });
  }

  private pump(): void {
    if (this.phase !== "open") return;
    if (this.batchOpen) this.decode();
    while (this.phase === "open" && !this.batchOpen && this.inbox.length > 0 && !this.saturated()) {
      const message = this.inbox.shift() as Buffer;
      this.addInboxBytes(-message.length);
      this.handle(message);
    }
    this.flushResults();
    if (this.heldRead && !this.inboxFull()) {
      this.heldRead = false;
      this.startRead(1);
    }
    this.endWhenAnswered();
  }

  /** Decodes operations until the batch ends or the client has enough outstanding. */
  private decode(): void {
    if (this.decoding) return;
    this.decoding = true;
    try {
      while (this.batchOpen) {
        if (this.saturated()) {
          this.counters.pauses++;
          return;
        }
        if (this.decoder.next(this)) continue;
        this.batchOpen = false;
        this.decoder.release();
      }
    } finally {
      this.decoding = false;
    }
  }

  // OperationSink: each call is one operation.

  submit(number: number, answeredBelow: number, operation: WriteOperation): void {
    this.count();
    this.connection?.submit(number, answeredBelow, operation);
  }

  read(number: number, operation: ReadOperation, options: ReadOptions): void {
    this.count();
    this.connection?.read(number, operation, options);
  }

  sync(number: number): void {
    this.count();
    this.connection?.sync(number);
  }

  addWatch(number: number, request: WatchRequest): void {
    this.count();
    this.connection?.addWatch(number, request);
  }

  removeWatch(number: number, watchId: number): void {
    this.count();
    this.connection?.removeWatch(number, watchId);
  }

  authenticate(number: number, credential: Credential): void {
    this.counters.operations++;
    try {
      this.identities = withIdentity(this.identities, identityOfCredential(credential));
    } catch (error) {
      if (!(error instanceof DoorError)) throw error;
      this.answerSelf(number, errors[error.reason].code);
      return;
    }
    this.connection?.setIdentities(this.identities);
    this.answerSelf(number, OK);
  }

  refuse(number: number, reason: Reason): void {
    this.counters.operations++;
    this.answerSelf(number, errors[reason].code);
  }

  private count(): void {
    this.counters.operations++;
    this.asked++;
  }

  private answerSelf(number: number, code: number): void {
    if (this.answered === this.asked) this.results.addShort(number, this.lastZxid, code);
    else this.ownAnswers.push({ after: this.asked, number, code });
  }

  private releaseOwnAnswers(): void {
    for (let own = this.ownAnswers[0]; own !== undefined && own.after <= this.answered; own = this.ownAnswers[0]) {
      this.results.addShort(own.number, this.lastZxid, own.code);
      this.ownAnswers.shift();
    }
  }

  // ConnectionListener. None of these may throw into the port.

  onOpened(session: OpenedSession): void {
    this.guard(() => this.opened(session));
  }

  onAnswer(answer: Answer): void {
    if (this.phase !== "open") return;
    try {
      this.answered++;
      if (answer.zxid > this.lastZxid) this.lastZxid = answer.zxid;
      this.collect(answer);
      if (this.ownAnswers.length > 0) this.releaseOwnAnswers();
      if (this.results.bytes >= this.limits.resultMessageBytesTarget) this.flushResults();
    } catch (error) {
      this.failThrown(error);
    }
  }

  private collect(answer: Answer): void {
    const unsent = this.outbound.unsentBytes + this.results.bytes;
    if (unsent > this.limits.unsentBytesMax && answer.code === OK && isRead(answer)) {
      this.counters.readsOverloaded++;
      this.results.addShort(answer.number, answer.zxid, errors.OVERLOADED.code);
    } else this.results.add(answer);
  }

  onEvents(events: readonly WatchEvent[], zxid: number): void {
    if (this.phase !== "open") return;
    this.guard(() => {
      this.flushResults();
      if (this.outbound.unsentBytes > this.limits.unsentBytesMax) this.cut();
      else this.outbound.push(encodeEvents(events, zxid), zxid);
    });
  }

  onTouched(token: number): void {
    if (this.phase !== "open") return;
    this.guard(() => {
      this.flushResults();
      const { zxid } = this.deps.coordination.status();
      this.send({ $case: "keepAlive", value: { token, zxid } });
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
    this.lastZxid = session.zxid;
    this.outbound.sentZxid = session.zxid;
    this.send({
      $case: "opened",
      value: {
        sessionId: session.sessionId,
        secret: session.resumed ? NO_BYTES : this.secret,
        timeoutMs: session.timeoutMs,
        resumed: session.resumed,
        ensembleId: status.ensembleId,
        memberId: status.memberId,
        zxid: session.zxid,
        endpoints: status.members.map((member) => member.grpcAddress).filter((address) => address !== ""),
      },
    });
    this.secret = NO_BYTES;
    this.queuePump();
    this.endWhenAnswered();
  }

  // Writing and ending.

  private send(response: NonNullable<SessionResponse["response"]>): void {
    this.outbound.push(Buffer.from(SessionResponse.encode({ response }).finish()));
  }

  private flushResults(): void {
    const message = this.results.take();
    if (message !== undefined) this.outbound.push(message);
  }

  private endWhenAnswered(): void {
    if (this.draining === undefined || this.phase !== "open") return;
    if (this.batchOpen || this.inbox.length > 0 || this.answered < this.asked) return;
    this.fail(this.draining.failure);
  }

  /** The client does not read: it learns the zxid its events are complete up to, and may resume from there. */
  private cut(): void {
    this.counters.streamsCut++;
    const { sentZxid } = this.outbound;
    this.outbound.drop();
    this.finish("WATCH_OVERFLOW", sentZxid, failureOf("WATCH_OVERFLOW", { last_zxid: `${sentZxid}` }));
  }

  /** SessionClosed, then the end of the stream; both carry the same reason. */
  private finish(reason: Reason | undefined, zxid: number, failure: GrpcFailure | undefined): void {
    this.flushResults();
    const why = reason === undefined ? undefined : failureMessage(reason);
    this.send({ $case: "closed", value: { failure: why, zxid } });
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
    this.dropInbox();
    this.batchOpen = false;
    this.decoder.release();
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

function failureMessage(reason: Reason): { status: number; reason: string; message: string } {
  return { status: errors[reason].grpc, reason, message: errors[reason].message };
}

function isRead(answer: Answer): boolean {
  const { kind } = answer;
  return kind === "get" || kind === "list" || kind === "ephemerals" || kind === "acl" || kind === "multi-read";
}
