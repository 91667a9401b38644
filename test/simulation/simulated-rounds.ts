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

  constructor(source: SnapshotSource, store: SnapshotStore, options: RoundOptions) {
    this.source = source;
    this.store = store;
    this.options = options;
  }

  journalled(bytes: number): void {
    this.journalBytes += bytes;
  }

  /** Only between batches. */
  beginIfDue(): void {
    if (this.journalBytes < this.options.roundBytes || this.meta !== undefined || this.isCommitting) return;
    if (this.source.tree.state.capture.dirtyCount === 0) return;
    this.journalBytes = 0;
    this.begun++;
    const meta = this.source.snapshotMeta(HISTORY_TAIL_BYTES);
    this.meta = this.options.keepsHistory ? meta : { ...meta, history: new Uint8Array(0) };
    this.source.tree.state.capture.freeze();
    this.scheduleSlice();
  }

  committed(): void {
    this.isCommitting = false;
  }

  private scheduleSlice(): void {
    const { after, random } = this.options;
    after(1 + random.below(8), () => this.slice());
  }

  private slice(): void {
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
