import { randomBytes } from "node:crypto";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { assert } from "../../core/base/assert.ts";
import { type JournalRecord, recordType } from "../../core/zab/journal-record.ts";
import { nodeDisk } from "../node-disk.ts";
import { JournalWriter, worstRecordBytes } from "./journal-writer.ts";
import { PRUNE_FRAME, type RingMemory, RingReader, SYNC_TIMES_MAX, word } from "./record-ring.ts";
import type { JournalPosition } from "./recover-journal.ts";
import type { Space } from "./segment-pool.ts";

/** The journal's thread: takes what the ring holds, writes and syncs it, says so. Entry module of a worker. */
export interface JournalWorkerData {
  readonly directory: string;
  readonly position: JournalPosition;
  readonly ring: RingMemory;
  readonly segmentBytes: number;
  readonly keepCommands: number;
  readonly keepBytes: number;
}

/** A plain number is the sequence of the last durable record: the frequent message is the cheapest. */
export type JournalWorkerMessage =
  | number
  | { readonly kind: "ready" }
  | { readonly kind: "space"; readonly space: Space }
  | { readonly kind: "closed" }
  | { readonly kind: "fatal"; readonly message: string; readonly code: string | undefined };

/** Without records for this long, the thread uses the time to claim and prune. */
const IDLE_MS = 2;
/** A full disk is asked again this often. */
const SPACE_RETRY_MS = 1000;
/** Under load without a pause, a step of idle work is done after this many groups. */
const GROUPS_PER_STEP = 32;
/** Claiming becomes urgent when what is left of the segment is no more than what is to be claimed, and this. */
const CLAIM_MARGIN_BYTES = 8 * 1024 * 1024;

class JournalThread {
  private readonly port: MessagePort;
  private readonly reader: RingReader;
  private readonly writer: JournalWriter;
  private retired = 0;
  private groups = 0;
  private space: Space = "ample";
  /** Set while the disk is full: when to ask again. */
  private retryAt = 0;
  private pruning = false;
  private closing = false;

  constructor(port: MessagePort, data: JournalWorkerData) {
    this.port = port;
    this.reader = new RingReader(data.ring);
    const { segmentBytes, keepCommands, keepBytes } = data;
    const options = { segmentBytes, keepCommands, keepBytes, random32: () => randomBytes(4).readUInt32LE(0) };
    this.writer = new JournalWriter(nodeDisk, data.directory, data.position, options);
    this.publish();
  }

  run(): void {
    this.tell({ kind: "ready" });
    while (!this.closing) {
      if (this.takeGroup()) {
        if (this.urgent) this.claim();
        else if (++this.groups % GROUPS_PER_STEP === 0) this.useIdleTime();
      } else if (!this.reader.wait(this.waitMs)) this.useIdleTime();
    }
    this.writer.close();
    this.publish();
    this.tell({ kind: "closed" });
  }

  /** Moves frames from the ring into one group and makes it durable; false when there was nothing to do. */
  private takeGroup(): boolean {
    const { reader, writer } = this;
    let records = 0;
    for (let frame = reader.peek(); frame !== undefined; frame = reader.peek()) {
      if (frame.type === PRUNE_FRAME) {
        writer.prune(frame.lastZxid);
        this.pruning = true;
      } else if (frame.type === recordType.CLOSE) {
        this.closing = true;
      } else {
        if (!writer.add(frame as JournalRecord)) break;
        this.retired = (this.retired + worstRecordBytes(frame)) >>> 0;
        records++;
      }
      reader.release();
      if (this.closing) break;
    }
    if (records === 0) return this.closing;
    const started = performance.now();
    writer.flush();
    this.recordSync(performance.now() - started);
    this.publish();
    this.tell(writer.durable);
    return true;
  }

  private get urgent(): boolean {
    const backlog = this.writer.claimBacklog;
    return backlog > 0 && this.retryAt === 0 && this.writer.remaining <= backlog + CLAIM_MARGIN_BYTES;
  }

  private get waitMs(): number {
    if (this.pruning) return IDLE_MS;
    if (!this.writer.wantsClaim) return Number.POSITIVE_INFINITY;
    return this.retryAt === 0 ? IDLE_MS : Math.max(IDLE_MS, this.retryAt - performance.now());
  }

  private useIdleTime(): void {
    if (this.pruning) {
      this.pruning = this.writer.pruneOne();
      this.publish();
    } else if (this.writer.wantsClaim && performance.now() >= this.retryAt) this.claim();
  }

  private claim(): void {
    const advanced = this.writer.claimSlice();
    this.retryAt = advanced || !this.writer.wantsClaim ? 0 : performance.now() + SPACE_RETRY_MS;
    this.publish();
  }

  /** The order matters: whoever reads RETIRED, REMAINING and SPARE in this order errs only towards less room. */
  private publish(): void {
    const { writer } = this;
    const { control, gauges } = this.reader;
    Atomics.store(control, word.SPARE, writer.spareRoom);
    Atomics.store(control, word.REMAINING, writer.remaining);
    Atomics.store(control, word.RETIRED, this.retired | 0);
    gauges[0] = writer.bytesWritten;
    gauges[1] = writer.diskBytes;
    Atomics.store(control, word.SEGMENTS, writer.segmentCount);
    if (writer.space === this.space) return;
    this.space = writer.space;
    this.tell({ kind: "space", space: this.space });
  }

  private recordSync(ms: number): void {
    const { control } = this.reader;
    const count = Atomics.load(control, word.SYNCS);
    Atomics.store(control, word.SYNC_TIMES + ((count >>> 0) % SYNC_TIMES_MAX), Math.round(ms * 1000));
    Atomics.store(control, word.SYNCS, count + 1);
  }

  private tell(message: JournalWorkerMessage): void {
    this.port.postMessage(message);
  }
}

assert(parentPort !== null, "this module is the entry of a worker");
try {
  new JournalThread(parentPort, workerData as JournalWorkerData).run();
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  parentPort.postMessage({ kind: "fatal", message, code } satisfies JournalWorkerMessage);
}
