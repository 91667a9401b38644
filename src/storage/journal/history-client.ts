import { Worker } from "node:worker_threads";
import { assert } from "../../core/base/assert.ts";
import { type JournalRecord, recordType } from "../../core/zab/journal-record.ts";
import { workerFile } from "../worker-file.ts";
import { JournalDamagedError } from "./finding.ts";
import type { HistoryReply, HistoryRequest } from "./history-server.ts";
import type { SegmentFile } from "./journal-files.ts";
import type { HistorySource } from "./read-history.ts";
import type { Voiding } from "./voiding.ts";

/** A moment of the journal, read batch by batch, while the journal goes on. Not for concurrent use. */
export interface JournalHistory {
  /**
   * The next batches in force, in order, about 1 MiB of them and at least one; undefined at the end. Their bodies are
   * the caller's. One call at a time.
   *
   * @throws JournalDamagedError (as a rejection) when the disk does not give what was synced once; other errors as the
   * disk gives them. Nothing more can be read then.
   */
  next(): Promise<readonly JournalRecord[] | undefined>;
  /** Lets pruning go on; an unanswered `next` is answered with undefined. Idempotent. */
  close(): void;
}

/** The thread is ended when nothing was read for this long. */
const IDLE_MS = 5000;

interface Waiting {
  resolve(answer: HistoryReply | undefined): void;
  reject(error: Error): void;
}

/** The loop's side of the thread that reads histories: begun when one is read, ended when none was for a while. */
export class HistoryClient {
  private readonly directory: string;
  private readonly idleMs: number;
  private worker: Worker | undefined;
  private idle: NodeJS.Timeout | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private readonly opened = new Set<number>();
  private lastId = 0;

  constructor(directory: string, idleMs = IDLE_MS) {
    this.directory = directory;
    this.idleMs = idleMs;
  }

  /** True while the thread exists. */
  get isRunning(): boolean {
    return this.worker !== undefined;
  }

  open(source: HistorySource, afterZxid: number): number {
    const id = ++this.lastId;
    this.opened.add(id);
    this.ask({ kind: "open", id, source, afterZxid });
    return id;
  }

  async next(id: number): Promise<readonly JournalRecord[] | undefined> {
    const reply = await this.call({ kind: "next", id });
    return reply?.kind === "chunk" ? unpack(reply.bytes, reply.spans) : undefined;
  }

  /** What a segment voids; undefined when the client was stopped meanwhile. */
  async voidings(segment: SegmentFile, end: number): Promise<readonly Voiding[] | undefined> {
    const id = ++this.lastId;
    this.opened.add(id);
    try {
      const reply = await this.call({ kind: "voidings", id, segment, end });
      return reply?.kind === "voidings" ? reply.voidings : undefined;
    } finally {
      this.close(id);
    }
  }

  private call(request: HistoryRequest): Promise<HistoryReply | undefined> {
    assert(!this.waiting.has(request.id), "a history is read one step at a time");
    return new Promise((resolve, reject) => {
      this.waiting.set(request.id, { resolve, reject });
      this.ask(request);
    });
  }

  close(id: number): void {
    if (!this.opened.delete(id)) return;
    this.waiting.get(id)?.resolve(undefined);
    this.waiting.delete(id);
    if (this.worker === undefined) return;
    this.ask({ kind: "close", id });
    if (this.opened.size > 0) return;
    this.idle = setTimeout(() => void this.stop(), this.idleMs);
    this.idle.unref();
  }

  /** Ends the thread; what is being read is answered with undefined. */
  async stop(): Promise<void> {
    const { worker } = this;
    this.forget();
    for (const { resolve } of this.waiting.values()) resolve(undefined);
    this.waiting.clear();
    await worker?.terminate();
  }

  private forget(): void {
    clearTimeout(this.idle);
    this.idle = undefined;
    this.worker = undefined;
    this.opened.clear();
  }

  private ask(request: HistoryRequest): void {
    clearTimeout(this.idle);
    this.worker ??= this.begin();
    this.worker.postMessage(request);
  }

  private begin(): Worker {
    const worker = new Worker(workerFile("./history-worker", import.meta.url), {
      workerData: this.directory,
      name: "history",
      // Chunks lie outside the heap.
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
    });
    worker.on("message", (reply: HistoryReply) => this.receive(reply));
    worker.on("error", (error) => this.fail(worker, error as Error));
    worker.on("exit", () => this.fail(worker, new Error("the thread that reads the journal's history ended")));
    return worker;
  }

  private receive(reply: HistoryReply): void {
    const waiting = this.waiting.get(reply.id);
    if (waiting === undefined) return;
    this.waiting.delete(reply.id);
    if (reply.kind === "damaged") waiting.reject(new JournalDamagedError(this.directory, reply.findings));
    else if (reply.kind === "failed") waiting.reject(Object.assign(new Error(reply.message), { code: reply.code }));
    else waiting.resolve(reply);
  }

  private fail(worker: Worker, error: Error): void {
    if (worker !== this.worker) return;
    this.forget();
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}

function unpack(bytes: Uint8Array, spans: Float64Array): JournalRecord[] {
  const records: JournalRecord[] = [];
  let start = 0;
  for (let at = 0; at < spans.length; at += 3) {
    const end = start + (spans[at + 2] as number);
    const [firstZxid, lastZxid] = [spans[at] as number, spans[at + 1] as number];
    records.push({ type: recordType.BATCH, firstZxid, lastZxid, body: bytes.subarray(start, end) });
    start = end;
  }
  return records;
}
