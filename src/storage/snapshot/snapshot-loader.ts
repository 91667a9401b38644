import Database from "better-sqlite3";
import {
  emptySessionRow,
  emptyZnodeRow,
  ROOT_SERIAL,
  type RowSink,
  type SessionRow,
  type SnapshotMeta,
  type ZnodeKind,
  type ZnodeRow,
  znodeKind,
} from "../../core/tree/snapshot-row.ts";
import { checkHeader, isWhole, readMeta } from "./snapshot-check.ts";
import { FIX_DAMAGED, SnapshotError, snapshotError } from "./snapshot-error.ts";

/** SQLite's page cache while loading, KiB: the file is read once, front to back. */
const CACHE_KIB = 1024;
const SECRET_HASH_BYTES = 32;
/** Rows of one page, and the names and data fetched with one query, bytes. */
const PAGE_ROWS = 256;
const BLOB_BYTES_TARGET = 1024 * 1024;
const COLUMN_NAME_BYTES = 15;
const COLUMN_DATA_BYTES = 16;

const NUMBERS = `serial, parent, kind, czxid, mzxid, pzxid, ctime, mtime, version, creations, aversion, owner, ttl_ms,
  checksum, acl`;
/** The lengths are taken inside, so that the values themselves are not read for it. */
const PAGE_QUERY = `SELECT json_group_array(json_array(${NUMBERS}, name_bytes, data_bytes)) FROM (
  SELECT ${NUMBERS}, octet_length(name) AS name_bytes, octet_length(data) AS data_bytes
  FROM znode WHERE serial > ? ORDER BY serial LIMIT ${PAGE_ROWS})`;

/**
 * Rows of one table between two row ids come in the order of their row ids, and concatenating blobs keeps every byte.
 */
const BLOB_QUERY = `SELECT CAST(group_concat(CAST(name || data AS BLOB), '') AS BLOB)
  FROM znode WHERE serial BETWEEN ? AND ?`;

const KIND_MAX = Math.max(...Object.values(znodeKind));

/**
 * Reads the snapshot's last committed round into `sink`, synchronously: znodes in serial order (a parent before its
 * children), then sessions. The row objects are reused; their byte fields belong to the sink. Storage checks the file,
 * the types and the order; each row's checksum is passed through for the sink to verify.
 *
 * @returns the round's meta, or undefined when no round was ever committed
 * @throws SnapshotError naming file, table, row and rule; whatever the sink throws passes through unchanged
 */
export function loadSnapshot(file: string, sink: RowSink): SnapshotMeta | undefined {
  const database = open(file);
  try {
    const loader = new Loader(database, file, sink);
    return loader.load();
  } finally {
    database.close();
  }
}

/** The meta of the last committed round alone; undefined before the first one. Throws as {@link loadSnapshot} does. */
export function loadSnapshotMeta(file: string): SnapshotMeta | undefined {
  const database = open(file);
  try {
    checkHeader(database, file);
    return readMeta(database, file);
  } catch (error) {
    throw snapshotError(file, "meta", error);
  } finally {
    database.close();
  }
}

function open(file: string): Database.Database {
  try {
    const database = new Database(file, { readonly: true, fileMustExist: true });
    database.pragma(`cache_size = -${CACHE_KIB}`);
    database.pragma("cell_size_check = ON");
    return database;
  } catch (error) {
    throw snapshotError(file, "header", error);
  }
}

class Loader {
  private readonly database: Database.Database;
  private readonly file: string;
  private readonly sink: RowSink;
  /** The row being read, for the error's message. */
  private table = "header";
  private row: unknown;
  /** Set while the sink runs: what it throws is not damage found here. */
  private inSink = false;

  constructor(database: Database.Database, file: string, sink: RowSink) {
    this.database = database;
    this.file = file;
    this.sink = sink;
  }

  load(): SnapshotMeta | undefined {
    try {
      // One read transaction, so that all three tables are of one round.
      this.database.exec("BEGIN");
      checkHeader(this.database, this.file);
      this.table = "file";
      this.checkStructure();
      this.table = "meta";
      const meta = readMeta(this.database, this.file);
      if (meta === undefined) return undefined;
      this.table = "znode";
      this.expectCount(meta.nodeCount, this.znodes(meta.nextSerial));
      this.table = "session";
      this.expectCount(meta.sessionCount, this.sessions());
      return meta;
    } catch (error) {
      if (this.inSink) throw error;
      throw snapshotError(this.file, this.where(), error);
    }
  }

  /** B-tree, cells, types and NOT NULL of the whole file, in a fraction of the time the rows take. */
  private checkStructure(): void {
    const finding = this.database.pragma("quick_check(1)", { simple: true });
    if (finding !== "ok") this.fail(`SQLite's quick_check says: ${String(finding)}`);
  }

  /**
   * Reads the table page by page, because a JavaScript object per row and field is what a plain query's time goes into:
   * the numbers of a page come as one JSON text, names and data as a few concatenated blobs. Three times as fast.
   */
  private znodes(nextSerial: number): number {
    const pages = this.database.prepare(PAGE_QUERY).pluck();
    const blobs = this.database.prepare(BLOB_QUERY).pluck();
    const row = emptyZnodeRow();
    let count = 0;
    let previous = 0;
    for (;;) {
      const page = JSON.parse(pages.get(previous) as string) as unknown[][];
      if (page.length === 0) break;
      for (let from = 0; from < page.length; ) {
        const end = this.blobEnd(page, from);
        const bytes = blobs.get(this.whole(page[from], 0), this.whole(page[end - 1], 0));
        if (!(bytes instanceof Uint8Array)) this.fail("names and data are not bytes");
        let at = 0;
        for (let i = from; i < end; i++) {
          at = this.readZnode(page[i] as unknown[], row, bytes, at);
          this.checkOrder(row, previous, nextSerial);
          previous = row.serial;
          this.inSink = true;
          this.sink.znode(row);
          this.inSink = false;
        }
        if (at !== bytes.length) this.fail("names and data are longer than their columns say");
        from = end;
      }
      count += page.length;
    }
    this.row = undefined;
    return count;
  }

  /** Where the rows of a page end whose names and data are fetched together: one row at least. */
  private blobEnd(page: unknown[][], from: number): number {
    let bytes = 0;
    for (let i = from; i < page.length; i++) {
      const values = page[i];
      this.row = values?.[0];
      bytes += this.whole(values, COLUMN_NAME_BYTES) + this.whole(values, COLUMN_DATA_BYTES);
      if (bytes > BLOB_BYTES_TARGET && i > from) return i;
    }
    return page.length;
  }

  private checkOrder(row: ZnodeRow, previous: number, nextSerial: number): void {
    if (row.serial <= previous) this.fail("serials do not rise");
    if (row.serial >= nextSerial) this.fail("the serial is not below the meta row's next_serial");
    const isRoot = row.serial === ROOT_SERIAL;
    if (isRoot ? row.parentSerial !== 0 : row.parentSerial < ROOT_SERIAL || row.parentSerial >= row.serial) {
      this.fail("a znode's parent has a lower serial, and only the root's is 0");
    }
  }

  private sessions(): number {
    const rows = this.database
      .prepare("SELECT id, timeout_ms, generation, checksum, secret_hash, window FROM session ORDER BY id")
      .raw()
      .iterate() as IterableIterator<unknown[]>;
    const row = emptySessionRow();
    let count = 0;
    let previous = 0;
    for (const values of rows) {
      this.readSession(values, row);
      if (row.id <= previous) this.fail("session ids do not rise");
      this.inSink = true;
      this.sink.session(row);
      this.inSink = false;
      previous = row.id;
      count++;
    }
    this.row = undefined;
    return count;
  }

  private readZnode(values: unknown[], row: ZnodeRow, bytes: Uint8Array, at: number): number {
    this.row = values[0];
    row.serial = this.whole(values, 0);
    row.parentSerial = this.whole(values, 1);
    const kind = this.whole(values, 2);
    if (kind > KIND_MAX) this.fail(`kind ${kind} is not known`);
    row.kind = kind as ZnodeKind;
    row.czxid = this.whole(values, 3);
    row.mzxid = this.whole(values, 4);
    row.pzxid = this.whole(values, 5);
    row.ctime = this.whole(values, 6);
    row.mtime = this.whole(values, 7);
    row.version = this.int32(values, 8);
    row.creations = this.int32(values, 9);
    row.aversion = this.int32(values, 10);
    row.owner = this.whole(values, 11);
    row.ttlMs = this.whole(values, 12);
    row.checksum = this.uint32(values, 13);
    const acl = values[14];
    if (typeof acl !== "string") this.fail("acl is not a text");
    row.acl = acl;
    const dataAt = at + this.whole(values, COLUMN_NAME_BYTES);
    const end = dataAt + this.whole(values, COLUMN_DATA_BYTES);
    if (end > bytes.length) this.fail("name and data are shorter than their columns say");
    row.name = bytes.subarray(at, dataAt);
    row.data = bytes.subarray(dataAt, end);
    return end;
  }

  private readSession(values: unknown[], row: SessionRow): void {
    this.row = values[0];
    row.id = this.whole(values, 0);
    row.timeoutMs = this.whole(values, 1);
    row.generation = this.uint32(values, 2);
    row.checksum = this.uint32(values, 3);
    const secretHash = values[4];
    const window = values[5];
    if (!(secretHash instanceof Uint8Array) || secretHash.length !== SECRET_HASH_BYTES) {
      this.fail(`secret_hash is not ${SECRET_HASH_BYTES} bytes`);
    }
    if (!(window instanceof Uint8Array)) this.fail("window is not a blob");
    row.secretHash = secretHash;
    row.window = window;
  }

  private whole(values: unknown[] | undefined, column: number): number {
    const value = values?.[column];
    return isWhole(value) ? value : this.fail(`column ${column + 1} is not a whole number below 2^53`);
  }

  private int32(values: unknown[], column: number): number {
    const value = values[column];
    return typeof value === "number" && (value | 0) === value
      ? value
      : this.fail(`column ${column + 1} is not a 32-bit number`);
  }

  private uint32(values: unknown[], column: number): number {
    const value = values[column];
    return typeof value === "number" && value >>> 0 === value
      ? value
      : this.fail(`column ${column + 1} is not an unsigned 32-bit number`);
  }

  private expectCount(expected: number, count: number): void {
    if (count !== expected) this.fail(`${count} rows, and the meta row counts ${expected}`);
  }

  private where(): string {
    return this.row === undefined ? this.table : `${this.table} ${String(this.row)}`;
  }

  private fail(rule: string): never {
    throw new SnapshotError({ file: this.file, where: this.where(), rule, fix: FIX_DAMAGED });
  }
}
