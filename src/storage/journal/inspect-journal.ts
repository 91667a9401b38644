import { join } from "node:path";
import type { JournalRecord, RecordType } from "../../core/zab/journal-record.ts";
import type { Disk } from "../disk.ts";
import { nodeDisk } from "../node-disk.ts";
import type { Finding } from "./finding.ts";
import { listSegments, type SegmentFile } from "./journal-files.ts";
import { asNextFound } from "./mending.ts";
import { recordFlag } from "./record-codec.ts";
import { SegmentReader } from "./segment-reader.ts";
import { findingOf, type ScannedRecord, type ScanStop, scanSegment } from "./segment-scan.ts";
import { ZxidChain } from "./zxid-chain.ts";

/** A record with its place; the body is a view valid until the next step. */
export interface InspectedRecord extends JournalRecord {
  readonly file: string;
  readonly offset: number;
  /** A sticky record repeated at the head of a segment. */
  readonly isCopy: boolean;
}

export interface JournalInspection {
  readonly segments: readonly SegmentFile[];
  /** Complete once {@link records} has been read to its end. */
  readonly findings: readonly Finding[];
  /** Every intact record, also those behind damage, in the order of the files. To be read once. */
  records(): Generator<InspectedRecord>;
}

/** Reads the journal of a stopped member and names everything wrong with it. Changes nothing. */
export function inspectJournal(directory: string, disk: Disk = nodeDisk): JournalInspection {
  return new Inspection(asNextFound(disk, directory), directory);
}

const ACTION = "only reported";

class Inspection implements JournalInspection {
  readonly segments: readonly SegmentFile[];
  readonly findings: Finding[];
  private readonly disk: Disk;
  private readonly directory: string;
  private chain: ZxidChain | undefined;

  constructor(disk: Disk, directory: string) {
    this.disk = disk;
    this.directory = directory;
    const { segments, findings } = listSegments(disk, directory);
    this.segments = segments;
    this.findings = findings.map((finding) => ({ ...finding, action: ACTION }));
  }

  *records(): Generator<InspectedRecord> {
    for (const [index, segment] of this.segments.entries()) {
      this.enter(segment, this.segments[index - 1]);
      yield* this.recordsOf(segment, this.segments[index + 1]);
    }
  }

  private enter({ name, header }: SegmentFile, before: SegmentFile | undefined): void {
    const follows = before !== undefined && before.header.number + 1 === header.number;
    if (follows && this.chain !== undefined && this.chain.last !== header.baseZxid) {
      const problem = "the segment does not follow on the one before";
      this.findings.push({ kind: "missing", file: name, offset: 0, rule: "decision 4", problem, action: ACTION });
    }
    this.chain = new ZxidChain(header.baseZxid);
  }

  private *recordsOf(segment: SegmentFile, successor: SegmentFile | undefined): Generator<InspectedRecord> {
    const { name, header } = segment;
    const reader = new SegmentReader(this.disk.open(join(this.directory, name), "read"), header.bytes);
    const successorEnd = successor?.header.number === header.number + 1 ? successor.header.previousEnd : undefined;
    try {
      let resumeAt: number | undefined;
      do {
        const stop = yield* this.run(
          name,
          scanSegment(reader, header, resumeAt === undefined ? { successorEnd } : { successorEnd, resumeAt }),
        );
        if (stop.verdict !== "end") {
          this.findings.push(findingOf(name, stop, ACTION));
          // Behind damage the chain of zxids starts anew.
          this.chain = undefined;
        }
        resumeAt = stop.resumeAt >= 0 ? stop.resumeAt : undefined;
      } while (resumeAt !== undefined);
    } finally {
      reader.close();
    }
  }

  private *run(file: string, scan: ReturnType<typeof scanSegment>): Generator<InspectedRecord, ScanStop> {
    for (let step = scan.next(); ; step = scan.next()) {
      if (step.done) return step.value;
      const record = step.value;
      if ((record.header.flags & recordFlag.COPY) === 0) this.check(file, record);
      yield inspected(file, record);
    }
  }

  private check(file: string, { header, offset }: ScannedRecord): void {
    const { type, firstZxid, lastZxid } = header;
    const problem = this.chain?.advance(type, firstZxid, lastZxid);
    if (problem !== undefined) {
      const place = { file, offset, firstZxid, lastZxid };
      this.findings.push({ kind: "missing", ...place, rule: "decision 4", problem, action: ACTION });
    }
    if (problem !== undefined || this.chain === undefined) this.chain = new ZxidChain(lastZxid);
  }
}

function inspected(file: string, { header, offset, body }: ScannedRecord): InspectedRecord {
  const { type, firstZxid, lastZxid, flags } = header;
  return { file, offset, type: type as RecordType, firstZxid, lastZxid, body, isCopy: (flags & recordFlag.COPY) !== 0 };
}
