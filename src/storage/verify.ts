import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { formatZxid } from "../core/base/zxid.ts";
import type { RowSink, SnapshotMeta } from "../core/tree/snapshot-row.ts";
import { type JournalRecord, recordType } from "../core/zab/journal-record.ts";
import { IDENTITY_FILE, JOURNAL_FOLDER, readIdentity } from "./data-dir.ts";
import { DataDirError } from "./data-dir-error.ts";
import type { DataDirIdentity } from "./data-dir-identity.ts";
import { LOCK_FILE, readPid, tryLock } from "./data-dir-lock.ts";
import { type Finding, isFatal } from "./journal/finding.ts";
import { inspectJournal } from "./journal/inspect-journal.ts";
import { readJournal } from "./journal/recover-journal.ts";
import { nodeDisk } from "./node-disk.ts";
import { FIX_DAMAGED, SnapshotError } from "./snapshot/snapshot-error.ts";
import { type SnapshotFile, selectSnapshot } from "./snapshot/snapshot-files.ts";
import { loadSnapshot } from "./snapshot/snapshot-loader.ts";
import { describeSnapshot, findingOf, verifySnapshot } from "./snapshot/verify-snapshot.ts";
import type { VerifyFinding } from "./verify-finding.ts";

/** The core's part of a verification, injected because it is the composition's to construct. */
export interface VerifyDependencies {
  /**
   * Builds the state from a snapshot, checking each row's checksum and the digest: `load` feeds the rows and returns
   * the meta, or undefined when there is no snapshot. Throws on the first difference. Without it only storage's own
   * rules are checked.
   */
  readonly loadState?: (load: (rows: RowSink) => SnapshotMeta | undefined) => VerifiedState;
}

/** The state a member would have. */
export interface VerifiedState {
  readonly zxid: number;
  readonly digest: readonly [number, number];
  /** Applies a batch of the journal; its body is a view, valid during the call. Throws when it cannot be decoded. */
  replay(batch: JournalRecord): void;
}

export interface VerifyReport {
  readonly directory: string;
  readonly findings: readonly VerifyFinding[];
  readonly identity: DataDirIdentity | undefined;
  readonly snapshot: { readonly file: string; readonly meta: SnapshotMeta | undefined } | undefined;
  readonly journal: { readonly segments: number; readonly records: number; readonly lastZxid: number } | undefined;
  /** Where loading and replaying arrived; undefined when it was not asked for or findings kept it from being done. */
  readonly state: { readonly zxid: number; readonly digest: readonly [number, number] } | undefined;
}

/**
 * Checks everything in the data directory of a stopped member, and names each finding. Repairs nothing; takes the
 * directory's lock meanwhile, and leaves no file behind that was not there.
 */
export async function verifyDataDir(directory: string, dependencies: VerifyDependencies = {}): Promise<VerifyReport> {
  const verification = new Verification(resolve(directory), dependencies);
  verification.run();
  return verification;
}

class Verification implements VerifyReport {
  readonly directory: string;
  readonly findings: VerifyFinding[] = [];
  identity: DataDirIdentity | undefined;
  snapshot: { file: string; meta: SnapshotMeta | undefined } | undefined;
  journal: { segments: number; records: number; lastZxid: number } | undefined;
  state: { zxid: number; digest: readonly [number, number] } | undefined;
  private readonly dependencies: VerifyDependencies;
  private readonly journalDirectory: string;
  /** zxid of the journal's last SNAPSHOT record. */
  private installed: number | undefined;

  constructor(directory: string, dependencies: VerifyDependencies) {
    this.directory = directory;
    this.dependencies = dependencies;
    this.journalDirectory = join(directory, JOURNAL_FOLDER);
  }

  run(): void {
    if (!existsSync(this.directory)) {
      this.note(this.directory, "", "the data directory exists", "name the directory given as --data-dir");
      return;
    }
    // Without a lock file no member ever ran here, and verifying must not make one.
    const lock = existsSync(join(this.directory, LOCK_FILE)) ? this.attempt(() => tryLock(this.directory)) : null;
    if (lock === undefined) {
      const pid = readPid(this.directory);
      const holder = pid === undefined ? "" : ` (pid ${pid})`;
      this.note(this.directory, "", `no member runs on the data directory${holder}`, "stop the member first");
      return;
    }
    try {
      this.checkIdentity();
      this.checkJournal();
      const file = this.checkSnapshot();
      if (!this.findings.some(({ severity }) => severity === "error")) this.attempt(() => this.checkWhole(file));
    } finally {
      lock?.release();
    }
  }

  private checkIdentity(): void {
    this.identity = this.attempt(() => readIdentity(this.directory));
    if (this.identity === undefined && this.findings.length === 0) {
      this.note(join(this.directory, IDENTITY_FILE), "", "the file exists", FIX_DAMAGED);
    }
  }

  private checkJournal(): void {
    if (!existsSync(this.journalDirectory)) {
      this.note(this.journalDirectory, "", "the journal exists", FIX_DAMAGED);
      return;
    }
    this.attempt(() => {
      const inspection = inspectJournal(this.journalDirectory);
      let records = 0;
      let lastZxid = 0;
      for (const record of inspection.records()) {
        records++;
        if (record.isCopy) continue;
        lastZxid = record.lastZxid;
        if (record.type === recordType.SNAPSHOT) this.installed = record.lastZxid;
      }
      this.journal = { segments: inspection.segments.length, records, lastZxid };
      for (const finding of inspection.findings) this.noteJournal(finding);
    });
  }

  private checkSnapshot(): string | undefined {
    const selection = this.attempt(() => selectSnapshot(this.directory, this.installed));
    for (const file of selection?.leftovers ?? []) {
      const rule = "a file that is not part of the current snapshot is removed";
      this.note(file, "", rule, "nothing to do: the member's next start removes it", "warning");
    }
    const current: SnapshotFile | undefined = selection?.current;
    if (current === undefined) return undefined;
    const { meta, findings } = withoutTraces(current.file, () => verifySnapshot(current.file));
    this.snapshot = { file: current.file, meta };
    this.findings.push(...findings);
    return current.file;
  }

  /** Snapshot and journal together: no gap between them, and a state that loads and replays. */
  private checkWhole(file: string | undefined): void {
    const meta = this.snapshot?.meta;
    const from = meta?.zxid ?? 0;
    const { recovered } = readJournal(nodeDisk, this.journalDirectory, from);
    const named = describeSnapshot(meta);
    if (recovered.baseZxid > from) {
      const rule = `the journal, which begins after ${formatZxid(recovered.baseZxid)}, goes on from ${named}`;
      this.note(this.journalDirectory, "", rule, FIX_DAMAGED);
    } else if (recovered.lastZxid < from) {
      const rule = `the journal, which ends at ${formatZxid(recovered.lastZxid)}, reaches ${named} (core.md 23)`;
      this.note(this.journalDirectory, "", rule, FIX_DAMAGED);
    } else {
      this.replay(file, recovered.batches(from));
    }
  }

  private replay(file: string | undefined, batches: Iterable<JournalRecord>): void {
    const { loadState } = this.dependencies;
    if (loadState === undefined) return;
    const path = file ?? this.directory;
    const load = (rows: RowSink) => (file === undefined ? undefined : loadSnapshot(file, rows));
    const state = this.attempt(() => withoutTraces(path, () => loadState(load)), path);
    if (state === undefined) return;
    let reached = state.zxid;
    try {
      for (const batch of batches) {
        state.replay(batch);
        reached = batch.lastZxid;
      }
    } catch (error) {
      const rule = `the journal's batches can be applied: ${(error as Error).message}`;
      this.note(this.journalDirectory, `after zxid ${formatZxid(reached)}`, rule, FIX_DAMAGED);
      return;
    }
    this.state = { zxid: state.zxid, digest: state.digest };
  }

  /** The result, or undefined and a finding: one damaged part must not keep the others from being checked. */
  private attempt<Result>(check: () => Result, file = this.directory): Result | undefined {
    try {
      return check();
    } catch (error) {
      if (error instanceof SnapshotError) this.findings.push(findingOf(error));
      else if (error instanceof DataDirError) this.note(error.file, "", error.rule, error.fix);
      else this.note(file, "", error instanceof Error ? error.message : String(error), FIX_DAMAGED);
      return undefined;
    }
  }

  private noteJournal(finding: Finding): void {
    const { firstZxid, lastZxid } = finding;
    const zxids =
      firstZxid === undefined || lastZxid === undefined
        ? ""
        : ` (zxid ${formatZxid(firstZxid)} to ${formatZxid(lastZxid)})`;
    const severity = isFatal(finding) ? "error" : "warning";
    const fix = isFatal(finding) ? FIX_DAMAGED : "nothing to do: the member's next start repairs it";
    const file = join(this.journalDirectory, finding.file);
    this.note(file, `offset ${finding.offset}${zxids}`, `${finding.problem} [${finding.rule}]`, fix, severity);
  }

  private note(file: string, where: string, rule: string, fix: string, severity: "error" | "warning" = "error"): void {
    this.findings.push({ severity, file, where, rule, fix });
  }
}

/** Runs a read of a database and removes what SQLite lays beside it for that, unless it was there before. */
function withoutTraces<Result>(file: string, read: () => Result): Result {
  const created = ["-wal", "-shm"].map((suffix) => file + suffix).filter((name) => !existsSync(name));
  try {
    return read();
  } finally {
    for (const name of created) rmSync(name, { force: true });
  }
}
