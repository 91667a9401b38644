import { crc32 } from "node:zlib";
import { assert } from "../../core/base/assert.ts";
import { ByteWriter } from "../../core/base/bytes.ts";
import {
  type RowSink,
  type SessionRow,
  type SnapshotMeta,
  writeSessionRow,
  writeZnodeRow,
  type ZnodeRow,
} from "../../core/tree/snapshot-row.ts";
import { writeMeta } from "./snapshot-meta.ts";

/** The format of transfers; FORMAT.md describes it. Raised with every change of a chunk, a row or the meta. */
export const TRANSFER_FORMAT = 1;
/** "MstX", the first bytes of the first chunk's body. */
export const TRANSFER_MAGIC = 0x5874734d;
/** length (4), number (4), kind (4), checksum (4). */
export const CHUNK_HEADER_BYTES = 16;
export const CHUNK_CHECKED_BYTES = 12;
/** A chunk of rows is sent when its body has this many bytes; one row more, or one step of a reader, at most. */
export const CHUNK_BYTES_TARGET = 512 * 1024;
/** Larger bodies are refused before any memory is taken for them, bytes. */
export const CHUNK_BODY_BYTES_MAX = 64 * 1024 * 1024;

export const chunkKind = { BEGIN: 1, ROWS: 2, END: 3 } as const;

/** 1 where the lowest byte of a number comes first: what of the meta is in the machine's byte order depends on it. */
export const BYTE_ORDER = new Uint8Array(Uint16Array.of(1).buffer)[0] as number;

/** Makes the chunks of a transfer: {@link begin}, then {@link rows} whenever enough of them wait, then {@link end}. */
export class TransferEncoder implements RowSink {
  private readonly writer = new ByteWriter(CHUNK_BYTES_TARGET * 2);
  private number = 0;
  private checksum = 0;
  private rowCount = 0;
  private znodes = 0;
  private sessions = 0;
  private rowBytes = 0;

  /** Bytes of rows that wait to be sent. */
  get pendingBytes(): number {
    return this.rowCount === 0 ? 0 : this.writer.length - CHUNK_HEADER_BYTES;
  }

  begin(meta: SnapshotMeta): Uint8Array {
    assert(this.number === 0, "a transfer begins once");
    const { writer } = this;
    this.open();
    writer.u32(TRANSFER_MAGIC);
    writer.u16(TRANSFER_FORMAT);
    writer.u16(BYTE_ORDER);
    writeMeta(writer, meta);
    return this.close(chunkKind.BEGIN);
  }

  znode(row: ZnodeRow): void {
    this.openRows();
    writeZnodeRow(this.writer, row);
    this.znodes++;
  }

  session(row: SessionRow): void {
    this.openRows();
    writeSessionRow(this.writer, row);
    this.sessions++;
  }

  znodeDeleted(): void {
    assert(false, "a transfer holds no deletions");
  }

  sessionDeleted(): void {
    assert(false, "a transfer holds no deletions");
  }

  /** The rows given since the last chunk; there must be some. */
  rows(): Uint8Array {
    assert(this.rowCount > 0, "a chunk of no rows");
    this.writer.putU32(CHUNK_HEADER_BYTES, this.rowCount);
    this.rowCount = 0;
    this.rowBytes += this.writer.length - CHUNK_HEADER_BYTES;
    return this.close(chunkKind.ROWS);
  }

  end(): Uint8Array {
    assert(this.rowCount === 0, "rows are left over");
    this.open();
    this.writer.u53(this.znodes);
    this.writer.u53(this.sessions);
    this.writer.u53(this.rowBytes);
    return this.close(chunkKind.END);
  }

  private openRows(): void {
    if (this.rowCount++ > 0) return;
    this.open();
    this.writer.u32(0);
  }

  private open(): void {
    this.writer.reset();
    for (let i = 0; i < CHUNK_HEADER_BYTES; i += 4) this.writer.u32(0);
  }

  private close(kind: number): Uint8Array {
    const { writer } = this;
    writer.putU32(0, writer.length - CHUNK_HEADER_BYTES);
    writer.putU32(4, this.number++);
    writer.putU32(8, kind);
    const chunk = writer.copy();
    this.checksum = chunkChecksum(
      chunk.subarray(0, CHUNK_CHECKED_BYTES),
      chunk.subarray(CHUNK_HEADER_BYTES),
      this.checksum,
    );
    new DataView(chunk.buffer).setUint32(CHUNK_CHECKED_BYTES, this.checksum, true);
    return chunk;
  }
}

/** Runs on from chunk to chunk, so that a chunk checks everything before it. */
export function chunkChecksum(header: Uint8Array, body: Uint8Array, previous: number): number {
  return crc32(body, crc32(header, previous)) >>> 0;
}
