import type { Socket } from "node:net";
import type { Connection, ConnectionListener, OpenedSession } from "../../coordination/port.ts";
import type { Reason } from "../../core/base/errors.ts";
import { errors, OK } from "../../core/base/errors.ts";
import type { Answer } from "../../core/tree/answer.ts";
import type { NodeEvent, WatchEvent } from "../../core/tree/watch-event.ts";
import type { Principal } from "../../products/floor/principal.ts";
import { AuthDesk } from "./auth-desk.ts";
import { ClientStanding } from "./client-standing.ts";
import {
  CONNECT_BYTES_MIN,
  type ConnectRequest,
  decodeConnectRequest,
  SESSION_OVER,
  writeConnectResponse,
} from "./connect-request.ts";
import type { DoorContext } from "./door-context.ts";
import { ConnectionStatistics } from "./four-letter-words/request-statistics.ts";
import { wordOf } from "./four-letter-words/words.ts";
import { type FrameReader, FrameTooLargeError } from "./frame-reader.ts";
import { addressOf, FrameSocket, type FrameSocketOwner } from "./frame-socket.ts";
import { JuteError, JuteReader } from "./jute-reader.ts";
import { opCode, xid as specialXid } from "./op-code.ts";
import { ReplyLine } from "./reply-line.ts";
import { RequestDesk } from "./request-desk.ts";
import { hasNumbers, requestNumber, WRITES_MAX } from "./request-number.ts";
import { openSession } from "./session-opening.ts";
import { WatchBook } from "./watch-book.ts";
import { UNASKED } from "./watch-requests.ts";
import { endsConnection } from "./zookeeper-error.ts";

const WORD_BYTES = 4;

/**
 * new: before the connect request; connecting: for the member's word on it; open; closing: the session's close is under
 * way; ended.
 */
type Phase = "new" | "connecting" | "open" | "closing" | "ended";

/**
 * One ZooKeeper client: cuts what its socket brings into requests, and writes what the port calls back, once a turn.
 * Invariants:
 *
 * - replies go out in the order of the requests, events before what reveals them: both as the port calls back;
 * - no byte is kept beyond the limits: reading stops while too much is unanswered or unsent, and a connection whose
 *   client does not read is cut;
 * - the end of a connection never ends its session: only an explicit close does.
 */
export class ZookeeperConnection implements ConnectionListener, FrameSocketOwner {
  readonly address: string;
  readonly port: number;
  readonly isSecure: boolean;
  readonly watches = new WatchBook();
  /** Of its session as it was granted, ms. */
  timeoutMs = 0;
  readonly line: ReplyLine;
  readonly statistics: ConnectionStatistics;
  private readonly socket: FrameSocket;
  private readonly context: DoorContext;
  private readonly reader = new JuteReader();
  private readonly auth: AuthDesk;
  private phase: Phase = "new";
  private connection: Connection | undefined;
  private desk: RequestDesk | undefined;
  private readonly standing: ClientStanding;
  private request: ConnectRequest | undefined;
  private password: Uint8Array = new Uint8Array(0);
  /** The session is one of a member without quorum, and so no session at all. */
  isReadOnly = false;
  private generation = 0;
  /** Writes handed on, and those answered. */
  private writes = 0;
  private writesAnswered = 0;
  /** Requests that must be over before the next is read: their number. */
  private holds = 0;
  private heardAt = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, isSecure: boolean, principal: Principal, context: DoorContext) {
    this.isSecure = isSecure;
    this.context = context;
    this.address = addressOf(socket);
    this.port = socket.remotePort ?? 0;
    this.statistics = new ConnectionStatistics(Date.now(), context.statistics);
    this.line = new ReplyLine(context.pool, this.statistics, context.now);
    this.standing = new ClientStanding(this.address, principal);
    this.auth = new AuthDesk({
      address: this.address,
      options: context.auth,
      line: this.line,
      statistics: context.statistics,
      zxid: context.zxid,
      identities: () => this.standing.identities,
      setIdentities: (identities) => {
        this.standing.become(identities);
        this.connection?.setIdentities(identities);
      },
      end: (why) => this.end(why),
    });
    this.timer = setTimeout(() => this.onSilence(), context.limits.handshakeTimeoutMs);
    this.socket = new FrameSocket(socket, context.limits.frameBytesMax, this);
  }

  get sessionId(): number {
    return this.connection?.sessionId ?? 0;
  }

  get isOpen(): boolean {
    return this.phase === "open" || this.phase === "closing";
  }

  /** When its session ends if nothing more is heard, ms since 1970. */
  get expiresAt(): number {
    return Date.now() + this.timeoutMs - (this.context.now() - this.heardAt);
  }

  get unsentBytes(): number {
    return this.socket.unsentBytes + this.line.bytes;
  }

  /** Ends the connection, not the session: what is unanswered stays so. */
  drop(why: string): void {
    if (this.phase === "ended") return;
    this.leave(why);
    this.socket.destroy();
  }

  /** The same, after what has been written has left. */
  end(why: string): void {
    if (this.phase === "ended") return;
    this.flush();
    this.leave(why);
    this.socket.end(this.context.limits.lingerMs);
  }

  // What the client sends.

  mayRead(): boolean {
    if (this.phase === "new") return true;
    if (this.phase !== "open" || this.holds > 0) return false;
    const { limits } = this.context;
    if (this.line.outstanding >= limits.outstandingRequestsMax) return false;
    if (this.unsentBytes > limits.unsentBytesPause) return false;
    return (this.connection?.outstandingBytes ?? 0) <= limits.outstandingBytesMax;
  }

  beforeReading(): void {
    this.heardAt = this.context.now();
  }

  readOne(frames: FrameReader): boolean {
    if (this.phase === "new" && this.answeredWord(frames)) return true;
    if (!frames.next()) return false;
    this.handle(this.reader.reset(frames.bytes, frames.start, frames.end), this.heardAt);
    return true;
  }

  afterReading(): void {
    this.flush();
  }

  /** The first four bytes are a command in letters: answered, and the connection is over. */
  private answeredWord(frames: FrameReader): boolean {
    const code = frames.peek();
    const word = code === undefined ? undefined : wordOf(code);
    if (word === undefined) return false;
    // Before it is answered: the answer counts it.
    this.statistics.heard(WORD_BYTES);
    const text = this.context.answerWord(word, this.standing);
    this.statistics.told(text.length);
    this.socket.write(text);
    this.end("a four-letter word was answered");
    return true;
  }

  private handle(reader: JuteReader, now: number): void {
    this.statistics.requested(reader.remaining);
    if (this.phase === "new") {
      if (reader.remaining < CONNECT_BYTES_MIN) throw new JuteError("the first frame is no connect request");
      this.connect(decodeConnectRequest(reader));
      return;
    }
    const xid = reader.i32();
    const operation = reader.i32();
    switch (operation) {
      case opCode.PING:
        this.ping();
        return;
      case opCode.AUTH:
        this.auth.onAuth(reader);
        return;
      case opCode.SASL:
        this.auth.onSasl(reader, xid);
        return;
      case opCode.CLOSE_SESSION:
        this.close(xid, now);
        return;
      default:
        this.desk?.handle(reader, xid, operation, now);
    }
  }

  private connect(request: ConnectRequest): void {
    clearTimeout(this.timer);
    this.context.statistics.sessionRequests++;
    this.request = request;
    this.phase = "connecting";
    const opening = openSession(request, this.standing, this, this.context);
    if (opening.kind === "over") {
      this.refuseSession(opening.why);
    } else if (opening.kind === "elsewhere") {
      this.drop(opening.why);
    } else {
      this.connection = opening.connection;
      this.password = opening.password;
      this.isReadOnly = opening.kind === "read-only";
      if (opening.kind === "read-only") this.begin(opening.sessionId, opening.timeoutMs);
      else opening.ask();
    }
  }

  private begin(sessionId: number | Uint8Array, timeoutMs: number): void {
    const { connection, request } = this;
    if (connection === undefined || request === undefined) return;
    this.timeoutMs = timeoutMs;
    this.desk = new RequestDesk(connection, {
      line: this.line,
      book: this.watches,
      standing: this.standing,
      nextNumber: () => this.nextNumber(),
      answeredBelow: () => requestNumber(this.generation, this.writesAnswered + 1),
      zxid: this.context.zxid,
      isReadOnly: this.isReadOnly,
      hold: (isHeld) => this.hold(isHeld),
      ensemble: this.context.ensemble,
      end: (why) => this.end(why),
    });
    this.phase = "open";
    const response = { timeoutMs, sessionId, password: this.password, readOnly: this.isReadOnly };
    this.line.bare((writer) => writeConnectResponse(writer, response, request.knowsReadOnly));
    this.password = new Uint8Array(0);
    // Without a session nobody else notices that a client is gone.
    if (this.isReadOnly) this.socket.onSilence(timeoutMs, () => this.drop("the client has been silent for too long"));
    this.socket.queueResume();
  }

  private ping(): void {
    if (this.isReadOnly) this.onTouched(0);
    else this.connection?.touch(0);
  }

  private close(xid: number, now: number): void {
    this.line.expect(xid, opCode.CLOSE_SESSION, now, undefined);
    this.phase = "closing";
    if (this.isReadOnly) this.onClosed(undefined, this.context.zxid());
    else this.connection?.close();
  }

  private nextNumber(): number {
    this.writes++;
    if (this.writes > WRITES_MAX) this.drop("as many writes as one connection may have; the session goes on");
    return requestNumber(this.generation, Math.min(this.writes, WRITES_MAX));
  }

  // ConnectionListener. None of these may throw into the port.

  onOpened({ sessionId, timeoutMs, generation }: OpenedSession): void {
    if (this.phase !== "connecting") return;
    this.generation = generation;
    this.guard(() => {
      if (hasNumbers(generation)) this.begin(sessionId, timeoutMs);
      else this.refuseSession("a session that has moved so often that its writes have no numbers left");
    });
  }

  onAnswer(answer: Answer): void {
    if (!this.isOpen || answer.number === UNASKED) return;
    try {
      this.answered(answer);
    } catch (error) {
      this.failThrown(error);
    }
  }

  private answered(answer: Answer): void {
    const { code } = answer;
    if (code !== OK && endsConnection(code)) {
      this.end("a request was not taken: the client looks elsewhere");
      return;
    }
    const { line } = this;
    const { watchId } = line;
    if (watchId !== undefined) {
      const isThere = code === OK || (code === errors.NODE_NOT_FOUND.code && line.operation === opCode.EXISTS);
      this.watches.answered(watchId, isThere);
    }
    if (line.isWrite) this.writesAnswered++;
    line.answer(answer);
  }

  /** A path may match several watches of a connection: ZooKeeper tells a client of one event once. */
  onEvents(events: readonly WatchEvent[]): void {
    if (!this.isOpen) return;
    this.guard(() => {
      let told: NodeEvent | undefined;
      for (const { watchId, event } of events) {
        if (!this.watches.fired(watchId) || event === told) continue;
        told = event;
        this.line.notify(this.context.eventFrames.frameOf(event));
      }
      if (this.unsentBytes > this.context.limits.unsentBytesMax) this.drop("the client does not read");
    });
  }

  onTouched(_token: number): void {
    if (this.isOpen) this.guard(() => this.line.outOfLine(specialXid.PING, this.context.zxid(), OK));
  }

  onClosed(reason: Reason | undefined, zxid: number): void {
    if (this.phase === "ended") return;
    this.guard(() => {
      if (this.phase === "connecting" && (reason === "SESSION_EXPIRED" || reason === "WRONG_SECRET")) {
        this.refuseSession(reason);
        return;
      }
      if (reason === undefined && this.phase === "closing") this.line.complete(OK, zxid);
      this.end(reason ?? "closed by its client");
    });
  }

  onTurnEnd(): void {
    if (this.phase === "ended") return;
    this.guard(() => {
      this.flush();
      if (this.socket.isHeldBack) this.socket.queueResume();
    });
  }

  // Holding back, writing and ending.

  private hold(isHeld: boolean): void {
    this.holds += isHeld ? 1 : -1;
    if (!isHeld) this.socket.queueResume();
  }

  private flush(): void {
    const output = this.line.take();
    if (output === undefined) return;
    const { bytes, own } = output;
    // What the kernel has not taken is the socket's until it is sent, and then the collector's.
    if (this.socket.write(bytes) && own !== undefined) this.context.pool.release(own);
  }

  private refuseSession(why: string): void {
    const knowsReadOnly = this.request?.knowsReadOnly === true;
    this.line.bare((writer) => writeConnectResponse(writer, SESSION_OVER, knowsReadOnly));
    this.end(why);
  }

  private leave(why: string): void {
    this.context.log.debug({ client: this.address, session: this.sessionId, why }, "ZooKeeper connection ends");
    this.phase = "ended";
    clearTimeout(this.timer);
    this.connection?.detach();
    this.statistics.closed();
  }

  private onSilence(): void {
    this.context.statistics.sessionlessExpired++;
    this.drop("no connect request came");
  }

  onGone(): void {
    if (this.phase !== "ended") {
      this.context.statistics.connectionsDropped++;
      this.leave("its client is gone");
    }
  }

  private guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.failThrown(error);
    }
  }

  failThrown(error: unknown): void {
    if (error instanceof JuteError) {
      if (error instanceof FrameTooLargeError) this.context.statistics.largeRequestsRejected++;
      else this.context.statistics.malformed++;
      this.context.log.debug({ client: this.address, error: error.message }, "a frame cannot be read");
    } else {
      this.context.statistics.defects++;
      this.context.log.error({ client: this.address, error }, "a defect of the ZooKeeper door");
    }
    this.drop("a request cannot be handled");
  }
}
