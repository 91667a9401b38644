import { join } from "node:path";
import { epochOf, formatZxid } from "../../core/base/zxid.ts";
import type { EpochStart } from "../../core/zab/epoch-ends.ts";
import { type JournalRecord, type RecordType, recordType } from "../../core/zab/journal-record.ts";
import type { Disk } from "../disk.ts";
import type { DamageReport, ZxidRange } from "./damage-report.ts";
import { type Finding, JournalDamagedError } from "./finding.ts";
import { listSegments, type SegmentFile, segmentHolding } from "./journal-files.ts";
import { recordBytes, recordFlag } from "./record-codec.ts";
import { SEGMENT_HEADER_BYTES } from "./segment-header.ts";
import { SegmentReader } from "./segment-reader.ts";
import { findingOf, type ScannedRecord, type ScanStop, scanSegment } from "./segment-scan.ts";
import { StickyRecords } from "./sticky-records.ts";
import { ZxidChain } from "./zxid-chain.ts";

/** Where an intact batch or configuration lies. */
export interface RecordPlace {
  readonly type: RecordType;
  readonly firstZxid: number;
  readonly lastZxid: number;
  readonly segment: SegmentFile;
  readonly offset: number;
}

const ACTION = "kept as it is until it is repaired";

/**
 * Reads all that is left of a damaged journal. Everything intact says where the journal stood when it was written - a
 * batch follows on what was before it, other records stand at the last zxid, a segment's header names it - so what is
 * missing shows as a jump; a fall shows a truncation that was lost.
 */
export class DamageSurvey {
  readonly places: RecordPlace[] = [];
  sticky = new StickyRecords();
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly fromZxid: number;
  private readonly findings: Finding[] = [];
  private holes: { afterZxid: number; throughZxid: number | undefined }[] = [];
  private uncertainAfter: number | undefined;
  private stickyInDoubt = false;
  private isEpochLater = false;
  private readonly starts = new Map<number, number>();
  /** Copies at the head of the segment being read; undefined once a part of the head was found damaged. */
  private head: StickyRecords | undefined;
  /** The last zxid in force, where the reading has come to. */
  private last = 0;
  /** Name of the file being read. */
  private file = "";
  /** Something may be missing just before what is read next. */
  private isBroken = false;

  constructor(disk: Disk, directory: string, fromZxid: number) {
    this.disk = disk;
    this.directory = directory;
    this.fromZxid = fromZxid;
  }

  /** @throws JournalDamagedError when a newer version wrote any of it: then nothing here knows what it says */
  run(): DamageReport {
    const { segments, findings } = listSegments(this.disk, this.directory);
    for (const finding of findings) this.find({ ...finding, action: ACTION });
    const first = segmentHolding(segments, this.fromZxid);
    const base = segments[first]?.header.baseZxid ?? this.fromZxid;
    this.last = Math.min(base, this.fromZxid);
    this.isBroken = base > this.fromZxid;
    for (let index = first; index < segments.length; index++) {
      this.readSegment(segments[index] as SegmentFile, segments[index + 1]);
    }
    if (findings.some(({ kind, file }) => kind === "corruption" && !isInGap(segments, file))) this.leaveOpen();
    // The snapshot asked for is of what this journal once held.
    if (this.last < this.fromZxid) this.last = this.fromZxid;
    return this.report();
  }

  private report(): DamageReport {
    const { findings, sticky, uncertainAfter, last: lastZxid, stickyInDoubt, isEpochLater } = this;
    const beyond = uncertainAfter !== undefined && lastZxid > uncertainAfter ? lastZxid : undefined;
    return {
      findings,
      holes: this.holes.map((hole) => this.clip(hole)).filter((hole) => hole !== undefined),
      uncertain: uncertainAfter === undefined ? undefined : { afterZxid: uncertainAfter, throughZxid: beyond },
      lastZxid,
      promise: sticky.promise?.body,
      epoch: sticky.epoch?.body,
      configuration: sticky.configuration?.body,
      stickyInDoubt,
      isEpochLater: isEpochLater || !stickyInDoubt,
      starts: Array.from(this.starts, ([epoch, afterZxid]) => ({ epoch, afterZxid })).sort(byEpoch),
    };
  }

  private clip({ afterZxid, throughZxid }: ZxidRange): ZxidRange | undefined {
    if (throughZxid !== undefined && throughZxid <= this.fromZxid) return undefined;
    return { afterZxid: Math.max(afterZxid, this.fromZxid), throughZxid };
  }

  private find(finding: Finding): void {
    this.findings.push(finding);
    if (finding.kind === "format") throw new JournalDamagedError(this.directory, this.findings);
    this.isBroken = true;
    this.doubtSticky();
  }

  private doubtSticky(): void {
    this.stickyInDoubt = true;
    this.isEpochLater = false;
  }

  /** The newest file may be one that cannot be read: what it held has no end. */
  private leaveOpen(): void {
    this.doubtSticky();
    this.holes.push({ afterZxid: this.last, throughZxid: undefined });
  }

  private readSegment(segment: SegmentFile, successor: SegmentFile | undefined): void {
    const { header, name } = segment;
    this.file = name;
    this.stand(header.baseZxid);
    this.head = new StickyRecords();
    if (header.headEnd === SEGMENT_HEADER_BYTES) this.takeHead();
    const follows = successor?.header.number === header.number + 1;
    const successorEnd = follows ? successor.header.previousEnd : undefined;
    const reader = new SegmentReader(this.disk.open(join(this.directory, name), "read"), header.bytes);
    try {
      for (let resumeAt = -1; ; ) {
        const bounds = resumeAt < 0 ? { successorEnd } : { successorEnd, resumeAt };
        const stop = this.readRun(segment, scanSegment(reader, header, bounds));
        if (stop.verdict === "end") return;
        this.judge(segment, stop, successor === undefined, successorEnd);
        if (stop.resumeAt < 0) return;
        resumeAt = stop.resumeAt;
      }
    } finally {
      reader.close();
    }
  }

  private readRun(segment: SegmentFile, scan: ReturnType<typeof scanSegment>): ScanStop {
    for (let step = scan.next(); ; step = scan.next()) {
      if (step.done) return step.value;
      this.take(segment, step.value);
    }
  }

  private judge(
    { name, header }: SegmentFile,
    stop: ScanStop,
    isNewest: boolean,
    successorEnd: number | undefined,
  ): void {
    const { isBroken, stickyInDoubt, isEpochLater } = this;
    this.find(findingOf(name, stop, ACTION));
    if (stop.end < header.headEnd) this.takePartOfHead();
    if (stop.verdict === "uncertain" && isNewest) this.uncertainAfter ??= this.last;
    if (stop.zxids === undefined) return;
    const { type, flags, first, last, end } = stop.zxids;
    // A copy stands where its original stood, long ago.
    if ((flags & recordFlag.COPY) !== 0) return;
    // An intact header follows on what was read before it: only its body is lost.
    this.isBroken = isBroken;
    const found = this.findings.length;
    if (type === recordType.BATCH) {
      this.follow(first);
      this.skip(last);
      const nextAfter = stop.resumeAt < 0 ? successorEnd : stop.resumeAfter;
      if (stop.verdict === "corruption" && nextAfter === end && found === this.findings.length) {
        // What comes next was written directly behind it.
        this.stickyInDoubt = stickyInDoubt;
        this.isEpochLater = isEpochLater;
        return;
      }
    } else if (type === recordType.SNAPSHOT) this.install(last);
    else this.stand(last);
    // What comes behind it may be lost too.
    this.isBroken = true;
  }

  /** Takes one intact record in. */
  private take(segment: SegmentFile, { header, offset, body }: ScannedRecord): void {
    const { firstZxid, lastZxid } = header;
    const type = header.type as RecordType;
    if ((header.flags & recordFlag.COPY) !== 0) {
      this.takeCopy({ type, firstZxid, lastZxid, segment, offset }, body);
      return;
    }
    if (type === recordType.BATCH) this.follow(firstZxid);
    else if (type !== recordType.SNAPSHOT && type !== recordType.TRUNCATE && lastZxid !== this.last)
      this.jump(lastZxid);
    if (type === recordType.SNAPSHOT) this.install(lastZxid);
    else if (type !== recordType.BATCH) this.stand(lastZxid);
    this.sticky.note({ type, firstZxid, lastZxid, body });
    if (type === recordType.EPOCH) this.isEpochLater = true;
    if (type !== recordType.BATCH && type !== recordType.CONFIGURATION) return;
    this.places.push({ type, firstZxid, lastZxid, segment, offset });
    this.last = lastZxid;
  }

  private takeCopy(place: RecordPlace, body: Uint8Array): void {
    const { type, firstZxid, lastZxid, segment, offset } = place;
    const record: JournalRecord = { type, firstZxid, lastZxid, body };
    if (type === recordType.CONFIGURATION) this.keepCopy(place);
    if (this.head === undefined) this.takeOlder(record);
    else {
      this.head.note(record);
      if (offset + recordBytes(body.length) === segment.header.headEnd) this.takeHead();
    }
  }

  /** A configuration whose own record is lost is good in its copy. */
  private keepCopy(copy: RecordPlace): void {
    const { places } = this;
    if (places.some(({ type, lastZxid }) => type === copy.type && lastZxid === copy.lastZxid)) return;
    const at = places.findIndex(({ lastZxid }) => lastZxid > copy.lastZxid);
    places.splice(at < 0 ? places.length : at, 0, copy);
  }

  /** A whole head says all there is of sticky records up to there. */
  private takeHead(): void {
    this.sticky = this.head ?? this.sticky;
    this.stickyInDoubt = false;
  }

  private takePartOfHead(): void {
    for (const record of this.head?.all() ?? []) this.takeOlder(record);
    this.head = undefined;
  }

  /** A copy that may be older than what is known: only where it is the later one it counts. */
  private takeOlder(record: JournalRecord): void {
    const known = record.type === recordType.CONFIGURATION ? (this.sticky.configuration?.lastZxid ?? -1) : -1;
    if (record.lastZxid > known) this.sticky.note(record);
  }

  /** A batch begins here: what its place says of the one before. */
  private follow(firstZxid: number): void {
    if (new ZxidChain(this.last).continues(firstZxid)) {
      // Where an epoch begins, nothing says where the one before ended.
      if (!this.isBroken || firstZxid === this.last + 1) {
        if (epochOf(firstZxid) > epochOf(this.last)) this.starts.set(epochOf(firstZxid), this.last);
        this.isBroken = false;
        return;
      }
    } else if (!this.isBroken) this.jump(firstZxid);
    this.stand(firstZxid - 1);
  }

  /** A jump where nothing is damaged: somebody else's doing, but records are missing all the same. */
  private jump(zxid: number): void {
    if (this.isBroken) return;
    const problem = `what comes after ${formatZxid(this.last)} is missing, before ${formatZxid(zxid)}`;
    this.find({ kind: "missing", file: this.file, offset: 0, rule: "decision 4", problem, action: ACTION });
  }

  /** The last zxid in force here is this one. */
  private stand(zxid: number): void {
    if (zxid > this.last) this.skip(zxid);
    else if (zxid < this.last) this.truncate(zxid);
    this.last = zxid;
    this.isBroken = false;
  }

  private skip(through: number): void {
    const latest = this.holes.at(-1);
    if (this.uncertainAfter === undefined && through > this.last) {
      if (latest !== undefined && latest.throughZxid === this.last) latest.throughZxid = through;
      else this.holes.push({ afterZxid: this.last, throughZxid: through });
    }
    this.last = through;
  }

  private truncate(zxid: number): void {
    const { places } = this;
    while ((places.at(-1)?.lastZxid ?? 0) > zxid) places.pop();
    this.holes = this.holes.filter(({ afterZxid }) => afterZxid < zxid);
    const latest = this.holes.at(-1);
    if (latest?.throughZxid !== undefined) latest.throughZxid = Math.min(latest.throughZxid, zxid);
    // Between them everything was intact, so the place falls between batches - unless one of them was lost.
    const end = Math.max(places.at(-1)?.lastZxid ?? 0, latest?.throughZxid ?? 0);
    if (this.uncertainAfter !== undefined) this.uncertainAfter = Math.min(this.uncertainAfter, zxid);
    this.last = zxid;
    if (places.length > 0 && end < zxid && epochOf(end) === epochOf(zxid)) {
      this.last = end;
      this.skip(zxid);
    }
  }

  private install(zxid: number): void {
    this.places.length = 0;
    this.holes = [];
    this.last = zxid;
    this.isBroken = false;
  }
}

/** True for an unreadable file that, by its name, is one of those missing between two others. */
function isInGap(segments: readonly SegmentFile[], file: string): boolean {
  const firstZxid = Number.parseInt(file, 16);
  return segments.some(({ header }, index) => {
    const before = segments[index - 1]?.header;
    if (before === undefined || before.number + 1 === header.number) return false;
    return firstZxid > before.baseZxid && firstZxid <= header.baseZxid + 1;
  });
}

function byEpoch(one: EpochStart, other: EpochStart): number {
  return one.epoch - other.epoch;
}
