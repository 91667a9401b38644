import type Database from "better-sqlite3";
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
import { FIX_DAMAGED, SnapshotError, snapshotError } from "./snapshot-error.ts";
import { isWhole } from "./snapshot-meta.ts";

const SECRET_HASH_BYTES = 32;
/** Rows of one page of znodes. */
const PAGE_ROWS = 256;
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
const SESSION_QUERY = `SELECT id, timeout_ms, generation, checksum, secret_hash, window
  FROM session WHERE id > ? ORDER BY id`;

const KIND_MAX = Math.max(...Object.values(znodeKind));

/**
 * Reads the rows of one round in steps: znodes in serial order, then sessions, and checks types, order and counts. The
 * row objects are reused; their byte fields belong to the sink. The database must be inside a read transaction, so
 * that all steps see one round; several readers may share it.
 *
 * It reads page by page, because a JavaScript object per row and field is what a plain query's time goes into: the
 * numbers of a page come as one JSON text, names and data as a few concatenated blobs. Three times as fast.
 */
export class SnapshotRowReader {
  /** True while the sink runs: what it throws is not damage found here. */
  inSink = false;
  private readonly file: string;
  private readonly meta: SnapshotMeta;
  private readonly stepBytes: number;
  private readonly pages: Database.Statement;
  private readonly blobs: Database.Statement;
  private readonly sessions: Database.Statement;
  private readonly znode = emptyZnodeRow();
  private readonly session = emptySessionRow();
  private table: "znode" | "session" | "end" = "znode";
  /** The row being read, for the error's message. */
  private row: unknown;
  private page: unknown[][] = [];
  private from = 0;
  private previous = 0;
  private count = 0;

  /** @param stepBytes names, data and windows of one step, unless a single row has more */
  constructor(database: Database.Database, file: string, meta: SnapshotMeta, stepBytes: number) {
    this.file = file;
    this.meta = meta;
    this.stepBytes = stepBytes;
    this.pages = database.prepare(PAGE_QUERY).pluck();
    this.blobs = database.prepare(BLOB_QUERY).pluck();
    this.sessions = database.prepare(SESSION_QUERY).raw();
  }

  /**
   * Delivers the next rows.
   *
   * @returns false when there are none left
   * @throws SnapshotError naming file, table, row and rule; whatever the sink throws passes through unchanged
   */
  step(sink: RowSink): boolean {
    try {
      if (this.table === "znode") {
        if (this.stepZnodes(sink)) return true;
        this.endTable(this.meta.nodeCount);
        this.table = "session";
      }
      if (this.table === "session") {
        if (this.stepSessions(sink)) return true;
        this.endTable(this.meta.sessionCount);
        this.table = "end";
      }
      return false;
    } catch (error) {
      if (this.inSink) throw error;
      throw snapshotError(this.file, this.where(), error);
    }
  }

  /** Where the next query begins; the first one finds ids that are not above 0, too, for the order to refuse them. */
  private get after(): number {
    return this.previous === 0 ? Number.MIN_SAFE_INTEGER : this.previous;
  }

  private endTable(expected: number): void {
    this.row = undefined;
    if (this.count !== expected) this.fail(`${this.count} rows, and the meta row counts ${expected}`);
    this.count = 0;
    this.previous = 0;
  }

  private stepZnodes(sink: RowSink): boolean {
    if (this.from === this.page.length) {
      this.page = JSON.parse(this.pages.get(this.after) as string) as unknown[][];
      this.from = 0;
    }
    const { page, from, znode } = this;
    if (page.length === 0) return false;
    const end = this.stepEnd(page, from);
    const bytes = this.blobs.get(this.whole(page[from], 0), this.whole(page[end - 1], 0));
    if (!(bytes instanceof Uint8Array)) this.fail("names and data are not bytes");
    let at = 0;
    for (let i = from; i < end; i++) {
      at = this.readZnode(page[i] as unknown[], znode, bytes, at);
      this.checkOrder(znode);
      this.previous = znode.serial;
      this.inSink = true;
      sink.znode(znode);
      this.inSink = false;
    }
    if (at !== bytes.length) this.fail("names and data are longer than their columns say");
    this.count += end - from;
    this.from = end;
    return true;
  }

  /** Where the rows of a page end whose names and data are fetched together: one row at least. */
  private stepEnd(page: unknown[][], from: number): number {
    let bytes = 0;
    for (let i = from; i < page.length; i++) {
      const values = page[i];
      this.row = values?.[0];
      bytes += this.whole(values, COLUMN_NAME_BYTES) + this.whole(values, COLUMN_DATA_BYTES);
      if (bytes > this.stepBytes && i > from) return i;
    }
    return page.length;
  }

  private checkOrder(row: ZnodeRow): void {
    if (row.serial <= this.previous) this.fail("serials do not rise");
    if (row.serial >= this.meta.nextSerial) this.fail("the serial is not below the meta row's next_serial");
    const isRoot = row.serial === ROOT_SERIAL;
    if (isRoot ? row.parentSerial !== 0 : row.parentSerial < ROOT_SERIAL || row.parentSerial >= row.serial) {
      this.fail("a znode's parent has a lower serial, and only the root's is 0");
    }
  }

  private stepSessions(sink: RowSink): boolean {
    const { session } = this;
    let bytes = 0;
    for (const values of this.sessions.iterate(this.after) as IterableIterator<unknown[]>) {
      this.readSession(values, session);
      if (session.id <= this.previous) this.fail("session ids do not rise");
      this.inSink = true;
      sink.session(session);
      this.inSink = false;
      this.previous = session.id;
      this.count++;
      bytes += SECRET_HASH_BYTES + session.window.length;
      if (bytes > this.stepBytes) return true;
    }
    return bytes > 0;
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

  private where(): string {
    return this.row === undefined ? this.table : `${this.table} ${String(this.row)}`;
  }

  private fail(rule: string): never {
    throw new SnapshotError({ file: this.file, where: this.where(), rule, fix: FIX_DAMAGED });
  }
}
