import { performance } from "node:perf_hooks";
import { SNAPSHOT_HISTORY_BYTES_MAX } from "../core/base/limits.ts";
import type { Capture } from "../core/tree/capture.ts";
import { TAIL_BYTES_MIN } from "../core/tree/history-tail.ts";
import type { SnapshotMeta } from "../core/tree/snapshot-row.ts";
import type { SnapshotStore } from "../storage/snapshot/snapshot-store.ts";

/** A round begins when this much journal has been written since the last, bytes (core.md 34). */
export const ROUND_JOURNAL_BYTES = 64 * 1024 * 1024;
/**
 * Changes all over a large tree make a round write most of the file, to the -wal and then again: so it waits until
 * twice as much journal has been written as the file is long, but no longer than for so many times the above,
 */
const ROUND_STRETCH_MAX = 4;
/** nor for more than so many commands, which a start has to replay. */
const REPLAYED_COMMANDS_MAX = 400_000;
/** A slice of capturing takes about this long, ms, */
const SLICE_MS = 1.5;
/** and the next one comes after this, ms. */
const SLICE_PAUSE_MS = 4;
/** Rows captured between two looks at the clock. */
const ROWS_PER_LOOK = 64;
/** Bytes handed to the store and not yet applied above which capturing waits. */
const PENDING_BYTES_MAX = 16 * 1024 * 1024;

/** The share of a round's journal bytes that the event history may take: it is written twice, to -wal and database. */
const HISTORY_SHARE = 1 / 16;

/** What rounds are made of: the member. */
export interface SnapshotSource {
  readonly tree: { readonly zxid: number; readonly state: { readonly capture: Capture } };
  snapshotMeta(historyBytesMax: number): SnapshotMeta;
  /** Call `beginIfDue` soon. */
  roundWanted(): void;
}

/** Drives the snapshot: begins rounds, captures them in slices between other work, hands them to the store. */
export class SnapshotRounds {
  private readonly source: SnapshotSource;
  private readonly capture: Capture;
  private readonly store: SnapshotStore;
  private readonly roundBytes: number;
  private readonly historyBytes: number;
  private journalBytes = 0;
  private meta: SnapshotMeta | undefined;
  private timer: NodeJS.Timeout | undefined;
  private committing = false;
  private stopped = false;
  private committedZxid: number;
  private waiting: { readonly zxid: number; readonly resolve: () => void }[] = [];

  constructor(source: SnapshotSource, store: SnapshotStore, roundBytes: number = ROUND_JOURNAL_BYTES) {
    this.source = source;
    this.capture = source.tree.state.capture;
    this.store = store;
    this.committedZxid = store.lastZxid;
    this.roundBytes = roundBytes;
    const share = Math.floor(roundBytes * HISTORY_SHARE);
    this.historyBytes = Math.min(SNAPSHOT_HISTORY_BYTES_MAX, Math.max(TAIL_BYTES_MIN, share));
  }

  /** This much journal has been written, or was replayed at start. */
  journalled(bytes: number): void {
    this.journalBytes += bytes;
  }

  /**
   * Begins a round if one is due. Only between batches: replay begins at a batch. A member that is catching up has
   * better things to do, and its journal may grow as much as a large tree's does.
   */
  beginIfDue(isCatchingUp = false): void {
    const isAsked = this.waiting.length > 0;
    if ((!this.isDue(isCatchingUp) && !isAsked) || this.isBusy || this.stopped) return;
    if (this.capture.dirtyCount === 0 && !isAsked) return;
    this.journalBytes = 0;
    this.meta = this.source.snapshotMeta(this.historyBytes);
    this.capture.freeze();
    this.scheduleSlice();
  }

  /**
   * Resolves when a round at this zxid or later, or any if it is 0, is committed: the next one begins as soon as can
   * be.
   */
  reach(zxid: number): Promise<void> {
    if (this.hasReached(zxid)) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiting.push({ zxid, resolve });
      this.source.roundWanted();
    });
  }

  /** Takes over whoever waits for a round of others, whose tree another one has replaced. */
  inherit(others: SnapshotRounds): void {
    const { waiting } = others;
    others.waiting = [];
    for (const { zxid, resolve } of waiting) void this.reach(zxid).then(resolve);
  }

  /** The store has committed the round. */
  committed(zxid: number): void {
    this.committing = false;
    this.committedZxid = zxid;
    const reached = this.waiting.filter((waiting) => this.hasReached(waiting.zxid));
    this.waiting = this.waiting.filter((waiting) => !this.hasReached(waiting.zxid));
    for (const { resolve } of reached) resolve();
    if (this.waiting.length > 0) this.source.roundWanted();
  }

  get isStopped(): boolean {
    return this.stopped;
  }

  /** No more slices: the open round is dropped, its journal is replayed at the next start. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private isDue(isCatchingUp: boolean): boolean {
    const { roundBytes, journalBytes, store, source } = this;
    if (journalBytes < roundBytes) return false;
    // Across epochs the zxids are further apart than that: then it just begins earlier.
    if (source.tree.zxid - store.lastZxid > REPLAYED_COMMANDS_MAX) return true;
    const stretched = roundBytes * ROUND_STRETCH_MAX;
    return journalBytes >= (isCatchingUp ? stretched : Math.min(store.stats().databaseBytes * 2, stretched));
  }

  private get isBusy(): boolean {
    return this.meta !== undefined || this.committing;
  }

  private hasReached(zxid: number): boolean {
    return this.committedZxid > 0 && this.committedZxid >= zxid;
  }

  private scheduleSlice(): void {
    this.timer = setTimeout(() => this.slice(), SLICE_PAUSE_MS);
  }

  private slice(): void {
    const { capture } = this;
    const end = performance.now() + SLICE_MS;
    let done = false;
    while (!done && this.store.pendingBytes < PENDING_BYTES_MAX && performance.now() < end) {
      done = capture.capture(ROWS_PER_LOOK);
    }
    for (const run of capture.takeRuns()) this.store.write(run);
    if (!done) {
      this.scheduleSlice();
      return;
    }
    const meta = this.meta as SnapshotMeta;
    this.meta = undefined;
    this.committing = true;
    this.store.commit(meta);
  }
}
