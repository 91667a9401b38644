import type Database from "better-sqlite3";
import type { SnapshotMeta } from "../../core/tree/snapshot-row.ts";
import { FIX_DAMAGED, SnapshotError } from "./snapshot-error.ts";
import { metaChecksum, SNAPSHOT_APPLICATION_ID, SNAPSHOT_FORMAT, SNAPSHOT_TABLES } from "./snapshot-schema.ts";

/** Refuses a file that is no snapshot, is of another format, or whose schema is not this format's to the letter. */
export function checkHeader(database: Database.Database, file: string): void {
  const fail = (where: string, rule: string, fix: string = FIX_DAMAGED): never => {
    throw new SnapshotError({ file, where, rule, fix });
  };
  if (database.pragma("application_id", { simple: true }) !== SNAPSHOT_APPLICATION_ID) {
    fail("header", "application_id is not that of a Muster snapshot");
  }
  const format = database.pragma("user_version", { simple: true });
  if (format !== SNAPSHOT_FORMAT) {
    const rule = `the file has snapshot format ${format}; this version of Muster knows format ${SNAPSHOT_FORMAT}`;
    fail("header", rule, "run the version of Muster that wrote the file, or a later one");
  }
  const tables = database.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").all();
  const expected = Object.entries(SNAPSHOT_TABLES).map(([name, sql]) => ({ name, sql }));
  if (JSON.stringify(tables) !== JSON.stringify(expected)) {
    fail("schema", `the tables are not those of snapshot format ${SNAPSHOT_FORMAT}`);
  }
}

type MetaColumns = [
  zxid: number,
  digestLow: number,
  digestHigh: number,
  featureLevel: number,
  nextSerial: number,
  time: number,
  limits: string,
  quotas: string,
  nodeCount: number,
  sessionCount: number,
  checksum: number,
  history: Uint8Array,
];

const HAS_ROWS = "SELECT EXISTS (SELECT 1 FROM znode) OR EXISTS (SELECT 1 FROM session)";

/** The meta of the last committed round, checked against its checksum; undefined before the first one. */
export function readMeta(database: Database.Database, file: string): SnapshotMeta | undefined {
  const fail = (rule: string): never => {
    throw new SnapshotError({ file, where: "meta 1", rule, fix: FIX_DAMAGED });
  };
  const rows = database
    .prepare(
      `SELECT zxid, digest_low, digest_high, feature_level, next_serial, time, limits, quotas, node_count,
        session_count, checksum, history, id FROM meta`,
    )
    .raw()
    .all() as unknown[][];
  const [row] = rows;
  if (row === undefined) {
    // Rounds are atomic: rows without a meta row are a round whose meta row was damaged away.
    if (database.prepare(HAS_ROWS).pluck().get() === 1) fail("the row is missing, and there are znodes or sessions");
    return undefined;
  }
  if (rows.length > 1 || row[12] !== 1) fail("the table has another row than that with id 1");
  row.forEach((value, column) => {
    if (!isOfType(value, column)) fail(`column ${column + 1} is not of its type`);
  });
  const [zxid, low, high, featureLevel, nextSerial, time, limits, quotas, nodeCount, sessionCount, checksum, blob] =
    row as MetaColumns;
  const digest: readonly [number, number] = [low, high];
  const history = new Uint8Array(blob.buffer, blob.byteOffset, blob.length);
  const none = { configuration: new Uint8Array(0), configurationZxid: 0 };
  const meta = { zxid, digest, featureLevel, nextSerial, time, limits, quotas, nodeCount, sessionCount, history, ...none };
  if (low >= 2 ** 32 || high >= 2 ** 32 || metaChecksum(meta) !== checksum) fail("the row does not match its checksum");
  return meta;
}

function isOfType(value: unknown, column: number): boolean {
  if (column === 6 || column === 7) return typeof value === "string";
  return column === 11 ? value instanceof Uint8Array : isWhole(value);
}

/** True for what a zxid, time, count or id may be. */
export function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
