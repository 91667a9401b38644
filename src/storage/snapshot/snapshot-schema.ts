import { metaColumns } from "./snapshot-meta.ts";

/** `application_id` of the file's header: "Mstr". `file(1)` and SQLite tools show it. */
export const SNAPSHOT_APPLICATION_ID = 0x4d737472;

/** `user_version` of the file's header: raised with every change of the schema or of a column's meaning. */
export const SNAPSHOT_FORMAT = 2;
/** The oldest format that is read; opened for writing, such a file is brought to {@link SNAPSHOT_FORMAT}. */
export const SNAPSHOT_FORMAT_MIN = 1;

/**
 * Bytes per database page, fixed at a file's creation. Twice SQLite's default: rows of 1 KiB waste less of it, and a
 * round takes fewer calls to the system; larger still, and a change of one row writes too much.
 */
export const SNAPSHOT_PAGE_BYTES = 8192;

const metaTypes: Readonly<Record<string, string>> = {
  limits: "TEXT",
  quotas: "TEXT",
  configuration: "BLOB",
  history: "BLOB",
};

/** The meta table of a format: the types follow from the names of the few columns that are not whole numbers. */
function metaTable(format: number): string {
  const columns = metaColumns(format).map((name) => `  ${name} ${metaTypes[name] ?? "INTEGER"} NOT NULL`);
  return `CREATE TABLE meta (\n  id INTEGER PRIMARY KEY CHECK (id = 1),\n${columns.join(",\n")}\n) STRICT`;
}
const SESSION_TABLE = `CREATE TABLE session (
  id INTEGER PRIMARY KEY,
  secret_hash BLOB NOT NULL,
  timeout_ms INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  window BLOB NOT NULL
) STRICT`;

const ZNODE_TABLE = `CREATE TABLE znode (
  serial INTEGER PRIMARY KEY,
  parent INTEGER NOT NULL,
  name TEXT NOT NULL,
  kind INTEGER NOT NULL,
  czxid INTEGER NOT NULL,
  mzxid INTEGER NOT NULL,
  pzxid INTEGER NOT NULL,
  ctime INTEGER NOT NULL,
  mtime INTEGER NOT NULL,
  version INTEGER NOT NULL,
  creations INTEGER NOT NULL,
  aversion INTEGER NOT NULL,
  owner INTEGER NOT NULL,
  ttl_ms INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  acl TEXT NOT NULL,
  data BLOB NOT NULL
) STRICT`;

/**
 * The whole schema of a format, by table name. A file's own must be equal to the letter: a column read as another type
 * or under another name is damage, and no member ever altered a table within one format.
 */
export function snapshotTables(format: number): Readonly<Record<string, string>> {
  return { meta: metaTable(format), session: SESSION_TABLE, znode: ZNODE_TABLE };
}
