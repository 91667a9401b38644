import { assert } from "../base/assert.ts";
import { epochOf } from "../base/zxid.ts";
import {
  type ConfiguredMember,
  decodeConfiguration,
  type EnsembleConfiguration,
  encodeConfiguration,
} from "./ensemble-configuration.ts";
import { EpochEnds } from "./epoch-ends.ts";
import { encodeEpoch, encodePromise } from "./epoch-record.ts";
import { type JournalRecord, type RecordType, recordType } from "./journal-record.ts";
import { bodyOfPropose } from "./peer-message.ts";
import { Quorum } from "./quorum.ts";
import { type LogEntry, RecentLog } from "./recent-log.ts";
import type { BatchFormat, RecoveredZab } from "./zab-contract.ts";

/** The journal, as far as zab writes it. */
export interface ReplicaJournal {
  append(record: JournalRecord): number;
  hasRoom(bytes: number): boolean;
}

/** A record on its way to the disk. */
interface Write {
  readonly record: JournalRecord;
  /** Truncated since: the same batch may have been appended again behind it, and that one counts. */
  isVoid: boolean;
}

interface Pending {
  readonly sequence: number;
  readonly write: Write;
}

/** Something that has to wait until the first `count` writes are on disk. */
interface Wait {
  readonly count: number;
  readonly done: () => void;
}

/** A configuration and the zxid of the batch that brought it. */
interface Standing {
  readonly zxid: number;
  readonly configuration: EnsembleConfiguration;
}

const NOTHING = new Uint8Array(0);

/**
 * What this member has of the replicated log: promise, epoch, batches and configuration, in memory and on their way
 * to the journal, in one order. Records wait here while the journal has no room.
 *
 * Invariants: nothing committed is ever truncated; the configuration in force is that of the last batch that brought
 * one, committed or not (core.md 25).
 */
export class Replica {
  readonly log: RecentLog;
  readonly ends: EpochEnds;
  acceptedEpoch: number;
  promisedTo: number;
  /** The epoch whose history this member has, once that is on disk. */
  currentEpoch: number;
  /** Everything up to here is committed and may be applied. */
  commitZxid: number;
  /** Something that was acknowledged or promised may have been lost. */
  isDamaged: boolean;
  /** Everything up to here is on this member's disk. */
  durableZxid: number;
  private readonly journal: ReplicaJournal;
  private readonly batches: BatchFormat;
  private readonly writes: Write[] = [];
  private readonly pending: Pending[] = [];
  private standing: Standing;
  private former: Standing | undefined;
  /** A configuration up to here is committed, as somebody else's word shows. */
  private learnedZxid = 0;
  private readonly isNew: boolean;
  private waits: Wait[] = [];
  /** Writes asked for, and those of them on disk. */
  private written = 0;
  private settled = 0;
  private quorumNow: Quorum;
  /** The position in the log of the next batch to apply. */
  private applyPosition: number;

  constructor(
    recovered: RecoveredZab,
    bootstrap: EnsembleConfiguration,
    batches: BatchFormat,
    journal: ReplicaJournal,
  ) {
    this.journal = journal;
    this.batches = batches;
    this.acceptedEpoch = recovered.acceptedEpoch;
    this.promisedTo = recovered.promisedTo;
    this.currentEpoch = recovered.currentEpoch;
    this.commitZxid = recovered.committedZxid;
    this.durableZxid = recovered.lastZxid;
    this.isDamaged = recovered.isDamaged === true;
    this.log = new RecentLog(recovered.committedZxid);
    this.ends = new EpochEnds(recovered.baseZxid, recovered.epochEnds);
    for (const frame of recovered.tail) this.log.append(this.entryOf(frame, 0));
    assert(this.log.lastZxid === recovered.lastZxid, "the tail leads to the last zxid");
    assert(recovered.acceptedEpoch >= recovered.currentEpoch, "the accepted epoch is at least the current one");
    assert(recovered.acceptedEpoch >= epochOf(recovered.lastZxid), "what a member has was promised before");
    this.standing = { zxid: recovered.configurationZxid, configuration: recovered.configuration ?? bootstrap };
    if (recovered.formerConfiguration !== undefined) {
      this.former = { zxid: 0, configuration: recovered.formerConfiguration };
    }
    this.quorumNow = this.makeQuorum();
    this.applyPosition = this.log.start;
    this.isNew = recovered.configuration === undefined;
  }

  /** Begins to write: in a new journal, the configuration the ensemble begins with. */
  start(): void {
    if (this.isNew) this.write(recordType.CONFIGURATION, encodeConfiguration(this.configuration));
  }

  get lastZxid(): number {
    return this.log.lastZxid;
  }

  get configuration(): EnsembleConfiguration {
    return this.standing.configuration;
  }

  /** The zxid of the batch that brought the configuration in force; 0 for the one it began with. */
  get configurationZxid(): number {
    return this.standing.zxid;
  }

  /** A change of the configuration is journalled, and not committed as far as is known here. */
  get isChanging(): boolean {
    return this.standing.zxid > this.commitZxid && this.standing.zxid > this.learnedZxid;
  }

  /** Of the configuration in force; jointly with the one before while the change is not committed. */
  get quorum(): Quorum {
    return this.quorumNow;
  }

  /** Calls `done` once everything written so far is on disk. */
  whenDurable(done: () => void): void {
    if (this.settled === this.written) done();
    else this.waits.push({ count: this.written, done });
  }

  /** Whoever waited for the disk has another role now. What was written stays written. */
  giveUpWaiting(): void {
    this.waits = [];
  }

  promise(epoch: number, leaderId: number, done: () => void): void {
    assert(epoch > this.acceptedEpoch, "a promised epoch is above all promised before");
    this.acceptedEpoch = epoch;
    this.promisedTo = leaderId;
    this.write(recordType.PROMISE, encodePromise({ epoch, leaderId }));
    this.whenDurable(done);
  }

  /** The history of `epoch` is complete here: after its data, the epoch record. */
  enterEpoch(epoch: number, done: () => void): void {
    assert(epoch === this.acceptedEpoch, "an epoch is entered after it was promised");
    this.write(recordType.EPOCH, encodeEpoch(epoch));
    this.whenDurable(() => {
      this.currentEpoch = epoch;
      done();
    });
  }

  /** Takes a batch in: the PROPOSE message that carries it, which the log keeps. */
  append(frame: Uint8Array, proposedAt: number): LogEntry {
    const entry = this.entryOf(frame, proposedAt);
    assert(epochOf(entry.lastZxid) <= this.acceptedEpoch, "a batch is of no epoch beyond the promised one");
    this.log.append(entry);
    this.ends.append(entry.lastZxid);
    const { firstZxid, lastZxid, body } = entry;
    this.push({ type: recordType.BATCH, firstZxid, lastZxid, body });
    const changed = this.batches.configuration(body);
    if (changed !== undefined) this.changeConfiguration(lastZxid, changed);
    return entry;
  }

  /** Voids everything above `zxid`, by a record (core.md 20). */
  truncate(zxid: number): void {
    assert(zxid >= this.commitZxid, "nothing committed is truncated");
    if (zxid === this.lastZxid) return;
    this.log.truncate(zxid);
    this.ends.truncate(zxid);
    this.voidWritesAbove(zxid);
    this.durableZxid = Math.min(this.durableZxid, zxid);
    this.push({ type: recordType.TRUNCATE, firstZxid: zxid, lastZxid: zxid, body: NOTHING });
    if (this.standing.zxid > zxid) {
      assert(this.former !== undefined, "before an uncommitted configuration stood another");
      this.standing = this.former;
      assert(this.standing.zxid <= zxid, "a configuration that another has followed is committed");
      this.former = undefined;
      this.quorumNow = this.makeQuorum();
    }
  }

  /** A snapshot at `zxid` was installed, with this configuration: nothing before it counts. */
  reset(zxid: number, configuration: Uint8Array, configurationZxid: number): void {
    this.log.reset(zxid);
    this.applyPosition = this.log.end;
    this.ends.reset(zxid);
    this.voidWritesAbove(-1);
    this.commitZxid = zxid;
    this.durableZxid = 0;
    this.push({ type: recordType.SNAPSHOT, firstZxid: zxid, lastZxid: zxid, body: NOTHING });
    this.former = undefined;
    // One without a configuration is of an ensemble that has never changed: it is the one this member joined.
    if (configuration.length > 0) {
      this.standing = { zxid: configurationZxid, configuration: decodeConfiguration(configuration) };
    }
    this.quorumNow = this.makeQuorum();
    this.write(recordType.CONFIGURATION, encodeConfiguration(this.standing.configuration));
  }

  /** Everything up to `zxid` is committed. */
  commit(zxid: number): void {
    assert(zxid >= this.commitZxid && zxid <= this.lastZxid, "commits rise, and only over what is here");
    const wasChanging = this.isChanging;
    this.commitZxid = zxid;
    if (wasChanging && !this.isChanging) {
      this.former = undefined;
      this.quorumNow = this.makeQuorum();
    }
  }

  /**
   * Somebody has applied everything up to `zxid`. Logs that share a zxid are the same up to it: if this one has it, so
   * is the change of the configuration before it committed, though no leader has told this member. Nothing is applied
   * for that: a leader says when.
   *
   * @returns whether the quorum is another one now
   */
  learn(zxid: number): boolean {
    if (!this.isChanging || zxid < this.standing.zxid || !this.log.has(zxid)) return false;
    this.learnedZxid = this.standing.zxid;
    this.former = undefined;
    this.quorumNow = this.makeQuorum();
    return true;
  }

  /** The next committed batch that has not been applied. */
  nextCommitted(): LogEntry | undefined {
    const { log, commitZxid } = this;
    if (this.applyPosition >= log.end) return undefined;
    const entry = log.at(this.applyPosition);
    return entry.lastZxid <= commitZxid ? entry : undefined;
  }

  /** It has been applied; `keepBytes` of what has been stay for learners that are a little behind. */
  applied(keepBytes: number): void {
    this.applyPosition++;
    this.log.trim(this.applyPosition, keepBytes);
  }

  /** Every record up to the journal's `sequence` is on disk. */
  durable(sequence: number): void {
    const { pending } = this;
    let count = 0;
    for (let first = pending[0]; first !== undefined && first.sequence <= sequence; first = pending[count]) {
      count++;
      const { record, isVoid } = first.write;
      const isData = record.type === recordType.BATCH || record.type === recordType.SNAPSHOT;
      if (isData && !isVoid) this.durableZxid = Math.max(this.durableZxid, record.lastZxid);
    }
    pending.splice(0, count);
    this.settled += count;
    this.tellWaiting();
    this.flush();
  }

  /** Hands the journal what it has room for. */
  flush(): void {
    const { writes, journal } = this;
    let count = 0;
    for (let write = writes[0]; write !== undefined; write = writes[count]) {
      if (!journal.hasRoom(write.record.body.length)) break;
      this.pending.push({ write, sequence: journal.append(write.record) });
      count++;
    }
    writes.splice(0, count);
  }

  private tellWaiting(): void {
    for (let first = this.waits[0]; first !== undefined && first.count <= this.settled; first = this.waits[0]) {
      this.waits.shift();
      first.done();
    }
  }

  private voidWritesAbove(zxid: number): void {
    for (const { write } of this.pending) write.isVoid ||= write.record.lastZxid > zxid;
    for (const write of this.writes) write.isVoid ||= write.record.lastZxid > zxid;
  }

  private entryOf(frame: Uint8Array, proposedAt: number): LogEntry {
    const body = bodyOfPropose(frame);
    const { firstZxid, lastZxid } = this.batches.range(body);
    return { firstZxid, lastZxid, frame, body, proposedAt };
  }

  private changeConfiguration(zxid: number, bytes: Uint8Array): void {
    // There is one change at a time: who proposed this one knew the one before it committed, whether that was told here
    // yet or not (a learner that was away gets both at once).
    this.former = this.standing;
    this.standing = { zxid, configuration: decodeConfiguration(bytes) };
    this.quorumNow = this.makeQuorum();
    this.write(recordType.CONFIGURATION, new Uint8Array(bytes));
  }

  /** The member as the configuration in force has it; one that is being removed, as the one before has it. */
  configured(id: number): ConfiguredMember | undefined {
    const isThis = (member: ConfiguredMember): boolean => member.id === id;
    const known = this.configuration.members.find(isThis);
    return known ?? (this.isChanging ? this.former?.configuration.members.find(isThis) : undefined);
  }

  private makeQuorum(): Quorum {
    const { former, standing } = this;
    if (former === undefined || !this.isChanging) return new Quorum(standing.configuration);
    return new Quorum(former.configuration, standing.configuration);
  }

  private write(type: RecordType, body: Uint8Array): void {
    this.push({ type, firstZxid: this.lastZxid, lastZxid: this.lastZxid, body });
  }

  private push(record: JournalRecord): void {
    this.writes.push({ record, isVoid: false });
    this.written++;
    this.flush();
  }
}
