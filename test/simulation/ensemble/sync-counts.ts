import { peerMessage } from "../../../src/core/zab/peer-message.ts";

/** By which of its roads a leader brings each learner up to date; told by what it sends. */
export class SyncCounts {
  private readonly count: (what: string) => void;
  /** Learners that are being synchronized by the log: what they were sent so far. */
  private readonly syncing = new Map<number, { batches: number; fromJournal: boolean }>();

  constructor(count: (what: string) => void) {
    this.count = count;
  }

  sent(peer: number, frame: Uint8Array): void {
    const [type] = frame;
    if (type === peerMessage.SYNC) this.syncing.set(peer, { batches: 0, fromJournal: false });
    const sync = this.syncing.get(peer);
    if (sync === undefined) return;
    if (type === peerMessage.PROPOSE) sync.batches++;
    if (type !== peerMessage.NEWLEADER) return;
    this.syncing.delete(peer);
    if (sync.batches > 0) this.count(sync.fromJournal ? "DIFF from the journal" : "DIFF from memory");
  }

  readsHistory(peer: number): void {
    const sync = this.syncing.get(peer);
    if (sync !== undefined) sync.fromJournal = true;
  }
}
