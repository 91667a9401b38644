import { assert } from "../base/assert.ts";
import { ByteWriter } from "../base/bytes.ts";
import type { AclTable } from "./acl-table.ts";
import { Hasher } from "./digest.ts";
import { NodeHasher } from "./node-hash.ts";
import type { NodeTable } from "./node-table.ts";
import type { Session } from "./session-table.ts";
import {
  emptyZnodeRow,
  rowKind,
  writeDeletedRow,
  writeSessionRow,
  writeZnodeRow,
  type ZnodeRow,
} from "./snapshot-row.ts";
import type { SpecialTable } from "./special-table.ts";

/**
 * A changed znode or session carries the open round's bit, 1 and 2 in turn. Freezing only swaps the bits: what carried
 * the open round's is now to be captured for the frozen one.
 */
const FIRST_BIT = 1;
const BOTH_BITS = 3;
/** Rows of the table passed over in the search for changed ones count as one captured row. */
const ROWS_PER_STEP = 256;

/** A run of rows is handed over at this size. */
const RUN_BYTES = 256 * 1024;
/** Memory for a run at first: it grows with the runs. */
const FIRST_RUN_BYTES = 16 * 1024;

/** The tables a capture reads. */
export interface CapturedState {
  readonly table: NodeTable;
  readonly specials: SpecialTable;
  readonly acls: AclTable;
}

/**
 * The snapshot's view of the tree (core.md 34). It remembers what changed since the last round; `freeze` makes that set
 * the round's, and `capture` turns it into rows a slice at a time, between commands. A frozen znode or session that is
 * about to change is captured first, so the rows of a round are the state at exactly one zxid although the tree moves
 * on.
 */
export class Capture {
  private readonly state: CapturedState;
  private readonly nodeHasher: NodeHasher;
  private readonly sessionHasher = new Hasher();
  private readonly row: ZnodeRow = emptyZnodeRow();
  private readonly windowBytes = new ByteWriter(1024);
  private writer = new ByteWriter(FIRST_RUN_BYTES);
  private runs: Uint8Array[] = [];

  /** The bit of changes since the last freeze; the other one is the frozen round's. */
  private openBit = FIRST_BIT;
  private dirtyNodes = 0;
  /** A set, so that one that has ended is let go of: in between rounds there may be any number. */
  private dirtySessions = new Set<Session>();
  private deletedNodes = new NumberList();
  private deletedSessions = new NumberList();

  private frozenSessions = new Set<Session>();
  private frozenDeletedNodes = new NumberList();
  private frozenDeletedSessions = new NumberList();
  /** Rows of the table below it are captured. */
  private at = 0;
  private frozen = false;

  constructor(state: CapturedState) {
    this.state = state;
    this.nodeHasher = new NodeHasher(state);
  }

  /** A round is under way. */
  get isFrozen(): boolean {
    return this.frozen;
  }

  /** Znodes and sessions of the next round so far, changed or deleted. */
  get dirtyCount(): number {
    return this.dirtyNodes + this.dirtySessions.size + this.deletedNodes.length + this.deletedSessions.length;
  }

  /** Call before a znode changes or goes, and after one has come. */
  touchNode(node: number): void {
    const { dirty } = this.state.table;
    const bits = dirty.get(node);
    if (bits === this.openBit) return;
    if ((bits & this.frozenBit) !== 0) this.captureNode(node);
    if ((bits & this.openBit) === 0) this.dirtyNodes++;
    dirty.set(node, this.openBit);
  }

  /** Call before a session changes or goes, and after one has come. */
  touchSession(session: Session): void {
    if (session.dirty === this.openBit) return;
    if ((session.dirty & this.frozenBit) !== 0) this.captureSession(session);
    if ((session.dirty & this.openBit) === 0) this.dirtySessions.add(session);
    session.dirty = this.openBit;
  }

  nodeDeleted(serial: number): void {
    this.deletedNodes.push(serial);
  }

  sessionDeleted(session: Session): void {
    session.dirty = 0;
    this.dirtySessions.delete(session);
    this.deletedSessions.push(session.id);
  }

  /** Begins a round at the state as it is now. */
  freeze(): void {
    assert(!this.frozen, "a snapshot round is under way");
    this.frozen = true;
    this.at = 0;
    this.openBit ^= BOTH_BITS;
    this.dirtyNodes = 0;
    [this.frozenSessions, this.dirtySessions] = [this.dirtySessions, new Set()];
    [this.frozenDeletedNodes, this.deletedNodes] = [this.deletedNodes, new NumberList()];
    [this.frozenDeletedSessions, this.deletedSessions] = [this.deletedSessions, new NumberList()];
  }

  /** Captures at most `count` more rows of the round; true when all are captured. */
  capture(count: number): boolean {
    assert(this.frozen, "no snapshot round is under way");
    let left = count;
    left = this.captureDeletions(left);
    left = this.captureNodes(left);
    for (const session of this.frozenSessions) {
      if (left === 0) break;
      this.frozenSessions.delete(session);
      if ((session.dirty & this.frozenBit) !== 0) this.captureSession(session);
      left--;
    }
    if (left === 0) return false;
    this.endRun();
    this.frozen = false;
    return true;
  }

  /** The rows captured so far, as runs of bytes for the snapshot's writer; each is handed out once. */
  takeRuns(): Uint8Array[] {
    const runs = this.runs;
    this.runs = [];
    return runs;
  }

  private captureDeletions(count: number): number {
    let left = count;
    for (; left > 0 && this.frozenDeletedNodes.length > 0; left--) {
      writeDeletedRow(this.writer, rowKind.ZNODE_DELETED, this.frozenDeletedNodes.pop());
      this.endRunIfFull();
    }
    for (; left > 0 && this.frozenDeletedSessions.length > 0; left--) {
      writeDeletedRow(this.writer, rowKind.SESSION_DELETED, this.frozenDeletedSessions.pop());
      this.endRunIfFull();
    }
    return left;
  }

  /**
   * In the order of node numbers, which is nearly the order of row ids: the snapshot's pages are written in one sweep.
   */
  private captureNodes(count: number): number {
    const { table } = this.state;
    const { frozenBit } = this;
    let left = count * ROWS_PER_STEP;
    for (; left > 0 && this.at < table.rowCount; this.at++) {
      left--;
      if ((table.dirty.get(this.at) & frozenBit) === 0) continue;
      this.captureNode(this.at);
      left -= ROWS_PER_STEP - 1;
    }
    return Math.max(0, Math.floor(left / ROWS_PER_STEP));
  }

  private get frozenBit(): number {
    return this.openBit ^ BOTH_BITS;
  }

  /** Writes a frozen znode's row; it is clean then, unless it has changed since. */
  private captureNode(node: number): void {
    this.nodeHasher.fill(node, this.row);
    writeZnodeRow(this.writer, this.row);
    const { dirty } = this.state.table;
    dirty.set(node, dirty.get(node) & this.openBit);
    this.endRunIfFull();
  }

  private captureSession(session: Session): void {
    this.windowBytes.reset();
    session.window.write(this.windowBytes);
    writeSessionRow(this.writer, {
      id: session.id,
      secretHash: session.secretHash,
      timeoutMs: session.timeoutMs,
      generation: session.generation,
      window: this.windowBytes.view(),
      checksum: session.rowChecksum(this.sessionHasher),
    });
    session.dirty &= this.openBit;
    this.endRunIfFull();
  }

  private endRunIfFull(): void {
    if (this.writer.length >= RUN_BYTES) this.endRun();
  }

  private endRun(): void {
    if (this.writer.length === 0) return;
    this.runs.push(this.writer.copy());
    this.writer.reset();
  }
}

/** Numbers appended and read back, in chunks of fixed size: growing never copies. */
class NumberList {
  length = 0;
  private readonly chunks: Float64Array[] = [];

  push(value: number): void {
    const chunk = this.length >>> 12;
    if (chunk === this.chunks.length) this.chunks.push(new Float64Array(4096));
    (this.chunks[chunk] as Float64Array)[this.length & 4095] = value;
    this.length++;
  }

  get(index: number): number {
    return (this.chunks[index >>> 12] as Float64Array)[index & 4095] as number;
  }

  pop(): number {
    this.length--;
    return this.get(this.length);
  }
}
