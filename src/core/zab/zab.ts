import { assert } from "../base/assert.ts";
import { FormatError } from "../base/bytes.ts";
import { COUNTER_MAX, counterOf, epochOf, makeZxid } from "../base/zxid.ts";
import { compareCredentials, Election, type Elector } from "./election.ts";
import type { EnsembleConfiguration } from "./ensemble-configuration.ts";
import { Following } from "./following.ts";
import { Leading } from "./leading.ts";
import { LEARNER_WINDOW_BYTES } from "./learner.ts";
import {
  decodeAckEpoch,
  decodeCurrentEpoch,
  decodeEpochMessage,
  decodeEpochZxid,
  decodeNotify,
  decodePulse,
  decodeSync,
  encodeNotify,
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
import type { RoleHost } from "./role-host.ts";
import type { BatchFormat, HistoryBatch, PeerIdentity, RecoveredZab, ZabEffects, ZabOptions } from "./zab-contract.ts";

export type { BatchFormat, RecoveredZab, ZabEffects, ZabOptions } from "./zab-contract.ts";

export const PEER_TIMEOUT_MS = 1_000;
/** Words are repeated, and rounds begun, this many times per time-out. */
const HEARTBEATS_PER_TIMEOUT = 5;
const RECENT_BYTES = 16 * 1024 * 1024;

/**
 * Atomic broadcast among the members of the configuration: election, discovery, synchronization, broadcast (DSN'11),
 * with pre-vote and check-quorum. A synchronous machine: events are methods, effects return at once.
 *
 * Invariants: the promise is on disk before ACKEPOCH, the synchronised data before the epoch record, that before
 * ACKLEADER; a zxid is committed once a quorum has it on disk; a log has no gap; nothing committed is truncated.
 */
export class Zab implements RoleHost {
  readonly id: number;
  readonly replica: Replica;
  readonly peers: Peers;
  readonly effects: ZabEffects;
  readonly timeoutMs: number;
  readonly windowBytes: number;
  wantsSnapshot = false;
  private readonly options: ZabOptions;
  private readonly counterMax: number;
  private readonly recentBytes: number;
  private leading: Leading | undefined;
  private following: Following | undefined;
  private election: Election;
  private vote = 0;
  /** Whom the last leader named as the next one; 0 for nobody. */
  private preferred = 0;
  /** Until when that counts: not everybody has heard it, and votes have to agree in the end. */
  private preferredUntil = 0;
  private toldConfiguration: EnsembleConfiguration;
  private electable = true;
  private hasStarted = false;
  private lastTick: number | undefined;
  private nextHeartbeat = 0;
  private lastWords: Uint8Array = new Uint8Array(0);
  /** The position in the log of the next batch to apply. */
  private applyPosition: number;

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
    this.election = new Election(this.quorum, this.id);
    this.applyPosition = this.replica.log.start;
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

  /** Whose word counts: a voter, under the incarnation that the configuration has (core.md 26). */
  isCounted(id: number): boolean {
    if (!this.quorum.counts(id)) return false;
    const incarnation = id === this.id ? this.options.incarnation : this.peers.incarnationOf(id);
    return this.configuration.members.some((member) => member.id === id && member.incarnation === incarnation);
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
  joiners(): Map<number, { readonly incarnation: string; readonly peerAddress: string }> {
    const joiners = new Map<number, { readonly incarnation: string; readonly peerAddress: string }>();
    for (const id of this.peers.ids()) {
      const incarnation = this.peers.incarnationOf(id) as string;
      const isKnown = this.configuration.members.some(
        (member) => member.id === id && member.incarnation === incarnation,
      );
      if (!isKnown) joiners.set(id, { incarnation, peerAddress: this.peers.addressOf(id) ?? "" });
    }
    return joiners;
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
    const { leading } = this;
    if (leading === undefined || !this.isEstablished) return 0;
    const { lastZxid } = this.replica;
    const last = epochOf(lastZxid) === leading.epoch ? counterOf(lastZxid) : 0;
    if (last + count > this.counterMax) {
      // The counter is used up: a new epoch under the same leader, without an election (core.md 22).
      leading.beginEpoch();
      return 0;
    }
    return makeZxid(leading.epoch, last + 1);
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
    const { log, commitZxid } = this.replica;
    if (this.applyPosition >= log.end) return undefined;
    const entry = log.at(this.applyPosition);
    return entry.lastZxid <= commitZxid ? entry : undefined;
  }

  /** The batch `nextCommitted` gave has been applied. */
  applied(): void {
    this.applyPosition++;
    const isAlone = this.configuration.members.length === 1;
    this.replica.log.trim(this.applyPosition, isAlone ? 0 : this.recentBytes);
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
    this.lastTick = this.effects.now();
    this.replica.start();
    this.evaluate();
  }

  linkUp(peer: PeerIdentity): void {
    this.peers.up(peer, this.effects.now());
    this.effects.send(peer.id, this.words());
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
    this.excusePause(now);
    // Room in the journal may have come without anything becoming durable.
    this.replica.flush();
    this.leading?.tick(now);
    this.following?.tick(now);
    if (this.isEstablished || this.isFollowing) this.preferred = 0;
    if (now >= this.nextHeartbeat) {
      this.nextHeartbeat = now + this.timeoutMs / HEARTBEATS_PER_TIMEOUT;
      this.tell(true);
    }
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
    this.applyPosition = this.replica.log.end;
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
    this.electable = false;
    this.evaluate();
  }

  /** It may lead again. */
  allowToLead(): void {
    this.electable = true;
    this.evaluate();
  }

  // ---- Roles ----

  look(why: string, preferred = this.preferred): void {
    this.endRole();
    if (preferred !== this.preferred) this.preferredUntil = this.effects.now() + this.timeoutMs;
    this.preferred = preferred;
    this.effects.looking(why);
    this.election = new Election(this.quorum, this.id, preferred);
    this.evaluate();
  }

  private endRole(): void {
    this.replica.giveUpWaiting();
    this.leading?.end();
    this.leading = undefined;
    this.following = undefined;
    this.vote = 0;
  }

  /** While looking: whom to follow or to vote for, or to lead. Then says so, if it is news. */
  private evaluate(): void {
    if (!this.hasStarted) return;
    if (this.leading === undefined && this.following === undefined) this.seek();
    this.tell(false);
  }

  private seek(): void {
    const now = this.effects.now();
    const heard = this.peers.electors(now);
    const leader = this.findLeader(heard);
    if (leader !== 0) {
      this.follow(leader);
      return;
    }
    if (this.preferred !== 0 && now > this.preferredUntil) {
      this.preferred = 0;
      this.election = new Election(this.quorum, this.id);
    }
    if (this.replica.isDamaged) return;
    for (const elector of [...heard.values()]) {
      const isKnown = this.isCounted(elector.id) || compareCredentials(elector, this.replica) > 0;
      if (elector.isDamaged || !isKnown) heard.delete(elector.id);
    }
    heard.set(this.id, { id: this.id, ...this.ownWords(now) });
    this.vote = this.election.vote(heard);
    for (const id of [...heard.keys()]) if (!this.isCounted(id)) heard.delete(id);
    if (this.election.isWon(heard, this.vote, now)) this.lead();
  }

  /**
   * Whoever leads and hears this member; one that is not established yet only if it may count on this member. An
   * established one need not be known here: the change that made it a voter may have been missed.
   */
  private findLeader(heard: ReadonlyMap<number, Elector>): number {
    let found: Elector | undefined;
    for (const elector of heard.values()) {
      if (elector.state !== zabState.LEADING) continue;
      const isBehind = compareCredentials(elector, this.replica) < 0;
      if (elector.isEstablished ? !this.isCounted(elector.id) && isBehind : isBehind) continue;
      if (found === undefined || elector.currentEpoch > found.currentEpoch) found = elector;
    }
    return found?.id ?? 0;
  }

  private follow(leader: number): void {
    this.vote = leader;
    this.following = new Following(this, leader);
    this.effects.joining(leader);
    this.following.begin();
  }

  private lead(): void {
    this.leading = new Leading(this);
    this.effects.joining(this.id);
    this.tell(false);
    this.leading.begin();
  }

  // ---- Words ----

  private ownWords(now: number): Notify {
    const { leading, following, replica } = this;
    const state = leading ? zabState.LEADING : following ? zabState.FOLLOWING : zabState.LOOKING;
    return {
      state,
      leaderId: this.leaderId,
      isEstablished: leading?.isEstablished === true,
      currentEpoch: this.epoch,
      lastZxid: replica.lastZxid,
      appliedZxid: this.effects.digest().zxid,
      vote: this.vote,
      isElectable: this.electable && !this.wantsSnapshot && !replica.isDamaged && this.isCounted(this.id),
      isDamaged: replica.isDamaged,
      featureLevel: this.options.featureLevel ?? 0,
      hears: this.peers.hears(now),
      mutual: this.peers.mutual(now),
    };
  }

  private words(): Uint8Array {
    return encodeNotify(this.ownWords(this.effects.now()));
  }

  /** Tells every peer how this member stands, if anything but its zxids has changed, or `always`. */
  private tell(always: boolean): void {
    const own = this.ownWords(this.effects.now());
    const isLooking = own.state === zabState.LOOKING;
    const news = encodeNotify(isLooking ? { ...own, appliedZxid: 0 } : { ...own, lastZxid: 0, appliedZxid: 0 });
    if (!always && areEqual(news, this.lastWords)) return;
    this.lastWords = news;
    const frame = encodeNotify(own);
    for (const id of this.peers.ids()) this.effects.send(id, frame);
  }

  private onNotify(peer: number, notify: Notify): void {
    this.peers.said(peer, notify);
    const { leading, following } = this;
    if (following?.leaderId === peer && notify.state !== zabState.LEADING) {
      this.look("the leader leads no more");
    } else if (leading !== undefined && this.isDeposedBy(peer, notify)) {
      this.look("another leader has a later epoch");
    } else {
      this.evaluate();
    }
  }

  /** A later epoch is established, or this member has not got anywhere while another has. */
  private isDeposedBy(peer: number, notify: Notify): boolean {
    return notify.isEstablished && this.isCounted(peer) && notify.currentEpoch > this.epoch;
  }

  /** The loop stood still: nobody could be heard, and that is nobody's fault. */
  private excusePause(now: number): void {
    const since = now - (this.lastTick ?? now);
    this.lastTick = now;
    if (since > this.timeoutMs / 2) this.peers.excuse(since);
  }

  // ---- Messages ----

  private dispatch(peer: number, frame: Uint8Array): void {
    const type = frame[0];
    if (type === peerMessage.PROPOSE) {
      if (this.following?.leaderId !== peer) return;
      this.following.onPropose(frame);
      return;
    }
    const reader = readerOf(frame);
    switch (type) {
      case peerMessage.NOTIFY:
        this.onNotify(peer, decodeNotify(reader));
        return;
      case peerMessage.CEPOCH:
        this.leading?.onCurrentEpoch(peer, decodeCurrentEpoch(reader));
        return;
      case peerMessage.ACKEPOCH:
        this.leading?.onAckEpoch(peer, decodeAckEpoch(reader));
        return;
      case peerMessage.ACKLEADER:
        this.leading?.onAckLeader(peer, decodeEpochMessage(reader));
        return;
      case peerMessage.INSTALLED:
        this.leading?.onInstalled(peer, decodeEpochZxid(reader));
        return;
      case peerMessage.ACK:
        this.leading?.onAck(peer, decodeEpochZxid(reader));
        return;
      case peerMessage.PONG:
        this.leading?.onPong(peer, decodePulse(reader));
        return;
      default:
        if (this.following?.leaderId === peer) this.dispatchToFollower(this.following, type, reader);
    }
  }

  private dispatchToFollower(
    following: Following,
    type: number | undefined,
    reader: ReturnType<typeof readerOf>,
  ): void {
    switch (type) {
      case peerMessage.NEWEPOCH:
        following.onNewEpoch(decodeEpochMessage(reader));
        return;
      case peerMessage.SYNC:
        following.onSync(decodeSync(reader));
        return;
      case peerMessage.NEWLEADER:
        following.onNewLeader(decodeEpochZxid(reader));
        return;
      case peerMessage.COMMIT:
        following.onCommit(decodeEpochZxid(reader));
        return;
      case peerMessage.PING:
        following.onPing(decodePulse(reader));
        return;
      case peerMessage.HANDOVER: {
        const target = decodeEpochMessage(reader);
        // It says no more that it leads, though that has not arrived.
        this.peers.forgetWords(following.leaderId);
        this.look("the leader hands over", target);
        return;
      }
      default:
        throw new FormatError("not known to this program");
    }
  }

  /** The configuration in force may be another: by a batch just appended, a truncation or a snapshot. */
  private noticeConfiguration(): void {
    if (this.toldConfiguration === this.configuration) return;
    this.toldConfiguration = this.configuration;
    this.election = new Election(this.quorum, this.id, this.preferred);
    this.effects.configurationChanged(this.configuration);
  }
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
