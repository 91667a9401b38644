import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, vi } from "vitest";
import { ByteWriter, decodeUtf8, encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import {
  emptySessionRow,
  emptyZnodeRow,
  type RowSink,
  type SessionRow,
  type SnapshotMeta,
  writeDeletedRow,
  writeSessionRow,
  writeZnodeRow,
  type ZnodeRow,
} from "../../../../src/core/tree/snapshot-row.ts";

/** Real files, threads and processes: a slow machine is not a failure, a hang is. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** Rows with a checksum over all their fields, as the core gives them; here a CRC-32 over the row's own encoding. */
export function znode(
  fields: Partial<Omit<ZnodeRow, "name" | "data">> & { name?: string; data?: string | Uint8Array },
) {
  const { name = "", data = "", ...rest } = fields;
  const row: ZnodeRow = {
    ...emptyZnodeRow(),
    serial: 1,
    ...rest,
    name: encodeUtf8(name),
    data: typeof data === "string" ? encodeUtf8(data) : data,
  };
  row.checksum = znodeChecksum(row);
  return row;
}

export function session(fields: Partial<SessionRow>): SessionRow {
  const row: SessionRow = { ...emptySessionRow(), secretHash: new Uint8Array(32), timeoutMs: 10_000, ...fields };
  row.checksum = sessionChecksum(row);
  return row;
}

export function meta(fields: Partial<SnapshotMeta>): SnapshotMeta {
  return {
    zxid: 1,
    digest: [0x89abcdef, 0xfedcba98],
    featureLevel: 1,
    nextSerial: 1000,
    time: 1_790_000_000_000,
    limits: '{"dataBytesMax":1048576}',
    quotas: '[["/app",3,12]]',
    configuration: new Uint8Array(0),
    configurationZxid: 0,
    nodeCount: 0,
    sessionCount: 0,
    history: new Uint8Array(0),
    ...fields,
  };
}

export function znodeChecksum(row: ZnodeRow): number {
  const writer = new ByteWriter();
  writeZnodeRow(writer, { ...row, checksum: 0 });
  return crc32(writer.view()) >>> 0;
}

export function sessionChecksum(row: SessionRow): number {
  const writer = new ByteWriter();
  writeSessionRow(writer, { ...row, checksum: 0 });
  return crc32(writer.view()) >>> 0;
}

export interface Change {
  readonly znodes?: readonly ZnodeRow[];
  readonly sessions?: readonly SessionRow[];
  readonly deleted?: readonly number[];
  readonly closed?: readonly number[];
}

export function encode(change: Change): Uint8Array {
  const writer = new ByteWriter();
  for (const row of change.znodes ?? []) writeZnodeRow(writer, row);
  for (const row of change.sessions ?? []) writeSessionRow(writer, row);
  for (const serial of change.deleted ?? []) writeDeletedRow(writer, 2, serial);
  for (const id of change.closed ?? []) writeDeletedRow(writer, 4, id);
  return writer.copy();
}

/** Keeps what a load delivers, in readable form, and refuses a row that does not match its checksum. */
export class Collector implements RowSink {
  readonly rows: unknown[] = [];
  private readonly verifies: boolean;

  /** @param verifies against the checksums that {@link znode} and {@link session} give; some rows have the core's */
  constructor(verifies = true) {
    this.verifies = verifies;
  }

  znode(row: ZnodeRow): void {
    if (this.verifies && znodeChecksum(row) !== row.checksum) throw new Error(`znode ${row.serial}: checksum`);
    this.rows.push({ ...row, name: text(row.name), data: text(row.data) });
  }

  znodeDeleted(serial: number): void {
    throw new Error(`a load delivers no deletions (${serial})`);
  }

  session(row: SessionRow): void {
    if (this.verifies && sessionChecksum(row) !== row.checksum) throw new Error(`session ${row.id}: checksum`);
    this.rows.push({ ...row, secretHash: text(row.secretHash), window: text(row.window) });
  }

  sessionDeleted(id: number): void {
    throw new Error(`a load delivers no deletions (${id})`);
  }
}

/** What a {@link Collector} shows for these rows. */
export function shown(
  znodes: readonly ZnodeRow[],
  sessions: readonly SessionRow[] = [],
  verifies: boolean = true,
): unknown[] {
  const collector = new Collector(verifies);
  for (const row of znodes) collector.znode(row);
  for (const row of sessions) collector.session(row);
  return collector.rows;
}

function text(bytes: Uint8Array): string {
  return bytes.length > 64 ? `${bytes.length} bytes, crc ${crc32(bytes) >>> 0}` : decodeUtf8(bytes, 0, bytes.length);
}

const directories: string[] = [];

/** A directory of the test's own, removed after it. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "muster-storage-"));
  directories.push(directory);
  return directory;
}

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

const FIRST = 2 ** 32 + 1;

/** The tree most tests use: some of everything. */
export const smallTree = {
  znodes: [
    znode({ serial: 1, creations: 2, pzxid: 4_294_967_300 }),
    znode({ serial: 2, parentSerial: 1, name: "app", czxid: FIRST, mzxid: FIRST, pzxid: FIRST + 4, creations: 3 }),
    znode({ serial: 3, parentSerial: 2, name: "config", data: "port=80", version: 4, mtime: 1_790_000_000_123 }),
    znode({ serial: 4, parentSerial: 2, name: "größe", data: "12", acl: '[["world","anyone",1]]', aversion: 1 }),
    znode({ serial: 5, parentSerial: 2, name: "worker-0000000000", kind: 1, owner: 4_294_967_298, data: "host" }),
    znode({ serial: 9, parentSerial: 1, name: "lease", kind: 3, ttlMs: 60_000, version: -2_147_483_648 }),
  ],
  sessions: [
    session({ id: 4_294_967_298, generation: 3, window: encodeUtf8("window") }),
    session({ id: 4_294_967_299, timeoutMs: 30_000 }),
  ],
};

/** Storage keeps a history as it is; reading it is the core's. */
const history = encodeUtf8("the newest events");
export const smallMeta = meta({ zxid: 4_294_967_310, nextSerial: 10, nodeCount: 6, sessionCount: 2, history });
