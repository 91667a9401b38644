import { assert } from "../../core/base/assert.ts";
import { ByteWriter } from "../../core/base/bytes.ts";
import {
  type RowSink,
  readRows,
  type SessionRow,
  type SnapshotMeta,
  writeSessionRow,
  writeZnodeRow,
  type ZnodeRow,
} from "../../core/tree/snapshot-row.ts";
import { MemoryExport, MemoryTransfer } from "./memory-transfer.ts";
import type { SnapshotEvents, SnapshotStats, SnapshotStore } from "./snapshot-store.ts";
import { type SnapshotTransfer, TRANSFERS_MAX } from "./snapshot-transfer.ts";
import { CHUNK_BYTES_TARGET } from "./transfer-encoder.ts";
import { SnapshotTransferError } from "./transfer-error.ts";

/** What survives a crash of a member that keeps its snapshot in memory: the last committed round. */
export class MemorySnapshot {
  /** Encoded rows by serial and by session id. */
  readonly znodes = new Map<number, Uint8Array>();
  readonly sessions = new Map<number, Uint8Array>();
  meta: SnapshotMeta | undefined;

  /** Delivers the committed round as `loadSnapshot` delivers a file's: znodes in serial order, then sessions. */
  load(sink: RowSink): SnapshotMeta | undefined {
    if (this.meta === undefined) return undefined;
    for (const rows of [this.znodes, this.sessions]) {
      const ids = [...rows.keys()].sort((a, b) => a - b);
      for (const id of ids) readRows(rows.get(id) as Uint8Array, sink);
    }
    return this.meta;
  }

  /**
   * The committed round as the chunks of a transfer, whatever is committed meanwhile; undefined before the first round.
   *
   * @param chunkBytes rows are cut off here; small, so that a small tree takes several chunks
   */
  export(chunkBytes: number = CHUNK_BYTES_TARGET): MemoryExport | undefined {
    return this.meta && new MemoryExport(this.meta, this.znodes, this.sessions, chunkBytes);
  }
}

export interface MemorySnapshotOptions {
  /** The medium, kept across the crashes of a simulated member; a new, empty one by default. */
  readonly medium?: MemorySnapshot;
  /** Runs the application of a hand-over later, in order; `queueMicrotask` by default, the simulator's clock there. */
  readonly schedule?: (work: () => void) => void;
  /** Where a transfer's chunks are cut, bytes; as in a database by default. */
  readonly chunkBytes?: number;
}

/**
 * The snapshot in memory: for the simulator, for tests that lose power, and for members that keep nothing. A round is
 * atomic: dropping the store at any moment leaves the medium at the last committed one.
 */
export class MemorySnapshotStore implements SnapshotStore {
  pendingBytes = 0;
  readonly medium: MemorySnapshot;
  private readonly events: SnapshotEvents;
  private readonly schedule: (work: () => void) => void;
  private readonly chunkBytes: number | undefined;
  private readonly transfers = new Set<MemoryTransfer>();
  private round: Uint8Array[] = [];
  private rounds = 0;
  private writtenBytes = 0;
  private outstanding = 0;
  private state: "open" | "closing" | "dropped" = "open";
  private closed: (() => void) | undefined;

  constructor(events: SnapshotEvents, options: MemorySnapshotOptions = {}) {
    this.events = events;
    this.medium = options.medium ?? new MemorySnapshot();
    this.schedule = options.schedule ?? queueMicrotask;
    this.chunkBytes = options.chunkBytes;
  }

  write(rows: Uint8Array): void {
    if (this.state !== "open") return;
    this.pendingBytes += rows.length;
    this.later(() => {
      this.round.push(rows);
      this.pendingBytes -= rows.length;
    });
  }

  commit(meta: SnapshotMeta): void {
    if (this.state !== "open") return;
    this.later(() => {
      this.apply(meta);
      this.events.onCommitted(meta.zxid);
    });
  }

  get lastZxid(): number {
    return this.medium.meta?.zxid ?? 0;
  }

  async openTransfer(): Promise<SnapshotTransfer> {
    if (this.state !== "open") throw new SnapshotTransferError("CLOSED", "the snapshot store is closed");
    if (this.transfers.size >= TRANSFERS_MAX) {
      throw new SnapshotTransferError("TOO_MANY_TRANSFERS", `${TRANSFERS_MAX} transfers are running`);
    }
    const source = this.medium.export(this.chunkBytes);
    if (source === undefined) throw new SnapshotTransferError("NO_ROUND", "the snapshot holds no round yet");
    const transfer = new MemoryTransfer(source, () => this.transfers.delete(transfer));
    this.transfers.add(transfer);
    return transfer;
  }

  stats(): SnapshotStats {
    return {
      walBytes: 0,
      databaseBytes: 0,
      rounds: this.rounds,
      lastZxid: this.lastZxid,
      writtenBytes: this.writtenBytes,
      waitingForSpace: false,
    };
  }

  async close(): Promise<void> {
    if (this.state !== "open") return;
    this.state = "closing";
    this.closeTransfers();
    if (this.outstanding === 0) return;
    await new Promise<void>((resolve) => {
      this.closed = resolve;
    });
  }

  /** A crash: whatever is not committed yet never happens. */
  drop(): void {
    this.state = "dropped";
    this.closeTransfers();
    this.round = [];
  }

  private closeTransfers(): void {
    for (const transfer of [...this.transfers]) transfer.close();
  }

  private later(work: () => void): void {
    this.outstanding++;
    this.schedule(() => {
      this.outstanding--;
      if (this.state === "dropped") return;
      work();
      if (this.outstanding === 0) this.closed?.();
    });
  }

  private apply(meta: SnapshotMeta): void {
    const { medium, round } = this;
    assert(meta.zxid >= (medium.meta?.zxid ?? 0), "a snapshot round goes back in time");
    const sink = new MediumSink(medium);
    for (const rows of round) {
      readRows(rows, sink);
      this.writtenBytes += rows.length;
    }
    medium.meta = meta;
    this.round = [];
    this.rounds++;
  }
}

/** Puts rows into a medium. Re-encodes each row for itself, so that none keeps the hand-over's whole buffer alive. */
export class MediumSink implements RowSink {
  private readonly writer = new ByteWriter(4096);
  private readonly medium: MemorySnapshot;

  constructor(medium: MemorySnapshot) {
    this.medium = medium;
  }

  znode(row: ZnodeRow): void {
    this.writer.reset();
    writeZnodeRow(this.writer, row);
    this.medium.znodes.set(row.serial, this.writer.copy());
  }

  znodeDeleted(serial: number): void {
    this.medium.znodes.delete(serial);
  }

  session(row: SessionRow): void {
    this.writer.reset();
    writeSessionRow(this.writer, row);
    this.medium.sessions.set(row.id, this.writer.copy());
  }

  sessionDeleted(id: number): void {
    this.medium.sessions.delete(id);
  }
}
