import { assert } from "../base/assert.ts";
import { counterOf, EPOCH_MAX, epochOf, makeZxid } from "../base/zxid.ts";
import { Cursors } from "./cursors.ts";
import { compareCredentials } from "./election.ts";
import { Learner } from "./learner.ts";
import {
  type AckEpoch,
  type CurrentEpoch,
  type EpochZxid,
  encodeHandover,
  encodeNewEpoch,
  type Pulse,
} from "./peer-message.ts";
import type { Reign } from "./reign.ts";
import type { RoleHost } from "./role-host.ts";
import { Rounds } from "./rounds.ts";
import type { HistoryBatch } from "./zab-contract.ts";

export type LeadingPhase = "discovery" | "synchronization" | "broadcast";

/** A quorum that is not heard within the time-out has so much more of it, for those who are between two leaders. */
const GRACE_OF_TIMEOUT = 0.4;

/**
 * A leader, from its election on (DSN'11, figures 3 to 5, left column). Discovery: a quorum tells what it has promised,
 * and promises an epoch above all of that. Synchronization: the leader's history becomes that of a quorum. Broadcast:
 * proposals are committed, in order, as a quorum has them on disk. Whoever comes later passes through the same steps
 * alone. A new epoch under the same leader begins with discovery again.
 */
export class Leading implements Reign {
  phase: LeadingPhase = "discovery";
  /** Being established, or established; 0 until it is chosen. */
  epoch = 0;
  /** Who should lead next; proposals are held. */
  handingTo = 0;
  readonly host: RoleHost;
  readonly learners = new Map<number, Learner>();
  private readonly cursors: Cursors;
  private readonly rounds: Rounds;
  /** The own promise of the epoch is on disk. */
  private hasPromised = false;
  /** The own epoch record is on disk. */
  private hasEntered = false;
  /** The initial history of the epoch ends here. */
  private historyEnd = 0;
  private phaseSince: number;
  private quorumLostAt: number | undefined;
  /** Voters whose links broke, and when. */
  private readonly departed = new Map<number, number>();
  private handingSince = 0;

  constructor(host: RoleHost) {
    this.host = host;
    this.phaseSince = host.effects.now();
    this.cursors = new Cursors(this);
    this.rounds = new Rounds(this);
  }

  get isEstablished(): boolean {
    return this.phase === "broadcast";
  }

  /** A barrier or a serving leader has applied at least this. */
  get initialHistoryEnd(): number {
    return this.historyEnd;
  }

  begin(): void {
    this.chooseEpoch();
  }

  /** A new epoch under this leader: its counter is used up, or somebody has promised a later one. */
  beginEpoch(): void {
    this.phase = "discovery";
    this.phaseSince = this.host.effects.now();
    this.epoch = 0;
    this.hasPromised = false;
    this.hasEntered = false;
    for (const learner of this.learners.values()) {
      learner.stage = "joining";
      this.host.effects.stopSending(learner.id);
    }
    this.chooseEpoch();
  }

  // ---- Discovery ----

  onCurrentEpoch(peer: number, message: CurrentEpoch): void {
    const { host } = this;
    const learner = this.learners.get(peer) ?? new Learner(peer, host.windowBytes);
    this.learners.set(peer, learner);
    this.departed.delete(peer);
    host.effects.stopSending(peer);
    learner.stage = "joining";
    learner.wasSynced = false;
    Object.assign(learner, message);
    if (this.epoch === 0) {
      this.chooseEpoch();
      return;
    }
    const isBound = message.acceptedEpoch === this.epoch && message.promisedTo !== host.id;
    // One that may have forgotten a promise must not join an epoch below it: a new one is above all that a quorum,
    // without it, has promised.
    const mayBeBound = message.isDamaged && this.phase !== "discovery";
    if (message.acceptedEpoch > this.epoch || isBound || mayBeBound) this.beginEpoch();
    else if (this.hasPromised) this.sendEpoch(learner);
  }

  /** Once a quorum has told what it promised. */
  private chooseEpoch(): void {
    const { replica, effects, id } = this.host;
    if (!replica.quorum.has(this.supporters(() => true))) return;
    let highest = replica.acceptedEpoch;
    for (const { acceptedEpoch } of this.learners.values()) highest = Math.max(highest, acceptedEpoch);
    assert(highest < EPOCH_MAX, "out of epochs");
    const epoch = highest + 1;
    this.epoch = epoch;
    this.phaseSince = effects.now();
    replica.promise(epoch, id, () => {
      // A slow disk may tell of it when a later epoch has been begun: that one is not promised yet.
      if (this.epoch !== epoch) return;
      this.hasPromised = true;
      for (const learner of this.learners.values()) this.sendEpoch(learner);
      this.endDiscovery();
    });
  }

  private sendEpoch(learner: Learner): void {
    learner.attempt++;
    this.host.effects.send(learner.id, encodeNewEpoch({ epoch: this.epoch, attempt: learner.attempt }));
  }

  onAckEpoch(peer: number, message: AckEpoch): void {
    const learner = this.learners.get(peer);
    if (learner === undefined) return;
    if (message.attempt !== learner.attempt || message.epoch !== this.epoch || learner.stage !== "joining") return;
    Object.assign(learner, message);
    learner.acceptedEpoch = message.epoch;
    learner.stage = "promised";
    if (this.phase === "discovery") this.endDiscovery();
    else this.cursors.synchronize(learner);
  }

  private endDiscovery(): void {
    const { replica } = this.host;
    if (this.phase !== "discovery" || !this.hasPromised) return;
    if (!replica.quorum.has(this.supporters(({ stage }) => stage === "promised"))) return;
    this.phase = "synchronization";
    this.phaseSince = this.host.effects.now();
    this.historyEnd = replica.lastZxid;
    for (const learner of this.learners.values()) if (learner.stage === "promised") this.cursors.synchronize(learner);
    const { epoch } = this;
    replica.enterEpoch(epoch, () => {
      if (this.epoch !== epoch) return;
      this.hasEntered = true;
      this.endSynchronization();
    });
  }

  /** This member and the learners whose word counts here, whose history it can lead from, and of whom `isSo`. */
  private supporters(isSo: (learner: Learner) => boolean): Set<number> {
    const { host } = this;
    const own = host.replica;
    const set = new Set([host.id]);
    for (const learner of this.learners.values()) {
      const counts = host.isCounted(learner.id) && !learner.isDamaged;
      if (counts && compareCredentials(learner, own) <= 0 && isSo(learner)) set.add(learner.id);
    }
    return set;
  }

  // ---- Synchronization ----

  onInstalled(peer: number, { epoch, zxid }: EpochZxid): void {
    const learner = this.learners.get(peer);
    if (learner !== undefined && epoch === this.epoch) this.cursors.onInstalled(learner, zxid);
  }

  onHistoryRead(peer: number, batches: readonly HistoryBatch[]): void {
    const learner = this.learners.get(peer);
    if (learner !== undefined) this.cursors.onHistoryRead(learner, batches);
  }

  onHistoryGone(peer: number): void {
    const learner = this.learners.get(peer);
    if (learner !== undefined) this.cursors.onHistoryGone(learner);
  }

  onAckLeader(peer: number, epoch: number): void {
    const learner = this.learners.get(peer);
    if (learner === undefined || epoch !== this.epoch || learner.stage !== "complete") return;
    learner.stage = "synced";
    learner.wasSynced = true;
    learner.isDamaged = false;
    // The epoch record stands behind the history, so that is on its disk too.
    learner.acked(learner.completeAt);
    if (this.phase === "synchronization") this.endSynchronization();
    else if (this.isEstablished) this.advanceCommit();
    this.cursors.tellCommit(learner);
  }

  private endSynchronization(): void {
    const { replica, effects } = this.host;
    if (this.phase !== "synchronization" || !this.hasEntered) return;
    if (!replica.quorum.has(this.counted(({ stage }) => stage === "synced"))) return;
    this.phase = "broadcast";
    this.quorumLostAt = undefined;
    replica.commit(Math.max(replica.commitZxid, this.historyEnd));
    effects.established(this.epoch);
    effects.committed();
    this.advanceCommit();
    for (const learner of this.learners.values()) this.cursors.tellCommit(learner);
  }

  private counted(isSo: (learner: Learner) => boolean): Set<number> {
    const set = new Set([this.host.id]);
    for (const learner of this.learners.values()) {
      if (this.host.isCounted(learner.id) && isSo(learner)) set.add(learner.id);
    }
    return set;
  }

  // ---- Broadcast ----

  /** The zxid of the next `count` commands' first; 0 while there is none, for want of counters. */
  nextZxid(count: number, counterMax: number): number {
    const { lastZxid } = this.host.replica;
    const last = epochOf(lastZxid) === this.epoch ? counterOf(lastZxid) : 0;
    if (last + count <= counterMax) return makeZxid(this.epoch, last + 1);
    // The counter is used up: a new epoch under the same leader, without an election (core.md 22).
    this.beginEpoch();
    return 0;
  }

  /** A batch was appended to the log: on to whoever has all before it. */
  proposed(): void {
    for (const learner of this.learners.values()) if (learner.source === "log") this.cursors.pump(learner);
  }

  onAck(peer: number, { epoch, zxid }: EpochZxid): void {
    const learner = this.learners.get(peer);
    if (learner === undefined || epoch !== this.epoch) return;
    if (learner.stage !== "syncing" && learner.stage !== "complete" && learner.stage !== "synced") return;
    learner.acked(zxid);
    if (this.isEstablished && learner.stage === "synced") this.advanceCommit();
    this.cursors.pump(learner);
  }

  /** The own journal has got further. */
  durable(): void {
    if (this.isEstablished) this.advanceCommit();
  }

  private advanceCommit(): void {
    const { replica, effects, id } = this.host;
    const reached = new Map([[id, replica.durableZxid]]);
    for (const learner of this.learners.values()) {
      if (learner.stage === "synced" && this.host.isCounted(learner.id)) reached.set(learner.id, learner.ackedZxid);
    }
    const zxid = replica.quorum.highestReached(reached);
    if (zxid <= replica.commitZxid) {
      this.handOverIfReady();
      return;
    }
    const wasChanging = replica.isChanging;
    replica.commit(zxid);
    for (const learner of this.learners.values()) this.cursors.tellCommit(learner);
    effects.committed();
    if (wasChanging && !replica.isChanging) this.enterConfiguration();
    else this.handOverIfReady();
  }

  /** A change of the configuration is committed. */
  private enterConfiguration(): void {
    const { host } = this;
    // By the new configuration alone, more may be committed.
    this.advanceCommit();
    if (host.isCounted(host.id) || this.handOver(0)) return;
    host.look("not a voter any more");
  }

  // ---- Rounds ----

  /** Begins a round: see {@link Rounds}. */
  beginRound(): number {
    return this.rounds.begin();
  }

  onPong(peer: number, pulse: Pulse): void {
    const learner = this.learners.get(peer);
    if (learner !== undefined && pulse.epoch === this.epoch) this.rounds.onPong(learner, pulse);
  }

  // ---- Time, links, hand-over ----

  tick(now: number): void {
    const { host } = this;
    if (this.phase === "discovery" && now - this.phaseSince > host.timeoutMs) {
      host.look("no quorum joined in time");
      return;
    }
    for (const { id } of [...this.learners.values()]) {
      if (!host.peers.isHeard(id, now)) host.effects.disconnect(id, "silent for the time-out");
    }
    if (this.handingTo !== 0 && now - this.handingSince > host.timeoutMs) this.handingTo = 0;
    if (this.phase !== "discovery" && this.hasLostQuorum(now)) {
      host.look("a quorum has not been heard for the time-out");
      return;
    }
    this.beginRound();
  }

  private hasLostQuorum(now: number): boolean {
    const { host } = this;
    // Heard is not enough: where only one way is open, those who have given this leader up can still be heard.
    const mutual = new Set(host.peers.mutual(now));
    const follows = ({ id }: Learner): boolean => mutual.has(id) && host.peers.wordsOf(id)?.leaderId === host.id;
    const present = this.counted(follows);
    // A link that broke may be back in a moment: its end counts as the last word.
    for (const [id, wentAt] of this.departed) if (now - wentAt < host.timeoutMs) present.add(id);
    if (host.replica.quorum.has(present)) {
      this.quorumLostAt = undefined;
      return false;
    }
    const linked = this.counted(({ id }) => mutual.has(id));
    if (!host.replica.quorum.has(new Set([...present, ...linked]))) return true;
    // Those who look for a leader for a moment may find this one again.
    this.quorumLostAt ??= now;
    return now - this.quorumLostAt >= host.timeoutMs * GRACE_OF_TIMEOUT;
  }

  linkDown(peer: number): void {
    if (!this.learners.delete(peer)) return;
    this.host.effects.stopSending(peer);
    if (this.host.replica.quorum.counts(peer)) this.departed.set(peer, this.host.effects.now());
  }

  /** Lets go of every learner's transfers: this member does not lead any more. */
  end(): void {
    for (const { id } of this.learners.values()) this.host.effects.stopSending(id);
  }

  /**
   * Makes `target`, or for 0 the voter that has most, the next leader: proposals are held until it has everything, then
   * all look for a leader and prefer it. Given up after the time-out.
   *
   * @returns false when there is nobody to hand over to
   */
  handOver(target: number): boolean {
    // One that does not stand for election would not be elected.
    const isCandidate = (id: number): boolean => this.host.peers.wordsOf(id)?.isElectable === true;
    const ready = [...this.learners.values()].filter(
      ({ id, stage }) => stage === "synced" && this.host.isCounted(id) && (target === id || isCandidate(id)),
    );
    ready.sort((one, other) => other.ackedZxid - one.ackedZxid || other.id - one.id);
    const chosen = target === 0 ? ready[0] : ready.find(({ id }) => id === target);
    if (!this.isEstablished || chosen === undefined) return false;
    this.handingTo = chosen.id;
    this.handingSince = this.host.effects.now();
    this.handOverIfReady();
    return true;
  }

  private handOverIfReady(): void {
    if (this.handingTo === 0) return;
    const { replica, effects } = this.host;
    const chosen = this.learners.get(this.handingTo);
    if (chosen === undefined || chosen.stage !== "synced") return;
    if (chosen.ackedZxid < replica.lastZxid || replica.commitZxid < replica.lastZxid) return;
    for (const { id } of this.learners.values()) effects.send(id, encodeHandover(chosen.id));
    this.host.look("handed over", chosen.id);
  }

  isSynced(id: number): boolean {
    return this.learners.get(id)?.wasSynced === true;
  }
}
