import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { assert } from "../../core/base/assert.ts";
import { FormatError } from "../../core/base/bytes.ts";
import { formatZxid } from "../../core/base/zxid.ts";
import type { SessionRow, SnapshotMeta, ZnodeRow } from "../../core/tree/snapshot-row.ts";
import { syncDirectory, syncFile } from "../sync-file.ts";
import { RowChecker } from "./row-checker.ts";
import { putMeta, RowStatements } from "./row-statements.ts";
import { checkHeader, readMeta } from "./snapshot-check.ts";
import { snapshotError } from "./snapshot-error.ts";
import { createTables, currentSnapshot, removeDatabase, snapshotFileName, TEMPORARY_SUFFIX } from "./snapshot-files.ts";
import { checkStructure } from "./snapshot-loader.ts";
import type { InstalledSnapshot } from "./snapshot-transfer.ts";
import { freeBytesOf } from "./snapshot-writer.ts";
import { TransferDecoder, type TransferSink } from "./transfer-decoder.ts";
import { SnapshotTransferError } from "./transfer-error.ts";

/** SQLite's page cache, KiB: rows are only ever appended. */
const CACHE_KIB = 4096;
/** Room that stays free, bytes: the journal and the running snapshot go first. */
const FREE_BYTES_MIN = 64 * 1024 * 1024;

/** What has just been done; a crash after any of it leaves the current snapshot as it was. */
export type InstallStep = "created" | "written" | "verified" | "closed" | "synced" | "renamed" | "durable";

export interface InstallerOptions {
  readonly directory: string;
  /** zxid of the installed snapshot the journal names, if any: its file is the current one. */
  readonly installed?: number | undefined;
  /** Told of every step: where tests stop. */
  readonly afterStep?: (step: InstallStep) => void;
  /** Free bytes of the file system at a path; the default asks statfs. */
  readonly freeBytes?: (directory: string) => number;
}

/**
 * Receives one transfer into a new database file; synchronous, run by a worker thread. Built under a temporary name
 * without a journal - it is worth nothing before it is whole - then checked, closed without -wal, fsynced and renamed.
 */
export class SnapshotInstaller implements TransferSink {
  private readonly options: InstallerOptions;
  private readonly decoder = new TransferDecoder(this);
  private meta: SnapshotMeta | undefined;
  private file = "";
  private temporary = "";
  private database: Database.Database | undefined;
  private rows: RowStatements | undefined;
  private checker: RowChecker | undefined;

  constructor(options: InstallerOptions) {
    this.options = options;
  }

  /** The next bytes of the transfer. On an error the caller aborts. */
  write(bytes: Uint8Array): void {
    const { directory, freeBytes = freeBytesOf } = this.options;
    const need = bytes.length * 2 + FREE_BYTES_MIN;
    const free = freeBytes(directory);
    if (free < need) {
      throw new SnapshotTransferError("NO_SPACE", `${free} bytes are free in ${directory}, and ${need} are needed`);
    }
    this.attempt("write", () => this.decoder.push(bytes));
  }

  finish(): InstalledSnapshot {
    this.decoder.expectComplete();
    const { meta, database } = this;
    assert(meta !== undefined && database !== undefined, "a complete transfer has begun");
    return this.attempt("finish", () => {
      putMeta(database, meta);
      database.exec("COMMIT");
      this.step("written");
      this.verify(database, meta);
      this.step("verified");
      database.pragma("journal_mode = WAL");
      database.close();
      assert(!existsSync(`${this.temporary}-wal`), "a closed database has no -wal");
      this.step("closed");
      syncFile(this.temporary);
      this.step("synced");
      // What an earlier install of the same zxid left there, which never was current, must not meet the new file.
      removeDatabase(this.file);
      renameSync(this.temporary, this.file);
      this.step("renamed");
      syncDirectory(this.options.directory);
      this.step("durable");
      return { zxid: meta.zxid, file: this.file };
    });
  }

  /** Removes what there is under the temporary name. */
  abort(): void {
    this.database?.close();
    if (this.temporary !== "") removeDatabase(this.temporary);
  }

  begin(meta: SnapshotMeta): void {
    const { directory, installed } = this.options;
    if (currentSnapshot(directory, installed)?.began === meta.zxid) {
      const text = `the current snapshot began at ${formatZxid(meta.zxid)}, too`;
      throw new SnapshotTransferError("SAME_FILE", `${text}; the sender has to commit a round at another zxid`);
    }
    this.meta = meta;
    this.checker = new RowChecker(meta);
    this.file = join(directory, snapshotFileName(meta.zxid));
    this.temporary = this.file + TEMPORARY_SUFFIX;
    removeDatabase(this.temporary);
    const database = new Database(this.temporary);
    this.database = database;
    createTables(database);
    // Nothing to roll back to, nothing to keep: the file is fsynced once, when it is whole.
    database.pragma("journal_mode = OFF");
    database.pragma("synchronous = OFF");
    database.pragma("locking_mode = EXCLUSIVE");
    database.pragma(`cache_size = -${CACHE_KIB}`);
    database.exec("BEGIN");
    this.rows = new RowStatements(database);
    this.step("created");
  }

  znode(row: ZnodeRow): void {
    this.checker?.znode(row);
    this.rows?.znode(row);
  }

  session(row: SessionRow): void {
    this.checker?.session(row);
    this.rows?.session(row);
  }

  /** Reads back what can be read without the rows, which the tree's loader reads and checks next. */
  private verify(database: Database.Database, meta: SnapshotMeta): void {
    const format = checkHeader(database, this.temporary);
    checkStructure(database, this.temporary);
    const stored = readMeta(database, this.temporary, format);
    assert(stored !== undefined && stored.zxid === meta.zxid, "the meta row is the one that was written");
  }

  private attempt<Result>(where: string, work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      if (error instanceof SnapshotTransferError) throw error;
      if (error instanceof FormatError) throw new SnapshotTransferError("DAMAGED_TRANSFER", error.message);
      throw snapshotError(this.temporary === "" ? this.options.directory : this.temporary, where, error);
    }
  }

  private step(step: InstallStep): void {
    this.options.afterStep?.(step);
  }
}
