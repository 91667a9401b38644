import { formatZxid } from "../../core/base/zxid.ts";

/**
 * - corruption: damage, or contradiction, in what was synced once.
 * - missing: a whole segment, or zxids between two batches, are not there.
 * - uncertain: damage in the last write group: a torn write, or damage to acknowledged records; nobody can tell.
 * - format: written by a newer version of this program.
 */
export type FindingKind = "corruption" | "missing" | "uncertain" | "format";

export interface Finding {
  readonly kind: FindingKind;
  /** Name of the file in the journal's directory. */
  readonly file: string;
  readonly offset: number;
  /** Zxids of the record concerned, where its header still tells them. */
  readonly firstZxid?: number;
  readonly lastZxid?: number;
  /** The rule it breaks, as in design/core.md. */
  readonly rule: string;
  /** What is wrong, in words. */
  readonly problem: string;
  /** What was done about it. */
  readonly action: string;
}

export function describeFinding(finding: Finding): string {
  const zxids =
    finding.firstZxid === undefined || finding.lastZxid === undefined
      ? ""
      : ` (zxid ${formatZxid(finding.firstZxid)} to ${formatZxid(finding.lastZxid)})`;
  const place = `${finding.file} at ${finding.offset}${zxids}`;
  return `${finding.kind}: ${place}: ${finding.problem} [${finding.rule}]; ${finding.action}`;
}

/** True for findings a member must not start with. */
export function isFatal(finding: Finding): boolean {
  return finding.kind !== "uncertain";
}

/** The journal cannot be opened: it is damaged below what was synced, incomplete, or of a newer format. */
export class JournalDamagedError extends Error {
  override readonly name = "JournalDamagedError";
  readonly findings: readonly Finding[];

  constructor(directory: string, findings: readonly Finding[]) {
    super(`the journal in ${directory} cannot be used\n${findings.map(describeFinding).join("\n")}`);
    this.findings = findings;
  }
}
