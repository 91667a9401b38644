import { assert } from "../base/assert.ts";
import { BatchReader } from "../tree/batch.ts";
import { Command, decodeCommand } from "../tree/command.ts";
import { EventHistory } from "../tree/event-history.ts";
import { exportTail, importTail } from "../tree/history-tail.ts";
import type { SnapshotMeta } from "../tree/snapshot-row.ts";
import type { Tree } from "../tree/tree.ts";
import { WatchHub } from "../tree/watch-hub.ts";
import { DigestRing } from "./digest-ring.ts";
import type { EventFanout } from "./event-fanout.ts";

/** A tree as it was loaded, and what belongs to it. */
export interface LoadedState {
  /** Its events go to the fanout. */
  readonly tree: Tree;
  readonly fanout: EventFanout;
  /** The history of the snapshot the tree was loaded from; without one it begins at the tree's zxid. */
  readonly history?: Uint8Array | undefined;
}

/**
 * Everything that is made of the log: the tree, recent events, digests, and whoever watches. Batches go in in order; a
 * snapshot brings another one of these in its place.
 */
export class LocalState {
  readonly tree: Tree;
  readonly hub = new WatchHub();
  readonly history: EventHistory;
  readonly digests = new DigestRing();
  readonly command = new Command();
  private readonly reader = new BatchReader();
  private left = 0;
  private nextZxid = 0;
  private batchEnd: number;
  /** Bytes of the command applied last. */
  commandBytes = 0;

  constructor({ tree, fanout, history }: LoadedState, historyBytesMax: number) {
    this.tree = tree;
    const { acls } = tree.state;
    this.history = new EventHistory(historyBytesMax, acls);
    importTail(this.history, acls, history ?? new Uint8Array(0), tree.zxid);
    fanout.bind(this.hub, this.history);
    this.batchEnd = tree.zxid;
    if (tree.zxid > 0) this.digests.push(tree.zxid, tree.state.digest);
  }

  /** No batch is half applied. */
  get isBetweenBatches(): boolean {
    return this.left === 0;
  }

  /** Applied up to the end of a batch. */
  get batchEndZxid(): number {
    return this.batchEnd;
  }

  /** Applies a whole batch of the journal, with nobody to tell. Throws when its digest contradicts the tree's. */
  replay(body: Uint8Array): void {
    assert(this.disagreement(body) === 0, "the tree's digest differs from the one the leader had at the same zxid");
    this.beginBatch(body);
    while (this.left > 0) {
      this.applyNext();
      this.hub.flush();
    }
    this.endBatch();
  }

  /**
   * The zxid at which the leader that proposed the batch had another digest than this tree had; 0 when they agree, or
   * nothing is known of that zxid here.
   */
  disagreement(body: Uint8Array): number {
    const { digestZxid, digest0, digest1 } = this.reader.open(body);
    return this.digests.agrees(digestZxid, digest0, digest1) ? 0 : digestZxid;
  }

  beginBatch(body: Uint8Array): void {
    assert(this.left === 0, "batches are applied one after another");
    const header = this.reader.open(body);
    this.tree.beginBatch(header);
    this.left = header.count;
    this.nextZxid = header.firstZxid;
  }

  /** Applies the next command, which is then in `command`; its answer's bytes are valid until the next call. */
  applyNext(): Uint8Array {
    const reader = this.reader.next();
    this.commandBytes = reader.remaining;
    decodeCommand(reader, this.command);
    this.left--;
    return this.tree.apply(this.nextZxid++, this.command);
  }

  endBatch(): void {
    assert(this.left === 0 && this.reader.remaining === 0, "a batch ends with its last command");
    this.batchEnd = this.tree.zxid;
    this.digests.push(this.tree.zxid, this.tree.state.digest);
  }

  /** What a snapshot round that is frozen now commits, with at most so many bytes of the event history. */
  snapshotMeta(historyBytesMax: number): SnapshotMeta {
    assert(this.isBetweenBatches, "a round begins between batches: its journal is replayed from there");
    return this.tree.snapshotMeta(exportTail(this.history, this.tree.state.acls, historyBytesMax));
  }
}
