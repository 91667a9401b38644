import { ByteReader, FormatError } from "../../core/base/bytes.ts";
import {
  type RowSink,
  readRows,
  type SessionRow,
  type SnapshotMeta,
  type ZnodeRow,
} from "../../core/tree/snapshot-row.ts";
import { readTransferredMeta } from "./snapshot-meta.ts";
import {
  BYTE_ORDER,
  CHUNK_BODY_BYTES_MAX,
  CHUNK_CHECKED_BYTES,
  CHUNK_HEADER_BYTES,
  chunkChecksum,
  chunkKind,
  TRANSFER_FORMAT,
  TRANSFER_MAGIC,
} from "./transfer-encoder.ts";
import { SnapshotTransferError } from "./transfer-error.ts";

/** What a transfer brings, in order. */
export interface TransferSink {
  /** Comes first. The meta's byte fields are the sink's. */
  begin(meta: SnapshotMeta): void;
  /** The row objects are reused, their byte fields are views until it returns. */
  znode(row: ZnodeRow): void;
  session(row: SessionRow): void;
}

const NOTHING = new Uint8Array(0);

/**
 * Decodes one transfer, whose bytes may come in pieces of any size, strictly: every chunk in its place, every checksum
 * and count right, nothing after the end. What it has passed on before it refused something is worth nothing.
 */
export class TransferDecoder {
  private readonly sink: TransferSink;
  private readonly rowSink: RowSink;
  /** The chunk that is being received; its first `filled` bytes are here. */
  private partial = new Uint8Array(CHUNK_HEADER_BYTES);
  private filled = 0;
  private number = 0;
  private checksum = 0;
  private state: "new" | "rows" | "ended" | "refused" = "new";
  private meta: SnapshotMeta | undefined;
  private znodes = 0;
  private sessions = 0;
  private rowBytes = 0;

  constructor(sink: TransferSink) {
    this.sink = sink;
    const refuse = (): never => {
      throw new FormatError("a deletion, and a transfer holds none");
    };
    this.rowSink = {
      znode: (row) => {
        if (this.sessions > 0) throw new FormatError("a znode after a session");
        this.znodes++;
        sink.znode(row);
      },
      session: (row) => {
        this.sessions++;
        sink.session(row);
      },
      znodeDeleted: refuse,
      sessionDeleted: refuse,
    };
  }

  /** True when the last chunk was received: everything is there. */
  get isComplete(): boolean {
    return this.state === "ended";
  }

  /**
   * The next bytes of the transfer.
   *
   * @throws SnapshotTransferError naming chunk and rule; whatever the sink throws passes through unchanged
   */
  push(piece: Uint8Array): void {
    if (this.state === "refused") this.refuse("the transfer was refused before");
    const { state } = this;
    // Stays so when anything below throws, the sink included.
    this.state = "refused";
    this.state = this.consume(piece, state);
  }

  /** Refuses a transfer that has not come to its end. */
  expectComplete(): void {
    if (!this.isComplete) this.refuse("the transfer ends before its last chunk");
  }

  private consume(piece: Uint8Array, before: TransferDecoder["state"]): TransferDecoder["state"] {
    let state = before;
    let rest = piece;
    while (rest.length > 0) {
      if (state === "ended") this.refuse("bytes after the last chunk");
      const whole = this.filled === 0 ? wholeChunk(rest) : undefined;
      if (whole === undefined) {
        rest = rest.subarray(this.fill(rest));
        if (!this.isFilled()) continue;
        state = this.chunk(this.partial, state);
        this.partial = new Uint8Array(CHUNK_HEADER_BYTES);
        this.filled = 0;
      } else {
        state = this.chunk(whole, state);
        rest = rest.subarray(whole.length);
      }
    }
    return state;
  }

  /** Takes what belongs to the partial chunk; returns how much that was. */
  private fill(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.partial.length - this.filled);
    this.partial.set(bytes.subarray(0, taken), this.filled);
    this.filled += taken;
    return taken;
  }

  private isFilled(): boolean {
    if (this.filled < this.partial.length) return false;
    const length = bodyLength(this.partial);
    if (length > CHUNK_BODY_BYTES_MAX) this.refuse(`it is said to have ${length} bytes`);
    if (this.partial.length > CHUNK_HEADER_BYTES || length === 0) return true;
    const grown = new Uint8Array(CHUNK_HEADER_BYTES + length);
    grown.set(this.partial);
    this.partial = grown;
    return false;
  }

  private chunk(bytes: Uint8Array, state: TransferDecoder["state"]): TransferDecoder["state"] {
    const header = new ByteReader(bytes, 4, CHUNK_HEADER_BYTES);
    const number = header.u32();
    const kind = header.u32();
    const body = bytes.subarray(CHUNK_HEADER_BYTES);
    const checksum = chunkChecksum(bytes.subarray(0, CHUNK_CHECKED_BYTES), body, this.checksum);
    if (number !== this.number) this.refuse(`chunk ${number} came in its place`);
    if (header.u32() !== checksum) this.refuse("it does not match its checksum");
    this.checksum = checksum;
    const expected = state === "new" ? kind === chunkKind.BEGIN : kind === chunkKind.ROWS || kind === chunkKind.END;
    if (!expected) this.refuse(`a chunk of kind ${kind} has no place here`);
    let next = state;
    try {
      next = this.body(kind, body);
    } catch (error) {
      if (error instanceof FormatError) this.refuse(error.message);
      throw error;
    }
    this.number++;
    return next;
  }

  private body(kind: number, body: Uint8Array): TransferDecoder["state"] {
    const reader = new ByteReader(body);
    if (kind === chunkKind.BEGIN) this.begin(reader);
    else if (kind === chunkKind.ROWS) this.rows(reader, body);
    else this.end(reader);
    return kind === chunkKind.END ? "ended" : "rows";
  }

  private begin(reader: ByteReader): void {
    if (reader.u32() !== TRANSFER_MAGIC) throw new FormatError("it does not begin as a transfer does");
    const format = reader.u16();
    if (format !== TRANSFER_FORMAT) {
      const known = `this version of Muster knows format ${TRANSFER_FORMAT}`;
      throw new SnapshotTransferError("UNKNOWN_FORMAT", `the transfer has format ${format}; ${known}`);
    }
    const byteOrder = reader.u16();
    const meta = readTransferredMeta(reader);
    reader.expectEnd();
    if (meta.zxid === 0) throw new FormatError("a snapshot of no round");
    // The history is in its writer's byte order; without one, watches older than the snapshot are compacted.
    const history = byteOrder === BYTE_ORDER ? meta.history.slice() : NOTHING;
    this.meta = { ...meta, configuration: meta.configuration.slice(), history };
    this.sink.begin(this.meta);
  }

  private rows(reader: ByteReader, body: Uint8Array): void {
    const expected = reader.u32();
    const before = this.znodes + this.sessions;
    readRows(body.subarray(reader.position), this.rowSink);
    const count = this.znodes + this.sessions - before;
    if (count !== expected || count === 0) throw new FormatError(`${count} rows, and it counts ${expected}`);
    this.rowBytes += body.length;
  }

  private end(reader: ByteReader): void {
    const { znodes, sessions, rowBytes, meta } = this;
    const counts = [reader.u53(), reader.u53(), reader.u53()];
    reader.expectEnd();
    if (counts[0] !== znodes || counts[1] !== sessions || counts[2] !== rowBytes) {
      throw new FormatError(`${znodes} znodes, ${sessions} sessions, ${rowBytes} bytes, and it counts ${counts}`);
    }
    if (meta?.nodeCount !== znodes || meta.sessionCount !== sessions) {
      throw new FormatError(`${znodes} znodes, ${sessions} sessions, and the meta counts others`);
    }
  }

  private refuse(rule: string): never {
    throw new SnapshotTransferError("DAMAGED_TRANSFER", `chunk ${this.number}: ${rule}`);
  }
}

function bodyLength(chunk: Uint8Array): number {
  return new DataView(chunk.buffer, chunk.byteOffset, 4).getUint32(0, true);
}

/** The chunk at the beginning, if it is there whole; most pieces are just one. */
function wholeChunk(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < CHUNK_HEADER_BYTES) return undefined;
  const end = CHUNK_HEADER_BYTES + bodyLength(bytes);
  return end <= bytes.length ? bytes.subarray(0, end) : undefined;
}
