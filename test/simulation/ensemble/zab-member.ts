import type { Prng } from "../../../src/core/base/prng.ts";
import { formatZxid } from "../../../src/core/base/zxid.ts";
import { encodeConfiguration } from "../../../src/core/zab/ensemble-configuration.ts";
import type { JournalRecord } from "../../../src/core/zab/journal-record.ts";
import { Zab } from "../../../src/core/zab/zab.ts";
import type { HistoryBatch, ZabEffects, ZabOptions } from "../../../src/core/zab/zab-contract.ts";
import type { Timeline } from "../timeline.ts";
import { demand } from "../violation.ts";
import type { PeerInfo, PeerNetwork, PeerProcess } from "./peer-network.ts";
import { decodeZabBatch, encodeZabBatch, zabBatchFormat } from "./zab-batch.ts";
import type { ZabChecker } from "./zab-checker.ts";
import type { ZabMachine } from "./zab-machine.ts";

export type Trace = (text: () => string) => void;

/** The power goes at this call. */
export class ProcessCrash extends Error {
  override readonly name = "ProcessCrash";
  readonly member: number;

  constructor(member: number) {
    super(`member ${member} crashes`);
    this.member = member;
  }
}

export interface ZabMemberParts {
  readonly timeline: Timeline;
  readonly network: PeerNetwork;
  readonly random: Prng;
  readonly checker: ZabChecker;
  readonly machine: ZabMachine;
  readonly options: Omit<ZabOptions, "memberId" | "incarnation">;
  /** The process of another member, if it runs. */
  readonly other: (id: number) => ZabMember | undefined;
  /** For the next batch. */
  readonly nextId: () => number;
  readonly trace: Trace | undefined;
}

/** Batches one reading of the history gives at most. */
const HISTORY_BATCHES = 5;
/** Batches proposed and not committed at most. */
const OUTSTANDING_MAX = 50;
const TICK_MS = 100;

interface Round {
  /** A read that waits for the round is answered when this is applied, */
  readonly index: number;
  /** and this was committed, somewhere, when it began. */
  readonly committed: number;
}

/** One run of a process that is nothing but zab: its state is a digest of the batches it has applied. */
export class ZabMember implements ZabEffects, PeerProcess {
  readonly zab: Zab;
  readonly id: number;
  isDead = false;
  isPaused = false;
  /** Follows or leads, and has what is needed to serve. */
  isServing = false;
  appliedZxid: number;
  stateDigest: number;
  private readonly parts: ZabMemberParts;
  private readonly clockOffset: number;
  /** Came while it stood still. */
  private heldBack: (() => void)[] = [];
  /** What is on its way to learners; who is not in it any more gets nothing. */
  private readonly sending = new Map<number, object>();
  private rounds = new Map<number, Round>();
  private confirmedRound = 0;
  private isApplying = false;

  constructor(parts: ZabMemberParts) {
    const { machine, random, options, checker } = parts;
    this.parts = parts;
    this.id = machine.id;
    this.clockOffset = random.below(1_000_000);
    const recovered = machine.recover();
    const { zxid, digest } = machine.state;
    this.appliedZxid = zxid;
    this.stateDigest = digest;
    for (const batch of machine.batchesAfter(zxid)) if (batch.lastZxid <= recovered.committedZxid) this.apply(batch);
    machine.journal.open({ durable: (sequence) => this.run(() => this.durable(sequence)) });
    checker.committed(this.id, recovered.committedZxid);
    parts.trace?.(() => {
      const { acceptedEpoch, promisedTo, currentEpoch, lastZxid, committedZxid } = recovered;
      const epochs = `promised ${acceptedEpoch} to ${promisedTo}, in ${currentEpoch}`;
      return `starts: ${epochs}, log to ${formatZxid(lastZxid)}, committed ${formatZxid(committedZxid)}`;
    });
    this.zab = new Zab(
      { ...options, memberId: machine.id, incarnation: machine.incarnation },
      recovered,
      zabBatchFormat,
      this,
    );
  }

  start(): void {
    this.zab.start();
    this.parts.network.attach(this);
    this.after(this.parts.random.below(TICK_MS), () => this.tick());
  }

  // ---- Life ----

  /** Runs this later, when it does not stand still, unless it is dead by then. */
  after(delayMs: number, work: () => void): void {
    this.parts.timeline.after(delayMs, () => this.run(work));
  }

  run(work: () => void): void {
    if (this.isDead) return;
    if (this.isPaused) this.heldBack.push(work);
    else work();
  }

  resume(): void {
    this.isPaused = false;
    for (const work of this.heldBack.splice(0)) this.run(work);
  }

  private tick(): void {
    const { random } = this.parts;
    this.after(random.chance(0.01) ? random.below(900) : TICK_MS, () => this.tick());
    this.zab.tick();
  }

  // ---- Work ----

  /** Proposes a batch, if it leads. */
  propose(count: number, padding: number): boolean {
    const { zab, parts } = this;
    const { log } = zab.replica;
    if (log.end - (log.positionAfter(zab.commitZxid) ?? log.end) > OUTSTANDING_MAX) return false;
    const firstZxid = zab.nextZxid(count);
    if (firstZxid === 0) return false;
    const lastZxid = firstZxid + count - 1;
    const id = parts.nextId();
    const body = encodeZabBatch({ firstZxid, lastZxid, committedZxid: this.appliedZxid, id }, padding);
    parts.trace?.(() => `proposes ${formatZxid(firstZxid)} to ${formatZxid(lastZxid)}`);
    parts.checker.proposed(this.id, { firstZxid, lastZxid, body }, zab.lastZxid);
    zab.propose(body);
    return true;
  }

  /** Begins a read that must see everything committed before. */
  barrier(): void {
    const { zab, parts } = this;
    if (!zab.isEstablished) return;
    const index = Math.max(zab.commitZxid, zab.initialHistoryEnd);
    const committed = parts.checker.committedZxid;
    this.rounds.set(zab.beginRound(), { index, committed });
    // Where one member is a quorum, it has been.
    this.answerRounds();
  }

  /** Its own snapshot round, at what it has applied; the journal before that may go. */
  snapshot(prunes: boolean): void {
    const { machine, random } = this.parts;
    if (this.appliedZxid > this.zab.durableZxid || this.zab.awaitsSnapshot) return;
    machine.keep(this.appliedZxid, this.stateDigest);
    if (!prunes) return;
    const held = machine.batchesAfter(machine.baseZxid).filter(({ lastZxid }) => lastZxid <= this.appliedZxid);
    if (held.length > 0) machine.prunedZxid = random.pick(held).lastZxid;
  }

  private durable(sequence: number): void {
    this.parts.checker.durable(this.id, sequence);
    this.zab.durable(sequence);
    this.report();
  }

  private report(): void {
    this.parts.checker.committed(this.id, this.zab.commitZxid);
  }

  private applyLater(): void {
    if (this.isApplying) return;
    this.isApplying = true;
    const { random } = this.parts;
    this.after(random.chance(0.1) ? random.below(50) : 0, () => {
      this.isApplying = false;
      for (let entry = this.zab.nextCommitted(); entry !== undefined; entry = this.zab.nextCommitted()) {
        this.apply(entry);
        this.zab.applied();
      }
    });
  }

  private apply({ lastZxid, body }: HistoryBatch): void {
    this.appliedZxid = lastZxid;
    this.stateDigest = (Math.imul(this.stateDigest, 31) + decodeZabBatch(body).id) >>> 0;
    this.parts.checker.digest(this.id, lastZxid, String(this.stateDigest));
  }

  // ---- PeerProcess ----

  info(): PeerInfo {
    const { incarnation } = this.parts.machine;
    return { id: this.id, incarnation, address: `127.0.0.1:${this.id}` };
  }

  up(peer: PeerInfo): void {
    this.zab.linkUp(peer);
  }

  down(peerId: number): void {
    this.zab.linkDown(peerId);
  }

  frame(peerId: number, bytes: Uint8Array): void {
    this.zab.receive(peerId, bytes);
    // The frame is the network's again.
    bytes.fill(0xee);
  }

  heard(peerId: number): void {
    this.zab.heard(peerId);
  }

  // ---- ZabEffects ----

  append(record: JournalRecord): number {
    const { machine, trace, random } = this.parts;
    if (machine.appendsLeft-- === 0) {
      if (random.chance(0.5)) this.write(record);
      throw new ProcessCrash(this.id);
    }
    const sequence = this.write(record);
    trace?.(() => `writes record ${record.type}, ${formatZxid(record.firstZxid)} to ${formatZxid(record.lastZxid)}`);
    return sequence;
  }

  private write(record: JournalRecord): number {
    const { machine, checker } = this.parts;
    const sequence = machine.journal.append(record);
    checker.appended(this.id, record, sequence);
    return sequence;
  }

  hasRoom(): boolean {
    return this.parts.machine.journal.hasRoom;
  }

  send(peer: number, frame: Uint8Array): void {
    this.parts.network.send(this.id, peer, frame);
  }

  disconnect(peer: number, why: string): void {
    this.parts.network.disconnect(this.id, peer, why);
  }

  readHistory(peer: number, afterZxid: number): void {
    const { machine, random, checker } = this.parts;
    const token = this.begin(peer);
    this.after(1 + random.below(20), () => {
      if (this.sending.get(peer) !== token) return;
      checker.count("history read from disk");
      if (afterZxid < machine.baseZxid) {
        this.zab.historyGone(peer);
        return;
      }
      const durable = machine.batchesAfter(afterZxid).filter(({ lastZxid }) => lastZxid <= this.zab.durableZxid);
      this.zab.historyRead(peer, durable.slice(0, 1 + random.below(HISTORY_BATCHES)));
    });
  }

  sendSnapshot(peer: number, atLeastZxid: number): void {
    this.sendSnapshotSoon(peer, atLeastZxid, this.begin(peer));
  }

  private sendSnapshotSoon(peer: number, atLeastZxid: number, token: object): void {
    const { random, network, other } = this.parts;
    this.after(5 + random.below(50), () => {
      if (this.sending.get(peer) !== token || !network.isConnected(this.id, peer)) return;
      const learner = other(peer);
      const { durableZxid } = this.zab;
      const isFit = this.appliedZxid >= atLeastZxid && this.appliedZxid <= durableZxid;
      if (!isFit || learner === undefined || !learner.isReadyFor(this.id)) {
        this.sendSnapshotSoon(peer, atLeastZxid, token);
        return;
      }
      const { appliedZxid: zxid, stateDigest } = this;
      learner.after(random.below(random.pick([20, 300])), () => {
        if (this.isDead || this.sending.get(peer) !== token || !learner.isReadyFor(this.id)) return;
        learner.install(zxid, stateDigest, encodeConfiguration(this.zab.configuration));
      });
    });
  }

  private isReadyFor(leader: number): boolean {
    return !this.isDead && this.zab.awaitsSnapshot && this.zab.leaderId === leader;
  }

  private install(zxid: number, digest: number, configuration: Uint8Array): void {
    this.parts.trace?.(() => `installs a snapshot at ${formatZxid(zxid)}`);
    this.parts.machine.keepInstalled(zxid, digest);
    this.appliedZxid = zxid;
    this.stateDigest = digest;
    this.zab.snapshotInstalled(zxid, configuration, 0);
    this.report();
  }

  stopSending(peer: number): void {
    this.sending.delete(peer);
  }

  private begin(peer: number): object {
    const token = {};
    this.sending.set(peer, token);
    return token;
  }

  established(epoch: number): void {
    this.parts.trace?.(() => `leads epoch ${epoch}`);
    this.parts.checker.established(this.id, epoch);
    this.isServing = true;
    this.report();
  }

  following(leaderId: number, epoch: number): void {
    this.parts.trace?.(() => `follows ${leaderId} in epoch ${epoch}`);
    this.isServing = true;
  }

  looking(why: string): void {
    this.parts.trace?.(() => `looks for a leader: ${why}`);
    this.parts.checker.deposed(this.id);
    this.isServing = false;
    this.rounds = new Map();
    this.confirmedRound = 0;
  }

  joining(leaderId: number): void {
    this.parts.trace?.(() => (leaderId === this.id ? "is elected" : `joins ${leaderId}`));
  }

  committed(): void {
    this.report();
    this.applyLater();
  }

  roundConfirmed(round: number): void {
    this.confirmedRound = round;
    this.answerRounds();
  }

  private answerRounds(): void {
    const { checker } = this.parts;
    for (const [round, { index, committed }] of this.rounds) {
      if (round > this.confirmedRound) continue;
      this.rounds.delete(round);
      checker.count("barriers");
      demand(index >= committed, "core.md 16: a barrier sees all that was committed before it", () => {
        return `${this.id} answers at ${formatZxid(index)}, ${formatZxid(committed)} was committed`;
      });
    }
  }

  configurationChanged(): void {}

  mended(): void {}

  digestHeard(peer: number, zxid: number, digest0: number, digest1: number): void {
    if (zxid === 0) return;
    demand(digest1 === 0, "what is said arrives", () => `${digest1} from ${peer}`);
    this.parts.checker.digest(peer, zxid, String(digest0));
  }

  beforePong(): void {}

  digest(): { zxid: number; lane0: number; lane1: number } {
    return { zxid: this.appliedZxid, lane0: this.stateDigest, lane1: 0 };
  }

  now(): number {
    return this.clockOffset + this.parts.timeline.now;
  }
}
