import { join } from "node:path";
import { assert } from "../../core/base/assert.ts";
import { type JournalRecord, type RecordType, recordType } from "../../core/zab/journal-record.ts";
import type { Disk } from "../disk.ts";
import { type Finding, JournalDamagedError } from "./finding.ts";
import { type SegmentFile, segmentHolding } from "./journal-files.ts";
import { SegmentReader } from "./segment-reader.ts";
import { findingOf, scanSegment } from "./segment-scan.ts";
import type { StickyRecords } from "./sticky-records.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
const NOTHING = new Uint8Array(0);

/** Everything before this place and above `zxid` is void. */
export interface Voiding {
  readonly segment: number;
  readonly offset: number;
  readonly zxid: number;
}

interface Recovered {
  readonly segments: readonly SegmentFile[];
  readonly end: number;
  readonly voidings: readonly Voiding[];
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
  *batches(afterZxid: number): Generator<JournalRecord> {
    assert(afterZxid >= this.baseZxid, "the journal does not reach back that far");
    const { segments, voidings } = this.recovered;
    const limits = lowestVoidingFrom(voidings);
    const record: Mutable<JournalRecord> = { type: 0 as RecordType, firstZxid: 0, lastZxid: 0, body: NOTHING };
    let voiding = 0;
    for (let index = segmentHolding(segments, afterZxid); index < segments.length; index++) {
      const { number } = (segments[index] as SegmentFile).header;
      for (const { header, offset, body } of this.scan(index)) {
        if (header.type !== recordType.BATCH || header.lastZxid <= afterZxid) continue;
        while (isBefore(voidings[voiding], number, offset)) voiding++;
        const limit = limits[voiding] as number;
        if (header.lastZxid > limit) {
          // A truncation falls between batches; inside one it would silently take committed commands along.
          assert(header.firstZxid > limit || limit < 0, "a TRUNCATE record splits a batch");
          continue;
        }
        record.type = recordType.BATCH;
        record.firstZxid = header.firstZxid;
        record.lastZxid = header.lastZxid;
        record.body = body;
        yield record;
      }
    }
  }

  private *scan(index: number): ReturnType<typeof scanSegment> {
    const { segments, end } = this.recovered;
    const { name, header } = segments[index] as SegmentFile;
    const reader = new SegmentReader(this.disk.open(join(this.directory, name), "read"), header.bytes);
    try {
      // The writer may already be at work behind `end`: what it adds is none of ours.
      const successorEnd = segments[index + 1]?.header.previousEnd ?? end;
      const stop = yield* scanSegment(reader, header, { successorEnd });
      if (stop.verdict === "end") return stop;
      throw new JournalDamagedError(this.directory, [findingOf(name, stop, "reading stopped there")]);
    } finally {
      reader.close();
    }
  }
}

/** For each index, the lowest zxid any voiding from there on leaves standing. */
function lowestVoidingFrom(voidings: readonly Voiding[]): number[] {
  const limits = [Number.POSITIVE_INFINITY];
  for (const { zxid } of voidings.toReversed()) limits.unshift(Math.min(zxid, limits[0] as number));
  return limits;
}

function isBefore(voiding: Voiding | undefined, segment: number, offset: number): boolean {
  if (voiding === undefined) return false;
  return voiding.segment < segment || (voiding.segment === segment && voiding.offset < offset);
}
