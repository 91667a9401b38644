import { assert } from "../base/assert.ts";
import { FormatError } from "../base/bytes.ts";
import { COUNTER_MAX } from "../base/zxid.ts";
import type { Joiner } from "./configuration-change.ts";
import type { EnsembleConfiguration } from "./ensemble-configuration.ts";
import { Following } from "./following.ts";
import { Leading } from "./leading.ts";
import { LEARNER_WINDOW_BYTES } from "./learner.ts";
import {
  decodeEpochMessage,
  decodeNotify,
  encodePropose,
  type Notify,
  peerMessage,
  readerOf,
  zabState,
} from "./peer-message.ts";
import { Peers } from "./peers.ts";
import type { Quorum } from "./quorum.ts";
import type { LogEntry } from "./recent-log.ts";
import { Replica } from "./replica.ts";
import { isForLeader, tellFollower, tellLeader } from "./role-messages.ts";
import { Seeking } from "./seeking.ts";
import { type Speaker, Words } from "./words.ts";
import type { BatchFormat, HistoryBatch, PeerIdentity, RecoveredZab, ZabEffects, ZabOptions } from "./zab-contract.ts";

export type { BatchFormat, RecoveredZab, ZabEffects, ZabOptions } from "./zab-contract.ts";

export const PEER_TIMEOUT_MS = 1_000;
const RECENT_BYTES = 16 * 1024 * 1024;

/**
 * Atomic broadcast among the members of the configuration: election, discovery, synchronization, broadcast (DSN'11),
 * with pre-vote and check-quorum. A synchronous machine: events are methods, effects return at once.
 *
 * Invariants: the promise is on disk before ACKEPOCH, the synchronised data before the epoch record, that before
 * ACKLEADER; a zxid is committed once a quorum has it on disk; a log has no gap; nothing committed is truncated.
 */
export class Zab implements Speaker {
  readonly id: number;
  readonly replica: Replica;
  readonly peers: Peers;
  readonly effects: ZabEffects;
  readonly timeoutMs: number;
  readonly windowBytes: number;
  wantsSnapshot = false;
  private readonly words: Words;
  private readonly seeking: Seeking;
  private readonly options: ZabOptions;
  private readonly counterMax: number;
  private readonly recentBytes: number;
  private leading: Leading | undefined;
  private following: Following | undefined;
  private toldConfiguration: EnsembleConfiguration;
  private hasStarted = false;

  constructor(options: ZabOptions, recovered: RecoveredZab, batches: BatchFormat, effects: ZabEffects) {
    this.id = options.memberId;
    this.options = options;
    this.effects = effects;
    this.timeoutMs = options.peerTimeoutMs ?? PEER_TIMEOUT_MS;
    this.windowBytes = options.learnerWindowBytes ?? LEARNER_WINDOW_BYTES;
    this.counterMax = options.counterMax ?? COUNTER_MAX - 65_536;
    this.recentBytes = options.recentBytes ?? RECENT_BYTES;
    this.peers = new Peers(this.id, this.timeoutMs);
    this.replica = new Replica(recovered, options.bootstrap, batches, effects);
    this.toldConfiguration = this.replica.configuration;
    this.seeking = new Seeking(this);
    this.words = new Words(this, this.seeking, options.featureLevel ?? 0);
  }

  // ---- What it knows ----

  get configuration(): EnsembleConfiguration {
    return this.replica.configuration;
  }

  get configurationZxid(): number {
    return this.replica.configurationZxid;
  }

  get quorum(): Quorum {
    return this.replica.quorum;
  }

  /** The epoch this member is in, or was in last. */
  get epoch(): number {
    return this.leading?.isEstablished === true ? this.leading.epoch : this.replica.currentEpoch;
  }

  /** Of the leader it follows, or itself; 0 while it looks. */
  get leaderId(): number {
    return this.leading === undefined ? (this.following?.leaderId ?? 0) : this.id;
  }

  /** Leads, and takes proposals. */
  get isEstablished(): boolean {
    return this.leading?.isEstablished === true && this.leading.handingTo === 0;
  }

  /** Leads, and a quorum has the history of its epoch. */
  get isReigning(): boolean {
    return this.leading?.isEstablished === true;
  }

  get isLeading(): boolean {
    return this.leading !== undefined;
  }

  /** Follows, and has the leader's history. */
  get isFollowing(): boolean {
    return this.following?.isServing === true;
  }

  /** Everything up to here is on a quorum's disks and may be applied. */
  get commitZxid(): number {
    return this.replica.commitZxid;
  }

  get lastZxid(): number {
    return this.replica.lastZxid;
  }

  /** A snapshot must not be beyond it (core.md 23). */
  get durableZxid(): number {
    return this.replica.durableZxid;
  }

  /** Where the initial history of the present leader's epoch ends: it serves once that is applied. */
  get initialHistoryEnd(): number {
    return this.leading?.initialHistoryEnd ?? this.following?.initialHistoryEnd ?? 0;
  }

  /**
   * Whose word counts: a voter, under the incarnation that the configuration has (core.md 26). Until its removal is
   * committed that of one that is being removed does too: the old quorum may need it (core.md 25).
   */
  isCounted(id: number): boolean {
    if (!this.quorum.counts(id)) return false;
    const incarnation = id === this.id ? this.options.incarnation : this.peers.incarnationOf(id);
    return this.replica.configured(id)?.incarnation === incarnation;
  }

  /** As the leader: the learner has everything up to NEWLEADER, or had before the present epoch began. */
  isSynced(id: number): boolean {
    return this.leading?.isSynced(id) === true;
  }

  /** One member's own word is a quorum. */
  get isAlone(): boolean {
    return this.quorum.has([this.id]);
  }

  /** Linked members that are not of the configuration, or not under their incarnation: by id. */
  joiners(): Map<number, Joiner> {
    return this.peers.joiners(this.configuration);
  }

  /** A change of the configuration is journalled and not yet committed. */
  get isChanging(): boolean {
    return this.replica.isChanging;
  }

  /** To whom leadership is being handed; 0 for nobody. */
  get handingTo(): number {
    return this.leading?.handingTo ?? 0;
  }

  wordsOf(id: number): Notify | undefined {
    return this.peers.wordsOf(id);
  }

  // ---- Proposing and applying ----

  /** The zxid the next proposal's first command gets, or 0 while there can be none. */
  nextZxid(count: number): number {
    return this.isEstablished ? (this.leading?.nextZxid(count, this.counterMax) ?? 0) : 0;
  }

  /** Proposes a batch that begins at `nextZxid(count)`; the body is copied. */
  propose(body: Uint8Array): void {
    assert(this.leading !== undefined && this.isEstablished, "only an established leader proposes");
    this.replica.append(encodePropose(body), this.effects.now());
    this.leading.proposed();
    this.noticeConfiguration();
  }

  /** The next committed batch that has not been applied. */
  nextCommitted(): LogEntry | undefined {
    return this.replica.nextCommitted();
  }

  /** The batch `nextCommitted` gave has been applied. */
  applied(): void {
    const hasLearners = this.configuration.members.length > 1;
    this.replica.applied(hasLearners ? this.recentBytes : 0);
  }

  /** Begins a round of the leader; `roundConfirmed` follows, or `looking`. */
  beginRound(): number {
    assert(this.leading !== undefined, "only a leader begins rounds");
    return this.leading.beginRound();
  }

  // ---- Events ----

  /** Looks for a leader; the only voter finds itself. */
  start(): void {
    assert(!this.hasStarted, "zab starts once");
    this.hasStarted = true;
    this.peers.start(this.effects.now());
    this.replica.start();
    this.evaluate();
  }

  linkUp(peer: PeerIdentity): void {
    this.peers.up(peer, this.effects.now());
    this.words.tellTo(peer.id);
    this.evaluate();
  }

  linkDown(peer: number): void {
    this.peers.down(peer);
    this.leading?.linkDown(peer);
    if (this.following?.leaderId === peer) this.look("the link to the leader is down");
    else this.evaluate();
  }

  /** Bytes came from the peer, perhaps not a whole message. */
  heard(peer: number): void {
    this.peers.heard(peer, this.effects.now());
  }

  /** A message came; it is the caller's again when this returns. */
  receive(peer: number, frame: Uint8Array): void {
    this.peers.heard(peer, this.effects.now());
    try {
      this.dispatch(peer, frame);
      this.noticeConfiguration();
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.effects.disconnect(peer, `message of type ${frame[0]}: ${error.message}`);
    }
  }

  /** Every record up to `sequence` is fsynced. */
  durable(sequence: number): void {
    this.replica.durable(sequence);
    this.leading?.durable();
    this.following?.durable();
  }

  /** The journal has room again. */
  roomMade(): void {
    this.replica.flush();
  }

  /** Regular: several times per time-out. */
  tick(): void {
    const now = this.effects.now();
    this.peers.excusePause(now);
    // Room in the journal may have come without anything becoming durable.
    this.replica.flush();
    this.leading?.tick(now);
    this.following?.tick(now);
    if (this.isEstablished || this.isFollowing) this.seeking.forgetPreferred();
    this.words.tick(now);
    this.evaluate();
  }

  historyRead(peer: number, batches: readonly HistoryBatch[]): void {
    this.leading?.onHistoryRead(peer, batches);
  }

  historyGone(peer: number): void {
    this.leading?.onHistoryGone(peer);
  }

  /** The leader has announced a snapshot, and it has not been taken over yet. */
  get awaitsSnapshot(): boolean {
    return this.following?.awaitsSnapshot === true;
  }

  /** A snapshot has been installed: the log goes on behind it, and the tree has to be that of the snapshot. */
  snapshotInstalled(zxid: number, configuration: Uint8Array, configurationZxid: number): void {
    assert(this.following !== undefined, "a snapshot comes from a leader");
    this.wantsSnapshot = false;
    this.following.onSnapshotInstalled(zxid, configuration, configurationZxid);
    this.noticeConfiguration();
  }

  /** Hands leadership over: see {@link Leading.handOver}. */
  handOver(target: number): boolean {
    return this.leading?.handOver(target) === true;
  }

  /**
   * What this member has applied is not to be trusted: it does not stand for election, gives its role up, and asks the
   * next leader for a snapshot, after which it is as good as any. Its log is, meanwhile.
   */
  distrustTree(why: string): void {
    this.wantsSnapshot = true;
    if (this.hasStarted) this.look(why);
  }

  /** This member is about to stop, or must not lead: it does not stand for election. */
  refuseToLead(): void {
    this.seeking.isCandidate = false;
    this.evaluate();
  }

  /** It may lead again. */
  allowToLead(): void {
    this.seeking.isCandidate = true;
    this.evaluate();
  }

  // ---- Roles ----

  look(why: string, preferred?: number): void {
    this.endRole();
    this.seeking.begin(preferred);
    this.effects.looking(why);
    this.evaluate();
  }

  private endRole(): void {
    this.replica.giveUpWaiting();
    this.leading?.end();
    this.leading = undefined;
    this.following = undefined;
  }

  /** While looking: whom to follow or to vote for, or to lead. Then says so, if it is news. */
  private evaluate(): void {
    if (!this.hasStarted) return;
    if (this.leading === undefined && this.following === undefined) this.seek();
    this.words.tell(false);
  }

  private seek(): void {
    this.seeking.learn();
    const leader = this.seeking.findLeader();
    if (leader !== 0) this.follow(leader);
    else if (this.seeking.isElected(this.words.now())) this.lead();
  }

  private follow(leader: number): void {
    this.seeking.vote = leader;
    this.following = new Following(this, leader);
    this.effects.joining(leader);
    this.following.begin();
  }

  private lead(): void {
    this.leading = new Leading(this);
    this.effects.joining(this.id);
    this.words.tell(false);
    this.leading.begin();
  }

  // ---- Messages ----

  private onNotify(peer: number, notify: Notify): void {
    this.peers.said(peer, notify);
    const isDeposed = notify.isEstablished && this.isCounted(peer) && notify.currentEpoch > this.epoch;
    if (this.following?.leaderId === peer && notify.state !== zabState.LEADING) this.look("the leader leads no more");
    else if (this.isLeading && isDeposed) this.look("another leader has a later epoch");
    else this.evaluate();
  }

  private dispatch(peer: number, frame: Uint8Array): void {
    const type = frame[0];
    const following = this.following?.leaderId === peer ? this.following : undefined;
    if (type === peerMessage.PROPOSE) {
      following?.onPropose(frame);
      return;
    }
    const reader = readerOf(frame);
    if (type === peerMessage.NOTIFY) this.onNotify(peer, decodeNotify(reader));
    else if (isForLeader(type)) tellLeader(this.leading, peer, type, reader);
    else if (following === undefined) return;
    else if (type === peerMessage.HANDOVER) this.onHandover(peer, decodeEpochMessage(reader));
    else tellFollower(following, type, reader);
  }

  private onHandover(leader: number, target: number): void {
    // It says no more that it leads, though that has not arrived.
    this.peers.forgetWords(leader);
    this.look("the leader hands over", target);
  }

  /** The configuration in force may be another: by a batch just appended, a truncation or a snapshot. */
  private noticeConfiguration(): void {
    if (this.toldConfiguration === this.configuration) return;
    this.toldConfiguration = this.configuration;
    this.seeking.renew();
    this.effects.configurationChanged(this.configuration);
  }
}
