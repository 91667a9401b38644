import { assert } from "../base/assert.ts";
import { errors, OK, type Reason, reasonOf } from "../base/errors.ts";
import type { Answer } from "../tree/answer.ts";
import { emptyAnswer } from "../tree/answer-codec.ts";
import { type Command, commandType } from "../tree/command.ts";
import type { SessionTable } from "../tree/session-table.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { Submitted } from "./submissions.ts";
import { CLOSE_NUMBER } from "./waiting-request.ts";

interface Sessionless {
  readonly connection: ClientConnection;
  /** As the client chose it. */
  readonly number: number;
  readonly purpose: "operation" | "open" | "move";
}

/**
 * The connections of this member, and whose answer is whose: a command of a session belongs to the connection that owns
 * the session's generation, one without a session to the connection that asked under its serial number.
 */
export class Clients {
  private readonly memberId: number;
  private readonly sessions: () => SessionTable;
  private readonly connections = new Set<ClientConnection>();
  private readonly bySession = new Map<number, ClientConnection>();
  private readonly sessionless = new Map<number, Sessionless>();
  private nextSerial: number;
  private touched: ClientConnection[] = [];
  private readonly waiters = new Set<ClientConnection>();

  /** Serials begin at `firstSerial`: random, so that two runs of a member share none. */
  constructor(memberId: number, firstSerial: number, sessions: () => SessionTable) {
    this.memberId = memberId;
    this.nextSerial = firstSerial;
    this.sessions = sessions;
  }

  get size(): number {
    return this.connections.size;
  }

  add(connection: ClientConnection): void {
    this.connections.add(connection);
  }

  forget(connection: ClientConnection): void {
    this.connections.delete(connection);
    this.waiters.delete(connection);
    if (this.bySession.get(connection.sessionId) === connection) this.bySession.delete(connection.sessionId);
  }

  /** The serial a request without a session goes under. */
  register(connection: ClientConnection, number: number, purpose: Sessionless["purpose"]): number {
    const serial = this.nextSerial++;
    this.sessionless.set(serial, { connection, number, purpose });
    return serial;
  }

  /** The request was not taken after all. */
  unregister(serial: number): void {
    this.sessionless.delete(serial);
  }

  /**
   * A command of `bytes` was applied: tells whoever asked, and whoever's session it ended.
   *
   * @param isOurs it is what this member had taken and not seen applied before: only that is a connection's answer
   */
  deliver(command: Command, answer: Answer, bytes: number, isOurs: boolean): void {
    if (command.sessionId !== 0) this.deliverToSession(command, answer, bytes, isOurs);
    else this.deliverSessionless(command, answer, bytes);
  }

  await(connection: ClientConnection): void {
    this.waiters.add(connection);
  }

  /** The tree moved: barriers may have been met. */
  wakeWaiters(): void {
    if (this.waiters.size === 0) return;
    for (const connection of [...this.waiters]) {
      this.waiters.delete(connection);
      connection.advance();
    }
  }

  expireBarriers(now: number): void {
    for (const connection of [...this.waiters]) connection.expireBarrier(now);
  }

  /** True if the connection was not in the list yet. */
  markTouched(connection: ClientConnection): boolean {
    if (connection.isTouched) return false;
    connection.isTouched = true;
    this.touched.push(connection);
    return true;
  }

  tellTouched(): void {
    while (this.touched.length > 0) {
      const { touched } = this;
      this.touched = [];
      for (const connection of touched) {
        connection.isTouched = false;
        if (!connection.isDetached) connection.listener.onTurnEnd();
      }
    }
  }

  /**
   * No leader comes. Whoever waits for something that a leader has had asks elsewhere, under the same numbers; what
   * none has ever had is refused, and has not happened.
   */
  abandon(submitted: readonly Submitted[], zxid: number): void {
    for (const each of submitted) if (each.wasSent) this.connectionOf(each)?.end("NOT_READY", zxid);
    const answer = emptyAnswer();
    answer.code = errors.NO_QUORUM.code;
    answer.zxid = zxid;
    for (const each of submitted) {
      const connection = this.connectionOf(each);
      if (connection === undefined || connection.isDetached) continue;
      const asked = each.sessionId === 0 ? this.sessionless.get(each.number) : undefined;
      answer.number = asked?.number ?? each.number;
      // Neither an opening nor a close is a request with an answer: the connection itself is what waits for it.
      const isControl = asked === undefined ? each.number === CLOSE_NUMBER : asked.purpose !== "operation";
      if (isControl) connection.end("NOT_READY", zxid);
      else connection.completeWrite(answer, each.bytes);
    }
    this.sessionless.clear();
  }

  private connectionOf({ sessionId, generation, number }: Submitted): ClientConnection | undefined {
    if (sessionId === 0) return this.sessionless.get(number)?.connection;
    const connection = this.bySession.get(sessionId);
    return connection?.generation === generation ? connection : undefined;
  }

  endAll(reason: Reason, zxid: number): void {
    for (const connection of [...this.connections]) connection.end(reason, zxid);
    this.sessionless.clear();
  }

  private deliverToSession(command: Command, answer: Answer, bytes: number, isOurs: boolean): void {
    const connection = this.bySession.get(command.sessionId);
    if (this.sessions().get(command.sessionId) === undefined) {
      connection?.end(answer.code === OK ? undefined : "SESSION_EXPIRED", answer.zxid);
      return;
    }
    if (isOurs && connection?.generation === command.generation) connection.completeWrite(answer, bytes);
  }

  /** Requests without a session: unary calls, openings and moves, and the leader's own duties. */
  private deliverSessionless(command: Command, answer: Answer, bytes: number): void {
    if (answer.code === OK) this.endTarget(command, answer.zxid);
    const asked = command.generation === this.memberId ? this.sessionless.get(command.number) : undefined;
    if (asked === undefined) return;
    this.sessionless.delete(command.number);
    if (asked.purpose === "operation") {
      answer.number = asked.number;
      asked.connection.completeWrite(answer, bytes);
    } else if (answer.code === OK) {
      this.beginSession(asked.connection, asked.purpose === "open" ? answer.zxid : command.target, answer.zxid);
    } else {
      asked.connection.end(reasonOf(answer.code), answer.zxid);
    }
  }

  /** A session that was expired, or moved to whichever member, is not its present connection's any more. */
  private endTarget({ type, target }: Command, zxid: number): void {
    if (type === commandType.EXPIRE_SESSION) this.bySession.get(target)?.end("SESSION_EXPIRED", zxid);
    else if (type === commandType.MOVE_SESSION) this.bySession.get(target)?.end("SESSION_MOVED", zxid);
  }

  /** A session was opened by, or moved to, a connection. */
  private beginSession(connection: ClientConnection, sessionId: number, zxid: number): void {
    const session = this.sessions().get(sessionId);
    assert(session !== undefined, "an opened or moved session exists");
    if (connection.isDetached) return;
    this.bySession.set(sessionId, connection);
    connection.begin(sessionId, session.generation, session.timeoutMs, zxid, sessionId !== zxid);
  }
}
