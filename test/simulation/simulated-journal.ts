import type { Prng } from "../../src/core/base/prng.ts";
import type { JournalRecord } from "../../src/core/zab/journal-record.ts";
import { recordType } from "../../src/core/zab/journal-record.ts";
import type { Disk } from "../../src/storage/disk.ts";
import { STICKY_BYTES_MAX } from "../../src/storage/journal/journal.ts";
import { JournalWriter, type WriterOptions, worstRecordBytes } from "../../src/storage/journal/journal-writer.ts";
import { readHistory } from "../../src/storage/journal/read-history.ts";
import type { JournalPosition } from "../../src/storage/journal/recover-journal.ts";
import { ZxidChain } from "../../src/storage/journal/zxid-chain.ts";
import type { Fault } from "./faults.ts";

type Frame = { readonly prune: number } | { readonly record: JournalRecord };

export interface JournalHost {
  readonly random: Prng;
  readonly fault: Fault | undefined;
  /** Syncs take so much longer, ms at most. */
  readonly slowMs: number;
  /** Runs later, unless the process is dead by then. */
  after(delayMs: number, work: () => void): void;
  durable(sequence: number): void;
  /** Up to there all is on disk, from now on. */
  synced(sequence: number): void;
}

/**
 * The journal's thread on virtual time: the real writer and the real disk calls, in the order of `journal-thread.ts` -
 * take what is queued, write and sync it as one group, tell, claim and prune in between - and the accounting of
 * `journal.ts` for room.
 */
export class SimulatedJournal {
  segmentsBegun = 0;
  pruned = 0;
  private readonly host: JournalHost;
  private readonly writer: JournalWriter;
  private readonly chain: ZxidChain;
  private readonly queue: Frame[] = [];
  private sequence = 0;
  /** Worst-case bytes of what is queued, or in the open group. */
  private promised = 0;
  private isAwake = false;

  private readonly disk: Disk;
  private readonly directory: string;

  constructor(host: JournalHost, disk: Disk, directory: string, position: JournalPosition, options: WriterOptions) {
    this.host = host;
    this.disk = disk;
    this.directory = directory;
    this.writer = new JournalWriter(disk, directory, position, options);
    this.chain = new ZxidChain(position.lastZxid);
    this.wake();
  }

  append(record: JournalRecord): number {
    const problem = this.chain.advance(record.type, record.firstZxid, record.lastZxid);
    if (problem !== undefined) throw new Error(problem);
    if (!this.isClaimed(worstRecordBytes(record))) throw new Error("the journal has no room");
    const sequence = ++this.sequence;
    const { fault } = this.host;
    const isSwallowed = fault === "swallow-truncation" && record.type === recordType.TRUNCATE;
    const isEpoch = record.type === recordType.PROMISE || record.type === recordType.EPOCH;
    if ((fault === "forget-epochs" && isEpoch) || isSwallowed) {
      this.skipped.add(sequence);
      this.host.after(1, () => this.host.durable(sequence));
      return sequence;
    }
    this.promised += worstRecordBytes(record);
    this.queue.push({ record: { ...record, body: record.body.slice() } });
    if (fault === "acknowledge-before-sync") this.host.after(0.1, () => this.host.durable(sequence));
    this.wake();
    return sequence;
  }

  hasRoom(bytes: number): boolean {
    const type = bytes <= STICKY_BYTES_MAX ? recordType.CONFIGURATION : recordType.BATCH;
    return this.isClaimed(worstRecordBytes({ type, body: { length: bytes } }));
  }

  prune(snapshotZxid: number): void {
    this.queue.push({ prune: snapshotZxid });
    this.wake();
  }

  get baseZxid(): number {
    return this.writer.ledger.baseZxid;
  }

  /** Batches in force above a zxid, as far as they are fsynced; undefined where the journal begins after it. */
  history(afterZxid: number, most: number): JournalRecord[] | undefined {
    const { ledger, place } = this.writer;
    if (afterZxid < ledger.baseZxid) return undefined;
    const found: JournalRecord[] = [];
    for (const record of readHistory(this.disk, this.directory, ledger.source(afterZxid, place), afterZxid)) {
      found.push({ ...record, body: record.body.slice() });
      if (found.length === most) break;
    }
    return found;
  }

  /** A clean stop: writes what is queued and the closing record, at once. */
  close(): void {
    const { writer, queue } = this;
    for (const frame of queue.splice(0)) {
      if ("prune" in frame || writer.add(frame.record)) continue;
      writer.flush();
      writer.add(frame.record);
    }
    writer.close();
  }

  /** Sequences that were never written: the writer does not count them. */
  private readonly skipped = new Set<number>();

  private isClaimed(worst: number): boolean {
    const need = this.promised + worst;
    return need <= this.writer.remaining || need <= this.writer.spareRoom;
  }

  private wake(): void {
    if (this.isAwake) return;
    this.isAwake = true;
    this.host.after(this.host.random.below(4) / 10, () => this.takeGroup());
  }

  private takeGroup(): void {
    const { writer, queue } = this;
    let records = 0;
    let retired = 0;
    const segments = writer.segmentCount;
    for (let frame = queue[0]; frame !== undefined; frame = queue[0]) {
      if ("prune" in frame) writer.prune(frame.prune);
      else {
        if (!writer.add(frame.record)) break;
        retired += worstRecordBytes(frame.record);
        records++;
      }
      queue.shift();
    }
    this.segmentsBegun += writer.segmentCount - segments;
    if (records === 0) this.useIdleTime();
    else this.host.after(this.writeMs(), () => this.flush(retired));
  }

  private flush(retired: number): void {
    const { writer, host } = this;
    writer.flush();
    this.promised -= retired;
    const sequence = this.sequenceOf(writer.durable);
    host.synced(sequence);
    host.after(host.random.below(8) / 10, () => host.durable(sequence));
    if (writer.wantsClaim && host.random.chance(0.5)) writer.claimSlice();
    host.after(0, () => this.takeGroup());
  }

  private sequenceOf(durable: number): number {
    let sequence = durable;
    for (const skipped of this.skipped) if (skipped <= sequence) sequence++;
    return sequence;
  }

  /** One step of pruning or claiming, then another, then sleep. */
  private useIdleTime(): void {
    const { writer } = this;
    if (writer.pruneOne()) this.pruned++;
    else if (!writer.wantsClaim || !writer.claimSlice()) {
      this.isAwake = false;
      return;
    }
    this.host.after(0.2, () => this.takeGroup());
  }

  private writeMs(): number {
    const { random, slowMs } = this.host;
    if (slowMs > 0) return random.below(slowMs);
    return random.chance(0.01) ? 40 + random.below(200) : 0.2 + random.below(40) / 10;
  }
}
