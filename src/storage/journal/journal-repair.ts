import { join } from "node:path";
import { assert } from "../../core/base/assert.ts";
import { type JournalRecord, recordType } from "../../core/zab/journal-record.ts";
import type { Disk } from "../disk.ts";
import type { ZxidRange } from "./damage-report.ts";
import type { DamagedJournal } from "./damaged-journal.ts";
import type { Finding } from "./finding.ts";
import { JournalWriter, type WriterOptions } from "./journal-writer.ts";
import { finishMending, MendingDisk, markMended } from "./mending.ts";
import { recoverJournal } from "./recover-journal.ts";
import { SEGMENT_HEADER_BYTES } from "./segment-header.ts";
import { StickyRecords } from "./sticky-records.ts";
import { keepTornAside } from "./torn-tail.ts";

const NOTHING = new Uint8Array(0);

export interface RepairOptions {
  readonly segmentBytes: number;
  /** As of the writer: any 32 bits, not guessable by those who write data. */
  readonly random32: () => number;
  /**
   * Bodies that take the place of the journal's own, for where those may be lost (`stickyInDoubt`): a member must not
   * forget what it promised.
   */
  readonly promise?: Uint8Array;
  readonly epoch?: Uint8Array;
  /** The configuration in force in the member's snapshot; a later one is a record to {@link JournalRepair.add}. */
  readonly configuration?: { readonly zxid: number; readonly body: Uint8Array };
  /** Good batches that the ensemble does not have, and that are left out: what a lost truncation had voided. */
  readonly dropped?: readonly ZxidRange[];
}

/**
 * Puts a damaged journal right: a new one, of the good records and those fetched from others, takes its place in one
 * atomic step; what comes before the member's snapshot is left out. Until {@link finish} returns the damaged one is as
 * it was, whatever happens. Plain and synchronous; blocks for its writes and syncs, a group of 1 MiB at a time.
 */
export class JournalRepair {
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly options: RepairOptions;
  private readonly mending: MendingDisk;
  private readonly good: Iterator<JournalRecord>;
  private nextGood: JournalRecord | undefined;
  private readonly fromZxid: number;
  private readonly sticky: readonly JournalRecord[];
  private readonly findings: readonly Finding[];
  private writer: JournalWriter | undefined;
  private last: number;
  private written = 0;

  constructor(disk: Disk, directory: string, damaged: DamagedJournal, options: RepairOptions) {
    this.disk = disk;
    this.directory = directory;
    this.options = options;
    this.mending = new MendingDisk(disk);
    this.fromZxid = damaged.fromZxid;
    this.last = damaged.fromZxid;
    this.good = damaged.records(damaged.fromZxid);
    this.sticky = damaged.sticky;
    this.findings = damaged.report.findings;
    finishMending(disk, directory);
    this.advance();
  }

  /**
   * Takes in a fetched BATCH or CONFIGURATION; in order. Good records below it are put before it, one in its place
   * gives way to it. The body is copied.
   *
   * @throws InvariantError when it does not follow on what is there: something is still missing, or it contradicts
   */
  add(record: JournalRecord): void {
    assert(record.type === recordType.BATCH || record.type === recordType.CONFIGURATION, "not a record to fetch");
    if (record.lastZxid <= this.fromZxid) return;
    this.putGoodBefore(record);
    if (this.nextGood !== undefined && compare(this.nextGood, record) === 0) this.advance();
    this.put(record);
  }

  /**
   * Puts the rest of the good records up to `throughZxid` and makes the new journal the one that counts; what was
   * above is discarded.
   *
   * @throws InvariantError when the records do not reach from the member's snapshot to `throughZxid` without a gap
   */
  finish(throughZxid: number): void {
    while (this.nextGood !== undefined && this.nextGood.lastZxid <= throughZxid) {
      this.put(this.nextGood);
      this.advance();
    }
    this.good.return?.();
    assert(this.last === Math.max(throughZxid, this.fromZxid), "the records do not reach as far as they should");
    (this.writer ?? this.begin(this.fromZxid)).close();
    this.verify();
    this.keepUncertain();
    markMended(this.disk, this.directory);
    finishMending(this.disk, this.directory);
  }

  /** Gives up; the damaged journal stays as it was. */
  abandon(): void {
    this.good.return?.();
    this.writer?.release();
    finishMending(this.disk, this.directory);
  }

  /** What is uncertain and not taken over may have been acknowledged: people shall still find it. */
  private keepUncertain(): void {
    const { disk, directory } = this;
    for (const { kind, file, offset } of this.findings) {
      if (kind !== "uncertain") continue;
      const source = disk.open(join(directory, file), "read");
      try {
        const bytes = new Uint8Array(source.size() - offset);
        source.read(offset, bytes);
        const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
        keepTornAside(disk, directory, { file, offset }, bytes.subarray(0, end));
      } finally {
        source.close();
      }
    }
  }

  /** The step after this cannot be taken back, so what was written is read once more. */
  private verify(): void {
    const { recovered } = recoverJournal(this.mending, this.directory, 0);
    let batches = 0;
    for (const _ of recovered.batches(recovered.baseZxid)) batches++;
    assert(
      recovered.lastZxid === this.last && batches === this.written,
      "the repaired journal is not what was written",
    );
  }

  private putGoodBefore(record: JournalRecord): void {
    while (this.nextGood !== undefined && compare(this.nextGood, record) < 0) {
      this.put(this.nextGood);
      this.advance();
    }
  }

  private advance(): void {
    do this.nextGood = this.good.next().value;
    while (this.nextGood !== undefined && this.isDropped(this.nextGood.lastZxid));
  }

  private isDropped(zxid: number): boolean {
    const dropped = this.options.dropped ?? [];
    return dropped.some(({ afterZxid, throughZxid }) => {
      return zxid > afterZxid && (throughZxid === undefined || zxid <= throughZxid);
    });
  }

  private put(record: JournalRecord): void {
    // A batch that the snapshot's zxid falls into is kept whole: so the journal begins just before it.
    const straddles = record.type === recordType.BATCH && record.firstZxid <= this.fromZxid;
    this.writer ??= this.begin(straddles ? record.firstZxid - 1 : this.fromZxid);
    claimRoom(this.writer, record);
    if (!this.writer.add(record)) {
      this.writer.flush();
      assert(this.writer.add(record), "a flushed writer takes a record");
    }
    this.last = record.lastZxid;
    if (record.type === recordType.BATCH) this.written++;
  }

  private begin(baseZxid: number): JournalWriter {
    const { segmentBytes, random32 } = this.options;
    const sticky = this.headAt(baseZxid);
    const nothing = { segments: [], end: SEGMENT_HEADER_BYTES, commands: 0, readFrom: 0, voidings: [] };
    const options: WriterOptions = { segmentBytes, random32, keepBytes: 0, keepCommands: 0 };
    return new JournalWriter(this.mending, this.directory, { ...nothing, lastZxid: baseZxid, sticky }, options);
  }

  /** The sticky records the new journal begins with. */
  private headAt(baseZxid: number): JournalRecord[] {
    const { promise, epoch, configuration } = this.options;
    const at = (type: JournalRecord["type"], zxid: number, body: Uint8Array): JournalRecord => {
      return { type, firstZxid: zxid, lastZxid: zxid, body };
    };
    const records = new StickyRecords(this.sticky);
    if (promise !== undefined) records.note(at(recordType.PROMISE, baseZxid, promise));
    if (epoch !== undefined) records.note(at(recordType.EPOCH, baseZxid, epoch));
    // Those above come again at their own places.
    records.note(at(recordType.TRUNCATE, baseZxid, NOTHING));
    if (configuration !== undefined && configuration.zxid > (records.configuration?.lastZxid ?? -1)) {
      records.note(at(recordType.CONFIGURATION, configuration.zxid, configuration.body));
    }
    return records.all();
  }
}

function claimRoom(writer: JournalWriter, record: JournalRecord): void {
  while (!writer.hasRoom(record)) {
    if (writer.claimSlice()) continue;
    throw Object.assign(new Error("ENOSPC: no space left for the repaired journal"), { code: "ENOSPC" });
  }
}

/** Order in a journal: a configuration stands behind the batch that carries it. */
function compare(a: JournalRecord, b: JournalRecord): number {
  return a.lastZxid - b.lastZxid || a.type - b.type;
}
