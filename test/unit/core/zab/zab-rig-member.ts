import { assert } from "../../../../src/core/base/assert.ts";
import { epochOf } from "../../../../src/core/base/zxid.ts";
import { BatchReader } from "../../../../src/core/tree/batch.ts";
import {
  decodeConfiguration,
  type EnsembleConfiguration,
  encodeConfiguration,
} from "../../../../src/core/zab/ensemble-configuration.ts";
import { decodeEpoch, decodePromise } from "../../../../src/core/zab/epoch-record.ts";
import { type JournalRecord, recordType } from "../../../../src/core/zab/journal-record.ts";
import { bodyOfPropose, encodePropose } from "../../../../src/core/zab/peer-message.ts";
import { Zab } from "../../../../src/core/zab/zab.ts";
import type { HistoryBatch, RecoveredZab, ZabEffects, ZabOptions } from "../../../../src/core/zab/zab-contract.ts";
import { batchFormat, batchOf, changeOf } from "./rig-batches.ts";
import type { ZabRig } from "./zab-rig.ts";

interface Directory {
  readonly id: number;
  readonly incarnation: string;
  readonly bootstrap: EnsembleConfiguration;
  readonly options: Partial<ZabOptions>;
}

/** State as of a zxid: of a member that is only zab, a checksum of what it has applied. */
interface State {
  readonly zxid: number;
  readonly checksum: number;
  readonly configuration: EnsembleConfiguration | undefined;
  readonly configurationZxid: number;
}

const EMPTY: State = { zxid: 0, checksum: 0, configuration: undefined, configurationZxid: 0 };

/** A member that is nothing but zab, a journal in memory and a checksum of what it has applied. */
export class RigMember implements ZabEffects {
  readonly id: number;
  readonly incarnation: string;
  zab!: Zab;
  isUp = false;
  /** Everything ever appended, in order. */
  records: JournalRecord[] = [];
  /** What it was told, in words. */
  readonly told: string[] = [];
  readonly configurations: EnsembleConfiguration[] = [];
  /** Last zxids of what it has applied in this process. */
  readonly applied: number[] = [];
  /** The latest round a quorum answered. */
  confirmedRound = 0;
  /** The disk syncs only by {@link sync}. */
  holdsDisk = false;
  /** The journal takes nothing. */
  isFull = false;
  /** History is read and snapshots are sent only by {@link serveHistory} and {@link serveSnapshot}. */
  holdsTransfers = false;
  /** Committed batches are not applied. */
  holdsApply = false;
  /** The journal has batches above this. */
  prunedZxid = 0;
  /** By peer: above which zxid it wants batches, */
  readonly histories = new Map<number, number>();
  /** and of which zxid at least a snapshot. */
  readonly snapshots = new Map<number, number>();
  /** What the journal is asked to read gives so many batches at a time. */
  batchesPerRead = 2;
  state: State = EMPTY;
  private saved: State = EMPTY;
  private synced = 0;
  private readonly rig: ZabRig;
  private readonly directory: Directory;

  constructor(rig: ZabRig, directory: Directory) {
    this.rig = rig;
    this.directory = directory;
    this.id = directory.id;
    this.incarnation = directory.incarnation;
  }

  // ---- Its life ----

  open(recovered: Partial<RecoveredZab>): void {
    const { lastZxid = 0, epochEnds = lastZxid === 0 ? [] : [lastZxid], tail = [] } = recovered;
    const nothing = { acceptedEpoch: 0, promisedTo: 0, currentEpoch: 0, baseZxid: 0, configurationZxid: 0 };
    const committedZxid = tail.length === 0 ? lastZxid : (recovered.committedZxid ?? 0);
    // The tail is in the journal; what is committed without it was pruned.
    for (const frame of tail) {
      const body = bodyOfPropose(frame);
      this.records.push({ type: recordType.BATCH, ...batchFormat.range(body), body });
    }
    this.synced = this.records.length;
    this.prunedZxid = committedZxid;
    this.begin({
      ...nothing,
      configuration: undefined,
      formerConfiguration: undefined,
      ...recovered,
      lastZxid,
      committedZxid,
      epochEnds,
      tail,
    });
  }

  /** Comes back on its records, as `runtime/recovery.ts` does. */
  reopen(): void {
    this.state = this.saved;
    this.begin(this.recover());
  }

  private begin(recovered: RecoveredZab): void {
    const { id, incarnation, bootstrap, options } = this.directory;
    this.isUp = true;
    this.state = { ...this.state, zxid: recovered.committedZxid };
    this.zab = new Zab({ ...options, memberId: id, incarnation, bootstrap }, recovered, batchFormat, this);
    this.zab.start();
  }

  close(losesPower: boolean): void {
    this.isUp = false;
    if (losesPower) this.records = this.records.slice(0, this.synced);
    this.synced = this.records.length;
    this.histories.clear();
    this.snapshots.clear();
    this.told.push("ends");
  }

  private recover(): RecoveredZab {
    const batches = this.batchesAfter(0);
    const configurations = this.configurationsInForce();
    const lastZxid = batches.at(-1)?.lastZxid ?? this.saved.zxid;
    let committedZxid = this.saved.zxid;
    for (const { body } of batches) committedZxid = Math.max(committedZxid, new BatchReader().open(body).digestZxid);
    for (const batch of batches) if (batch.lastZxid <= committedZxid) this.apply(batch);
    const tail = batches.filter((batch) => batch.lastZxid > committedZxid);
    const promise = this.latest(recordType.PROMISE);
    const { epoch, leaderId } = promise === undefined ? { epoch: 0, leaderId: 0 } : decodePromise(promise);
    const current = this.latest(recordType.EPOCH);
    const isChanging = tail.some(({ body }) => batchFormat.configuration(body) !== undefined);
    const [former, latest] = [configurations.at(-2), configurations.at(-1)];
    return {
      acceptedEpoch: epoch,
      promisedTo: leaderId,
      currentEpoch: current === undefined ? 0 : decodeEpoch(current),
      lastZxid,
      committedZxid,
      tail: tail.map(({ body }) => encodePropose(body)),
      baseZxid: Math.max(this.prunedZxid, this.snapshotRecordZxid()),
      epochEnds: epochEndsOf(batches),
      configuration: latest && decodeConfiguration(latest.body),
      configurationZxid: latest?.lastZxid ?? 0,
      formerConfiguration: isChanging && former !== undefined ? decodeConfiguration(former.body) : undefined,
    };
  }

  /** Its own snapshot round, at what it has applied. */
  save(): void {
    assert(this.state.zxid <= this.zab.durableZxid, "a snapshot is not beyond the journal (core.md 23)");
    this.saved = this.state;
  }

  // ---- What the journal has ----

  /** Batches in force. */
  batchesAfter(zxid: number): JournalRecord[] {
    const found: JournalRecord[] = [];
    for (const record of this.records) {
      if (record.type === recordType.BATCH) found.push(record);
      else if (record.type === recordType.SNAPSHOT) found.length = 0;
      else if (record.type === recordType.TRUNCATE) {
        while ((found.at(-1)?.lastZxid ?? 0) > record.lastZxid) found.pop();
      }
    }
    return found.filter(({ lastZxid }) => lastZxid > zxid);
  }

  private configurationsInForce(): JournalRecord[] {
    const found: JournalRecord[] = [];
    for (const record of this.records) {
      if (record.type === recordType.CONFIGURATION) found.push(record);
      else if (record.type === recordType.TRUNCATE) {
        while ((found.at(-1)?.lastZxid ?? 0) > record.lastZxid) found.pop();
      }
    }
    return found;
  }

  private snapshotRecordZxid(): number {
    return this.records.findLast(({ type }) => type === recordType.SNAPSHOT)?.lastZxid ?? 0;
  }

  latest(type: JournalRecord["type"]): Uint8Array | undefined {
    return this.records.findLast((record) => record.type === type)?.body;
  }

  /** The types of its records, in words. */
  get written(): string[] {
    const names = Object.entries(recordType);
    return this.records.map(({ type }) => names.find(([, value]) => value === type)?.[0] as string);
  }

  /** The first `count` records not yet synced become so; all by default. True when there were any. */
  sync(count = Number.POSITIVE_INFINITY): boolean {
    const target = Math.min(this.records.length, this.synced + count);
    if (target === this.synced) return false;
    this.synced = target;
    this.zab.durable(target);
    return true;
  }

  /** Records not yet synced. */
  get unsynced(): number {
    return this.records.length - this.synced;
  }

  // ---- What it does by itself ----

  /** Whatever is not held; false when there is nothing. */
  work(): boolean {
    let moved = !this.holdsDisk && this.sync();
    if (!this.holdsApply) moved = this.applyAll() || moved;
    if (this.holdsTransfers) return moved;
    for (const peer of [...this.histories.keys()]) moved = this.serveHistory(peer) || moved;
    for (const peer of [...this.snapshots.keys()]) moved = this.serveSnapshot(peer) || moved;
    return moved;
  }

  propose(count = 1, size = 10): boolean {
    const firstZxid = this.zab.nextZxid(count);
    if (firstZxid !== 0) this.zab.propose(batchOf(firstZxid, count, size, this.state.zxid));
    return firstZxid !== 0;
  }

  reconfigure(configuration: EnsembleConfiguration): void {
    this.zab.propose(changeOf(this.zab.nextZxid(1), configuration, this.state.zxid));
  }

  /** Reads some of the history a peer waits for; false when none does. */
  serveHistory(peer: number): boolean {
    const after = this.histories.get(peer);
    if (after === undefined) return false;
    this.histories.delete(peer);
    if (after < Math.max(this.prunedZxid, this.snapshotRecordZxid())) {
      this.zab.historyGone(peer);
      return true;
    }
    const durable = this.batchesAfter(after).filter(({ lastZxid }) => lastZxid <= this.zab.durableZxid);
    this.zab.historyRead(peer, durable.slice(0, this.batchesPerRead) as HistoryBatch[]);
    return true;
  }

  /** Sends a snapshot to a peer that is ready for it. */
  serveSnapshot(peer: number): boolean {
    const atLeast = this.snapshots.get(peer);
    const learner = this.rig.at(peer);
    if (atLeast === undefined || !learner.isUp || !learner.zab.awaitsSnapshot) return false;
    if (this.state.zxid < atLeast || this.state.zxid > this.zab.durableZxid) return false;
    this.snapshots.delete(peer);
    learner.install(this.state, this.zab.configuration);
    return true;
  }

  install(state: State, bootstrap: EnsembleConfiguration): void {
    const { zxid, configuration = bootstrap, configurationZxid } = state;
    this.state = state;
    this.saved = state;
    this.prunedZxid = 0;
    this.zab.snapshotInstalled(zxid, encodeConfiguration(configuration), configurationZxid);
  }

  private applyAll(): boolean {
    let moved = false;
    for (let entry = this.zab.nextCommitted(); entry !== undefined; entry = this.zab.nextCommitted()) {
      this.apply(entry);
      this.zab.applied();
      moved = true;
    }
    return moved;
  }

  private apply({ lastZxid, body }: HistoryBatch): void {
    let { checksum } = this.state;
    for (const byte of body) checksum = (Math.imul(checksum, 31) + byte) >>> 0;
    const changed = batchFormat.configuration(body);
    const before = { configuration: this.state.configuration, configurationZxid: this.state.configurationZxid };
    const now = changed && { configuration: decodeConfiguration(changed), configurationZxid: lastZxid };
    this.state = { zxid: lastZxid, checksum, ...(now ?? before) };
    this.applied.push(lastZxid);
    this.rig.committed(this.id, lastZxid, checksum);
  }

  /** What it was told since the last call. */
  take(): string[] {
    return this.told.splice(0);
  }

  // ---- ZabEffects ----

  append(record: JournalRecord): number {
    return this.records.push({ ...record, body: record.body.slice() });
  }

  hasRoom(): boolean {
    return !this.isFull;
  }

  send(peer: number, frame: Uint8Array): void {
    this.rig.send(this.id, peer, frame);
  }

  disconnect(peer: number, why: string): void {
    this.told.push(`drops ${peer}: ${why}`);
    this.rig.unlink(this.id, peer);
  }

  readHistory(peer: number, afterZxid: number): void {
    this.histories.set(peer, afterZxid);
  }

  sendSnapshot(peer: number, atLeastZxid: number): void {
    this.snapshots.set(peer, atLeastZxid);
  }

  stopSending(peer: number): void {
    this.histories.delete(peer);
    this.snapshots.delete(peer);
  }

  established(epoch: number): void {
    this.told.push(`leads ${epoch}`);
    this.rig.established(this.id, epoch);
  }

  following(leaderId: number, epoch: number): void {
    this.told.push(`follows ${leaderId} in ${epoch}`);
  }

  looking(why: string): void {
    this.told.push(`looks: ${why}`);
  }

  joining(leaderId: number): void {
    this.told.push(`joins ${leaderId}`);
  }

  mended(): void {
    this.told.push("is mended");
  }

  committed(): void {
    if (!this.holdsApply) this.applyAll();
  }

  roundConfirmed(round: number): void {
    this.confirmedRound = round;
  }

  configurationChanged(configuration: EnsembleConfiguration): void {
    this.configurations.push(configuration);
  }

  digestHeard(): void {}

  beforePong(): void {}

  digest(): { zxid: number; lane0: number; lane1: number } {
    return { zxid: this.state.zxid, lane0: this.state.checksum, lane1: 0 };
  }

  now(): number {
    return this.rig.time;
  }
}

function epochEndsOf(batches: readonly JournalRecord[]): number[] {
  const ends = new Map<number, number>();
  for (const { lastZxid } of batches) ends.set(epochOf(lastZxid), lastZxid);
  return [...ends.values()];
}
