import { assert } from "../base/assert.ts";
import { type ByteWriter, FormatError } from "../base/bytes.ts";
import { errors, OK } from "../base/errors.ts";
import type { Answer } from "../tree/answer.ts";
import { AnswerReader, emptyAnswer } from "../tree/answer-codec.ts";
import { BatchReader } from "../tree/batch.ts";
import { configurationOfBatch } from "../tree/batch-configuration.ts";
import { type Issuer, type OpenSessionFields, writeMoveSession, writeOpenSession } from "../tree/command.ts";
import type { EventHistory } from "../tree/event-history.ts";
import { FEATURE_LEVEL } from "../tree/feature-level.ts";
import type { Identity, ReadOperation, WriteOperation } from "../tree/operation.ts";
import type { ReadIssuer } from "../tree/reader.ts";
import type { SnapshotMeta } from "../tree/snapshot-row.ts";
import type { Tree } from "../tree/tree.ts";
import type { WatchHub } from "../tree/watch-hub.ts";
import type { ConfigurationChange } from "../zab/configuration-change.ts";
import type { EnsembleConfiguration } from "../zab/ensemble-configuration.ts";
import { MEMBER_TYPES_FROM } from "../zab/peer-message.ts";
import { type RecoveredZab, Zab } from "../zab/zab.ts";
import type { HistoryBatch, PeerIdentity } from "../zab/zab-contract.ts";
import { type Barrier, Barriers } from "./barriers.ts";
import { ClientConnection } from "./client-connection.ts";
import { Clients } from "./clients.ts";
import type { ConnectionHost, WatchAsked } from "./connection-host.ts";
import type { ConnectionListener } from "./connection-listener.ts";
import { Divergence } from "./divergence.ts";
import { type ChangeDone, EnsembleChanges } from "./ensemble-changes.ts";
import { LeaderDuties } from "./leader-duties.ts";
import type { LocalState } from "./local-state.ts";
import type { MemberEffects, MemberOptions, MemberRoleName, Pressure } from "./member-contract.ts";
import { encodeBarrier, encodeForward, encodeSessions, memberMessage } from "./member-message.ts";
import { PeerDesk } from "./peer-desk.ts";
import { Proposals } from "./proposals.ts";
import { Submissions } from "./submissions.ts";
import { Touches } from "./touches.ts";

/** Commands applied before other work gets its turn. */
const APPLY_SLICE = 512;
/** A member without a leader goes on answering plain reads for so long, ms. */
const LEADERLESS_READS_MS = 10_000;

/**
 * One member of the ensemble: zab, the tree, its clients' connections and the leader's duties, as a synchronous
 * machine. Events are its methods, effects its {@link MemberEffects}; production and the simulator drive the same code.
 *
 * The path of a write: a connection encodes it into the open chunk of submissions; at the end of the turn the leader
 * makes a batch of its own chunk and those its followers forwarded, and proposes it; when a member knows it committed it
 * applies the commands in order, and answers those of its own clients - after the events they caused - before the next.
 */
export class Member implements ConnectionHost<ClientConnection> {
  readonly id: number;
  readonly pressure: Pressure = { disk: false, memory: false };
  private readonly options: MemberOptions;
  private readonly effects: MemberEffects;
  private readonly zab: Zab;
  private readonly submissions = new Submissions();
  private readonly proposals: Proposals;
  private readonly duties: LeaderDuties;
  private readonly barriers: Barriers;
  private readonly touches = new Touches();
  private readonly changes: EnsembleChanges;
  private readonly divergence: Divergence;
  /** The zxid at which this tree differs from somebody's, while nothing more is applied to it; 0 usually. */
  private stuckAt = 0;
  /** The last such zxid at which a quorum had what this tree had. */
  private acquittedAt = 0;
  private readonly desk: PeerDesk;
  private readonly clients: Clients;
  /** Who opens and moves sessions: nobody yet. */
  private readonly nobody: Issuer;
  private state: LocalState;
  private roleName: MemberRoleName = "starting";
  private stopping = false;
  /** When the last leader was lost, monotonic ms. */
  private leaderlessSince: number;
  private applying = false;
  private readonly answerReader = new AnswerReader();
  private readonly answer: Answer = emptyAnswer();
  /** Where the command being encoded begins. */
  private encoding = 0;

  /** @param state as loaded and replayed up to what is known to be committed */
  constructor(options: MemberOptions, state: LocalState, recovered: RecoveredZab, effects: MemberEffects) {
    this.id = options.memberId;
    this.options = options;
    this.effects = effects;
    this.state = state;
    this.leaderlessSince = effects.now();
    this.nobody = { sessionId: 0, generation: options.memberId, identities: new Uint8Array([0]) };
    assert(state.batchEndZxid === recovered.committedZxid, "what is known to be committed has been replayed");
    const zabOptions = { featureLevel: FEATURE_LEVEL, ...options };
    this.zab = new Zab(
      zabOptions,
      recovered,
      { range: rangeOf, configuration: configurationOfBatch },
      this.zabEffects(),
    );
    this.proposals = new Proposals(this.zab, effects, (now) => ({
      time: this.duties.stamp(now),
      featureLevel: this.tree.state.featureLevel,
      digestZxid: this.state.digests.zxid,
      digest0: this.state.digests.lane0,
      digest1: this.state.digests.lane1,
    }));
    this.duties = new LeaderDuties(this.proposals, this.id, () => this.zab.beginRound());
    this.barriers = new Barriers(this.barrierSource());
    this.clients = new Clients(this.id, options.firstUnaryNumber, () => this.tree.state.sessions);
    const { zab, proposals, barriers, touches } = this;
    this.changes = new EnsembleChanges({
      memberId: this.id,
      zab,
      proposals,
      state: () => this.tree.state,
      isLeading: () => this.roleName === "leader",
      requestTurnEnd: () => effects.requestTurnEnd(),
    });
    this.divergence = new Divergence({
      memberId: this.id,
      zab,
      digests: () => this.state.digests,
      trusted: (zxid) => this.trusted(zxid),
      condemned: (zxid) => this.condemned(zxid),
    });
    const { changes, divergence } = this;
    const parts = { zab, proposals, barriers, touches, changes, divergence, sessions: this.duties.sessions };
    this.desk = new PeerDesk(parts, () => effects.requestTurnEnd());
  }

  get tree(): Tree {
    return this.state.tree;
  }

  get hub(): WatchHub {
    return this.state.hub;
  }

  get history(): EventHistory {
    return this.state.history;
  }

  get role(): MemberRoleName {
    return this.roleName;
  }

  get epoch(): number {
    return this.zab.epoch;
  }

  /** 0: nobody, as far as this member knows. */
  get leaderId(): number {
    return this.zab.leaderId;
  }

  /** Of the log, for status and the simulator's checks. */
  get ensemble(): Omit<Zab, "start" | "receive" | "durable" | "propose"> {
    return this.zab;
  }

  get configuration(): Zab["configuration"] {
    return this.zab.configuration;
  }

  get connectionCount(): number {
    return this.clients.size;
  }

  get outstandingBytes(): number {
    return this.submissions.outstandingBytes;
  }

  /** Commands of this member's clients, taken and not yet applied. */
  get outstandingCommands(): number {
    return this.submissions.outstandingCommands;
  }

  /** There is a leader that takes commands: this member or the one it follows. */
  get isLed(): boolean {
    return this.roleName === "leader" || this.roleName === "follower" || this.roleName === "observer";
  }

  get isServing(): boolean {
    return this.isLed && !this.stopping;
  }

  // ---- Events: start, journal, peers, time ------------------------------------------------------------------------

  /** Everything recovered has been applied: look for a leader. */
  start(): void {
    assert(this.roleName === "starting", "a member starts once");
    this.become("looking", "");
    this.zab.start();
  }

  linkUp(peer: PeerIdentity): void {
    this.zab.linkUp(peer);
  }

  linkDown(peer: number): void {
    this.zab.linkDown(peer);
  }

  /** Bytes came from a peer, perhaps not a whole message. */
  heard(peer: number): void {
    this.zab.heard(peer);
  }

  /** A message came from a peer; its bytes are the caller's again when this returns. */
  receive(peer: number, frame: Uint8Array): void {
    const type = frame[0];
    if (type === undefined || type < MEMBER_TYPES_FROM) {
      this.zab.receive(peer, frame);
    } else {
      this.zab.heard(peer);
      try {
        this.desk.receive(peer, frame);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        this.effects.disconnect(peer, `message of type ${type}: ${error.message}`);
      }
    }
    // Whatever it made known - a barrier, a commit - lets clients go on.
    this.clients.wakeWaiters();
    this.clients.tellTouched();
  }

  /** Every record up to `sequence` is fsynced. */
  durable(sequence: number): void {
    this.zab.durable(sequence);
    if (!this.proposals.isSettled) this.effects.requestTurnEnd();
  }

  /** The journal has room again. */
  roomMade(): void {
    this.zab.roomMade();
    this.endTurn();
  }

  /** The turn of the loop ends: what it brought becomes one proposal, or goes to the leader. */
  endTurn(): void {
    if (this.zab.isLeading) {
      for (let chunk = this.takeChunk(); chunk !== undefined; chunk = this.takeChunk()) this.proposals.add(chunk);
      this.proposals.proposeAll();
      // Before this leader's epoch has its quorum, its commit point may lie below what is committed.
      if (this.zab.isEstablished) this.barriers.beginRound();
      this.clients.wakeWaiters();
    } else if (this.zab.isFollowing) {
      this.turnToLeader();
    }
    this.clients.tellTouched();
  }

  /** Regular, a few times per second: the ensemble, sessions, reaping, barriers that waited too long. */
  tick(): void {
    const now = this.effects.now();
    this.zab.tick();
    this.clients.expireBarriers(now);
    this.changes.tick(now);
    if (this.zab.isFollowing) this.tellTouches();
    if (this.roleName === "leader" && this.zab.isEstablished) this.duties.tick(now);
    this.endTurn();
  }

  historyRead(peer: number, batches: readonly HistoryBatch[]): void {
    this.zab.historyRead(peer, batches);
  }

  historyGone(peer: number): void {
    this.zab.historyGone(peer);
  }

  /** The leader has announced a snapshot, and waits for it to be installed. */
  get awaitsSnapshot(): boolean {
    return this.zab.awaitsSnapshot;
  }

  /** A snapshot was installed: its state takes the place of this member's. Clients look for another member. */
  install(state: LocalState): void {
    const { zxid, configuration, configurationZxid } = state.tree.state;
    assert(!this.applying, "a snapshot is installed between other events");
    this.clients.endAll("NOT_READY", this.tree.zxid);
    // Nobody can tell which of them the snapshot holds, and nobody waits for them any more.
    this.submissions.clear();
    this.state = state;
    this.stuckAt = 0;
    this.divergence.repaired();
    this.zab.snapshotInstalled(zxid, configuration, configurationZxid);
  }

  /** No more requests; what is in flight is still answered. A leader hands over. */
  stop(): void {
    this.stopping = true;
    this.zab.refuseToLead();
    if (this.zab.isLeading && !this.zab.isAlone) this.zab.handOver(0);
  }

  /** True when nothing of this member's clients is in flight any more. */
  get isIdle(): boolean {
    return this.submissions.outstandingCommands === 0 && this.proposals.isSettled;
  }

  /** A snapshot round may begin: no batch is half applied, and the journal has all that is applied (core.md 23). */
  get isAtRest(): boolean {
    return this.state.isBetweenBatches && this.state.batchEndZxid <= this.zab.durableZxid;
  }

  /** Somebody waits for a snapshot round: `applyMore` is asked for, after which one may begin. */
  roundWanted(): void {
    this.effects.requestApply();
  }

  snapshotMeta(historyBytesMax: number): SnapshotMeta {
    return this.state.snapshotMeta(historyBytesMax);
  }

  /** The member is gone for its clients. */
  shutDown(): void {
    this.clients.endAll("STOPPING", this.tree.zxid);
    this.become("stopped", "");
  }

  /** Changes the ensemble's configuration, through whoever leads; `done` comes once that is committed, or refused. */
  reconfigure(change: ConfigurationChange, done: ChangeDone): void {
    this.changes.reconfigure(change, done);
  }

  /** Hands leadership to a voter, 0 for whichever is best; `done` comes once that one leads, or with why it does not. */
  transferLeadership(to: number, done: ChangeDone): void {
    this.changes.transferLeadership(to, done);
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
    if (this.submissions.outstandingBytes > this.options.outstandingBytesMax) return errors.OVERLOADED.code;
    if (!this.pressure.disk && !this.pressure.memory) return OK;
    if (operation.kind === "delete" || operation.kind === "delete-tree") return OK;
    return (this.pressure.disk ? errors.NO_SPACE : errors.NO_MEMORY).code;
  }

  beginCommand(): ByteWriter {
    const writer = this.submissions.begin();
    this.encoding = writer.length;
    return writer;
  }

  endCommand(connection: ClientConnection, number: number): number {
    this.effects.requestTurnEnd();
    if (connection.sessionId !== 0) return this.submissions.end();
    const serial = this.clients.register(connection, number, "operation");
    renumber(this.submissions.writer, this.encoding, serial);
    const size = this.submissions.end();
    if (size < 0) this.clients.unregister(serial);
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
    if (this.roleName === "leader") this.duties.sessions.touch(sessionId);
    else this.touches.heard(sessionId);
  }

  keepAlive(connection: ClientConnection, token: number): void {
    const { sessionId } = connection;
    if (this.roleName === "leader") {
      if (sessionId === 0 || this.duties.sessions.touch(sessionId)) connection.confirmTouch(token);
    } else if (sessionId !== 0) {
      this.touches.keepAlive(connection, sessionId, token);
      this.effects.requestTurnEnd();
    } else if (this.isLed) {
      connection.confirmTouch(token);
    }
  }

  read(issuer: ReadIssuer, operation: ReadOperation, answer: Answer): void {
    answer.kind = "none";
    answer.code = errors.NOT_READY.code;
    if (this.mayRead) this.tree.read(issuer, operation, answer);
  }

  watch(connection: ClientConnection, request: WatchAsked): number {
    if (!this.mayRead) return errors.NOT_READY.code;
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

  barrier(): Barrier {
    // One voter's own word is a quorum's, at once.
    if (this.roleName === "leader" && this.zab.isAlone) return { zxid: this.zab.commitZxid };
    this.effects.requestTurnEnd();
    return this.barriers.request();
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

  /** Plain reads are sequentially consistent on any member; without a leader they go on for a while. */
  private get mayRead(): boolean {
    if (this.stuckAt !== 0) return false;
    if (this.isLed) return true;
    return this.roleName === "looking" && this.effects.now() - this.leaderlessSince < LEADERLESS_READS_MS;
  }

  /** The number an opening or a move goes under, or 0 when it was refused. */
  private beginControl(connection: ClientConnection, purpose: "open" | "move"): number {
    if (!this.isServing) {
      connection.end(this.stopping ? "STOPPING" : "NOT_READY", 0);
      return 0;
    }
    return this.clients.register(connection, 0, purpose);
  }

  private submit(write: (writer: ByteWriter) => void): void {
    write(this.submissions.begin());
    this.submissions.end();
    this.effects.requestTurnEnd();
  }

  // ---- Roles ------------------------------------------------------------------------------------------------------

  private takeChunk(): ReturnType<Submissions["take"]> {
    return this.submissions.take();
  }

  /** Everything this turn brought for the leader: touches first, since they are small and must not wait. */
  private turnToLeader(): void {
    if (this.touches.isUrgent) this.tellTouches();
    for (let chunk = this.takeChunk(); chunk !== undefined; chunk = this.takeChunk()) {
      this.effects.send(this.zab.leaderId, encodeForward(chunk));
    }
    this.barriers.askLeader();
  }

  private tellTouches(): void {
    const list = this.touches.take();
    if (list !== undefined) this.effects.send(this.zab.leaderId, encodeSessions(memberMessage.TOUCH, list));
  }

  /** A leader or follower has all of the epoch's initial history applied: it serves. */
  private serveIfReady(): void {
    const { zab } = this;
    if (zab.isEstablished || zab.isFollowing) this.divergence.tellLeader();
    const isReady = zab.isLeading ? zab.isEstablished && this.tree.zxid >= zab.initialHistoryEnd : zab.isFollowing;
    if (!isReady || this.stuckAt !== 0 || this.isLed || this.roleName === "stopped") return;
    if (zab.isLeading) this.duties.begin(this.tree.state, this.effects.wallClock(), this.effects.now());
    const follower = zab.isCounted(this.id) ? "follower" : "observer";
    this.become(zab.isLeading ? "leader" : follower, "");
    if (zab.isLeading) this.changes.led();
    this.effects.requestTurnEnd();
  }

  /** Another configuration is in force: other members to talk to, and perhaps another role here. */
  private configurationChanged(configuration: EnsembleConfiguration): void {
    const { configurationZxid } = this.zab;
    this.effects.configurationChanged(configuration);
    this.effects.transition({ kind: "configuration", zxid: configurationZxid, members: configuration.members });
    const follower = this.zab.isCounted(this.id) ? "follower" : "observer";
    const isOther = this.roleName === "follower" || this.roleName === "observer" ? this.roleName !== follower : false;
    if (isOther) this.become(follower, "");
  }

  private lose(why: string): void {
    this.duties.end();
    this.proposals.clear();
    this.submissions.resend();
    this.barriers.reset();
    this.touches.reset();
    this.changes.lost();
    this.divergence.reset();
    if (this.isLed) this.leaderlessSince = this.effects.now();
    if (this.roleName !== "stopped") this.become("looking", why);
  }

  private become(role: MemberRoleName, why: string): void {
    this.roleName = role;
    const { epoch, leaderId } = this.zab;
    this.effects.transition({ kind: "role", role, epoch, zxid: this.tree.zxid, leaderId, why });
  }

  private roundConfirmed(round: number): void {
    this.barriers.roundConfirmed(round);
    const expired = this.duties.roundConfirmed(round);
    if (expired === 0) return;
    this.effects.transition({ kind: "sessions-expired", count: expired, zxid: this.tree.zxid });
    this.effects.requestTurnEnd();
  }

  // ---- Applying ---------------------------------------------------------------------------------------------------

  /** Applies committed commands, a slice at a time. */
  applyMore(): void {
    if (this.applying) return;
    this.applying = true;
    const { state, zab } = this;
    let budget = APPLY_SLICE;
    for (let next = zab.nextCommitted(); next !== undefined && budget > 0; next = zab.nextCommitted()) {
      if (state.isBetweenBatches) {
        if (!this.mayApply(next.body)) break;
        const { proposedAt, firstZxid, lastZxid } = next;
        if (proposedAt > 0) this.effects.committed(this.effects.now() - proposedAt, lastZxid - firstZxid + 1);
        state.beginBatch(next.body);
      }
      for (; budget > 0 && !state.isBetweenBatches; budget--) this.applyNext();
      if (!state.isBetweenBatches) break;
      state.endBatch();
      zab.applied();
    }
    this.applying = false;
    this.serveIfReady();
    this.clients.wakeWaiters();
    this.clients.tellTouched();
    if (this.stuckAt === 0 && zab.nextCommitted() !== undefined) this.effects.requestApply();
  }

  /** The leader that proposed the batch had the same tree; if not, it has to be found out who is right (core.md 29). */
  private mayApply(body: Uint8Array): boolean {
    if (this.stuckAt !== 0) return false;
    const zxid = this.state.disagreement(body);
    if (zxid === 0 || zxid === this.acquittedAt) return true;
    assert(!this.zab.isAlone, "the tree's digest differs from the one the leader had at the same zxid");
    this.stuckAt = zxid;
    this.effects.transition({ kind: "diverged", zxid });
    this.divergence.suspect(zxid);
    return false;
  }

  private condemned(zxid: number): void {
    this.stuckAt = zxid;
    this.effects.transition({ kind: "condemned", zxid });
    this.clients.endAll("NOT_READY", this.tree.zxid);
    this.submissions.clear();
    this.zab.distrustTree("its tree differs from a quorum's");
  }

  private trusted(zxid: number): void {
    if (this.stuckAt !== zxid) return;
    this.acquittedAt = zxid;
    this.stuckAt = 0;
    this.effects.requestApply();
  }

  private applyNext(): void {
    const { state, answer } = this;
    const bytes = state.applyNext();
    // Events first: whoever sees the answer has seen what it reveals.
    state.hub.flush();
    this.answerReader.read(bytes, answer);
    answer.number = state.command.number;
    this.submissions.applied(state.command);
    this.duties.applied(state.command, answer);
    this.changes.applied(state.command, answer.code);
    this.clients.deliver(state.command, answer, state.commandBytes);
  }

  // ---- What zab and the barriers ask ------------------------------------------------------------------------------

  private zabEffects(): ConstructorParameters<typeof Zab>[3] {
    const { effects } = this;
    return {
      append: (record) => effects.append(record),
      hasRoom: (bytes) => effects.hasRoom(bytes),
      send: (peer, frame) => effects.send(peer, frame),
      disconnect: (peer, why) => effects.disconnect(peer, why),
      readHistory: (peer, afterZxid) => effects.readHistory(peer, afterZxid),
      sendSnapshot: (peer, atLeastZxid) => effects.sendSnapshot(peer, atLeastZxid),
      stopSending: (peer) => effects.stopSending(peer),
      configurationChanged: (configuration) => this.configurationChanged(configuration),
      now: () => effects.now(),
      established: () => {
        this.serveIfReady();
        effects.requestTurnEnd();
      },
      following: () => this.serveIfReady(),
      looking: (why) => this.lose(why),
      joining: () => undefined,
      mended: () => effects.mended(),
      committed: () => this.applyMore(),
      roundConfirmed: (round) => this.roundConfirmed(round),
      digestHeard: (_peer, zxid, digest0, digest1) => {
        if (!this.state.digests.agrees(zxid, digest0, digest1)) this.divergence.suspect(zxid);
      },
      beforePong: () => this.tellTouches(),
      digest: () => this.state.digests,
    };
  }

  private barrierSource(): ConstructorParameters<typeof Barriers>[0] {
    const { zab, effects } = this;
    return {
      beginRound: () => zab.beginRound(),
      barrierZxid: () => Math.max(zab.commitZxid, zab.initialHistoryEnd),
      askLeader: (number) => effects.send(zab.leaderId, encodeBarrier(memberMessage.BARRIER, { number, zxid: 0 })),
      answerFollower: (peer, number, zxid) =>
        effects.send(peer, encodeBarrier(memberMessage.BARRIER_AT, { number, zxid })),
    };
  }
}

const headers = new BatchReader();

function rangeOf(body: Uint8Array): { firstZxid: number; lastZxid: number } {
  const { firstZxid, count } = headers.open(body);
  return { firstZxid, lastZxid: firstZxid + count - 1 };
}

/** Puts another request number into a command just encoded: after its type, session and generation. */
function renumber(writer: ByteWriter, start: number, number: number): void {
  const end = writer.length;
  writer.length = start + 1 + 8 + 4;
  writer.u53(number);
  writer.length = end;
}
