import { randomBytes } from "node:crypto";
import { assert, InvariantError } from "../../core/base/assert.ts";
import type { JournalRecord } from "../../core/zab/journal-record.ts";
import type { Disk } from "../disk.ts";
import type { JournalHistory } from "./history-client.ts";
import type { Journal, JournalEvents, JournalStats } from "./journal.ts";
import { JournalWriter, worstRecordBytes } from "./journal-writer.ts";
import { readHistory } from "./read-history.ts";
import { recoverJournal } from "./recover-journal.ts";
import type { RecoveredJournal } from "./recovered-journal.ts";
import { ZxidChain } from "./zxid-chain.ts";

const MIB = 1024 * 1024;
/** The first segment is half of that, and many a member never needs another. */
const SEGMENT_BYTES = 16 * MIB;
/** A record, at worst, that fits the first segment or, once that is too full, the next, whatever that begins with. */
const RECORD_BYTES_MAX = 7 * MIB;

export interface MemoryJournalOptions {
  /** Of a {@link MemoryDisk}, or of another that answers at once: it is written to on this thread. */
  readonly disk: Disk;
  /** Made if it is missing. */
  readonly directory: string;
  /** As of the journal on a real disk. */
  readonly fromZxid: number;
}

/**
 * Opens the journal in a directory of a disk in memory, or begins one.
 *
 * @throws JournalDamagedError as `openJournal` does
 */
export function openMemoryJournal(
  { disk, directory, fromZxid }: MemoryJournalOptions,
  events: Pick<JournalEvents, "onDurable" | "onFatal">,
): { readonly journal: MemoryJournal; readonly recovered: RecoveredJournal } {
  disk.makeDirectory(directory);
  const { position, recovered } = recoverJournal(disk, directory, fromZxid);
  // Nobody but learners would want what is behind the snapshot, and there are none.
  const options = { segmentBytes: SEGMENT_BYTES, keepCommands: 0, keepBytes: 0, random32 };
  const writer = new JournalWriter(disk, directory, position, options);
  const chain = new ZxidChain(position.lastZxid);
  return { journal: new MemoryJournal({ disk, directory, writer, chain }, events), recovered };
}

const random32 = (): number => randomBytes(4).readUInt32LE(0);

interface MemoryJournalParts {
  readonly disk: Disk;
  readonly directory: string;
  readonly writer: JournalWriter;
  readonly chain: ZxidChain;
}

/**
 * The journal of a member that keeps nothing: the same writer and the same bytes as on a real disk, without a thread of
 * its own. What a turn of the loop appends is written after it, as one group.
 */
export class MemoryJournal implements Journal {
  readonly space = "ample";
  private readonly parts: MemoryJournalParts;
  private readonly events: Pick<JournalEvents, "onDurable" | "onFatal">;
  private queue: JournalRecord[] = [];
  private sequence = 0;
  private groups = 0;
  private scheduled: NodeJS.Immediate | undefined;
  private isOpen = true;

  constructor(parts: MemoryJournalParts, events: Pick<JournalEvents, "onDurable" | "onFatal">) {
    this.parts = parts;
    this.events = events;
  }

  append(record: JournalRecord): number {
    const { type, firstZxid, lastZxid, body } = record;
    assert(this.isOpen, "the journal is closed");
    if (!this.hasRoom(body.length)) throw new InvariantError("the journal has no room");
    const problem = this.parts.chain.advance(type, firstZxid, lastZxid);
    if (problem !== undefined) throw new InvariantError(problem);
    this.queue.push({ type, firstZxid, lastZxid, body: body.slice() });
    this.scheduled ??= setImmediate(() => this.write());
    return ++this.sequence;
  }

  hasRoom(bytes: number): boolean {
    return this.isOpen && bytes <= RECORD_BYTES_MAX;
  }

  prune(snapshotZxid: number): void {
    if (!this.isOpen) return;
    const { writer } = this.parts;
    writer.prune(snapshotZxid);
    while (writer.pruneOne());
  }

  get baseZxid(): number {
    return this.parts.writer.ledger.baseZxid;
  }

  /** Read at once, so it holds back no pruning. */
  history(afterZxid: number): JournalHistory {
    const { disk, directory, writer } = this.parts;
    const source = writer.ledger.source(afterZxid, writer.place);
    let batches = Array.from(readHistory(disk, directory, source, afterZxid), (record) => ({
      ...record,
      body: record.body.slice(),
    }));
    const take = (): JournalRecord[] | undefined => {
      const taken = batches;
      batches = [];
      return taken.length > 0 ? taken : undefined;
    };
    return { next: async () => take(), close: () => void take() };
  }

  async close(): Promise<void> {
    if (!this.isOpen) return;
    if (this.scheduled !== undefined) this.write();
    this.isOpen = false;
    this.parts.writer.close();
  }

  /** A kill: what is not written yet never is. */
  drop(): void {
    clearImmediate(this.scheduled);
    this.scheduled = undefined;
    this.queue = [];
    this.isOpen = false;
    this.parts.writer.release();
  }

  stats(): JournalStats {
    const { writer } = this.parts;
    const { bytesWritten, segmentCount: segments, diskBytes } = writer;
    return { fsyncs: this.groups, bytesWritten, segments, diskBytes };
  }

  private write(): void {
    clearImmediate(this.scheduled);
    this.scheduled = undefined;
    const { writer } = this.parts;
    const records = this.queue;
    this.queue = [];
    try {
      for (const record of records) this.add(record);
      writer.flush();
    } catch (error) {
      this.drop();
      this.events.onFatal(error as Error);
      return;
    }
    this.groups++;
    this.events.onDurable(writer.durable);
  }

  /** Memory is claimed when it is needed: it takes no time to speak of. */
  private add(record: JournalRecord): void {
    const { writer } = this.parts;
    if (worstRecordBytes(record) > writer.remaining) while (writer.spareRoom === 0) writer.claimSlice();
    if (writer.add(record)) return;
    writer.flush();
    assert(writer.add(record), "a group that was flushed takes a record");
  }
}
