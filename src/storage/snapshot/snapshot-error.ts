/** Where a damaged or unusable snapshot breaks which rule, and what to do about it. */
export interface SnapshotFault {
  /** The database file, or the directory when the choice between files is at fault. */
  readonly file: string;
  /** Table and row, as `znode 17`; `header` or `schema` for the file itself. */
  readonly where: string;
  /** What must hold and does not. */
  readonly rule: string;
  readonly fix: string;
}

/** What to do about damage that a member cannot repair by itself. */
export const FIX_DAMAGED =
  "restore the data directory from a backup, or empty it and let the member join its ensemble anew";

/** A snapshot that cannot be loaded or written. The message names file, place, rule and fix. */
export class SnapshotError extends Error {
  override readonly name = "SnapshotError";
  readonly fault: SnapshotFault;

  constructor(fault: SnapshotFault, cause?: unknown) {
    super(`${fault.file}: ${fault.where}: ${fault.rule} (${fault.fix})`, { cause });
    this.fault = fault;
  }
}

/** What helps against SQLite's result codes, by their first part. */
const fixes: Readonly<Record<string, string>> = {
  SQLITE_FULL: "make room on the disk and start the member again; the journal has what the snapshot lacks",
  SQLITE_IOERR: "check the disk, then start the member again; the journal has what the snapshot lacks",
  SQLITE_BUSY: "close the other program that has the file open",
  SQLITE_CANTOPEN: "check that the file is there and that the member's user may read and write it and its directory",
  SQLITE_READONLY: "check that the member's user may write the file and its directory",
  SQLITE_PERM: "check that the member's user may write the file and its directory",
  SQLITE_CORRUPT: FIX_DAMAGED,
  SQLITE_NOTADB: FIX_DAMAGED,
};
const FIX_DEFECT = "start the member again; if it happens again, report it with the log";

/** Wraps whatever SQLite or the worker threw, so that no error leaves without naming the file. */
export function snapshotError(file: string, where: string, error: unknown): SnapshotError {
  if (error instanceof SnapshotError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code !== "string") return new SnapshotError({ file, where, rule: text, fix: FIX_DEFECT }, error);
  const family = code.split("_", 2).join("_");
  return new SnapshotError({ file, where, rule: `${code}: ${text}`, fix: fixes[family] ?? FIX_DEFECT }, error);
}
