import { assert } from "../base/assert.ts";
import type { ByteWriter } from "../base/bytes.ts";
import { errors, OK, type Reason, reasonOf } from "../base/errors.ts";
import { BATCH_BYTES_TARGET, BATCH_COMMANDS_MAX, COMMAND_BYTES_MAX } from "../base/limits.ts";
import type { Answer } from "../tree/answer.ts";
import { AnswerReader, emptyAnswer } from "../tree/answer-codec.ts";
import { BatchReader, BatchWriter } from "../tree/batch.ts";
import {
  Command,
  commandType,
  decodeCommand,
  type Issuer,
  writeExpireSession,
  writeMoveSession,
  writeOpenSession,
  writeReap,
} from "../tree/command.ts";
import { EventHistory } from "../tree/event-history.ts";
import type { Identity, ReadOperation, WatchMode, WriteOperation } from "../tree/operation.ts";
import type { Tree } from "../tree/tree.ts";
import { WatchHub } from "../tree/watch-hub.ts";
import type { JournalRecord } from "../zab/journal-record.ts";
import { type RecoveredZab, Zab, type ZabOptions } from "../zab/zab.ts";
import { ClientConnection } from "./client-connection.ts";
import type { ConnectionListener } from "./connection-listener.ts";
import { DigestRing } from "./digest-ring.ts";
import type { EventFanout } from "./event-fanout.ts";
import { LeaderClock } from "./leader-clock.ts";
import { Reaper } from "./reaper.ts";
import { SessionTracker } from "./session-tracker.ts";

/** What the member asks of the world. Every method returns at once; completions come back as events. */
export interface MemberEffects {
  /** Queues a journal record; the event `durable` follows, cumulative. The body is copied before this returns. */
  append(record: JournalRecord): number;
  /** Whether the journal can take a record of this size now; if not, `durable` or `roomMade` follows when it can. */
  hasRoom(bytes: number): boolean;
  /** Asks for the event `endTurn`, once everything that has arrived has been handed in. */
  requestTurnEnd(): void;
  /** Asks for the event `applyMore` soon, after other work had its turn. */
  requestApply(): void;
  /** A transition worth one line in the log. */
  transition(event: MemberTransition): void;
  /** Leader commit latency of one batch, ms: from its closing to its commit. */
  committed(latencyMs: number, commands: number): void;
  /** Monotonic ms. */
  now(): number;
  /** Wall clock, ms since 1970. Only a new leader's clock looks at it. */
  wallClock(): number;
}

export type MemberTransition =
  | { readonly kind: "role"; readonly role: MemberRoleName; readonly epoch: number; readonly zxid: number }
  | { readonly kind: "sessions-expired"; readonly count: number; readonly zxid: number };

export type MemberRoleName = "starting" | "looking" | "leader" | "stopped";

export interface MemberOptions extends ZabOptions {
  /** Requests in flight on the whole member, bytes; above it OVERLOADED. */
  readonly outstandingBytesMax: number;
  /** How long a read waits for its min_zxid or barrier, ms; then NOT_CAUGHT_UP. */
  readonly barrierWaitMs: number;
  /** Recent events kept for watches that resume, bytes. */
  readonly historyBytesMax: number;
  /** Numbers of requests without a session begin here: random, so that two runs of a member do not share any. */
  readonly firstUnaryNumber: number;
}

/** Why writes that make the tree grow are refused, set by the runtime. */
export interface Pressure {
  /** The journal cannot claim space. */
  disk: boolean;
  /** Memory is above its high-water mark. */
  memory: boolean;
}

/** Commands applied before other work gets its turn. */
const APPLY_SLICE = 512;

interface InFlight {
  readonly batch: BatchWriter;
  readonly lastZxid: number;
  readonly closedAt: number;
}

interface Unary {
  readonly connection: ClientConnection;
  readonly number: number;
  readonly purpose: "operation" | "open" | "move";
}

/**
 * One member of the ensemble: zab, the tree, its clients' connections and the leader's duties, as a synchronous machine.
 * Events are its methods, effects its {@link MemberEffects}; production and the simulator drive the same code.
 *
 * The path of a write: a connection encodes it into the open batch; at the end of the turn the batch is proposed and
 * journalled; when it is committed its commands are applied in order, each answered - after the events it caused -
 * before the next is applied.
 */
export class Member {
  readonly id: number;
  readonly tree: Tree;
  readonly hub = new WatchHub();
  readonly history: EventHistory;
  readonly pressure: Pressure = { disk: false, memory: false };
  private readonly options: MemberOptions;
  private readonly effects: MemberEffects;
  private readonly zab: Zab;
  private readonly tracker = new SessionTracker();
  private readonly digests = new DigestRing();
  private clock: LeaderClock | undefined;
  private reaper: Reaper | undefined;
  private roleName: MemberRoleName = "starting";
  private stopping = false;

  private open = new BatchWriter();
  private readonly spares: BatchWriter[] = [];
  /** Full batches the journal had no room for yet, oldest first. */
  private readonly full: BatchWriter[] = [];
  /** Proposed, not yet wholly applied; the first is being applied. */
  private readonly inFlight: InFlight[] = [];
  private applying = false;
  private readonly batchReader = new BatchReader();
  private leftInBatch = 0;
  private nextApplied = 0;
  private readonly command = new Command();
  private readonly answerReader = new AnswerReader();
  private readonly answer: Answer = emptyAnswer();

  private readonly connections = new Set<ClientConnection>();
  private readonly bySession = new Map<number, ClientConnection>();
  private readonly unary = new Map<number, Unary>();
  private nextUnary: number;
  private touched: ClientConnection[] = [];
  private readonly waiters = new Set<ClientConnection>();
  private outstanding = 0;

  constructor(
    options: MemberOptions,
    parts: { readonly tree: Tree; readonly fanout: EventFanout; readonly recovered: RecoveredZab },
    effects: MemberEffects,
  ) {
    this.id = options.memberId;
    this.options = options;
    this.effects = effects;
    this.tree = parts.tree;
    this.history = new EventHistory(options.historyBytesMax, this.tree.state.acls);
    this.history.reset(this.tree.zxid);
    parts.fanout.bind(this.hub, this.history);
    this.nextUnary = options.firstUnaryNumber;
    this.zab = new Zab(options, parts.recovered, {
      append: (record) => effects.append(record),
      established: (epoch) => this.lead(epoch),
    });
  }

  get role(): MemberRoleName {
    return this.roleName;
  }

  get epoch(): number {
    return this.zab.epoch;
  }

  get configuration(): Zab["configuration"] {
    return this.zab.configuration;
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  get outstandingBytes(): number {
    return this.outstanding;
  }

  get isServing(): boolean {
    return this.roleName === "leader" && !this.stopping;
  }

  // ---- Events: start, journal, time -------------------------------------------------------------------------------

  /** Applies a batch of the recovered journal, before `start`. Throws when its digest contradicts the tree's. */
  replay(body: Uint8Array): void {
    assert(this.roleName === "starting", "replay comes before start");
    this.beginBatch(body);
    while (this.leftInBatch > 0) {
      decodeCommand(this.batchReader.next(), this.command);
      this.tree.apply(this.nextApplied, this.command);
      this.hub.flush();
      this.nextApplied++;
      this.leftInBatch--;
    }
    this.endBatch();
  }

  /** Everything recovered has been applied: look for a leader. */
  start(): void {
    assert(this.roleName === "starting", "a member starts once");
    this.become("looking");
    this.zab.start();
  }

  /** Every record up to `sequence` is fsynced. */
  durable(sequence: number): void {
    if (this.zab.durable(sequence)) this.applyMore();
    if (!this.isSettled) this.effects.requestTurnEnd();
  }

  /** The journal has room again. */
  roomMade(): void {
    this.endTurn();
  }

  /** The turn of the loop ends: what it brought becomes one proposal. */
  endTurn(): void {
    this.closeBatch();
    this.tellTouched();
  }

  /** Regular, a few times per second: sessions, reaping, barriers that waited too long. */
  tick(): void {
    const now = this.effects.now();
    for (const connection of this.waiters) connection.expireBarrier(now);
    if (this.roleName === "leader" && this.zab.isEstablished) this.doDuties(now);
    this.endTurn();
  }

  /** No more requests; what is in flight is still answered. */
  stop(): void {
    this.stopping = true;
  }

  /** True when nothing is in flight any more. */
  get isIdle(): boolean {
    return this.inFlight.length === 0 && this.isSettled;
  }

  /** Nothing waits to be proposed. */
  private get isSettled(): boolean {
    return this.open.count === 0 && this.full.length === 0;
  }

  /** No batch is half applied: the state is at a batch's end. */
  get isBetweenBatches(): boolean {
    return this.leftInBatch === 0;
  }

  /** The member is gone for its clients. */
  shutDown(): void {
    for (const connection of [...this.connections]) connection.end("STOPPING", this.tree.zxid);
    this.become("stopped");
  }

  // ---- Connections ------------------------------------------------------------------------------------------------

  connect(listener: ConnectionListener, identities: readonly Identity[]): ClientConnection {
    const connection = new ClientConnection(this, listener, identities);
    this.connections.add(connection);
    return connection;
  }

  forget(connection: ClientConnection): void {
    this.connections.delete(connection);
    this.waiters.delete(connection);
    this.hub.removeAll(connection);
    if (this.bySession.get(connection.sessionId) === connection) this.bySession.delete(connection.sessionId);
  }

  /** OK, or why a write is not taken. What frees room or ends things is always taken while the member serves. */
  admit(operation: WriteOperation): number {
    if (!this.isServing) return (this.stopping ? errors.STOPPING : errors.NOT_READY).code;
    if (this.outstanding > this.options.outstandingBytesMax) return errors.OVERLOADED.code;
    if (!this.pressure.disk && !this.pressure.memory) return OK;
    if (operation.kind === "delete" || operation.kind === "delete-tree") return OK;
    return (this.pressure.disk ? errors.NO_SPACE : errors.NO_MEMORY).code;
  }

  /** Adds a command to the open batch; its size in bytes, or minus an error's code. */
  propose(connection: ClientConnection, number: number, encode: (writer: ByteWriter) => void): number {
    if (!this.isServing) return -(this.stopping ? errors.STOPPING : errors.NOT_READY).code;
    if (connection.sessionId !== 0) return this.add(encode);
    const serial = this.nextUnary++;
    const size = this.add((writer) => {
      const start = writer.length;
      encode(writer);
      renumber(writer, start, serial);
    });
    if (size > 0) this.unary.set(serial, { connection, number, purpose: "operation" });
    return size;
  }

  openSession(connection: ClientConnection, issuer: Issuer, secretHash: Uint8Array, timeoutMs: number): void {
    this.control(connection, "open", (writer, serial) =>
      writeOpenSession(writer, issuer, serial, { secretHash, timeoutMs }),
    );
  }

  moveSession(connection: ClientConnection, issuer: Issuer, sessionId: number, secretHash: Uint8Array): void {
    this.control(connection, "move", (writer, serial) =>
      writeMoveSession(writer, issuer, serial, sessionId, secretHash),
    );
  }

  /** True once the leader has acknowledged that the session lives. */
  touch(connection: ClientConnection): boolean {
    if (this.roleName !== "leader") return false;
    if (connection.sessionId !== 0) this.tracker.touch(connection.sessionId);
    return true;
  }

  read(connection: ClientConnection, operation: ReadOperation, answer: Answer): void {
    if (this.roleName === "leader") {
      this.tree.read(connection, operation, answer);
      return;
    }
    answer.kind = "none";
    answer.code = errors.NOT_READY.code;
  }

  watch(
    connection: ClientConnection,
    request: { readonly watchId: number; readonly path: string; readonly mode: WatchMode; readonly afterZxid: number },
  ): number {
    const fault = this.tree.pathFault(request.path);
    if (fault !== OK) return fault;
    if (request.afterZxid === 0) {
      this.hub.add(connection, request.watchId, request.path, request.mode);
      return OK;
    }
    const { watchId, path, mode, afterZxid } = request;
    const complete = this.hub.resume(this.history, connection, watchId, path, mode, afterZxid);
    return complete ? OK : errors.COMPACTED.code;
  }

  barrier(): number {
    return this.zab.barrier();
  }

  barrierDeadline(): number {
    return this.effects.now() + this.options.barrierWaitMs;
  }

  awaitZxid(connection: ClientConnection): void {
    this.waiters.add(connection);
  }

  markTouched(connection: ClientConnection): void {
    if (connection.isTouched) return;
    connection.isTouched = true;
    this.touched.push(connection);
    if (!this.applying) this.effects.requestTurnEnd();
  }

  // ---- Leading ----------------------------------------------------------------------------------------------------

  private lead(epoch: number): void {
    const now = this.effects.now();
    this.clock ??= new LeaderClock(this.effects.wallClock(), now, this.tree.state.time);
    if (this.roleName !== "leader") {
      this.reaper = new Reaper(this.tree.state, this.clock.startedAt);
      this.tracker.clear();
      for (const session of this.tree.state.sessions.all()) this.tracker.add(session.id, session.timeoutMs);
    }
    assert(this.roleName === "leader" || this.tree.zxid === this.zab.commitZxid, "the history is applied before leading");
    this.become("leader", epoch);
  }

  private become(role: MemberRoleName, epoch = this.zab.epoch): void {
    this.roleName = role;
    this.effects.transition({ kind: "role", role, epoch, zxid: this.tree.zxid });
  }

  private doDuties(now: number): void {
    const expired = this.tracker.tick(now);
    const issuer: Issuer = { sessionId: 0, generation: this.id, identities: NOBODY };
    for (const id of expired) {
      const session = this.tree.state.sessions.get(id);
      if (session !== undefined) this.add((writer) => writeExpireSession(writer, issuer, id, session.generation));
    }
    if (expired.length > 0) {
      this.effects.transition({ kind: "sessions-expired", count: expired.length, zxid: this.tree.zxid });
    }
    const { table } = this.tree.state;
    for (const { node, czxid, mzxid } of (this.reaper as Reaper).due((this.clock as LeaderClock).stamp(now))) {
      const path = new Uint8Array(table.pathSize(node));
      table.writePath(node, path, path.length);
      this.add((writer) => writeReap(writer, issuer, path, czxid, mzxid));
    }
  }

  private control(
    connection: ClientConnection,
    purpose: "open" | "move",
    encode: (writer: ByteWriter, serial: number) => void,
  ): void {
    if (!this.isServing) {
      connection.end(this.stopping ? "STOPPING" : "NOT_READY", 0);
      return;
    }
    const serial = this.nextUnary++;
    this.add((writer) => encode(writer, serial));
    this.unary.set(serial, { connection, number: 0, purpose });
  }

  private add(encode: (writer: ByteWriter) => void): number {
    const { open } = this;
    encode(open.begin());
    const size = open.end();
    if (size > COMMAND_BYTES_MAX) {
      open.count--;
      open.cancel();
      return -errors.MESSAGE_TOO_LARGE.code;
    }
    this.outstanding += size;
    if (open.bytes >= BATCH_BYTES_TARGET || open.count >= BATCH_COMMANDS_MAX) this.setAside();
    this.effects.requestTurnEnd();
    return size;
  }

  /** The open batch is full: it is proposed now, or when the journal has room. */
  private setAside(): void {
    this.full.push(this.open);
    this.open = this.spares.pop() ?? new BatchWriter();
    this.proposeFull();
  }

  private closeBatch(): void {
    if (!this.proposeFull() || this.open.count === 0) return;
    if (this.proposeBatch(this.open)) this.open = this.spares.pop() ?? new BatchWriter();
  }

  private proposeFull(): boolean {
    while (this.full.length > 0) {
      if (!this.proposeBatch(this.full[0] as BatchWriter)) return false;
      this.full.shift();
    }
    return true;
  }

  private proposeBatch(batch: BatchWriter): boolean {
    if (!this.effects.hasRoom(batch.bytes)) return false;
    const firstZxid = this.zab.nextZxid(batch.count);
    if (firstZxid === 0) return false;
    const now = this.effects.now();
    const body = batch.close({
      firstZxid,
      count: batch.count,
      time: (this.clock as LeaderClock).stamp(now),
      featureLevel: this.tree.state.featureLevel,
      digestZxid: this.digests.zxid,
      digest0: this.digests.lane0,
      digest1: this.digests.lane1,
    });
    this.inFlight.push({ batch, lastZxid: firstZxid + batch.count - 1, closedAt: now });
    this.zab.propose(body, firstZxid, batch.count);
    return true;
  }

  // ---- Applying ---------------------------------------------------------------------------------------------------

  /** Applies committed commands, a slice at a time. */
  applyMore(): void {
    this.applying = true;
    let budget = APPLY_SLICE;
    while (budget > 0 && this.inFlight.length > 0) {
      const first = this.inFlight[0] as InFlight;
      if (first.lastZxid > this.zab.commitZxid) break;
      if (this.leftInBatch === 0) {
        this.effects.committed(this.effects.now() - first.closedAt, first.batch.count);
        this.beginBatch(first.batch.writer.view());
      }
      for (; budget > 0 && this.leftInBatch > 0; budget--) this.applyNext();
      if (this.leftInBatch === 0) this.finishFirst(first);
    }
    this.applying = false;
    this.wakeWaiters();
    this.tellTouched();
    const next = this.inFlight[0];
    if (next !== undefined && next.lastZxid <= this.zab.commitZxid) this.effects.requestApply();
  }

  private beginBatch(body: Uint8Array): void {
    const header = this.batchReader.open(body);
    assert(
      this.digests.agrees(header.digestZxid, header.digest0, header.digest1),
      "the tree's digest differs from the one the leader had at the same zxid",
    );
    this.tree.beginBatch(header);
    this.leftInBatch = header.count;
    this.nextApplied = header.firstZxid;
  }

  private endBatch(): void {
    assert(this.batchReader.remaining === 0, "a batch ends with its last command");
    this.digests.push(this.tree.zxid, this.tree.state.digest);
  }

  private finishFirst(first: InFlight): void {
    this.endBatch();
    this.inFlight.shift();
    first.batch.reset();
    if (this.spares.length < 4 && first.batch.writer.bytes.length <= 2 * BATCH_BYTES_TARGET) {
      this.spares.push(first.batch);
    }
  }

  private applyNext(): void {
    const { command } = this;
    const reader = this.batchReader.next();
    const size = reader.remaining;
    decodeCommand(reader, command);
    const zxid = this.nextApplied++;
    this.leftInBatch--;
    const bytes = this.tree.apply(zxid, command);
    this.outstanding -= size;
    // Events first: whoever sees the answer has seen what it reveals.
    this.hub.flush();
    this.answerReader.read(bytes, this.answer);
    this.answer.number = command.number;
    if (command.sessionId !== 0) this.answerSession(size);
    else this.answerUnary(size);
  }

  private answerSession(size: number): void {
    const { command, answer } = this;
    const connection = this.bySession.get(command.sessionId);
    if (this.tree.state.sessions.get(command.sessionId) === undefined) {
      this.tracker.remove(command.sessionId);
      const asked = answer.code === OK;
      connection?.end(asked ? undefined : "SESSION_EXPIRED", answer.zxid);
      return;
    }
    if (connection?.generation === command.generation) connection.completeWrite(answer, size);
  }

  /** Requests without a session: unary calls, openings and moves, and this leader's own duties. */
  private answerUnary(size: number): void {
    const { command, answer } = this;
    if (command.type === commandType.EXPIRE_SESSION && answer.code === OK) {
      this.endExpired(command.target, answer.zxid);
    }
    const asked = command.generation === this.id ? this.unary.get(command.number) : undefined;
    if (asked === undefined) return;
    this.unary.delete(command.number);
    if (asked.purpose === "operation") {
      answer.number = asked.number;
      asked.connection.completeWrite(answer, size);
    } else {
      this.beginSession(asked.connection, asked.purpose === "open" ? answer.zxid : command.target);
    }
  }

  private endExpired(sessionId: number, zxid: number): void {
    this.tracker.remove(sessionId);
    this.bySession.get(sessionId)?.end("SESSION_EXPIRED", zxid);
  }

  /** A session was opened by, or moved to, a connection; or was not. */
  private beginSession(connection: ClientConnection, sessionId: number): void {
    const { code, zxid } = this.answer;
    const session = this.tree.state.sessions.get(sessionId);
    if (code === OK) {
      assert(session !== undefined, "an opened session exists");
      this.tracker.remove(sessionId);
      this.tracker.add(sessionId, session.timeoutMs);
      this.bySession.get(sessionId)?.end("SESSION_MOVED", zxid);
    }
    if (connection.isDetached) return;
    if (code !== OK || session === undefined) {
      const reason: Reason = reasonOf(code);
      connection.end(reason, zxid);
      return;
    }
    this.bySession.set(sessionId, connection);
    connection.begin(sessionId, session.generation, session.timeoutMs, zxid, sessionId !== zxid);
  }

  private wakeWaiters(): void {
    if (this.waiters.size === 0) return;
    for (const connection of [...this.waiters]) {
      this.waiters.delete(connection);
      connection.advance();
    }
  }

  private tellTouched(): void {
    while (this.touched.length > 0) {
      const { touched } = this;
      this.touched = [];
      for (const connection of touched) {
        connection.isTouched = false;
        if (!connection.isDetached) connection.listener.onTurnEnd();
      }
    }
  }
}

const NOBODY = new Uint8Array([0]);

/** Puts another request number into a command just encoded: after its type, session and generation. */
function renumber(writer: ByteWriter, start: number, number: number): void {
  const end = writer.length;
  writer.length = start + 1 + 8 + 4;
  writer.u53(number);
  writer.length = end;
}
