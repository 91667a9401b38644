import { crc32 } from "node:zlib";
import { ByteWriter } from "../../core/base/bytes.ts";
import type { SnapshotMeta } from "../../core/tree/snapshot-row.ts";

/** `application_id` of the file's header: "Mstr". `file(1)` and SQLite tools show it. */
export const SNAPSHOT_APPLICATION_ID = 0x4d737472;

/** `user_version` of the file's header: raised with every change of the schema or of a column's meaning. */
export const SNAPSHOT_FORMAT = 1;

/**
 * Bytes per database page, fixed at a file's creation. Twice SQLite's default: rows of 1 KiB waste less of it, and a
 * round takes fewer calls to the system; larger still, and a change of one row writes too much.
 */
export const SNAPSHOT_PAGE_BYTES = 8192;

const META_TABLE = `CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  zxid INTEGER NOT NULL,
  digest_low INTEGER NOT NULL,
  digest_high INTEGER NOT NULL,
  feature_level INTEGER NOT NULL,
  next_serial INTEGER NOT NULL,
  time INTEGER NOT NULL,
  limits TEXT NOT NULL,
  quotas TEXT NOT NULL,
  node_count INTEGER NOT NULL,
  session_count INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  history BLOB NOT NULL
) STRICT`;

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
 * The whole schema, by table name. A file's own must be equal to the letter: a column read as another type or under
 * another name is damage, and no member ever altered a table within one format.
 */
export const SNAPSHOT_TABLES: Readonly<Record<string, string>> = {
  meta: META_TABLE,
  session: SESSION_TABLE,
  znode: ZNODE_TABLE,
};

/** CRC-32 over the meta row's fields in the order of the columns, as FORMAT.md says. */
export function metaChecksum(meta: SnapshotMeta): number {
  const writer = new ByteWriter(256);
  writer.u53(meta.zxid);
  writer.u32(meta.digest[0]);
  writer.u32(meta.digest[1]);
  writer.u53(meta.featureLevel);
  writer.u53(meta.nextSerial);
  writer.u53(meta.time);
  writer.string(meta.limits);
  writer.string(meta.quotas);
  writer.u53(meta.nodeCount);
  writer.u53(meta.sessionCount);
  writer.u53(meta.history.length);
  const checksum = crc32(writer.view());
  // Of an empty BLOB as SQLite gives it, Node makes 0, whatever came before.
  return (meta.history.length === 0 ? checksum : crc32(meta.history, checksum)) >>> 0;
}
