import type { ByteWriter } from "../base/bytes.ts";
import { errors, OK } from "../base/errors.ts";
import type { Answer } from "../tree/answer.ts";
import { type Issuer, type OpenSessionFields, writeMoveSession, writeOpenSession } from "../tree/command.ts";
import type { ReadOperation, WriteOperation } from "../tree/operation.ts";
import type { ReadIssuer } from "../tree/reader.ts";
import type { Tree } from "../tree/tree.ts";
import type { WatchHub } from "../tree/watch-hub.ts";
import type { Applying } from "./applying.ts";
import type { Barrier } from "./barriers.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { ConnectionHost, WatchAsked } from "./connection-host.ts";
import type { MemberCore } from "./member-core.ts";

/** What the member does for its connections. */
export class ClientDesk implements ConnectionHost<ClientConnection> {
  readonly id: number;
  private readonly core: MemberCore;
  private readonly applying: Applying;
  /** Who opens and moves sessions: nobody yet. */
  private readonly nobody: Issuer;
  /** Where the command being encoded begins. */
  private encoding = 0;

  constructor(core: MemberCore, applying: Applying) {
    this.core = core;
    this.applying = applying;
    this.id = core.options.memberId;
    this.nobody = { sessionId: 0, generation: this.id, identities: new Uint8Array([0]) };
  }

  get tree(): Tree {
    return this.core.state.tree;
  }

  get hub(): WatchHub {
    return this.core.state.hub;
  }

  get isLed(): boolean {
    return this.core.standing.isLed;
  }

  forget(connection: ClientConnection): void {
    this.core.clients.forget(connection);
    this.core.state.hub.removeAll(connection);
  }

  /** OK, or why a write is not taken. What frees room or ends things is always taken while the member serves. */
  admit(operation: WriteOperation): number {
    if (!this.mayTake()) return this.refusal();
    if (this.core.submissions.outstandingBytes > this.core.options.outstandingBytesMax) return errors.OVERLOADED.code;
    if (!this.core.pressure.disk && !this.core.pressure.memory) return OK;
    if (operation.kind === "delete" || operation.kind === "delete-tree") return OK;
    return (this.core.pressure.disk ? errors.NO_SPACE : errors.NO_MEMORY).code;
  }

  beginCommand(): ByteWriter {
    const writer = this.core.submissions.begin();
    this.encoding = writer.length;
    return writer;
  }

  endCommand(connection: ClientConnection, number: number): number {
    this.core.effects.requestTurnEnd();
    if (connection.sessionId !== 0) return this.core.submissions.end();
    const serial = this.core.clients.register(connection, number, "operation");
    renumber(this.core.submissions.writer, this.encoding, serial);
    const size = this.core.submissions.end();
    if (size < 0) this.core.clients.unregister(serial);
    return size;
  }

  openSession(connection: ClientConnection, fields: OpenSessionFields): void {
    const serial = this.beginControl(connection, "open");
    if (serial !== 0) this.submit((writer) => writeOpenSession(writer, this.nobody, serial, fields));
  }

  moveSession(connection: ClientConnection, sessionId: number, secretHash: Uint8Array): void {
    const serial = this.beginControl(connection, "move");
    if (serial !== 0) this.submit((writer) => writeMoveSession(writer, this.nobody, serial, sessionId, secretHash));
  }

  touch({ sessionId }: ClientConnection): void {
    if (sessionId === 0) return;
    if (this.core.standing.isLeader) this.core.duties.sessions.touch(sessionId);
    else this.core.touches.heard(sessionId);
  }

  keepAlive(connection: ClientConnection, token: number): void {
    const { sessionId } = connection;
    if (this.core.standing.isLeader) {
      if (sessionId !== 0 && !this.core.duties.sessions.touch(sessionId)) return;
      if (sessionId === 0 || this.core.zab.isAlone) connection.confirmTouch(token);
      else this.core.keepAlives.add(connection, sessionId, token);
    } else if (sessionId !== 0) {
      this.core.touches.keepAlive(connection, sessionId, token);
      this.core.effects.requestTurnEnd();
    } else if (this.core.standing.isLed) {
      connection.confirmTouch(token);
    }
  }

  read(issuer: ReadIssuer, operation: ReadOperation, answer: Answer): void {
    answer.kind = "none";
    answer.code = errors.NOT_READY.code;
    if (this.core.standing.mayRead) this.core.state.tree.read(issuer, operation, answer);
  }

  watch(connection: ClientConnection, request: WatchAsked): number {
    if (!this.core.standing.mayRead) return errors.NOT_READY.code;
    const fault = this.core.state.tree.pathFault(request.path);
    if (fault !== OK) return fault;
    if (request.afterZxid === 0) {
      this.core.state.hub.add(connection, request.watchId, request.path, request.mode);
      return OK;
    }
    const { watchId, path, mode, afterZxid } = request;
    const complete = this.core.state.hub.resume(this.core.state.history, connection, watchId, path, mode, afterZxid);
    return complete ? OK : errors.COMPACTED.code;
  }

  barrier(): Barrier {
    // One voter's own word is a quorum's, at once.
    if (this.core.standing.isLeader && this.core.zab.isAlone) return { zxid: this.core.zab.commitZxid };
    this.core.effects.requestTurnEnd();
    return this.core.barriers.request();
  }

  barrierDeadline(): number {
    return this.core.effects.now() + this.core.options.barrierWaitMs;
  }

  awaitZxid(connection: ClientConnection): void {
    this.core.clients.await(connection);
  }

  markTouched(connection: ClientConnection): void {
    if (this.core.clients.markTouched(connection) && !this.applying.isRunning) this.core.effects.requestTurnEnd();
  }

  /** The number an opening or a move goes under, or 0 when it was refused. */
  private beginControl(connection: ClientConnection, purpose: "open" | "move"): number {
    if (!this.mayTake()) {
      connection.end(this.core.standing.isStopping ? "STOPPING" : "NOT_READY", 0);
      return 0;
    }
    return this.core.clients.register(connection, 0, purpose);
  }

  private submit(write: (writer: ByteWriter) => void): void {
    write(this.core.submissions.begin());
    this.core.submissions.end();
    this.core.effects.requestTurnEnd();
  }

  private refusal(): number {
    const { standing, effects } = this.core;
    if (standing.isStopping) return errors.STOPPING.code;
    return (standing.isAbandoned(effects.now()) ? errors.NO_QUORUM : errors.NOT_READY).code;
  }

  private mayTake(): boolean {
    return this.core.standing.mayTake(this.core.effects.now());
  }
}

/** Puts another request number into a command just encoded: after its type, session and generation. */
function renumber(writer: ByteWriter, start: number, number: number): void {
  const end = writer.length;
  writer.length = start + 1 + 8 + 4;
  writer.u53(number);
  writer.length = end;
}
