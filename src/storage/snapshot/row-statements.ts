import type Database from "better-sqlite3";
import type { SessionRow, SnapshotMeta, ZnodeRow } from "../../core/tree/snapshot-row.ts";
import { metaToColumns } from "./snapshot-meta.ts";
import { SNAPSHOT_FORMAT } from "./snapshot-schema.ts";

/** Puts rows into the tables of the present format; a row of the same id is replaced. */
export class RowStatements {
  private readonly putZnode: Database.Statement;
  private readonly putSession: Database.Statement;

  constructor(database: Database.Database) {
    this.putZnode = database.prepare(
      "INSERT OR REPLACE INTO znode VALUES (?, ?, CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    this.putSession = database.prepare("INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?)");
  }

  znode(row: ZnodeRow): void {
    this.putZnode.run(
      row.serial,
      row.parentSerial,
      row.name,
      row.kind,
      row.czxid,
      row.mzxid,
      row.pzxid,
      row.ctime,
      row.mtime,
      row.version,
      row.creations,
      row.aversion,
      row.owner,
      row.ttlMs,
      row.checksum,
      row.acl,
      row.data,
    );
  }

  session(row: SessionRow): void {
    this.putSession.run(row.id, row.secretHash, row.timeoutMs, row.generation, row.checksum, row.window);
  }
}

/** Puts the meta row: the last of a round. */
export function putMeta(database: Database.Database, meta: SnapshotMeta): void {
  const values = metaToColumns(meta, SNAPSHOT_FORMAT);
  const marks = values.map(() => "?").join(", ");
  database.prepare(`INSERT OR REPLACE INTO meta VALUES (1, ${marks})`).run(...values);
}
