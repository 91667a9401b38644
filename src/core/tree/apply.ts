import { assert } from "../base/assert.ts";
import { ByteReader, bytesEqual, encodeUtf8 } from "../base/bytes.ts";
import { errors, OK } from "../base/errors.ts";
import { ApplyContext } from "./apply-context.ts";
import { parseLimits } from "./apply-limits.ts";
import { ZnodeOperations } from "./apply-znode.ts";
import { batchFlag } from "./batch.ts";
import { type Command, commandType, decodePart } from "./command.ts";
import type { EventSink } from "./event-buffer.ts";
import { FEATURE_LEVEL, featureLevelOf } from "./feature-level.ts";
import { NO_NODE } from "./node-table.ts";
import { eventType } from "./operation.ts";
import { pathFault } from "./path.ts";
import { Session } from "./session-table.ts";
import { znodeKind } from "./snapshot-row.ts";
import type { TreeState } from "./tree-state.ts";
import { UndoLog } from "./undo-log.ts";
import { windowVerdict } from "./window.ts";

const CONFIGURATION_PATH = encodeUtf8("/zookeeper/config");

/**
 * The state machine: one committed command at a time, in order, the same on every member. Total over everything the
 * decoder accepts: each command gets an answer, failed ones change nothing but the window that remembers the answer.
 */
export class Applier {
  private readonly context: ApplyContext;
  private readonly znodes: ZnodeOperations;
  private readonly sink: EventSink;
  private readonly reader = new ByteReader(new Uint8Array(0));
  private batchFlags = 0;

  constructor(state: TreeState, sink: EventSink) {
    this.context = new ApplyContext(state);
    this.znodes = new ZnodeOperations(this.context);
    this.sink = sink;
  }

  /** Before a batch's commands: {@link batchFlag}s, which are part of the log as the commands are. */
  beginBatch(flags: number): void {
    this.batchFlags = flags;
  }

  /** Applies a command and returns its answer as bytes, valid until the next call. */
  apply(zxid: number, command: Command): Uint8Array {
    const { context } = this;
    const { state } = context;
    assert(zxid > state.zxid, "zxids rise");
    state.zxid = zxid;
    context.begin(zxid, command);
    if (command.sessionId === 0) {
      this.finish(this.run(command));
      return context.out.view();
    }
    return this.applyForSession(command);
  }

  /** Once for each request number: a repeated request gets its first answer. */
  private applyForSession(command: Command): Uint8Array {
    const { context } = this;
    const { state, out } = context;
    const session = state.sessions.get(command.sessionId);
    if (session === undefined) return this.refuse(errors.SESSION_EXPIRED.code);
    if (session.generation !== command.generation) return this.refuse(errors.SESSION_MOVED.code);
    context.session = session;
    const verdict = session.window.look(command.number);
    if (verdict === windowVerdict.KNOWN) return session.window.answer();
    if (verdict === windowVerdict.STALE) return this.refuse(errors.STALE_REQUEST.code);
    if (command.type === commandType.CLOSE_SESSION) {
      this.endSession(session);
      this.finish(OK);
      return out.view();
    }
    this.finish(this.run(command));
    state.beginSessionChange(session);
    session.window.forgetBelow(Math.min(command.answeredBelow, command.number));
    const answer = out.view();
    session.window.keep(command.number, answer, 0, answer.length, state.limits);
    state.endSessionChange(session);
    return out.view();
  }

  private refuse(code: number): Uint8Array {
    this.context.out.none(code);
    return this.context.out.view();
  }

  /** Answers a failure, or lets the events of a success go. */
  private finish(code: number): void {
    const { context } = this;
    if (code === OK) {
      context.events.release(this.sink, context.zxid, context.state.acls);
      return;
    }
    context.events.clear();
    context.state.acls.collect();
    // A failed multi has written its answer, part by part.
    if (context.out.code === OK) context.out.none(code);
  }

  private run(command: Command): number {
    switch (command.type) {
      case commandType.MULTI:
        return this.multi(command);
      case commandType.DELETE_TREE:
        return this.znodes.deleteTree(command.bytes, command.leaf);
      case commandType.OPEN_SESSION:
        return this.openSession(command);
      case commandType.MOVE_SESSION:
        return this.moveSession(command);
      case commandType.EXPIRE_SESSION:
        return this.expireSession(command);
      case commandType.CLOSE_SESSION:
        return errors.SESSION_REQUIRED.code;
      case commandType.REAP:
        return this.reap(command);
      case commandType.SET_LIMITS:
        return this.setLimits(command);
      case commandType.RAISE_FEATURE_LEVEL:
        return this.raiseFeatureLevel(command);
      case commandType.RECONFIGURE:
        return this.reconfigure(command);
      default:
        return this.znodes.apply(command.bytes, command.leaf);
    }
  }

  /** All or nothing: on the first failure everything before it is undone. */
  private multi(command: Command): number {
    const { context } = this;
    const { state, changes, out } = context;
    if (command.partCount > state.limits.multiOperationsMax) return errors.TOO_LARGE.code;
    const [lane0, lane1] = state.digest.lanes();
    const { nextSerial } = state;
    const undo = new UndoLog();
    changes.undo = undo;
    const reader = this.reader.reset(command.bytes, command.partsStart);
    let failed = -1;
    let code: number = OK;
    out.multi(OK, command.partCount);
    for (let i = 0; i < command.partCount && failed < 0; i++) {
      decodePart(reader, command.leaf);
      code = this.znodes.apply(command.bytes, command.leaf);
      if (code !== OK) failed = i;
    }
    changes.undo = undefined;
    if (failed < 0) {
      undo.complete();
      return OK;
    }
    undo.rollBack();
    state.digest.lane0 = lane0;
    state.digest.lane1 = lane1;
    state.nextSerial = nextSerial;
    this.answerFailedMulti(command.partCount, failed, code);
    return code;
  }

  private answerFailedMulti(count: number, failed: number, code: number): void {
    const { out, zxid } = this.context;
    out.begin(zxid);
    out.multi(code, count);
    for (let i = 0; i < count; i++) {
      out.none(i < failed ? OK : i === failed ? code : errors.ROLLED_BACK.code);
    }
    out.code = code;
  }

  private openSession(command: Command): number {
    const { state, zxid, out } = this.context;
    const { limits } = state;
    if (state.sessions.size >= limits.sessionsMax) return errors.SESSION_LIMIT.code;
    const timeoutMs = Math.max(limits.sessionTimeoutMinMs, Math.min(limits.sessionTimeoutMaxMs, command.timeoutMs));
    const session = new Session(zxid, new Uint8Array(command.secretHash), timeoutMs, 1, state.windows);
    state.sessions.add(session);
    state.capture.touchSession(session);
    state.endSessionChange(session);
    out.none(OK);
    return OK;
  }

  private moveSession(command: Command): number {
    const { state, out } = this.context;
    const session = state.sessions.get(command.target);
    if (session === undefined) return errors.SESSION_EXPIRED.code;
    if (!bytesEqual(session.secretHash, command.secretHash)) return errors.WRONG_SECRET.code;
    state.beginSessionChange(session);
    session.generation++;
    state.endSessionChange(session);
    out.none(OK);
    return OK;
  }

  private expireSession(command: Command): number {
    const { state, out } = this.context;
    const session = state.sessions.get(command.target);
    if (session === undefined) return errors.SESSION_EXPIRED.code;
    if (session.generation !== command.targetGeneration) return errors.SESSION_MOVED.code;
    this.endSession(session);
    out.none(OK);
    return OK;
  }

  /** Removes a session and its ephemeral znodes, all at one zxid. */
  private endSession(session: Session): void {
    const { state, out } = this.context;
    const { ephemerals } = session;
    while (ephemerals.first !== 0) {
      this.znodes.removeWithEvents(state.specials.node.get(ephemerals.first));
    }
    state.beginSessionChange(session);
    session.window.clear();
    state.sessions.delete(session.id);
    state.capture.sessionDeleted(session);
    if (this.context.session === session) out.none(OK);
  }

  /** A container or TTL znode goes only if it is still the one the leader saw, and still childless. */
  private reap(command: Command): number {
    const { state, out } = this.context;
    const { table } = state;
    const { leaf, bytes } = command;
    if (pathFault(bytes, leaf.pathStart, leaf.pathEnd) !== undefined) return errors.INVALID_PATH.code;
    const node = table.lookup(bytes, leaf.pathStart, leaf.pathEnd);
    if (node === NO_NODE) return errors.NODE_NOT_FOUND.code;
    const kind = table.kind.get(node);
    const due =
      table.czxid.get(node) === command.czxid &&
      table.firstChild.get(node) === NO_NODE &&
      (kind === znodeKind.CONTAINER
        ? table.creations.get(node) !== 0
        : kind === znodeKind.TTL && table.mzxid.get(node) === command.mzxid);
    if (!due) return errors.NOT_EXPIRED.code;
    this.znodes.removeWithEvents(node);
    out.none(OK);
    return OK;
  }

  private setLimits(command: Command): number {
    const { state, out } = this.context;
    const limits = parseLimits(command.limitsText, state.featureLevel);
    if (limits === undefined) return errors.INVALID_ARGUMENT.code;
    state.changeConfiguration(() => {
      state.limits = limits;
    });
    out.none(OK);
    return OK;
  }

  /** Never lowers it, and raising it again changes nothing. */
  private raiseFeatureLevel(command: Command): number {
    const { state, out } = this.context;
    if (command.featureLevel <= state.featureLevel) return errors.INVALID_ARGUMENT.code;
    assert(command.featureLevel <= FEATURE_LEVEL, "the decoder refuses levels this program does not know");
    state.changeConfiguration(() => {
      state.featureLevel = command.featureLevel;
    });
    out.none(OK);
    return OK;
  }

  /**
   * The leader proposes only what passes all three checks, so that a committed change does not fail (core.md 25); they
   * stand here too because `apply` answers whatever the decoder lets through, and alike on every member. Unflagged, it
   * would change the configuration behind the back of those who count quorums.
   */
  private reconfigure(command: Command): number {
    const { state, out, zxid, events } = this.context;
    if (state.featureLevel < featureLevelOf.RECONFIGURE) return errors.UNSUPPORTED.code;
    if (this.batchFlags !== batchFlag.RECONFIGURE) return errors.INVALID_ARGUMENT.code;
    if (command.expectedZxid !== state.configurationZxid) return errors.CONFIGURATION_CHANGED.code;
    // A copy, even of a Buffer: its `slice` would keep a view of the batch.
    const configuration = new Uint8Array(command.configuration);
    state.changeConfiguration(() => {
      state.configuration = configuration;
      state.configurationZxid = zxid;
    });
    // An event alone, which no digest covers: the znode stands for the configuration, whatever its data is.
    const { length } = CONFIGURATION_PATH;
    const node = state.table.lookup(CONFIGURATION_PATH, 0, length);
    events.add(eventType.DATA_CHANGED, CONFIGURATION_PATH, 0, length, state.table.acl.get(node));
    out.none(OK);
    return OK;
  }
}
