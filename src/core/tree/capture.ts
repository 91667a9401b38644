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

/** Changed since the last freeze. */
const DIRTY = 1;
/** Part of the frozen round, not captured yet. */
const FROZEN = 2;

/** A run of rows is handed over at this size. */
const RUN_BYTES = 256 * 1024;

/** The tables a capture reads. */
export interface CapturedState {
  readonly table: NodeTable;
  readonly specials: SpecialTable;
  readonly acls: AclTable;
}

/**
 * The snapshot's view of the tree (core.md 34). It remembers what changed since the last round; `freeze` makes that set the
 * round's, and `capture` turns it into rows a slice at a time, between commands. A frozen znode or session that is about
 * to change is captured first, so the rows of a round are the state at exactly one zxid although the tree moves on.
 */
export class Capture {
  private readonly state: CapturedState;
  private readonly nodeHasher: NodeHasher;
  private readonly sessionHasher = new Hasher();
  private readonly row: ZnodeRow = emptyZnodeRow();
  private readonly windowBytes = new ByteWriter(1024);
  private writer = new ByteWriter(RUN_BYTES + 64 * 1024);
  private runs: Uint8Array[] = [];

  private dirtyNodes = new NumberList();
  private dirtySessions: Session[] = [];
  private deletedNodes = new NumberList();
  private deletedSessions = new NumberList();

  private frozenNodes = new NumberList();
  private frozenSessions: Session[] = [];
  private frozenDeletedNodes = new NumberList();
  private frozenDeletedSessions = new NumberList();
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
    return this.dirtyNodes.length + this.dirtySessions.length + this.deletedNodes.length + this.deletedSessions.length;
  }

  /** Call before a znode changes or goes, and after one has come. */
  touchNode(node: number): void {
    const bits = this.state.table.dirty.get(node);
    if (bits === DIRTY) return;
    if ((bits & FROZEN) !== 0) this.captureNode(node);
    this.state.table.dirty.set(node, DIRTY);
    if ((bits & DIRTY) === 0) this.dirtyNodes.push(node);
  }

  /** Call before a session changes or goes, and after one has come. */
  touchSession(session: Session): void {
    if (session.dirty === DIRTY) return;
    if ((session.dirty & FROZEN) !== 0) this.captureSession(session);
    if ((session.dirty & DIRTY) === 0) this.dirtySessions.push(session);
    session.dirty = DIRTY;
  }

  nodeDeleted(serial: number): void {
    this.deletedNodes.push(serial);
  }

  sessionDeleted(session: Session): void {
    session.dirty = 0;
    this.deletedSessions.push(session.id);
  }

  /** Begins a round at the state as it is now. */
  freeze(): void {
    assert(!this.frozen, "a snapshot round is under way");
    this.frozen = true;
    this.at = 0;
    const { dirty } = this.state.table;
    for (let i = 0; i < this.dirtyNodes.length; i++) {
      const node = this.dirtyNodes.get(i);
      if (dirty.get(node) === DIRTY) dirty.set(node, FROZEN);
    }
    for (const session of this.dirtySessions) if (session.dirty === DIRTY) session.dirty = FROZEN;
    [this.frozenNodes, this.dirtyNodes] = [this.dirtyNodes, new NumberList()];
    [this.frozenSessions, this.dirtySessions] = [this.dirtySessions, []];
    [this.frozenDeletedNodes, this.deletedNodes] = [this.deletedNodes, new NumberList()];
    [this.frozenDeletedSessions, this.deletedSessions] = [this.deletedSessions, new NumberList()];
  }

  /** Captures at most `count` more rows of the round; true when all are captured. */
  capture(count: number): boolean {
    assert(this.frozen, "no snapshot round is under way");
    let left = count;
    left = this.captureDeletions(left);
    left = this.captureNodes(left);
    while (left > 0 && this.frozenSessions.length > 0) {
      const session = this.frozenSessions.pop() as Session;
      if ((session.dirty & FROZEN) !== 0) this.captureSession(session);
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

  private captureNodes(count: number): number {
    const { dirty } = this.state.table;
    let left = count;
    for (; left > 0 && this.at < this.frozenNodes.length; left--, this.at++) {
      const node = this.frozenNodes.get(this.at);
      const bits = dirty.get(node);
      if ((bits & FROZEN) === 0) continue;
      this.captureNode(node);
      dirty.set(node, bits & ~FROZEN);
    }
    if (this.at === this.frozenNodes.length && this.at > 0) {
      this.frozenNodes = new NumberList();
      this.at = 0;
    }
    return left;
  }

  private captureNode(node: number): void {
    this.nodeHasher.fill(node, this.row);
    writeZnodeRow(this.writer, this.row);
    this.endRunIfFull();
  }

  private captureSession(session: Session): void {
    this.windowBytes.reset();
    session.window.write(this.windowBytes);
    session.hashInto(this.sessionHasher);
    writeSessionRow(this.writer, {
      id: session.id,
      secretHash: session.secretHash,
      timeoutMs: session.timeoutMs,
      generation: session.generation,
      window: this.windowBytes.view(),
      checksum: this.sessionHasher.lane0,
    });
    session.dirty &= ~FROZEN;
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
