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

export const FIX_DAMAGED_SNAPSHOT =
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

/** Wraps whatever SQLite threw, so that no error leaves without naming the file. */
export function snapshotError(file: string, where: string, error: unknown): SnapshotError {
  if (error instanceof SnapshotError) return error;
  const code = (error as { code?: unknown } | undefined)?.code;
  const text = error instanceof Error ? error.message : String(error);
  const rule = typeof code === "string" ? `${code}: ${text}` : text;
  return new SnapshotError({ file, where, rule, fix: FIX_DAMAGED_SNAPSHOT }, error);
}
