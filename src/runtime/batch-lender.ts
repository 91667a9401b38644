import { MendAnswer } from "../core/member/mend-answer.ts";
import type { MendAsk } from "../core/member/mend-message.ts";
import type { EpochStart } from "../core/zab/epoch-ends.ts";
import type { HistoryBatch } from "../core/zab/zab-contract.ts";
import type { JournalHistory } from "../storage/journal/history-client.ts";
import type { Journal } from "../storage/journal/journal.ts";

/** A reading is kept so long for the next question of the same member, which goes on where the last one ended, ms. */
const READING_IDLE_MS = 10_000;

/** What lending needs of the runtime. */
export interface LenderHost {
  readonly journal: Pick<Journal, "baseZxid" | "history">;
  send(peer: number, frame: Uint8Array): void;
  onNotice(level: "info" | "warn", message: string, details: object): void;
}

/** What one member is being read. An object of its own for each: a late answer finds another one in its place. */
interface Reading {
  readonly history: JournalHistory;
  /** Where it goes on. */
  after: number;
  /** Read, and not handed out yet. */
  readonly rest: HistoryBatch[];
  isBusy: boolean;
  idle: NodeJS.Timeout | undefined;
}

/**
 * Hands batches of the journal to members that mend theirs (core.md 28): durable ones, read on the history's thread,
 * one bounded answer to one question, so that it never gets in the way of what the links are for.
 */
export class BatchLender {
  private readonly host: LenderHost;
  private readonly readings = new Map<number, Reading>();
  /** Members that could not be answered, which is told once. */
  private readonly failed = new Set<number>();

  constructor(host: LenderHost) {
    this.host = host;
  }

  lend(peer: number, ask: MendAsk, starts: readonly EpochStart[]): void {
    const answer = new MendAnswer(ask);
    if (!ask.wantsBatches) {
      this.host.send(peer, answer.close(starts));
      return;
    }
    const reading = this.readingFor(peer, ask.afterZxid);
    this.fill(reading, answer).then(
      (isEnd) => {
        if (this.readings.get(peer) !== reading) return;
        if (isEnd) this.end(peer);
        else this.rest(peer, reading);
        this.host.send(peer, answer.close(starts));
      },
      (error: unknown) => {
        if (this.readings.get(peer) !== reading) return;
        this.end(peer);
        this.tellFailure(peer, error as Error);
        // What it got so far is good; of the rest this member is no source.
        this.host.send(peer, answer.close(starts));
      },
    );
  }

  stop(): void {
    for (const peer of [...this.readings.keys()]) this.end(peer);
  }

  private readingFor(peer: number, afterZxid: number): Reading {
    const known = this.readings.get(peer);
    if (known !== undefined && known.after === afterZxid && !known.isBusy) {
      clearTimeout(known.idle);
      return known;
    }
    this.end(peer);
    const { journal } = this.host;
    // Below its base the journal has nothing: whatever of the question lies above is answered.
    const history = journal.history(Math.max(afterZxid, journal.baseZxid));
    const reading: Reading = { history, after: afterZxid, rest: [], isBusy: false, idle: undefined };
    this.readings.set(peer, reading);
    return reading;
  }

  /** @returns whether the reading has come to its end */
  private async fill(reading: Reading, answer: MendAnswer): Promise<boolean> {
    const { history, rest } = reading;
    reading.isBusy = true;
    for (;;) {
      for (let batch = rest[0]; batch !== undefined; batch = rest[0]) {
        if (!answer.offer(batch)) return false;
        reading.after = batch.lastZxid;
        rest.shift();
      }
      const read = await history.next();
      if (read === undefined) return true;
      rest.push(...read);
    }
  }

  private rest(peer: number, reading: Reading): void {
    reading.isBusy = false;
    reading.idle = setTimeout(() => this.end(peer), READING_IDLE_MS);
    reading.idle.unref();
  }

  private end(peer: number): void {
    const reading = this.readings.get(peer);
    if (reading === undefined) return;
    this.readings.delete(peer);
    clearTimeout(reading.idle);
    reading.history.close();
  }

  private tellFailure(peer: number, error: Error): void {
    if (this.failed.has(peer)) return;
    this.failed.add(peer);
    const text = `member ${peer} mends its journal and asks for what cannot be read here: ${error.message}`;
    this.host.onNotice("warn", text, { peer });
  }
}
