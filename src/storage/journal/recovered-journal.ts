import { assert } from "../../core/base/assert.ts";
import type { JournalRecord } from "../../core/zab/journal-record.ts";
import type { Disk } from "../disk.ts";
import type { EpochEnd } from "./epoch-ends.ts";
import type { Finding } from "./finding.ts";
import type { SegmentFile } from "./journal-files.ts";
import { readHistory } from "./read-history.ts";
import type { StickyRecords } from "./sticky-records.ts";
import type { Voiding } from "./voiding.ts";

interface Recovered {
  readonly segments: readonly SegmentFile[];
  readonly end: number;
  readonly voidings: readonly Voiding[];
  readonly epochEnds: readonly EpochEnd[];
  readonly sticky: StickyRecords;
  readonly baseZxid: number;
  readonly firstZxid: number;
  readonly lastZxid: number;
  readonly snapshotZxid: number;
  readonly cleanStop: boolean;
  readonly findings: readonly Finding[];
}

/** What the journal held when it was opened. */
export class RecoveredJournal {
  /** Bodies of the latest PROMISE, EPOCH and CONFIGURATION in force. */
  readonly promise: Uint8Array | undefined;
  readonly epoch: Uint8Array | undefined;
  readonly configuration: Uint8Array | undefined;
  /** The CONFIGURATION records of the latest and, where it is kept, of the one before it; oldest first. */
  readonly configurations: readonly JournalRecord[];
  /** {@link batches} is complete for every `afterZxid` from here on. */
  readonly baseZxid: number;
  /** First zxid of the first batch held; 0 when there is none. */
  readonly firstZxid: number;
  /** Last zxid in force; 0 in a new journal. */
  readonly lastZxid: number;
  /** Of the latest SNAPSHOT record held; 0 when there is none. */
  readonly snapshotZxid: number;
  /** The journal ends with a CLOSE record: nothing in it is uncertain. */
  readonly cleanStop: boolean;
  /** What was found and done; only kind "uncertain", since anything else keeps a journal from being opened. */
  readonly findings: readonly Finding[];
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly recovered: Recovered;

  constructor(disk: Disk, directory: string, recovered: Recovered) {
    this.disk = disk;
    this.directory = directory;
    this.recovered = recovered;
    this.promise = recovered.sticky.promise?.body;
    this.epoch = recovered.sticky.epoch?.body;
    this.configuration = recovered.sticky.configuration?.body;
    this.configurations = recovered.sticky.latestConfigurations;
    this.baseZxid = recovered.baseZxid;
    this.firstZxid = recovered.firstZxid;
    this.lastZxid = recovered.lastZxid;
    this.snapshotZxid = recovered.snapshotZxid;
    this.cleanStop = recovered.cleanStop;
    this.findings = recovered.findings;
  }

  /**
   * The batches with a lastZxid above `afterZxid`, in order, without those a TRUNCATE or SNAPSHOT record voided. The
   * record is reused and its body is a view valid until the next step. To be read before the first `prune`.
   *
   * @throws InvariantError below `baseZxid`; JournalDamagedError when the disk no longer gives what it gave at opening
   */
  batches(afterZxid: number): Generator<JournalRecord> {
    assert(afterZxid >= this.baseZxid, "the journal does not reach back that far");
    return readHistory(this.disk, this.directory, this.recovered, afterZxid);
  }

  /** For each epoch that has a batch in force after {@link baseZxid}, its last zxid; ascending. */
  epochEnds(): readonly EpochEnd[] {
    return this.recovered.epochEnds;
  }
}
