import type { Prng } from "../../src/core/base/prng.ts";
import { MendAnswer } from "../../src/core/member/mend-answer.ts";
import type { MendAsk } from "../../src/core/member/mend-message.ts";
import type { EpochStart } from "../../src/core/zab/epoch-ends.ts";
import type { HistoryBatch } from "../../src/core/zab/zab-contract.ts";
import type { MemorySnapshot } from "../../src/storage/snapshot/memory-snapshot-store.ts";
import type { MemoryExport } from "../../src/storage/snapshot/memory-transfer.ts";
import type { SimulatedJournal } from "./simulated-journal.ts";

export interface FeedsHost {
  readonly random: Prng;
  readonly journal: SimulatedJournal;
  /** What is sent: the current snapshot. */
  medium(): MemorySnapshot;
  after(delayMs: number, work: () => void): void;
  /** Calls back once a round at this zxid or later is committed. */
  roundAt(zxid: number, reached: () => void): void;
  historyRead(peer: number, batches: readonly HistoryBatch[]): void;
  historyGone(peer: number): void;
  send(peer: number, frame: Uint8Array): void;
  disconnect(peer: number, why: string): void;
  /** The peer's process, if it can be reached and waits for a snapshot from here. */
  receiver(peer: number): SnapshotReceiver | undefined;
}

/** Takes one transfer. */
export interface SnapshotReceiver {
  /** False: it has other plans by now. */
  chunk(bytes: Uint8Array): boolean;
  /** All has come. */
  finish(): void;
  /** No more comes. */
  abandon(): void;
}

/** Batches one reading gives at most. */
const HISTORY_BATCHES = 6;
/** Rows of a transfer are cut off here, bytes: several chunks even of a small tree. */
const CHUNK_BYTES = 700;

/** `runtime/learner-feeds.ts` on virtual time: what learners that are behind the leader's memory are sent. */
export class SimulatedFeeds {
  private readonly host: FeedsHost;
  /** An object of its own for each request: a late answer finds another one in its place. */
  private readonly feeds = new Map<number, object>();

  constructor(host: FeedsHost) {
    this.host = host;
  }

  readHistory(peer: number, afterZxid: number): void {
    const { host } = this;
    const isWanted = this.begin(peer);
    host.after(1 + host.random.below(10), () => {
      if (!isWanted()) return;
      const batches = host.journal.history(afterZxid, 1 + host.random.below(HISTORY_BATCHES));
      if (batches === undefined) host.historyGone(peer);
      else host.historyRead(peer, batches);
    });
  }

  /** As `runtime/batch-lender.ts`. */
  lend(peer: number, ask: MendAsk, starts: readonly EpochStart[]): void {
    const { host } = this;
    host.after(host.random.below(10), () => {
      const answer = new MendAnswer(ask);
      const from = Math.max(ask.afterZxid, host.journal.baseZxid);
      const batches = ask.wantsBatches ? host.journal.history(from, Number.POSITIVE_INFINITY) : [];
      for (const batch of batches ?? []) if (!answer.offer(batch)) break;
      host.send(peer, answer.close(starts));
    });
  }

  sendSnapshot(peer: number, atLeastZxid: number): void {
    const { host } = this;
    const isWanted = this.begin(peer);
    host.roundAt(atLeastZxid, () => {
      // A connection of its own has to be made first.
      host.after(5 + host.random.below(60), () => {
        if (!isWanted()) return;
        const receiver = host.receiver(peer);
        const source = host.medium().export(CHUNK_BYTES);
        if (receiver === undefined || source === undefined) this.giveUp(peer, "no snapshot is waited for");
        else this.sendChunk(peer, source, receiver, isWanted);
      });
    });
  }

  stop(peer: number): void {
    this.feeds.delete(peer);
  }

  private sendChunk(peer: number, source: MemoryExport, receiver: SnapshotReceiver, isWanted: () => boolean): void {
    const { host } = this;
    host.after(host.random.below(host.random.pick([2, 2, 60])), () => {
      if (!isWanted()) {
        receiver.abandon();
        return;
      }
      const bytes = source.next();
      if (bytes === undefined) receiver.finish();
      else if (receiver.chunk(bytes)) this.sendChunk(peer, source, receiver, isWanted);
      else {
        receiver.abandon();
        this.giveUp(peer, "the snapshot was refused");
      }
    });
  }

  private giveUp(peer: number, why: string): void {
    this.stop(peer);
    this.host.disconnect(peer, why);
  }

  private begin(peer: number): () => boolean {
    const feed = {};
    this.feeds.set(peer, feed);
    return () => this.feeds.get(peer) === feed;
  }
}
