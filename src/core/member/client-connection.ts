import { assert } from "../base/assert.ts";
import { ByteWriter } from "../base/bytes.ts";
import { errors, OK, type Reason } from "../base/errors.ts";
import { COMMAND_BYTES_MAX } from "../base/limits.ts";
import { allows } from "../tree/acl.ts";
import { OPEN_ACL } from "../tree/acl-table.ts";
import type { Answer } from "../tree/answer.ts";
import { emptyAnswer } from "../tree/answer-codec.ts";
import { identityBytes, writeCloseSession, writeOperation } from "../tree/command.ts";
import { type Identity, permission, type ReadOperation, type WriteOperation } from "../tree/operation.ts";
import type { WatchEvent } from "../tree/watch-event.ts";
import type { WatchSubscriber } from "../tree/watch-hub.ts";
import type { ConnectionHost, WatchAsked } from "./connection-host.ts";
import type { ConnectionListener } from "./connection-listener.ts";
import {
  type BarrierRequest,
  CLOSE_NUMBER,
  isBarrierRequest,
  isNumber,
  leavesWatch,
  type Place,
  type ReadFreshness,
  WAITING_MAX,
  type Waiting,
  zxidAsked,
} from "./waiting-request.ts";

/**
 * One client connection (core.md 14): requests are answered in the order they came. Writes go to the log at once; a
 * read behind an unanswered write waits for that write's answer, and is answered before the next command is applied.
 * Behind a barrier that waits, everything of the connection waits, and nothing of any other.
 */
export class ClientConnection implements WatchSubscriber {
  readonly listener: ConnectionListener;
  private readonly host: ConnectionHost<ClientConnection>;
  private identityList: readonly Identity[];
  private issuer: { sessionId: number; generation: number; identities: Uint8Array };
  private written = 0;
  private answered = 0;
  private places: Place[] = [];
  private firstPlace = 0;
  /** A barrier is among the waiting requests: later writes are held. */
  private barriers = 0;
  /** Writes among the waiting requests, counted in `written`: later ones are held behind them. */
  private held = 0;
  private detached = false;
  /**
   * Why a write was refused that its client takes to another member: the writes behind it on this connection are
   * refused as well, or they would overtake it.
   */
  private sentAway: number = OK;
  private closing = false;
  /** The listener is being told an answer: it may ask for more meanwhile, and the scratch answer is in use. */
  private delivering = false;
  private readonly answer: Answer = emptyAnswer();
  /** Bytes of commands in the log or held, not yet answered. */
  outstandingBytes = 0;
  /** In the member's list of connections to tell of the turn's end. */
  isTouched = false;

  constructor(host: ConnectionHost<ClientConnection>, listener: ConnectionListener, identities: readonly Identity[]) {
    this.host = host;
    this.listener = listener;
    this.identityList = identities;
    this.issuer = { sessionId: 0, generation: host.id, identities: identityBytes(identities) };
  }

  get sessionId(): number {
    return this.issuer.sessionId;
  }

  get generation(): number {
    return this.issuer.generation;
  }

  get isDetached(): boolean {
    return this.detached;
  }

  get identities(): readonly Identity[] {
    return this.identityList;
  }

  setIdentities(identities: readonly Identity[]): void {
    this.identityList = identities;
    this.issuer = { ...this.issuer, identities: identityBytes(identities) };
  }

  open(secretHash: Uint8Array, timeoutMs: number): void {
    assert(secretHash.length === 32, "a secret's hash has 32 bytes");
    if (this.sessionId !== 0 || this.detached) return;
    this.host.openSession(this, { secretHash, timeoutMs });
  }

  resume(sessionId: number, secretHash: Uint8Array): void {
    assert(secretHash.length === 32, "a secret's hash has 32 bytes");
    if (this.sessionId !== 0 || this.detached) return;
    this.host.moveSession(this, sessionId, secretHash);
  }

  touch(token: number): void {
    if (!this.detached) this.host.keepAlive(this, token);
  }

  /** The leader has acknowledged a keep-alive. */
  confirmTouch(token: number): void {
    if (this.detached) return;
    this.host.markTouched(this);
    this.listener.onTouched(token);
  }

  submit(number: number, answeredBelow: number, operation: WriteOperation): void {
    if (this.detached) return;
    this.host.touch(this);
    const refused = this.refusalOf(operation);
    if (refused !== OK) {
      this.enqueue({ kind: "refusal", number, code: refused });
    } else if (!isNumber(number) || !isNumber(answeredBelow)) {
      this.enqueue({ kind: "refusal", number: isNumber(number) ? number : 0, code: errors.INVALID_ARGUMENT.code });
    } else if (this.barriers > 0 || this.held > 0) {
      this.hold(number, answeredBelow, operation);
    } else {
      writeOperation(this.host.beginCommand(), this.issuer, number, answeredBelow, operation);
      const size = this.host.endCommand(this, number);
      if (size < 0) this.enqueue({ kind: "refusal", number, code: -size });
      else this.countWrite(size);
    }
  }

  /** OK, or why a write is not taken. */
  private refusalOf(operation: WriteOperation): number {
    if (this.closing) return errors.SESSION_EXPIRED.code;
    if (this.sentAway !== OK) return this.sentAway;
    const refused = this.host.admit(operation);
    const isElsewhere = refused === errors.NOT_READY.code || refused === errors.STOPPING.code;
    if (isElsewhere && this.sessionId !== 0) this.sentAway = refused;
    return refused;
  }

  read(number: number, operation: ReadOperation, options: ReadFreshness): void {
    if (this.detached) return;
    this.host.touch(this);
    if (this.isIdle && !this.needsBarrier(options)) {
      // Nothing is in its way: what enqueueing it would do, without the objects.
      this.answerRead(number, operation, options, this.identityList);
      // What its listener asked for meanwhile.
      if (this.places.length > this.firstPlace) this.advance();
      return;
    }
    this.enqueue({ kind: "read", number, operation, freshness: options, identities: this.identityList });
  }

  sync(number: number): void {
    if (this.detached) return;
    this.host.touch(this);
    this.enqueue({ kind: "sync", number });
  }

  addWatch(number: number, request: WatchAsked): void {
    if (this.detached) return;
    this.host.touch(this);
    this.enqueue({ kind: "watch", number, request });
  }

  removeWatch(number: number, watchId: number): void {
    if (this.detached) return;
    this.enqueue({ kind: "unwatch", number, watchId });
  }

  close(): void {
    if (this.detached || this.closing) return;
    this.closing = true;
    this.enqueue({ kind: "close" });
  }

  detach(): void {
    if (this.detached) return;
    this.detached = true;
    this.places = [];
    this.firstPlace = 0;
    this.barriers = 0;
    this.host.forget(this);
  }

  /** The session was opened or moved to this connection. */
  begin(sessionId: number, generation: number, timeoutMs: number, zxid: number, resumed: boolean): void {
    this.issuer = { sessionId, generation, identities: this.issuer.identities };
    this.host.markTouched(this);
    this.listener.onOpened({ sessionId, timeoutMs, zxid, resumed, generation });
  }

  /** The session is over, or never began. */
  end(reason: Reason | undefined, zxid: number): void {
    if (this.detached) return;
    const { listener } = this;
    this.detach();
    listener.onClosed(reason, zxid);
    listener.onTurnEnd();
  }

  /** A write of this connection was applied: its answer, then every read that waited for just that. */
  completeWrite(answer: Answer, bytes: number): void {
    this.outstandingBytes -= bytes;
    this.answered++;
    if (this.detached) return;
    this.deliverAnswer(answer);
    if (this.places.length > this.firstPlace) this.advance();
  }

  /** Answers whatever has its turn now. */
  advance(): void {
    while (this.firstPlace < this.places.length && !this.detached) {
      const place = this.places[this.firstPlace] as Place;
      if (place.afterWrites > this.answered || !this.run(place)) return;
      // `run` may have detached, which empties the list.
      if (this.places[this.firstPlace] === place) this.firstPlace++;
      this.compact();
    }
  }

  /** The deadline of the barrier in front has passed. */
  expireBarrier(now: number): void {
    const place = this.places[this.firstPlace];
    if (place === undefined || place.deadline === 0 || place.deadline > now) return;
    this.firstPlace++;
    this.barriers--;
    const isUnknown = place.barrier !== undefined && place.barrier.zxid === undefined;
    const { number } = place.request as BarrierRequest;
    this.reply(number, (isUnknown ? errors.NO_QUORUM : errors.NOT_CAUGHT_UP).code);
    this.advance();
  }

  deliver(events: readonly WatchEvent[], zxid: number): void {
    this.host.markTouched(this);
    this.listener.onEvents(events, zxid);
  }

  mayRead(aclId: number): boolean {
    return aclId === OPEN_ACL || allows(this.host.tree.state.acls.entries(aclId), permission.READ, this.identityList);
  }

  /** False when the request was refused at once. */
  private enqueue(request: Waiting): boolean {
    if (this.places.length - this.firstPlace >= WAITING_MAX && request.kind !== "close") {
      this.reply(request.number, errors.OVERLOADED.code);
      return false;
    }
    const isBarrier = this.isBarrier(request);
    if (isBarrier) this.barriers++;
    // Held writes follow each other into the log unanswered; whatever else stands behind one waits for its answer.
    const afterWrites = request.kind === "write" ? this.written - this.held : this.written;
    this.places.push({ request, afterWrites, isBarrier, barrier: undefined, deadline: 0 });
    if (this.places.length === this.firstPlace + 1 && !this.delivering) this.advance();
    return true;
  }

  /** Keeps a write behind those that are held already, or behind the barrier that holds the first. */
  private hold(number: number, answeredBelow: number, operation: WriteOperation): void {
    const writer = new ByteWriter(256);
    writeOperation(writer, this.issuer, number, answeredBelow, operation);
    if (writer.length > COMMAND_BYTES_MAX) {
      this.enqueue({ kind: "refusal", number, code: errors.MESSAGE_TOO_LARGE.code });
    } else if (this.enqueue({ kind: "write", number, command: writer.copy() })) {
      this.held++;
      this.countWrite(writer.length);
    }
  }

  private isBarrier(request: Waiting): boolean {
    if (request.kind === "sync") return true;
    // What a member that is behind would tell it, the client has been told elsewhere.
    if (request.kind === "watch") return request.request.afterZxid > this.host.tree.zxid;
    if (request.kind !== "read") return false;
    return this.needsBarrier(request.freshness);
  }

  private needsBarrier({ linearizable, minZxid }: ReadFreshness): boolean {
    return linearizable || minZxid > this.host.tree.zxid;
  }

  /** Everything asked on the connection has been answered, and no answer is being delivered. */
  private get isIdle(): boolean {
    return this.firstPlace === this.places.length && this.written === this.answered && !this.delivering;
  }

  private answerRead(
    number: number,
    operation: ReadOperation,
    { watch }: ReadFreshness,
    identities: readonly Identity[],
  ): void {
    const { answer, host } = this;
    host.read({ sessionId: this.sessionId, identities }, operation, answer);
    answer.number = number;
    if (watch !== undefined && operation.kind !== "multi-read" && leavesWatch(operation, answer.code)) {
      host.hub.add(this, watch.watchId, operation.path, watch.mode);
    }
    this.deliverAnswer(answer);
  }

  /** Carries a request out, or says false: it waits at a barrier. */
  private run(place: Place): boolean {
    const { request } = place;
    if (place.isBarrier && isBarrierRequest(request)) {
      if (!this.hasPassed(place, request)) {
        this.host.awaitZxid(this);
        return false;
      }
      this.barriers--;
    }
    this.carryOut(request);
    return true;
  }

  private carryOut(request: Waiting): void {
    switch (request.kind) {
      case "read":
        this.answerRead(request.number, request.operation, request.freshness, request.identities);
        return;
      case "watch":
        this.reply(request.number, this.host.watch(this, request.request));
        return;
      case "unwatch":
        this.reply(request.number, this.host.hub.remove(this, request.watchId) ? OK : errors.NO_WATCH.code);
        return;
      case "sync":
        this.reply(request.number, OK);
        return;
      case "refusal":
        this.reply(request.number, request.code);
        return;
      case "write":
        this.held--;
        this.host.beginCommand().raw(request.command);
        assert(this.host.endCommand(this, request.number) > 0, "a held write was measured when it came");
        return;
      case "close":
        this.runClose();
    }
  }

  private runClose(): void {
    if (this.sessionId === 0) {
      this.end(undefined, 0);
      return;
    }
    this.host.touch(this);
    if (!this.host.isLed) {
      this.end("NOT_READY", 0);
      return;
    }
    writeCloseSession(this.host.beginCommand(), this.issuer, CLOSE_NUMBER, 0);
    this.countWrite(this.host.endCommand(this, CLOSE_NUMBER));
  }

  /** True when the tree is where the barrier needs it; asks for it, once. */
  private hasPassed(place: Place, request: BarrierRequest): boolean {
    const { host } = this;
    if (place.deadline === 0) {
      place.deadline = host.barrierDeadline();
      const confirms = request.kind === "sync" || (request.kind === "read" && request.freshness.linearizable);
      if (confirms) place.barrier = host.barrier();
    }
    const confirmed = place.barrier === undefined ? 0 : place.barrier.zxid;
    return confirmed !== undefined && host.tree.zxid >= Math.max(confirmed, zxidAsked(request));
  }

  private countWrite(size: number): void {
    this.written++;
    this.outstandingBytes += size;
  }

  private reply(number: number, code: number): void {
    const { answer } = this;
    answer.number = number;
    answer.code = code;
    answer.kind = "none";
    answer.zxid = this.host.tree.zxid;
    this.deliverAnswer(answer);
  }

  private deliverAnswer(answer: Answer): void {
    this.host.markTouched(this);
    const outer = this.delivering;
    this.delivering = true;
    this.listener.onAnswer(answer);
    this.delivering = outer;
  }

  private compact(): void {
    if (this.firstPlace === this.places.length) {
      this.places = [];
      this.firstPlace = 0;
    } else if (this.firstPlace > 1024) {
      this.places = this.places.slice(this.firstPlace);
      this.firstPlace = 0;
    }
  }
}
