import type { Prng } from "../../src/core/base/prng.ts";
import type { SnapshotMeta } from "../../src/core/tree/snapshot-row.ts";
import type { SnapshotSource } from "../../src/runtime/snapshot-rounds.ts";
import type { SnapshotStore } from "../../src/storage/snapshot/snapshot-store.ts";

/** More than the events of any simulated run. */
const HISTORY_TAIL_BYTES = 1024 * 1024;

export interface RoundOptions {
  /** Journal bytes per round. */
  readonly roundBytes: number;
  /** Whether rounds take the event history along. */
  readonly keepsHistory: boolean;
  readonly random: Prng;
  readonly after: (delayMs: number, work: () => void) => void;
}

/** `runtime/snapshot-rounds.ts` on virtual time: the same steps, smaller slices, and rounds often. */
export class SimulatedRounds {
  begun = 0;
  private readonly source: SnapshotSource;
  private readonly store: SnapshotStore;
  private readonly options: RoundOptions;
  private journalBytes = 0;
  private meta: SnapshotMeta | undefined;
  private isCommitting = false;
  private isStopped = false;
  private committedZxid: number;
  private waiting: { readonly zxid: number; readonly reached: () => void }[] = [];

  constructor(source: SnapshotSource, store: SnapshotStore, options: RoundOptions) {
    this.source = source;
    this.store = store;
    this.options = options;
    this.committedZxid = store.lastZxid;
  }

  journalled(bytes: number): void {
    this.journalBytes += bytes;
  }

  /** Only between batches. */
  beginIfDue(): void {
    const isAsked = this.waiting.length > 0;
    if ((this.journalBytes < this.options.roundBytes && !isAsked) || this.isStopped) return;
    if (this.meta !== undefined || this.isCommitting) return;
    if (this.source.tree.state.capture.dirtyCount === 0 && !isAsked) return;
    this.journalBytes = 0;
    this.begun++;
    const meta = this.source.snapshotMeta(HISTORY_TAIL_BYTES);
    this.meta = this.options.keepsHistory ? meta : { ...meta, history: new Uint8Array(0) };
    this.source.tree.state.capture.freeze();
    this.scheduleSlice();
  }

  /** Calls back once a round at this zxid or later is committed; one begins as soon as can be. */
  reach(zxid: number, reached: () => void): void {
    if (this.hasReached(zxid)) {
      reached();
      return;
    }
    this.waiting.push({ zxid, reached });
    this.source.roundWanted();
  }

  /** Takes over whoever waits for a round of others, whose tree another one has replaced. */
  inherit(others: SimulatedRounds): void {
    const { waiting } = others;
    others.waiting = [];
    for (const { zxid, reached } of waiting) this.reach(zxid, reached);
  }

  committed(zxid: number): void {
    this.isCommitting = false;
    this.committedZxid = zxid;
    const due = this.waiting.filter((waiting) => this.hasReached(waiting.zxid));
    this.waiting = this.waiting.filter((waiting) => !due.includes(waiting));
    for (const { reached } of due) reached();
    if (this.waiting.length > 0) this.source.roundWanted();
  }

  /** The open round is dropped, and no other begins. */
  stop(): void {
    this.isStopped = true;
  }

  private hasReached(zxid: number): boolean {
    return this.committedZxid > 0 && this.committedZxid >= zxid;
  }

  private scheduleSlice(): void {
    const { after, random } = this.options;
    after(1 + random.below(8), () => this.slice());
  }

  private slice(): void {
    if (this.isStopped) return;
    const { capture } = this.source.tree.state;
    const done = capture.capture(1 + this.options.random.below(16));
    for (const run of capture.takeRuns()) this.store.write(run);
    if (!done) {
      this.scheduleSlice();
      return;
    }
    const meta = this.meta as SnapshotMeta;
    this.meta = undefined;
    this.isCommitting = true;
    this.store.commit(meta);
  }
}
