import { assert } from "../base/assert.ts";
import { FormatError } from "../base/bytes.ts";
import type { SizeStatistics } from "../base/size-statistics.ts";
import { configurationOfBatch } from "../tree/batch-configuration.ts";
import type { Identity } from "../tree/operation.ts";
import type { SnapshotMeta } from "../tree/snapshot-row.ts";
import type { Tree } from "../tree/tree.ts";
import type { WatchHub } from "../tree/watch-hub.ts";
import type { ConfigurationChange } from "../zab/configuration-change.ts";
import { MEMBER_TYPES_FROM, peerMessage } from "../zab/peer-message.ts";
import { type RecoveredZab, Zab } from "../zab/zab.ts";
import type { HistoryBatch, PeerIdentity } from "../zab/zab-contract.ts";
import { Applying } from "./applying.ts";
import { Barriers, barrierSource } from "./barriers.ts";
import { batchRange } from "./batch-range.ts";
import { ClientConnection } from "./client-connection.ts";
import { ClientDesk } from "./client-desk.ts";
import { Clients } from "./clients.ts";
import type { ConnectionListener } from "./connection-listener.ts";
import type { DigestRing } from "./digest-ring.ts";
import { DiskWatch } from "./disk-watch.ts";
import { Divergence } from "./divergence.ts";
import { type ChangeDone, EnsembleChanges } from "./ensemble-changes.ts";
import { KeepAlives } from "./keep-alives.ts";
import { LeaderDuties } from "./leader-duties.ts";
import { LeaderLink } from "./leader-link.ts";
import type { LocalState } from "./local-state.ts";
import type { MemberEffects, MemberOptions, MemberRoleName, Pressure } from "./member-contract.ts";
import type { MemberCore } from "./member-core.ts";
import { offeredLevel } from "./offered-level.ts";
import { PeerDesk } from "./peer-desk.ts";
import { Proposals } from "./proposals.ts";
import { Roles } from "./roles.ts";
import { Standing } from "./standing.ts";
import { Submissions } from "./submissions.ts";
import { Touches } from "./touches.ts";

/**
 * One member of the ensemble: zab, the tree, its clients' connections and the leader's duties, as a synchronous
 * machine. Events are its methods, effects its {@link MemberEffects}; production and the simulator drive the same code.
 *
 * The path of a write: a connection encodes it into the open chunk of submissions; at the end of the turn the leader
 * makes a batch of its own chunk and those its followers forwarded, and proposes it; when a member knows it committed
 * it applies the commands in order, and answers those of its own clients - after the events they caused - before the
 * next.
 */
export class Member {
  readonly id: number;
  private readonly effects: MemberEffects;
  private readonly core: MemberCore;
  private readonly zab: Zab;
  private readonly roles: Roles;
  private readonly leaderLink: LeaderLink;
  private readonly applying: Applying;
  private readonly clientDesk: ClientDesk;
  private readonly peerDesk: PeerDesk;
  private readonly disk: DiskWatch;

  /** @param state as loaded and replayed up to what is known to be committed */
  constructor(options: MemberOptions, state: LocalState, recovered: RecoveredZab, effects: MemberEffects) {
    assert(state.batchEndZxid === recovered.committedZxid, "what is known to be committed has been replayed");
    this.id = options.memberId;
    this.effects = effects;
    const zabOptions = { ...options, featureLevel: offeredLevel(options) };
    const batches = { range: batchRange, configuration: configurationOfBatch };
    this.roles = new Roles(effects, {
      core: () => this.core,
      applyMore: () => this.applyMore(),
      tellTouches: () => this.leaderLink.tellTouches(),
    });
    this.zab = new Zab(zabOptions, recovered, batches, this.roles.zabEffects());
    this.leaderLink = new LeaderLink(() => this.core);
    this.core = this.makeCore(options, state);
    this.applying = new Applying(this.core);
    this.clientDesk = new ClientDesk(this.core, this.applying);
    this.peerDesk = new PeerDesk(this.core);
    this.disk = new DiskWatch(this.core);
  }

  private makeCore(options: MemberOptions, state: LocalState): MemberCore {
    const { zab, effects, id: memberId } = this;
    const proposals = new Proposals(zab, effects, (now) => this.stamp(now));
    const duties = new LeaderDuties(proposals, memberId, () => zab.beginRound());
    const changes = new EnsembleChanges({
      memberId,
      zab,
      proposals,
      featureLevel: offeredLevel(options),
      state: () => this.tree.state,
      isLeading: () => this.core.standing.isLeader,
      requestTurnEnd: () => effects.requestTurnEnd(),
    });
    const divergence = new Divergence({
      memberId,
      zab,
      digests: () => this.core.state.digests,
      trusted: (zxid) => this.applying.trusted(zxid),
      condemned: (zxid) => this.applying.condemned(zxid),
      doubted: (zxid) => this.applying.doubted(zxid),
      unknowable: (zxid) => this.applying.unknowable(zxid),
      isOnProbation: () => this.core.standing.probationSince !== 0,
    });
    return {
      options,
      effects,
      standing: new Standing(),
      pressure: { disk: false, memory: false },
      zab,
      state,
      submissions: new Submissions(),
      proposals,
      duties,
      barriers: new Barriers(barrierSource(zab)),
      touches: new Touches(),
      keepAlives: new KeepAlives(),
      changes,
      divergence,
      clients: new Clients(memberId, options.firstUnaryNumber, () => this.tree.state.sessions),
    };
  }

  /** The header of a batch that is closed now. */
  private stamp(now: number): ReturnType<ConstructorParameters<typeof Proposals>[2]> {
    const { duties, state } = this.core;
    const { zxid: digestZxid, lane0: digest0, lane1: digest1 } = state.digests;
    return { time: duties.stamp(now), featureLevel: this.tree.state.featureLevel, digestZxid, digest0, digest1 };
  }

  get pressure(): Pressure {
    return this.core.pressure;
  }

  get tree(): Tree {
    return this.core.state.tree;
  }

  get digests(): DigestRing {
    return this.core.state.digests;
  }

  get hub(): WatchHub {
    return this.core.state.hub;
  }

  get role(): MemberRoleName {
    return this.core.standing.role;
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

  get proposalSizes(): SizeStatistics {
    return this.core.proposals.sizes;
  }

  get connectionCount(): number {
    return this.core.clients.size;
  }

  get outstandingBytes(): number {
    return this.core.submissions.outstandingBytes;
  }

  /** Commands of this member's clients, taken and not yet applied. */
  get outstandingCommands(): number {
    return this.core.submissions.outstandingCommands;
  }

  /** Its tree differs from somebody's, and nobody has found it right. */
  get isInDoubt(): boolean {
    return this.core.standing.isInDoubt;
  }

  /** There is a leader that takes commands: this member or the one it follows. */
  get isLed(): boolean {
    return this.core.standing.isLed;
  }

  get isServing(): boolean {
    return this.core.standing.isServing;
  }

  // ---- Events: start, journal, peers, time ------------------------------------------------------------------------

  /** Everything recovered has been applied: look for a leader. */
  start(): void {
    assert(this.core.standing.role === "starting", "a member starts once");
    this.roles.become("looking", "");
    this.zab.start();
  }

  linkUp(peer: PeerIdentity): void {
    this.zab.linkUp(peer);
  }

  linkDown(peer: number): void {
    this.zab.linkDown(peer);
    this.core.proposals.forget(peer);
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
      // It has lost this leader and comes back: with everything that it has not seen applied.
      if (type === peerMessage.CEPOCH) this.core.proposals.forget(peer);
    } else {
      this.zab.heard(peer);
      try {
        this.peerDesk.receive(peer, frame);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        this.effects.disconnect(peer, `message of type ${type}: ${error.message}`);
      }
    }
    // Whatever it made known - a barrier, a commit - lets clients go on.
    this.core.clients.wakeWaiters();
    this.core.clients.tellTouched();
  }

  /** Every record up to `sequence` is fsynced. */
  durable(sequence: number): void {
    this.zab.durable(sequence);
    if (!this.core.proposals.isSettled) this.effects.requestTurnEnd();
  }

  /** An fsync of the journal has ended, after `ms`. */
  fsynced(ms: number): void {
    this.disk.fsynced(ms);
  }

  /** The journal has room again. */
  roomMade(): void {
    this.zab.roomMade();
    this.endTurn();
  }

  /** The turn of the loop ends: what it brought becomes one proposal, or goes to the leader. */
  endTurn(): void {
    if (this.core.standing.isLeader) this.leaderTurn();
    else if (this.core.standing.isLed) this.leaderLink.endTurn();
    this.core.clients.tellTouched();
  }

  private leaderTurn(): void {
    const { submissions, proposals, barriers, clients } = this.core;
    for (let chunk = submissions.take(); chunk !== undefined; chunk = submissions.take()) proposals.add(chunk);
    proposals.proposeAll();
    // Before this leader's epoch has its quorum, its commit point may lie below what is committed.
    if (this.zab.isEstablished) barriers.beginRound();
    clients.wakeWaiters();
  }

  /** Regular, a few times per second: the ensemble, sessions, reaping, barriers that waited too long. */
  tick(): void {
    const now = this.effects.now();
    this.core.divergence.tick();
    this.zab.tick();
    this.disk.tick(now);
    this.core.clients.expireBarriers(now);
    this.core.changes.tick(now);
    this.leaderLink.tellTouches();
    if (this.core.standing.isAbandoned(now)) this.abandon();
    if (this.core.standing.isLeader) this.core.keepAlives.beginRound(() => this.zab.beginRound());
    if (this.core.standing.isLeader && this.zab.isEstablished) this.core.duties.tick(now);
    this.endTurn();
  }

  /** No leader comes: nobody shall wait for one. */
  private abandon(): void {
    const { submissions, clients } = this.core;
    if (submissions.outstandingCommands === 0) return;
    const submitted = [...submissions.unapplied()];
    submissions.clear();
    clients.abandon(submitted, this.tree.zxid);
  }

  /** Ends a session as if it had gone unheard for its whole time-out; only a leader can, and where there is one. */
  expireSession(id: number): void {
    this.core.duties.expire(id);
    this.effects.requestTurnEnd();
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
    assert(!this.applying.isRunning, "a snapshot is installed between other events");
    this.core.clients.endAll("NOT_READY", this.tree.zxid);
    // Nobody can tell which of them the snapshot holds, and nobody waits for them any more.
    this.core.submissions.clear();
    this.core.state = state;
    this.core.standing.stuckAt = 0;
    this.core.standing.probationSince = 0;
    this.core.divergence.repaired();
    this.zab.snapshotInstalled(zxid, configuration, configurationZxid);
  }

  /** No more requests; what is in flight is still answered. A leader hands over. */
  stop(): void {
    this.core.standing.isStopping = true;
    this.zab.refuseToLead();
    if (this.zab.isLeading && !this.zab.isAlone) this.zab.handOver(0);
  }

  /** True when nothing of this member's clients is in flight any more. */
  get isIdle(): boolean {
    return this.core.submissions.outstandingCommands === 0 && this.core.proposals.isSettled;
  }

  /**
   * A snapshot round may begin: no batch is half applied, the journal has all that is applied (core.md 23), and the
   * tree is not in doubt: a restart from its snapshot would forget that.
   */
  get isAtRest(): boolean {
    const { state, standing } = this.core;
    return state.isBetweenBatches && state.batchEndZxid <= this.zab.durableZxid && !standing.isInDoubt;
  }

  /** Somebody waits for a snapshot round: `applyMore` is asked for, after which one may begin. */
  roundWanted(): void {
    this.effects.requestApply();
  }

  snapshotMeta(historyBytesMax: number): SnapshotMeta {
    return this.core.state.snapshotMeta(historyBytesMax);
  }

  /** The member is gone for its clients. */
  shutDown(): void {
    this.core.clients.endAll("STOPPING", this.tree.zxid);
    this.roles.become("stopped", "");
  }

  /** Changes the ensemble's configuration, through whoever leads; `done` comes once that is committed, or refused. */
  reconfigure(change: ConfigurationChange, done: ChangeDone): void {
    this.core.changes.reconfigure(change, done);
  }

  /**
   * Hands leadership to a voter, 0 for whichever is best; `done` comes once that one leads, or with why it does not.
   */
  transferLeadership(to: number, done: ChangeDone): void {
    this.core.changes.transferLeadership(to, done);
  }

  // ---- Connections ------------------------------------------------------------------------------------------------

  connect(listener: ConnectionListener, identities: readonly Identity[]): ClientConnection {
    const connection = new ClientConnection(this.clientDesk, listener, identities);
    this.core.clients.add(connection);
    return connection;
  }

  // ---- Applying ---------------------------------------------------------------------------------------------------

  /** Applies committed commands, a slice at a time. */
  applyMore(): void {
    if (this.applying.isRunning) return;
    this.applying.run();
    this.roles.serveIfReady();
    this.core.clients.wakeWaiters();
    this.core.clients.tellTouched();
    if (this.applying.hasMore) this.effects.requestApply();
  }
}
