import { join } from "node:path";
import type { Disk } from "../disk.ts";
import type { Finding } from "./finding.ts";
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES, type SegmentHeader } from "./segment-header.ts";

/** A segment of the journal, as its header tells. */
export interface SegmentFile {
  /** Name in the journal's directory. */
  readonly name: string;
  readonly header: SegmentHeader;
}

export const SEGMENT_SUFFIX = ".journal";
export const SPARE_SUFFIX = ".spare";
/** A file in the making, its space being claimed; worthless after a crash. */
export const CLAIMING_NAME = "next.claiming";
export const RESERVE_NAME = "reserve";
/** What a repair cut off. */
export const TORN_SUFFIX = ".torn";

/**
 * A segment is named after the first zxid it can hold, for people; its place is told by the number in its header. The
 * number is added to the name where the plain one is taken: by a segment whose batches were all truncated.
 */
export function segmentName(firstZxid: number, number: number, taken: (name: string) => boolean): string {
  const plain = `${firstZxid.toString(16).padStart(16, "0")}`;
  return taken(`${plain}${SEGMENT_SUFFIX}`) ? `${plain}-${number}${SEGMENT_SUFFIX}` : `${plain}${SEGMENT_SUFFIX}`;
}

/** The directory's segments in order, and what is wrong with their headers. */
export function listSegments(disk: Disk, directory: string): { segments: SegmentFile[]; findings: Finding[] } {
  const segments: SegmentFile[] = [];
  const findings: Finding[] = [];
  for (const name of disk.list(directory).filter((entry) => entry.endsWith(SEGMENT_SUFFIX))) {
    const found = readSegment(disk, directory, name);
    if ("header" in found) segments.push(found);
    else findings.push(found);
  }
  segments.sort((a, b) => a.header.number - b.header.number);
  // An unreadable header hides a number: then a hole in the numbers says nothing new.
  if (findings.length === 0) findings.push(...holes(segments));
  return { segments, findings };
}

/** Index of the first segment that can hold a zxid above `zxid`. */
export function segmentHolding(segments: readonly SegmentFile[], zxid: number): number {
  let index = 0;
  while (index + 1 < segments.length && (segments[index + 1] as SegmentFile).header.baseZxid <= zxid) index++;
  return index;
}

function readSegment(disk: Disk, directory: string, name: string): SegmentFile | Finding {
  const base = { file: name, offset: 0, rule: "core.md 27", action: "nothing was changed" } as const;
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const file = disk.open(join(directory, name), "read");
  try {
    file.read(0, bytes);
    const decoded = decodeSegmentHeader(bytes);
    if (decoded.ok) {
      if (file.size() >= decoded.header.bytes) return { name, header: decoded.header };
      const problem = `the file has ${file.size()} bytes, of ${decoded.header.bytes} claimed`;
      return { ...base, kind: "corruption", problem };
    }
    if (decoded.fault === "newer format") {
      const problem = `journal format ${decoded.version} is newer than this version of Muster`;
      return { ...base, kind: "format", rule: "core.md 5", problem };
    }
    return { ...base, kind: "corruption", problem: `the segment's header: ${decoded.fault}` };
  } finally {
    file.close();
  }
}

function holes(segments: readonly SegmentFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const [index, { name, header }] of segments.entries()) {
    const before = segments[index - 1]?.header.number;
    if (before === undefined || header.number === before + 1) continue;
    const problem =
      header.number === before
        ? `two segments have the number ${before}`
        : `segments ${before + 1} to ${header.number - 1}, which come before it, are missing`;
    findings.push({
      kind: "missing",
      file: name,
      offset: 0,
      rule: "core.md 27",
      problem,
      action: "nothing was changed",
    });
  }
  return findings;
}
