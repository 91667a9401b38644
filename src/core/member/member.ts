import { assert } from "../base/assert.ts";
import type { ByteWriter } from "../base/bytes.ts";
import { errors, OK } from "../base/errors.ts";
import type { Answer } from "../tree/answer.ts";
import { AnswerReader, emptyAnswer } from "../tree/answer-codec.ts";
import { BatchReader } from "../tree/batch.ts";
import {
  Command,
  decodeCommand,
  type Issuer,
  type OpenSessionFields,
  writeMoveSession,
  writeOpenSession,
} from "../tree/command.ts";
import { EventHistory } from "../tree/event-history.ts";
import { exportTail, importTail } from "../tree/history-tail.ts";
import type { Identity, ReadOperation, WriteOperation } from "../tree/operation.ts";
import type { ReadIssuer } from "../tree/reader.ts";
import type { SnapshotMeta } from "../tree/snapshot-row.ts";
import type { Tree } from "../tree/tree.ts";
import { WatchHub } from "../tree/watch-hub.ts";
import { type RecoveredZab, Zab } from "../zab/zab.ts";
import { ClientConnection } from "./client-connection.ts";
import { Clients } from "./clients.ts";
import type { ConnectionHost, WatchAsked } from "./connection-host.ts";
import type { ConnectionListener } from "./connection-listener.ts";
import { DigestRing } from "./digest-ring.ts";
import type { EventFanout } from "./event-fanout.ts";
import { LeaderDuties } from "./leader-duties.ts";
import type { MemberEffects, MemberOptions, MemberRoleName, Pressure } from "./member-contract.ts";
import { type InFlight, Proposals } from "./proposals.ts";

/** What was recovered. The tree's events go to the fanout. */
export interface MemberParts {
  readonly tree: Tree;
  readonly fanout: EventFanout;
  readonly recovered: RecoveredZab;
  /** The history of the snapshot the tree was loaded from; without one it begins at the tree's zxid. */
  readonly history?: Uint8Array | undefined;
}

/** Commands applied before other work gets its turn. */
const APPLY_SLICE = 512;

/**
 * One member of the ensemble: zab, the tree, its clients' connections and the leader's duties, as a synchronous
 * machine. Events are its methods, effects its {@link MemberEffects}; production and the simulator drive the same code.
 *
 * The path of a write: a connection encodes it into the open batch; at the end of the turn the batch is proposed and
 * journalled; when it is committed its commands are applied in order, each answered - after the events it caused -
 * before the next is applied.
 */
export class Member implements ConnectionHost<ClientConnection> {
  readonly id: number;
  readonly tree: Tree;
  readonly hub = new WatchHub();
  readonly history: EventHistory;
  readonly pressure: Pressure = { disk: false, memory: false };
  private readonly options: MemberOptions;
  private readonly effects: MemberEffects;
  private readonly zab: Zab;
  private readonly proposals: Proposals;
  /** Who opens and moves sessions: nobody yet. */
  private readonly nobody: Issuer;
  private readonly duties: LeaderDuties;
  private readonly digests = new DigestRing();
  private roleName: MemberRoleName = "starting";
  private stopping = false;

  private applying = false;
  private readonly batchReader = new BatchReader();
  private leftInBatch = 0;
  private nextApplied = 0;
  private readonly command = new Command();
  private readonly answerReader = new AnswerReader();
  private readonly answer: Answer = emptyAnswer();

  private readonly clients: Clients;
  /** Where the command being encoded begins. */
  private encoding = 0;

  constructor(options: MemberOptions, parts: MemberParts, effects: MemberEffects) {
    this.id = options.memberId;
    this.options = options;
    this.effects = effects;
    this.nobody = { sessionId: 0, generation: options.memberId, identities: new Uint8Array([0]) };
    this.tree = parts.tree;
    const { acls } = this.tree.state;
    this.history = new EventHistory(options.historyBytesMax, acls);
    importTail(this.history, acls, parts.history ?? new Uint8Array(0), this.tree.zxid);
    parts.fanout.bind(this.hub, this.history);
    this.zab = new Zab(options, parts.recovered, {
      append: (record) => effects.append(record),
      established: (epoch) => this.lead(epoch),
    });
    this.proposals = new Proposals(this.zab, effects, (now) => ({
      time: this.duties.stamp(now),
      featureLevel: this.tree.state.featureLevel,
      digestZxid: this.digests.zxid,
      digest0: this.digests.lane0,
      digest1: this.digests.lane1,
    }));
    this.duties = new LeaderDuties(this.tree.state, this.proposals, this.id);
    const { sessions } = this.tree.state;
    this.clients = new Clients(this.id, options.firstUnaryNumber, sessions, this.duties.sessions);
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
    return this.clients.size;
  }

  get outstandingBytes(): number {
    return this.proposals.outstandingBytes;
  }

  /** Commands taken and not yet applied. */
  get outstandingCommands(): number {
    return this.proposals.outstandingCommands;
  }

  get isLed(): boolean {
    return this.roleName === "leader";
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
    if (!this.proposals.isSettled) this.effects.requestTurnEnd();
  }

  /** The journal has room again. */
  roomMade(): void {
    this.endTurn();
  }

  /** The turn of the loop ends: what it brought becomes one proposal. */
  endTurn(): void {
    this.proposals.proposeAll();
    this.clients.tellTouched();
  }

  /** Regular, a few times per second: sessions, reaping, barriers that waited too long. */
  tick(): void {
    const now = this.effects.now();
    this.clients.expireBarriers(now);
    if (this.roleName === "leader" && this.zab.isEstablished) this.doDuties(now);
    this.endTurn();
  }

  /** No more requests; what is in flight is still answered. */
  stop(): void {
    this.stopping = true;
  }

  /** True when nothing is in flight any more. */
  get isIdle(): boolean {
    return this.proposals.isIdle;
  }

  /** No batch is half applied: the state is at a batch's end. */
  get isBetweenBatches(): boolean {
    return this.leftInBatch === 0;
  }

  /** What a snapshot round that is frozen now commits, with at most so many bytes of the event history. */
  snapshotMeta(historyBytesMax: number): SnapshotMeta {
    assert(this.isBetweenBatches, "a round begins between batches: its journal is replayed from there");
    return this.tree.snapshotMeta(exportTail(this.history, this.tree.state.acls, historyBytesMax));
  }

  /** The member is gone for its clients. */
  shutDown(): void {
    this.clients.endAll(this.tree.zxid);
    this.become("stopped");
  }

  // ---- Connections ------------------------------------------------------------------------------------------------

  connect(listener: ConnectionListener, identities: readonly Identity[]): ClientConnection {
    const connection = new ClientConnection(this, listener, identities);
    this.clients.add(connection);
    return connection;
  }

  forget(connection: ClientConnection): void {
    this.clients.forget(connection);
    this.hub.removeAll(connection);
  }

  /** OK, or why a write is not taken. What frees room or ends things is always taken while the member serves. */
  admit(operation: WriteOperation): number {
    if (!this.isServing) return (this.stopping ? errors.STOPPING : errors.NOT_READY).code;
    if (this.proposals.outstandingBytes > this.options.outstandingBytesMax) return errors.OVERLOADED.code;
    if (!this.pressure.disk && !this.pressure.memory) return OK;
    if (operation.kind === "delete" || operation.kind === "delete-tree") return OK;
    return (this.pressure.disk ? errors.NO_SPACE : errors.NO_MEMORY).code;
  }

  beginCommand(): ByteWriter {
    const writer = this.proposals.begin();
    this.encoding = writer.length;
    return writer;
  }

  endCommand(connection: ClientConnection, number: number): number {
    if (connection.sessionId !== 0) return this.proposals.end();
    const serial = this.clients.register(connection, number, "operation");
    renumber(this.proposals.writer, this.encoding, serial);
    const size = this.proposals.end();
    if (size < 0) this.clients.unregister(serial);
    return size;
  }

  openSession(connection: ClientConnection, fields: OpenSessionFields): void {
    const serial = this.beginControl(connection, "open");
    if (serial === 0) return;
    writeOpenSession(this.proposals.begin(), this.nobody, serial, fields);
    this.proposals.end();
  }

  moveSession(connection: ClientConnection, sessionId: number, secretHash: Uint8Array): void {
    const serial = this.beginControl(connection, "move");
    if (serial === 0) return;
    writeMoveSession(this.proposals.begin(), this.nobody, serial, sessionId, secretHash);
    this.proposals.end();
  }

  touch(connection: ClientConnection): boolean {
    return this.isLed && (connection.sessionId === 0 || this.duties.sessions.touch(connection.sessionId));
  }

  read(issuer: ReadIssuer, operation: ReadOperation, answer: Answer): void {
    answer.kind = "none";
    answer.code = errors.NOT_READY.code;
    if (this.isLed) this.tree.read(issuer, operation, answer);
  }

  watch(connection: ClientConnection, request: WatchAsked): number {
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

  barrier(): number | undefined {
    return this.zab.barrier();
  }

  barrierDeadline(): number {
    return this.effects.now() + this.options.barrierWaitMs;
  }

  awaitZxid(connection: ClientConnection): void {
    this.clients.await(connection);
  }

  markTouched(connection: ClientConnection): void {
    if (this.clients.markTouched(connection) && !this.applying) this.effects.requestTurnEnd();
  }

  // ---- Leading ----------------------------------------------------------------------------------------------------

  private lead(epoch: number): void {
    if (this.roleName !== "leader") {
      assert(this.tree.zxid === this.zab.commitZxid, "the history is applied before leading");
      this.duties.begin(this.effects.wallClock(), this.effects.now());
    }
    this.become("leader", epoch);
  }

  private become(role: MemberRoleName, epoch = this.zab.epoch): void {
    this.roleName = role;
    this.effects.transition({ kind: "role", role, epoch, zxid: this.tree.zxid });
  }

  private doDuties(now: number): void {
    const expired = this.duties.tick(now);
    if (expired > 0) this.effects.transition({ kind: "sessions-expired", count: expired, zxid: this.tree.zxid });
  }

  /** The number an opening or a move goes under, or 0 when it was refused. */
  private beginControl(connection: ClientConnection, purpose: "open" | "move"): number {
    if (!this.isServing) {
      connection.end(this.stopping ? "STOPPING" : "NOT_READY", 0);
      return 0;
    }
    return this.clients.register(connection, 0, purpose);
  }

  // ---- Applying ---------------------------------------------------------------------------------------------------

  /** Applies committed commands, a slice at a time. */
  applyMore(): void {
    this.applying = true;
    const { inFlight } = this.proposals;
    let budget = APPLY_SLICE;
    while (budget > 0 && inFlight.length > 0) {
      const first = inFlight[0] as InFlight;
      if (first.lastZxid > this.zab.commitZxid) break;
      if (this.leftInBatch === 0) {
        this.effects.committed(this.effects.now() - first.proposedAt, first.batch.count);
        this.beginBatch(first.batch.writer.view());
      }
      for (; budget > 0 && this.leftInBatch > 0; budget--) this.applyNext();
      if (this.leftInBatch > 0) break;
      this.endBatch();
      this.proposals.finishFirst();
    }
    this.applying = false;
    this.clients.wakeWaiters();
    this.clients.tellTouched();
    const next = inFlight[0];
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

  private applyNext(): void {
    const { command } = this;
    const reader = this.batchReader.next();
    const size = reader.remaining;
    decodeCommand(reader, command);
    const zxid = this.nextApplied++;
    this.leftInBatch--;
    const bytes = this.tree.apply(zxid, command);
    this.proposals.applied(size);
    // Events first: whoever sees the answer has seen what it reveals.
    this.hub.flush();
    this.answerReader.read(bytes, this.answer);
    this.answer.number = command.number;
    this.clients.deliver(command, this.answer, size);
  }
}

/** Puts another request number into a command just encoded: after its type, session and generation. */
function renumber(writer: ByteWriter, start: number, number: number): void {
  const end = writer.length;
  writer.length = start + 1 + 8 + 4;
  writer.u53(number);
  writer.length = end;
}
