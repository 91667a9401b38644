import { ByteReader, type ByteWriter, FormatError } from "../base/bytes.ts";

/**
 * Rows are how the tree leaves memory for a snapshot and comes back: captured on the loop in small slices as bytes,
 * handed to the snapshot's worker, and stored there one column per field. A round's rows are applied in order, then its
 * {@link SnapshotMeta} is committed with them.
 */
export const rowKind = { ZNODE: 1, ZNODE_DELETED: 2, SESSION: 3, SESSION_DELETED: 4 } as const;

/** What the znode is, besides its data; part of the formats. */
export const znodeKind = { PERSISTENT: 0, EPHEMERAL: 1, CONTAINER: 2, TTL: 3 } as const;
export type ZnodeKind = (typeof znodeKind)[keyof typeof znodeKind];

/** The root's serial; its parent's is 0, and every other znode's is larger than its parent's. */
export const ROOT_SERIAL = 1;

export interface ZnodeRow {
  /** Order of creation, unique for ever: the row id. Children list in the order of their serials. */
  serial: number;
  parentSerial: number;
  /** One segment, UTF-8; empty for the root. */
  name: Uint8Array;
  data: Uint8Array;
  kind: ZnodeKind;
  czxid: number;
  mzxid: number;
  pzxid: number;
  ctime: number;
  mtime: number;
  version: number;
  /** Children ever created: what sequence suffixes count and ZooKeeper's shown cversion derives from. */
  creations: number;
  aversion: number;
  /** Session id, for ephemeral znodes; otherwise 0. */
  owner: number;
  ttlMs: number;
  /** JSON `[["scheme","id",permissions],...]`; empty for the open ACL, `world:anyone` with all permissions. */
  acl: string;
  /** One lane of the znode's digest: a checksum over all of the above. */
  checksum: number;
}

export interface SessionRow {
  id: number;
  /** SHA-256 of the secret. */
  secretHash: Uint8Array;
  timeoutMs: number;
  generation: number;
  /** The at-most-once window as bytes (`window.ts`). */
  window: Uint8Array;
  /** One lane over all of the above, the window's answers too. */
  checksum: number;
}

/** What is committed with a round: the state's coordinates. */
export interface SnapshotMeta {
  readonly zxid: number;
  /** Two lanes of the tree's digest at `zxid`. */
  readonly digest: readonly [number, number];
  readonly featureLevel: number;
  /** The serial the next znode gets. */
  readonly nextSerial: number;
  /** Leader time of `zxid`, ms since 1970. */
  readonly time: number;
  /** The ensemble's configuration as bytes the tree does not look into; empty: none was ever set. */
  readonly configuration: Uint8Array;
  /** zxid of the command that set the configuration; 0: none did. */
  readonly configurationZxid: number;
  /** Replicated limits, as JSON. */
  readonly limits: string;
  /** Counted subtrees, as JSON `[["/path", count, bytes],...]`. */
  readonly quotas: string;
  readonly nodeCount: number;
  readonly sessionCount: number;
  /** The newest events up to `zxid`, for watches that resume (`history-tail`); empty: none were kept. */
  readonly history: Uint8Array;
}

export function writeZnodeRow(writer: ByteWriter, row: ZnodeRow): void {
  writer.u8(rowKind.ZNODE);
  writer.u53(row.serial);
  writer.u53(row.parentSerial);
  writer.u8(row.kind);
  writer.u53(row.czxid);
  writer.u53(row.mzxid);
  writer.u53(row.pzxid);
  writer.u53(row.ctime);
  writer.u53(row.mtime);
  writer.i32(row.version);
  writer.i32(row.creations);
  writer.i32(row.aversion);
  writer.u53(row.owner);
  writer.u53(row.ttlMs);
  writer.u32(row.checksum);
  writer.block(row.name);
  writer.string(row.acl);
  writer.block(row.data);
}

export function writeSessionRow(writer: ByteWriter, row: SessionRow): void {
  writer.u8(rowKind.SESSION);
  writer.u53(row.id);
  writer.raw(row.secretHash);
  writer.u53(row.timeoutMs);
  writer.u32(row.generation);
  writer.u32(row.checksum);
  writer.block(row.window);
}

export function writeDeletedRow(writer: ByteWriter, kind: 2 | 4, id: number): void {
  writer.u8(kind);
  writer.u53(id);
}

/** Receives the rows of {@link readRows}; the row objects are reused, their byte fields are views. */
export interface RowSink {
  znode(row: ZnodeRow): void;
  znodeDeleted(serial: number): void;
  session(row: SessionRow): void;
  sessionDeleted(id: number): void;
}

/** Decodes a run of rows; throws FormatError on bytes that are not rows. */
export function readRows(bytes: Uint8Array, sink: RowSink): void {
  const reader = new ByteReader(bytes);
  const decoder = new RowDecoder();
  while (reader.remaining > 0) decoder.read(reader, sink);
}

/** Decodes rows one at a time. */
export class RowDecoder {
  private readonly znode = emptyZnodeRow();
  private readonly session = emptySessionRow();

  /** Hands the row at the reader to `sink`; throws FormatError on bytes that are not a row. */
  read(reader: ByteReader, sink: RowSink): void {
    const kind = reader.u8();
    if (kind === rowKind.ZNODE) sink.znode(readZnodeRow(reader, this.znode));
    else if (kind === rowKind.ZNODE_DELETED) sink.znodeDeleted(reader.u53());
    else if (kind === rowKind.SESSION) sink.session(readSessionRow(reader, this.session));
    else if (kind === rowKind.SESSION_DELETED) sink.sessionDeleted(reader.u53());
    else throw new FormatError(`unknown row kind ${kind}`);
  }
}

/** Of {@link writeZnodeRow} and {@link writeSessionRow}: between the id and the first block. */
const ZNODE_FIXED_BYTES = 8 + 1 + 5 * 8 + 3 * 4 + 2 * 8 + 4;
const SESSION_FIXED_BYTES = 32 + 8 + 4 + 4;

/** Moves the reader over one row, and returns that row's id: its serial, or the session's. */
export function skipRow(reader: ByteReader): number {
  const kind = reader.u8();
  if (kind < rowKind.ZNODE || kind > rowKind.SESSION_DELETED) throw new FormatError(`unknown row kind ${kind}`);
  const id = reader.u53();
  if (kind === rowKind.ZNODE) skip(reader, ZNODE_FIXED_BYTES, 3);
  else if (kind === rowKind.SESSION) skip(reader, SESSION_FIXED_BYTES, 1);
  return id;
}

function skip(reader: ByteReader, bytes: number, blocks: number): void {
  reader.skip(bytes);
  for (let i = 0; i < blocks; i++) reader.skip(reader.varint());
}

function readZnodeRow(reader: ByteReader, row: ZnodeRow): ZnodeRow {
  row.serial = reader.u53();
  row.parentSerial = reader.u53();
  row.kind = reader.u8() as ZnodeKind;
  row.czxid = reader.u53();
  row.mzxid = reader.u53();
  row.pzxid = reader.u53();
  row.ctime = reader.u53();
  row.mtime = reader.u53();
  row.version = reader.i32();
  row.creations = reader.i32();
  row.aversion = reader.i32();
  row.owner = reader.u53();
  row.ttlMs = reader.u53();
  row.checksum = reader.u32();
  row.name = reader.block();
  row.acl = reader.string();
  row.data = reader.block();
  return row;
}

function readSessionRow(reader: ByteReader, row: SessionRow): SessionRow {
  row.id = reader.u53();
  row.secretHash = reader.raw(32);
  row.timeoutMs = reader.u53();
  row.generation = reader.u32();
  row.checksum = reader.u32();
  row.window = reader.block();
  return row;
}

const NOTHING = new Uint8Array(0);

export function emptyZnodeRow(): ZnodeRow {
  return {
    serial: 0,
    parentSerial: 0,
    name: NOTHING,
    data: NOTHING,
    kind: 0,
    czxid: 0,
    mzxid: 0,
    pzxid: 0,
    ctime: 0,
    mtime: 0,
    version: 0,
    creations: 0,
    aversion: 0,
    owner: 0,
    ttlMs: 0,
    acl: "",
    checksum: 0,
  };
}

export function emptySessionRow(): SessionRow {
  return { id: 0, secretHash: NOTHING, timeoutMs: 0, generation: 0, window: NOTHING, checksum: 0 };
}
