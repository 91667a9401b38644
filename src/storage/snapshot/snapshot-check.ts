import type Database from "better-sqlite3";
import type { SnapshotMeta } from "../../core/tree/snapshot-row.ts";
import { FIX_DAMAGED, SnapshotError } from "./snapshot-error.ts";
import { metaColumns, metaFromColumns } from "./snapshot-meta.ts";
import { SNAPSHOT_APPLICATION_ID, SNAPSHOT_FORMAT, SNAPSHOT_FORMAT_MIN, snapshotTables } from "./snapshot-schema.ts";

/**
 * Refuses a file that is no snapshot, is of a format that is not known, or whose schema is not its format's to the
 * letter.
 *
 * @returns the file's format
 */
export function checkHeader(database: Database.Database, file: string): number {
  const fail = (where: string, rule: string, fix: string = FIX_DAMAGED): never => {
    throw new SnapshotError({ file, where, rule, fix });
  };
  if (database.pragma("application_id", { simple: true }) !== SNAPSHOT_APPLICATION_ID) {
    fail("header", "application_id is not that of a Muster snapshot");
  }
  const format = database.pragma("user_version", { simple: true }) as number;
  if (format < SNAPSHOT_FORMAT_MIN || format > SNAPSHOT_FORMAT) {
    const known = `${SNAPSHOT_FORMAT_MIN} to ${SNAPSHOT_FORMAT}`;
    const rule = `the file has snapshot format ${format}; this version of Muster knows formats ${known}`;
    fail("header", rule, "run the version of Muster that wrote the file, or a later one");
  }
  const tables = database.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").all();
  const expected = Object.entries(snapshotTables(format)).map(([name, sql]) => ({ name, sql }));
  if (JSON.stringify(tables) !== JSON.stringify(expected)) {
    fail("schema", `the tables are not those of snapshot format ${format}`);
  }
  return format;
}

const HAS_ROWS = "SELECT EXISTS (SELECT 1 FROM znode) OR EXISTS (SELECT 1 FROM session)";

/**
 * The meta of the last committed round, checked against its checksum; undefined before the first one. `format` is what
 * {@link checkHeader} returned.
 */
export function readMeta(database: Database.Database, file: string, format: number): SnapshotMeta | undefined {
  const fail = (rule: string): never => {
    throw new SnapshotError({ file, where: "meta 1", rule, fix: FIX_DAMAGED });
  };
  const rows = database
    .prepare(`SELECT id, ${metaColumns(format).join(", ")} FROM meta`)
    .raw()
    .all() as unknown[][];
  const [row] = rows;
  if (row === undefined) {
    // Rounds are atomic: rows without a meta row are a round whose meta row was damaged away.
    if (database.prepare(HAS_ROWS).pluck().get() === 1) fail("the row is missing, and there are znodes or sessions");
    return undefined;
  }
  if (rows.length > 1 || row[0] !== 1) fail("the table has another row than that with id 1");
  return metaFromColumns(row.slice(1), format, fail);
}
