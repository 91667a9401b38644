import { join } from "node:path";
import { type JournalRecord, type RecordType, recordType } from "../../core/zab/journal-record.ts";
import { alignToSector, type Disk } from "../disk.ts";
import { DamagedJournal } from "./damaged-journal.ts";
import { EpochEnds } from "./epoch-ends.ts";
import { type Finding, isFatal, JournalDamagedError } from "./finding.ts";
import { listSegments, type SegmentFile, segmentHolding } from "./journal-files.ts";
import { asNextFound, finishMending } from "./mending.ts";
import { RECORD_HEADER_BYTES, recordFlag } from "./record-codec.ts";
import { RecoveredJournal } from "./recovered-journal.ts";
import { SEGMENT_HEADER_BYTES } from "./segment-header.ts";
import { SegmentReader } from "./segment-reader.ts";
import { findingOf, type ScannedRecord, type ScanStop, scanSegment } from "./segment-scan.ts";
import { StickyRecords } from "./sticky-records.ts";
import { erasure, keepTornAside } from "./torn-tail.ts";
import { baseAfter, type Voiding } from "./voiding.ts";
import { ZxidChain } from "./zxid-chain.ts";

/** Where a writer goes on; plain data, so that it can be sent to the worker. */
export interface JournalPosition {
  /** Oldest first; empty in a new journal. */
  readonly segments: readonly SegmentFile[];
  /** End of the last good record in the last segment. */
  readonly end: number;
  readonly lastZxid: number;
  /** Commands journalled since the journal began. */
  readonly commands: number;
  readonly sticky: readonly JournalRecord[];
  /** Number of the oldest segment that was read; of older ones only the header was. 0 in a new journal. */
  readonly readFrom: number;
  /** All of the segments that were read. */
  readonly voidings: readonly Voiding[];
}

export interface JournalScan {
  readonly position: JournalPosition;
  readonly findings: readonly Finding[];
  readonly recovered: RecoveredJournal;
  /** Set when the journal is damaged and that is tolerated: then nothing else here is of use. */
  readonly damage?: DamagedJournal;
}

export interface RecoveryOptions {
  /**
   * For a member of an ensemble: a damaged journal - an uncertain last write included, which is left as it is - is
   * reported as {@link JournalScan.damage} instead of being refused or cut. Default false.
   */
  readonly tolerateDamage?: boolean;
}

const UNTOUCHED = "nothing was changed";

/**
 * Reads the journal as {@link recoverJournal} does, but changes nothing: for tools. The findings may be fatal; the
 * records are those up to the first fatal one.
 */
export function readJournal(disk: Disk, directory: string, fromZxid: number): JournalScan {
  const scan = new Recovery(asNextFound(disk, directory), directory);
  scan.read(fromZxid);
  return scan.result();
}

/**
 * Reads the journal, repairs the last write group if it is torn, and makes what it found durable.
 *
 * @param fromZxid segments wholly at or below it are checked by their headers only: the oldest zxid whose successor
 * will be asked for
 * @throws JournalDamagedError when something is wrong that no crash explains; nothing is changed then
 */
export function recoverJournal(
  disk: Disk,
  directory: string,
  fromZxid: number,
  { tolerateDamage = false }: RecoveryOptions = {},
): JournalScan {
  finishMending(disk, directory);
  const scan = new Recovery(disk, directory);
  scan.read(fromZxid);
  if (tolerateDamage && scan.findings.length > 0) {
    scan.syncLast();
    return { ...scan.result(), damage: new DamagedJournal(disk, directory, fromZxid) };
  }
  if (scan.findings.some(isFatal)) throw new JournalDamagedError(directory, scan.findings);
  scan.settle();
  return scan.result();
}

class Recovery {
  readonly findings: Finding[] = [];
  private readonly disk: Disk;
  private readonly directory: string;
  private segments: SegmentFile[] = [];
  private first = 0;
  private chain = new ZxidChain(0);
  private sticky = new StickyRecords();
  private commands = 0;
  private readonly voidings: Voiding[] = [];
  private readonly epochEnds = new EpochEnds();
  private firstZxid = 0;
  private snapshotZxid = 0;
  private lastType: number = 0;
  private stop: ScanStop | undefined;

  constructor(disk: Disk, directory: string) {
    this.disk = disk;
    this.directory = directory;
  }

  read(fromZxid: number): void {
    const { segments, findings } = listSegments(this.disk, this.directory);
    this.segments = segments;
    this.findings.push(...findings);
    if (findings.length > 0 || segments.length === 0) return;
    this.first = segmentHolding(segments, fromZxid);
    const base = (segments[this.first] as SegmentFile).header;
    this.chain = new ZxidChain(base.baseZxid);
    this.commands = base.commandsBefore;
    for (let index = this.first; index < segments.length; index++) {
      this.readSegment(segments[index] as SegmentFile, segments[index + 1]);
      if (this.findings.some(isFatal)) return;
    }
  }

  private readSegment(segment: SegmentFile, successor: SegmentFile | undefined): void {
    const { header, name } = segment;
    if (header.baseZxid !== this.chain.last || header.commandsBefore !== this.commands) {
      const problem = "the segment does not follow on the one before";
      this.note({ kind: "missing", file: name, offset: 0, rule: "decision 4", problem, action: UNTOUCHED });
      return;
    }
    this.sticky = new StickyRecords();
    const reader = new SegmentReader(this.disk.open(join(this.directory, name), "read"), header.bytes);
    try {
      const steps = scanSegment(reader, header, { successorEnd: successor?.header.previousEnd });
      let step = steps.next();
      for (; !step.done; step = steps.next()) if (!this.take(segment, step.value)) return;
      this.stop = step.value;
    } finally {
      reader.close();
    }
    if (this.stop.verdict !== "end") this.note(findingOf(name, this.stop, UNTOUCHED));
  }

  /** Takes one record in; false when it contradicts those before. */
  private take(segment: SegmentFile, { header, offset, body }: ScannedRecord): boolean {
    const { firstZxid, lastZxid } = header;
    const record: JournalRecord = { type: header.type as RecordType, firstZxid, lastZxid, body };
    this.sticky.note(record);
    if ((header.flags & recordFlag.COPY) !== 0) return true;
    this.lastType = record.type;
    const problem = this.chain.advance(record.type, firstZxid, lastZxid);
    if (problem !== undefined) {
      const place = { file: segment.name, offset, firstZxid, lastZxid };
      this.note({ kind: "missing", ...place, rule: "decision 4", problem, action: UNTOUCHED });
      return false;
    }
    if (record.type === recordType.BATCH) {
      this.commands += lastZxid - firstZxid + 1;
      if (this.firstZxid === 0) this.firstZxid = firstZxid;
      this.epochEnds.batch(firstZxid, lastZxid);
    } else if (record.type === recordType.TRUNCATE) {
      this.voidings.push({ segment: segment.header.number, offset, above: lastZxid, lastZxid });
      if (lastZxid < this.firstZxid) this.firstZxid = 0;
      this.epochEnds.truncate(lastZxid);
    } else if (record.type === recordType.SNAPSHOT) {
      this.voidings.push({ segment: segment.header.number, offset, above: -1, lastZxid });
      this.firstZxid = 0;
      this.snapshotZxid = lastZxid;
      this.epochEnds.clear();
    }
    return true;
  }

  /** After a kill, records of the last segment are in the page cache only; nobody may be told of them before this. */
  syncLast(): void {
    const last = this.segments.at(-1);
    if (last === undefined) return;
    const file = this.disk.open(join(this.directory, last.name), "write");
    try {
      file.datasync();
    } finally {
      file.close();
    }
  }

  /** Makes what was read durable, and cuts off a torn write: first keeps it aside, then erases it. */
  settle(): void {
    const { stop, directory, disk } = this;
    const last = this.segments.at(-1);
    if (last === undefined || stop === undefined) return;
    const file = disk.open(join(directory, last.name), "write");
    try {
      // A killed process leaves records in the page cache only; nothing may rest on them before they are on disk.
      file.datasync();
      if (stop.verdict !== "uncertain") return;
      const limit = last.header.bytes;
      const tornEnd = Math.min(alignToSector(Math.max(stop.residueEnd, stop.offset + RECORD_HEADER_BYTES)), limit);
      const torn = new Uint8Array(tornEnd - stop.offset);
      file.read(stop.offset, torn);
      const action = `cut off there, ${keepTornAside(disk, directory, { file: last.name, offset: stop.offset }, torn)}`;
      const from = alignToSector(stop.end);
      if (tornEnd > from) {
        file.write(from, erasure(torn, from - stop.offset, last.header));
        file.datasync();
      }
      this.findings[this.findings.length - 1] = findingOf(last.name, stop, action);
    } finally {
      file.close();
    }
  }

  result(): JournalScan {
    const end = this.stop?.end ?? SEGMENT_HEADER_BYTES;
    const { segments, commands, findings, sticky, voidings, disk, directory } = this;
    const lastZxid = this.chain.last;
    const first = segments[this.first]?.header;
    const readFrom = first?.number ?? 0;
    const position = { segments, end, lastZxid, commands, sticky: sticky.all(), readFrom, voidings };
    const recovered = new RecoveredJournal(disk, directory, {
      segments: segments.slice(this.first),
      end,
      voidings,
      epochEnds: this.epochEnds.list(),
      sticky,
      baseZxid: baseAfter(first?.baseZxid ?? 0, voidings),
      firstZxid: this.firstZxid,
      lastZxid,
      snapshotZxid: this.snapshotZxid,
      cleanStop: this.lastType === recordType.CLOSE && this.stop?.verdict === "end",
      findings,
    });
    return { position, findings, recovered };
  }

  private note(finding: Finding): void {
    this.findings.push(finding);
  }
}
