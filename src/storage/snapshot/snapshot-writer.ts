import { statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { assert } from "../../core/base/assert.ts";
import {
  type RowSink,
  readRows,
  type SessionRow,
  type SnapshotMeta,
  type ZnodeRow,
} from "../../core/tree/snapshot-row.ts";
import { checkHeader, readMeta } from "./snapshot-check.ts";
import { snapshotError } from "./snapshot-error.ts";
import { metaChecksum, SNAPSHOT_PAGE_BYTES } from "./snapshot-schema.ts";

/** SQLite's page cache, KiB: enough for the inner pages and the leaves of a run of rows. */
const CACHE_KIB = 4096;
/** Rows and bytes between two looks at the free space. */
const SPACE_CHECK_ROWS = 256;
const SPACE_CHECK_BYTES = 1024 * 1024;
/** Free space beyond what the checkpoint will need, bytes: the cache, the rows up to the next look, and slack. */
const SPACE_MARGIN_BYTES = 8 * 1024 * 1024;
/** How long a checkpoint waits for somebody who reads the file with another program, ms. */
const BUSY_TIMEOUT_MS = 1000;

export interface WriterSizes {
  walBytes: number;
  databaseBytes: number;
  rounds: number;
  lastZxid: number;
  writtenBytes: number;
}

export interface WriterOptions {
  /** Called while the file system lacks the space the open round needs; returns false to give the round up. */
  readonly waitForSpace: (needBytes: number) => boolean;
  /** Free bytes of the file system at a path; the default asks statfs. */
  readonly freeBytes?: (directory: string) => number;
}

/** The round was given up while waiting for space, because the store is closing. */
export class RoundAbandonedError extends Error {
  override readonly name = "RoundAbandonedError";
}

/** One open snapshot file and its write transaction; synchronous, run by the worker thread. */
export class SnapshotWriter implements RowSink {
  readonly sizes: WriterSizes;
  private readonly file: string;
  private readonly options: WriterOptions;
  private readonly database: Database.Database;
  private readonly putZnode: Database.Statement;
  private readonly dropZnode: Database.Statement;
  private readonly putSession: Database.Statement;
  private readonly dropSession: Database.Statement;
  private readonly putMeta: Database.Statement;
  private readonly pageCount: Database.Statement;
  private rowsUnchecked = 0;
  private bytesUnchecked = 0;
  /** What the last checkpoint had to leave in the -wal, and how many of its frames are in the database already. */
  private walBytesKept = 0;
  private framesMoved = 0;

  constructor(file: string, options: WriterOptions) {
    this.file = file;
    this.options = options;
    this.database = new Database(file, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
    const database = this.database;
    try {
      checkHeader(database, file);
      database.pragma("synchronous = FULL");
      database.pragma("wal_autocheckpoint = 0");
      database.pragma(`cache_size = -${CACHE_KIB}`);
      database.pragma("cell_size_check = ON");
      this.putZnode = database.prepare(
        "INSERT OR REPLACE INTO znode VALUES (?, ?, CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      );
      this.dropZnode = database.prepare("DELETE FROM znode WHERE serial = ?");
      this.putSession = database.prepare("INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?)");
      this.dropSession = database.prepare("DELETE FROM session WHERE id = ?");
      this.putMeta = database.prepare("INSERT OR REPLACE INTO meta VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
      this.pageCount = database.prepare("PRAGMA page_count").pluck();
      const meta = readMeta(database, file);
      this.sizes = { walBytes: 0, databaseBytes: 0, rounds: 0, lastZxid: meta?.zxid ?? 0, writtenBytes: 0 };
      this.checkpoint();
    } catch (error) {
      database.close();
      throw snapshotError(file, "open", error);
    }
  }

  /** Applies encoded rows to the open round, opening one if there is none. */
  write(rows: Uint8Array): void {
    try {
      this.begin();
      readRows(rows, this);
      this.sizes.walBytes = this.sizeOf("-wal");
    } catch (error) {
      throw this.failure("write", error);
    }
  }

  /**
   * Commits the round at `meta.zxid`: durable in the -wal when this returns, and in the database file itself unless
   * another program reads it. In that case the -wal keeps the round and the next checkpoint moves it.
   */
  commit(meta: SnapshotMeta): void {
    assert(meta.zxid >= this.sizes.lastZxid, "a snapshot round goes back in time");
    try {
      this.begin();
      this.claim(meta.history.length);
      const [low, high] = meta.digest;
      this.putMeta.run(
        meta.zxid,
        low,
        high,
        meta.featureLevel,
        meta.nextSerial,
        meta.time,
        meta.limits,
        meta.quotas,
        meta.nodeCount,
        meta.sessionCount,
        metaChecksum(meta),
        meta.history,
      );
      this.database.exec("COMMIT");
      this.sizes.lastZxid = meta.zxid;
      this.sizes.rounds++;
      this.checkpoint();
    } catch (error) {
      throw this.failure("commit", error);
    }
  }

  /** Rolls an unfinished round back and closes; the last connection leaves no -wal behind. */
  close(): void {
    this.database.close();
  }

  znode(row: ZnodeRow): void {
    this.claim(row.data.length + row.acl.length);
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

  znodeDeleted(serial: number): void {
    this.claim(0);
    this.dropZnode.run(serial);
  }

  session(row: SessionRow): void {
    this.claim(row.window.length);
    this.putSession.run(row.id, row.secretHash, row.timeoutMs, row.generation, row.checksum, row.window);
  }

  sessionDeleted(id: number): void {
    this.claim(0);
    this.dropSession.run(id);
  }

  private begin(): void {
    if (this.database.inTransaction) return;
    this.database.exec("BEGIN IMMEDIATE");
    this.claim(SPACE_CHECK_BYTES);
  }

  /**
   * Looks ahead at the free space. A write that fails for lack of it would cost the whole round - SQLite can only roll
   * back - so the round waits before it, with its transaction open, and goes on when there is room.
   */
  private claim(bytes: number): void {
    this.rowsUnchecked++;
    this.bytesUnchecked += bytes;
    if (this.rowsUnchecked < SPACE_CHECK_ROWS && this.bytesUnchecked < SPACE_CHECK_BYTES) return;
    this.rowsUnchecked = 0;
    this.bytesUnchecked = 0;
    const pages = this.pageCount.get() as number;
    const growth = Math.max(0, pages * SNAPSHOT_PAGE_BYTES - this.sizes.databaseBytes);
    const need = growth + 2 * Math.max(bytes, SPACE_CHECK_BYTES) + SPACE_MARGIN_BYTES;
    const freeBytes = this.options.freeBytes ?? freeBytesOf;
    while (freeBytes(dirname(this.file)) < need) {
      if (!this.options.waitForSpace(need)) throw new RoundAbandonedError("closing while the disk is full");
    }
  }

  /**
   * Moves the -wal into the database and truncates it, as far as other readers of the file allow. What stays is
   * durable where it is and moves at the next checkpoint.
   */
  private checkpoint(): void {
    const sizes = this.sizes;
    sizes.writtenBytes += Math.max(0, this.sizeOf("-wal") - this.walBytesKept);
    try {
      const [moved] = this.database.pragma("wal_checkpoint(PASSIVE)") as { checkpointed: number }[];
      const frames = Math.max(0, moved?.checkpointed ?? 0);
      sizes.writtenBytes += Math.max(0, frames - this.framesMoved) * SNAPSHOT_PAGE_BYTES;
      this.framesMoved = frames;
      this.database.pragma("wal_checkpoint(TRUNCATE)");
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (code !== "SQLITE_FULL" && code !== "SQLITE_BUSY") throw error;
    }
    sizes.walBytes = this.sizeOf("-wal");
    sizes.databaseBytes = this.sizeOf("");
    this.walBytesKept = sizes.walBytes;
    if (sizes.walBytes === 0) this.framesMoved = 0;
  }

  private sizeOf(suffix: string): number {
    return statSync(this.file + suffix, { throwIfNoEntry: false })?.size ?? 0;
  }

  private failure(where: string, error: unknown): Error {
    return error instanceof RoundAbandonedError ? error : snapshotError(this.file, where, error);
  }
}

function freeBytesOf(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
