import { LatencyHistogram, type Percentiles } from "./latency-histogram.ts";
import { SlotQueue } from "./slot-queue.ts";

/** One request; `client` counts the clients, `sequence` all requests of the run. Rejects when it failed. */
export type Operation = (client: number, sequence: number) => Promise<unknown>;

export interface LoadShape {
  readonly clients: number;
  /** Requests each client keeps unanswered, at most. */
  readonly outstanding: number;
  /** Not measured, s. */
  readonly warmupSeconds: number;
  /** Measured, s. */
  readonly seconds: number;
  /** Called when the measured time begins, with the server warmed up. */
  readonly onMeasure?: () => void;
}

export interface LoadResult {
  /** Answered within the measured time. */
  readonly operations: number;
  readonly operationsPerSecond: number;
  readonly seconds: number;
  /** Answered in the whole run: before, within and after the measured time. */
  readonly answered: number;
  readonly latencyMs: Percentiles;
  /** Failed requests of the whole run, by reason. */
  readonly failures: Readonly<Record<string, number>>;
  /** Answers in each second of the measured time. */
  readonly perSecond: readonly number[];
}

export interface OpenLoadResult extends LoadResult {
  /** Requests a second that were to be sent. */
  readonly offeredPerSecond: number;
}

/** Counts what is answered between two moments. */
class Recorder {
  readonly histogram = new LatencyHistogram();
  readonly failures: Record<string, number> = {};
  readonly perSecond: number[];
  readonly begin: number;
  readonly end: number;
  operations = 0;
  total = 0;

  constructor(begin: number, seconds: number) {
    this.begin = begin;
    this.end = begin + seconds * 1000;
    this.perSecond = new Array<number>(Math.ceil(seconds)).fill(0);
  }

  answered(since: number, now: number): void {
    this.total++;
    if (now < this.begin || now >= this.end) return;
    this.operations++;
    const second = Math.floor((now - this.begin) / 1000);
    this.perSecond[second] = (this.perSecond[second] ?? 0) + 1;
    this.histogram.record(now - since);
  }

  failed(error: unknown): void {
    const { reason, message } = error as { reason?: string; message?: string };
    const name = reason ?? message ?? String(error);
    this.failures[name] = (this.failures[name] ?? 0) + 1;
  }

  result(): LoadResult {
    const seconds = (this.end - this.begin) / 1000;
    return {
      operations: this.operations,
      operationsPerSecond: this.operations / seconds,
      seconds,
      answered: this.total,
      latencyMs: this.histogram.percentiles(),
      failures: this.failures,
      perSecond: this.perSecond,
    };
  }
}

/**
 * Every client keeps `outstanding` requests under way and sends the next when one is answered. Shows the peak
 * throughput; its latencies leave out what nobody waited for (coordinated omission): for those see {@link openLoop}.
 */
export async function closedLoop(shape: LoadShape, operation: Operation): Promise<LoadResult> {
  const recorder = new Recorder(performance.now() + shape.warmupSeconds * 1000, shape.seconds);
  let sequence = 0;
  const slot = async (client: number): Promise<void> => {
    for (let begin = performance.now(); begin < recorder.end; ) {
      try {
        await operation(client, sequence++);
        const now = performance.now();
        recorder.answered(begin, now);
        begin = now;
      } catch (error) {
        recorder.failed(error);
        begin = performance.now();
      }
    }
  };
  const measuring = announce(shape);
  const slots: Promise<void>[] = [];
  for (let i = 0; i < shape.outstanding; i++) for (let c = 0; c < shape.clients; c++) slots.push(slot(c));
  await Promise.all(slots);
  await measuring;
  return recorder.result();
}

/**
 * Requests are due at fixed moments, `ratePerSecond` of them, whether the server keeps up or not, and each latency
 * counts from the moment its request was due. What cannot be sent, because `outstanding` are under way on every
 * client, waits - and its wait counts.
 */
export async function openLoop(shape: LoadShape, ratePerSecond: number, operation: Operation): Promise<OpenLoadResult> {
  const start = performance.now();
  const recorder = new Recorder(start + shape.warmupSeconds * 1000, shape.seconds);
  const free = new SlotQueue(shape.clients, shape.outstanding);
  const measuring = announce(shape);
  let sequence = 0;
  let underWay = 0;
  await new Promise<void>((resolve) => {
    const send = (): void => {
      const now = performance.now();
      while (!free.isEmpty) {
        const due = start + (sequence / ratePerSecond) * 1000;
        if (due > now || due >= recorder.end) break;
        const client = free.take();
        underWay++;
        operation(client, sequence++)
          .then(() => recorder.answered(due, performance.now()))
          .catch((error: unknown) => recorder.failed(error))
          .finally(() => {
            underWay--;
            free.give(client);
          });
      }
      if (now >= recorder.end && underWay === 0) {
        clearInterval(timer);
        resolve();
      }
    };
    const timer = setInterval(send, 1);
  });
  await measuring;
  return { ...recorder.result(), offeredPerSecond: ratePerSecond };
}

async function announce({ warmupSeconds, onMeasure }: LoadShape): Promise<void> {
  if (onMeasure === undefined) return;
  await new Promise((resolve) => setTimeout(resolve, warmupSeconds * 1000));
  onMeasure();
}
