import { formatZxid } from "../core/base/zxid.ts";
import type { HistoryBatch } from "../core/zab/zab-contract.ts";
import type { JournalHistory } from "../storage/journal/history-client.ts";
import type { Journal } from "../storage/journal/journal.ts";
import type { SnapshotStore } from "../storage/snapshot/snapshot-store.ts";
import { SnapshotTransferError } from "../storage/snapshot/transfer-error.ts";
import type { BulkSender } from "../transport/peer-transport.ts";
import { BatchLender } from "./batch-lender.ts";

/** When all transfers a store can send at once are running, the next one is tried again after this, ms. */
const TRANSFER_RETRY_MS = 500;

/** What feeding learners needs of the runtime. */
export interface FeedHost {
  readonly journal: Journal;
  /** The store of the moment: an installed snapshot brings another one. */
  store(): SnapshotStore;
  /** Resolves when the store's last round is at this zxid or later; begins one if none would come. */
  roundAt(zxid: number): Promise<void>;
  send(peer: number, frame: Uint8Array): void;
  openBulk(peer: number): Promise<BulkSender>;
  historyRead(peer: number, batches: readonly HistoryBatch[]): void;
  historyGone(peer: number): void;
  /** The link to the peer is let go: it joins again. */
  disconnect(peer: number, why: string): void;
  onNotice(level: "info" | "warn", message: string, details: object): void;
}

/**
 * What one learner is being sent. An object of its own for each request: a late answer finds another one in its place.
 */
interface Feed {
  history: JournalHistory | undefined;
  /** Where `history` goes on. */
  after: number;
  /** What comes next, being read while the learner is sent what came before: it never waits for the disk. */
  ahead: ReturnType<JournalHistory["next"]> | undefined;
  stopped: boolean;
  stop: () => void;
}

/**
 * Feeds learners that are behind the leader's memory: batches from the journal, or a snapshot (core.md 33, 36). And
 * members that mend their journals, whoever leads.
 */
export class LearnerFeeds {
  private readonly host: FeedHost;
  private readonly feeds = new Map<number, Feed>();
  private readonly lender: BatchLender;

  constructor(host: FeedHost) {
    this.host = host;
    this.lender = new BatchLender(host);
  }

  lend(...asked: Parameters<BatchLender["lend"]>): void {
    this.lender.lend(...asked);
  }

  readHistory(peer: number, afterZxid: number): void {
    const feed = this.feeds.get(peer) ?? this.begin(peer);
    if (feed.history === undefined || feed.after !== afterZxid) {
      feed.history?.close();
      feed.history = undefined;
      feed.ahead = undefined;
      if (afterZxid < this.host.journal.baseZxid) {
        setImmediate(() => {
          if (!feed.stopped) this.host.historyGone(peer);
        });
        return;
      }
      feed.history = this.host.journal.history(afterZxid);
      feed.after = afterZxid;
    }
    const { history } = feed;
    const reading = feed.ahead ?? history.next();
    feed.ahead = undefined;
    reading.then(
      (batches) => this.pass(peer, feed, history, batches ?? []),
      (error: unknown) => this.fail(peer, feed, "the journal cannot be read for it", error),
    );
  }

  sendSnapshot(peer: number, atLeastZxid: number): void {
    this.stop(peer);
    const feed = this.begin(peer);
    this.stream(peer, feed, atLeastZxid).catch((error: unknown) => {
      this.fail(peer, feed, "the snapshot cannot be sent to it", error);
    });
  }

  stop(peer: number): void {
    const feed = this.feeds.get(peer);
    if (feed === undefined) return;
    this.feeds.delete(peer);
    feed.stopped = true;
    feed.history?.close();
    feed.stop();
  }

  stopAll(): void {
    for (const peer of [...this.feeds.keys()]) this.stop(peer);
    this.lender.stop();
  }

  private begin(peer: number): Feed {
    const feed: Feed = { history: undefined, after: 0, ahead: undefined, stopped: false, stop: () => undefined };
    this.feeds.set(peer, feed);
    return feed;
  }

  private pass(peer: number, feed: Feed, history: JournalHistory, batches: readonly HistoryBatch[]): void {
    if (feed.stopped || feed.history !== history) return;
    const last = batches.at(-1);
    if (last === undefined) {
      // The journal has gone on since this history was opened: the next request opens another one.
      history.close();
      feed.history = undefined;
    } else {
      feed.after = last.lastZxid;
      feed.ahead = history.next();
      // Told to whoever asks for it; perhaps nobody does.
      feed.ahead.catch(() => undefined);
    }
    this.host.historyRead(peer, batches);
  }

  private async stream(peer: number, feed: Feed, atLeastZxid: number): Promise<void> {
    const { host } = this;
    await host.roundAt(atLeastZxid);
    if (feed.stopped) return;
    const transfer = await this.openTransfer(feed);
    if (transfer === undefined) return;
    // The log the learner needs behind the snapshot stays: this history is the one it will go on with.
    feed.history = host.journal.history(transfer.zxid);
    feed.after = transfer.zxid;
    const startedAt = performance.now();
    let bytes = 0;
    try {
      const bulk = await host.openBulk(peer);
      feed.stop = () => bulk.abort("the leader has other plans");
      for (let chunk = await transfer.next(); chunk !== undefined; chunk = await transfer.next()) {
        bytes += chunk.length;
        await bulk.write(chunk);
      }
      await bulk.end();
    } finally {
      feed.stop = () => undefined;
      transfer.close();
    }
    const ms = Math.round(performance.now() - startedAt);
    host.onNotice("info", "sent a snapshot", { peer, zxid: formatZxid(transfer.zxid), bytes, ms });
  }

  private async openTransfer(feed: Feed): Promise<Awaited<ReturnType<SnapshotStore["openTransfer"]>> | undefined> {
    for (;;) {
      try {
        return await this.host.store().openTransfer();
      } catch (error) {
        if (!(error instanceof SnapshotTransferError) || error.reason !== "TOO_MANY_TRANSFERS") throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, TRANSFER_RETRY_MS));
      if (feed.stopped) return undefined;
    }
  }

  private fail(peer: number, feed: Feed, what: string, error: unknown): void {
    if (feed.stopped) return;
    this.stop(peer);
    const why = `${what}: ${(error as Error).message}`;
    this.host.onNotice("warn", `member ${peer} is behind and ${why}`, { peer });
    this.host.disconnect(peer, why);
  }
}
