import Database from "better-sqlite3";
import type { RowSink, SnapshotMeta } from "../../core/tree/snapshot-row.ts";
import { checkHeader, readMeta } from "./snapshot-check.ts";
import { FIX_DAMAGED, SnapshotError, snapshotError } from "./snapshot-error.ts";
import { SnapshotRowReader } from "./snapshot-row-reader.ts";

/** SQLite's page cache while reading, KiB: the file is read once, front to back. */
const CACHE_KIB = 1024;
/** Names and data fetched with one query, bytes. */
const STEP_BYTES = 1024 * 1024;

/**
 * Reads the snapshot's last committed round into `sink`, synchronously: znodes in serial order (a parent before its
 * children), then sessions. The row objects are reused; their byte fields belong to the sink. Storage checks the file,
 * the types and the order; each row's checksum is passed through for the sink to verify.
 *
 * @returns the round's meta, or undefined when no round was ever committed
 * @throws SnapshotError naming file, table, row and rule; whatever the sink throws passes through unchanged
 */
export function loadSnapshot(file: string, sink: RowSink): SnapshotMeta | undefined {
  const database = openReadOnly(file);
  try {
    // One read transaction, so that all three tables are of one round.
    const meta = begin(database, file, true);
    if (meta === undefined) return undefined;
    const reader = new SnapshotRowReader(database, file, meta, STEP_BYTES);
    while (reader.step(sink));
    return meta;
  } finally {
    database.close();
  }
}

/** The meta of the last committed round alone; undefined before the first one. Throws as {@link loadSnapshot} does. */
export function loadSnapshotMeta(file: string): SnapshotMeta | undefined {
  const database = openReadOnly(file);
  try {
    return begin(database, file, false);
  } finally {
    database.close();
  }
}

/** Opens a snapshot for reading one round. */
export function openReadOnly(file: string): Database.Database {
  try {
    const database = new Database(file, { readonly: true, fileMustExist: true });
    database.pragma(`cache_size = -${CACHE_KIB}`);
    database.pragma("cell_size_check = ON");
    return database;
  } catch (error) {
    throw snapshotError(file, "header", error);
  }
}

/** Begins the read transaction that sees one round, and reads its meta. */
export function begin(database: Database.Database, file: string, checksPages: boolean): SnapshotMeta | undefined {
  let where = "header";
  try {
    database.exec("BEGIN");
    const format = checkHeader(database, file);
    where = "file";
    if (checksPages) checkStructure(database, file);
    where = "meta";
    return readMeta(database, file, format);
  } catch (error) {
    throw snapshotError(file, where, error);
  }
}

/** B-tree, cells, types and NOT NULL of the whole file, in a fraction of the time the rows take. */
export function checkStructure(database: Database.Database, file: string): void {
  const finding = database.pragma("quick_check(1)", { simple: true });
  if (finding === "ok") return;
  throw new SnapshotError({
    file,
    where: "file",
    rule: `SQLite's quick_check says: ${String(finding)}`,
    fix: FIX_DAMAGED,
  });
}
