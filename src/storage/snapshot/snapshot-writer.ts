import { statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { assert } from "../../core/base/assert.ts";
import type { RowSink, SessionRow, SnapshotMeta, ZnodeRow } from "../../core/tree/snapshot-row.ts";
import { RowSorter } from "./row-sorter.ts";
import { putMeta, RowStatements } from "./row-statements.ts";
import { checkHeader, readMeta } from "./snapshot-check.ts";
import { snapshotError } from "./snapshot-error.ts";
import { SNAPSHOT_FORMAT, SNAPSHOT_PAGE_BYTES, snapshotTables } from "./snapshot-schema.ts";

/** SQLite's page cache, KiB: enough for the inner pages and the leaves of a run of rows. */
const CACHE_KIB = 4096;
/** Rows are gathered, and put in order, up to this many bytes. */
const GATHERED_BYTES_MAX = 8 * 1024 * 1024;
/** Rows and bytes between two looks at the free space. */
const SPACE_CHECK_ROWS = 256;
const SPACE_CHECK_BYTES = 1024 * 1024;
/** Free space beyond what the checkpoint will need, bytes: the cache, the rows up to the next look, and slack. */
const SPACE_MARGIN_BYTES = 8 * 1024 * 1024;
/**
 * A -wal longer than the first is not truncated between rounds, but written over, up to the second: to extend a file
 * anew with every round costs more than the round's bytes do. Bytes.
 */
const WAL_TRUNCATED_BYTES_MAX = 16 * 1024 * 1024;
const WAL_KEPT_BYTES_MAX = 256 * 1024 * 1024;
/** A page in the -wal has a header. */
const WAL_FRAME_BYTES = SNAPSHOT_PAGE_BYTES + 24;
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
  /** True while a transfer reads the file: checkpoints do not wait for it. */
  readonly isPinned?: () => boolean;
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
  private readonly rows: RowStatements;
  private readonly sorter = new RowSorter();
  private readonly dropZnode: Database.Statement;
  private readonly dropSession: Database.Statement;
  private readonly pageCount: Database.Statement;
  private rowsUnchecked = 0;
  private bytesUnchecked = 0;
  /** Frames of the -wal that were counted as written, and as moved to the database. */
  private framesWritten = 0;
  private framesMoved = 0;

  constructor(file: string, options: WriterOptions) {
    this.file = file;
    this.options = options;
    this.database = new Database(file, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
    const database = this.database;
    try {
      const format = checkHeader(database, file);
      database.pragma("synchronous = FULL");
      database.pragma("wal_autocheckpoint = 0");
      database.pragma(`journal_size_limit = ${WAL_KEPT_BYTES_MAX}`);
      database.pragma(`cache_size = -${CACHE_KIB}`);
      database.pragma("cell_size_check = ON");
      this.rows = new RowStatements(database);
      this.dropZnode = database.prepare("DELETE FROM znode WHERE serial = ?");
      this.dropSession = database.prepare("DELETE FROM session WHERE id = ?");
      this.pageCount = database.prepare("PRAGMA page_count").pluck();
      const meta = readMeta(database, file, format);
      if (format < SNAPSHOT_FORMAT) this.upgrade(meta);
      this.sizes = { walBytes: 0, databaseBytes: 0, rounds: 0, lastZxid: meta?.zxid ?? 0, writtenBytes: 0 };
      this.checkpoint();
    } catch (error) {
      database.close();
      throw snapshotError(file, "open", error);
    }
  }

  /** Takes encoded rows into the open round, opening one if there is none. */
  write(rows: Uint8Array): void {
    try {
      this.begin();
      this.sorter.add(rows);
      if (this.sorter.bytes < GATHERED_BYTES_MAX) return;
      this.sorter.drain(this);
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
      this.sorter.drain(this);
      this.claim(meta.history.length);
      putMeta(this.database, meta);
      this.database.exec("COMMIT");
      this.sizes.lastZxid = meta.zxid;
      this.sizes.rounds++;
      this.checkpoint();
    } catch (error) {
      throw this.failure("commit", error);
    }
  }

  /** A transfer has ended: moves what it held back, unless a round is open, whose commit will. */
  unpinned(): void {
    try {
      if (!this.database.inTransaction) this.checkpoint();
    } catch (error) {
      throw this.failure("checkpoint", error);
    }
  }

  /** Rolls an unfinished round back and closes; the last connection leaves no -wal behind. */
  close(): void {
    this.database.close();
  }

  znode(row: ZnodeRow): void {
    this.claim(row.data.length + row.acl.length);
    this.rows.znode(row);
  }

  znodeDeleted(serial: number): void {
    this.claim(0);
    this.dropZnode.run(serial);
  }

  session(row: SessionRow): void {
    this.claim(row.window.length);
    this.rows.session(row);
  }

  sessionDeleted(id: number): void {
    this.claim(0);
    this.dropSession.run(id);
  }

  /** Brings a file of an older format to the present one, in one transaction: only the meta table ever changed. */
  private upgrade(meta: SnapshotMeta | undefined): void {
    const { database } = this;
    database.exec("BEGIN IMMEDIATE");
    database.exec("DROP TABLE meta");
    database.exec(snapshotTables(SNAPSHOT_FORMAT)["meta"] as string);
    if (meta !== undefined) putMeta(database, meta);
    database.pragma(`user_version = ${SNAPSHOT_FORMAT}`);
    database.exec("COMMIT");
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
   * Moves the -wal into the database, as far as other readers of the file allow, so that it begins anew. What stays is
   * durable where it is and moves at the next checkpoint.
   */
  private checkpoint(): void {
    const { sizes } = this;
    try {
      this.moveFrames();
      if (!this.options.isPinned?.()) this.beginWalAnew();
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (code !== "SQLITE_FULL" && code !== "SQLITE_BUSY") throw error;
    }
    sizes.walBytes = this.sizeOf("-wal");
    sizes.databaseBytes = this.sizeOf("");
  }

  private moveFrames(): void {
    const { written, moved } = this.walCheckpoint("PASSIVE");
    const { sizes } = this;
    sizes.writtenBytes += Math.max(0, written - this.framesWritten) * WAL_FRAME_BYTES;
    sizes.writtenBytes += Math.max(0, moved - this.framesMoved) * SNAPSHOT_PAGE_BYTES;
    this.framesWritten = written;
    this.framesMoved = moved;
  }

  private beginWalAnew(): void {
    const isKept = this.sizeOf("-wal") > WAL_TRUNCATED_BYTES_MAX;
    if (this.walCheckpoint(isKept ? "RESTART" : "TRUNCATE").isHeldUp) return;
    // What the file still holds would be read by whoever opens it after a crash, all of it, though it says nothing new:
    // a commit at its beginning makes it void.
    if (isKept) this.database.pragma(`user_version = ${SNAPSHOT_FORMAT}`);
    const { written } = this.walCheckpoint("PASSIVE");
    this.framesWritten = written;
    this.framesMoved = written;
  }

  private walCheckpoint(mode: "PASSIVE" | "RESTART" | "TRUNCATE") {
    const [row] = this.database.pragma(`wal_checkpoint(${mode})`) as {
      busy: number;
      log: number;
      checkpointed: number;
    }[];
    const { busy = 0, log = 0, checkpointed = 0 } = row ?? {};
    return { isHeldUp: busy !== 0, written: Math.max(0, log), moved: Math.max(0, checkpointed) };
  }

  private sizeOf(suffix: string): number {
    return statSync(this.file + suffix, { throwIfNoEntry: false })?.size ?? 0;
  }

  private failure(where: string, error: unknown): Error {
    return error instanceof RoundAbandonedError ? error : snapshotError(this.file, where, error);
  }
}

export function freeBytesOf(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
