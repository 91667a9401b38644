import { AnswerSeries } from "./answer-series.ts";
import type { Operation } from "./load.ts";
import { SlotQueue } from "./slot-queue.ts";
import { sleep } from "./waiting.ts";

/** How long answers are waited for when a load ends, ms. */
const DRAIN_TIMEOUT_MS = 60_000;
/** From one epoch's zxids to the next one's. */
const EPOCH = 2 ** 32;

export interface SteadyLoadOptions {
  readonly clients: number;
  /** Requests each client keeps unanswered, at most. */
  readonly outstanding: number;
  /** Requests a second, due at fixed moments (open loop); 0: each client sends the next when one is answered. */
  readonly ratePerSecond: number;
}

/** A load that goes on until it is stopped, while something is done to the members. */
export class SteadyLoad {
  readonly answers = new AnswerSeries();
  /** Rejected calls by reason. */
  readonly rejected: Record<string, number> = {};
  /** Rejected calls that may have been done all the same. */
  unknown = 0;
  answered = 0;
  /** From the call to its answer or rejection, the longest of all, ms. */
  slowestCallMs = 0;
  private readonly options: SteadyLoadOptions;
  private readonly operation: Operation;
  private readonly free: SlotQueue;
  private readonly startedAt = performance.now();
  private readonly timer: NodeJS.Timeout;
  private sequence = 0;
  private underWay = 0;
  private ended = false;

  constructor(options: SteadyLoadOptions, operation: Operation) {
    this.options = options;
    this.operation = operation;
    this.free = new SlotQueue(options.clients, options.outstanding);
    this.timer = setInterval(() => this.sendDue(), 1);
  }

  get rejections(): number {
    return Object.values(this.rejected).reduce((a, b) => a + b, 0);
  }

  /** Sends nothing more; resolves when everything is answered. */
  async stop(): Promise<void> {
    this.ended = true;
    clearInterval(this.timer);
    for (const end = performance.now() + DRAIN_TIMEOUT_MS; this.underWay > 0; await sleep(5)) {
      if (performance.now() > end) throw new Error(`${this.underWay} calls are neither answered nor rejected`);
    }
  }

  private sendDue(): void {
    const { ratePerSecond } = this.options;
    const now = performance.now();
    while (!this.free.isEmpty && !this.ended) {
      const due = ratePerSecond === 0 ? now : this.startedAt + (this.sequence / ratePerSecond) * 1000;
      if (due > now) break;
      this.send(this.free.take(), due);
    }
  }

  private send(client: number, due: number): void {
    const begin = performance.now();
    this.underWay++;
    this.operation(client, this.sequence++).then(
      (answer) => {
        const now = this.settled(begin, client);
        this.answered++;
        this.answers.add(now, due, client, epochOf(answer));
        // In a closed loop the next goes out with the answers of this turn, not with the next tick.
        if (this.options.ratePerSecond === 0 && !this.ended) this.send(this.free.take(), now);
      },
      (error: unknown) => {
        this.settled(begin, client);
        const { reason, message, maybeApplied } = error as {
          reason?: string;
          message?: string;
          maybeApplied?: boolean;
        };
        const name = reason ?? message ?? String(error);
        this.rejected[name] = (this.rejected[name] ?? 0) + 1;
        if (maybeApplied === true) this.unknown++;
      },
    );
  }

  private settled(begin: number, client: number): number {
    const now = performance.now();
    this.underWay--;
    this.free.give(client);
    this.slowestCallMs = Math.max(this.slowestCallMs, now - begin);
    return now;
  }
}

/** A write's answer has its zxid. */
function epochOf(answer: unknown): number {
  return Math.floor(((answer as { zxid?: number } | undefined)?.zxid ?? 0) / EPOCH);
}
