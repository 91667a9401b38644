import { randomBytes } from "node:crypto";
import type { Worker } from "node:worker_threads";
import { assert, InvariantError } from "../../core/base/assert.ts";
import { COMMAND_BYTES_MAX } from "../../core/base/limits.ts";
import { isZxid } from "../../core/base/zxid.ts";
import { isSticky, type JournalRecord, recordType } from "../../core/zab/journal-record.ts";
import { EarlyThread } from "../early-thread.ts";
import { nodeDisk } from "../node-disk.ts";
import { workerFile } from "../worker-file.ts";
import type { DamagedJournal } from "./damaged-journal.ts";
import { JournalDamagedError } from "./finding.ts";
import type { JournalHistory } from "./history-client.ts";
import { JournalRepair, type RepairOptions } from "./journal-repair.ts";
import type { JournalWorkerData, JournalWorkerMessage } from "./journal-thread.ts";
import { worstRecordBytes } from "./journal-writer.ts";
import { LiveHistory } from "./live-history.ts";
import { makeRing, PRUNE_FRAME, RELEASE_FRAME, RingWriter, readPlace, SYNC_TIMES_MAX, word } from "./record-ring.ts";
import { type JournalScan, recoverJournal } from "./recover-journal.ts";
import type { RecoveredJournal } from "./recovered-journal.ts";
import type { Space } from "./segment-pool.ts";
import { ZxidChain } from "./zxid-chain.ts";

/** The write-ahead log of one member, open for appending. All methods are synchronous but `close`. */
export interface Journal {
  /**
   * Queues a record for writing; the body is copied before this returns. Ask {@link hasRoom} before.
   *
   * @returns its sequence: 1, 2, 3... since the journal was opened; `onDurable` tells when it is on disk
   * @throws InvariantError if zxids leave a gap - a batch's firstZxid is the last zxid + 1, or counter 1 of a higher
   * epoch; other records stand at the last zxid; TRUNCATE at or below it - or if there is no room
   */
  append(record: JournalRecord): number;
  /** True while a record with a body of this size can be taken now: room in the ring and on claimed disk space. */
  hasRoom(bytes: number): boolean;
  /** "refusing" while no segment can be claimed: only deletes and closes should be submitted. Recovers by itself. */
  readonly space: Space;
  /**
   * Lets go of segments wholly at or below `snapshotZxid`, the newest committed snapshot (or, while a transfer to a
   * learner runs, what that still needs), but for `keepCommands` commands or `keepBytes` bytes behind it.
   */
  prune(snapshotZxid: number): void;
  /**
   * {@link history} is complete for every `afterZxid` from here on. Rises when segments are pruned, never between two
   * calls in one turn of the loop; an installed snapshot's zxid once its SNAPSHOT record is durable. Falls for a while
   * after the start: segments behind `fromZxid` are looked through then, in the background.
   */
  readonly baseZxid: number;
  /**
   * The batches in force with a lastZxid above `afterZxid`, without those that were voided, up to what is durable now.
   * Read on a thread of its own. Holds back pruning of what it needs until it is closed.
   *
   * @throws InvariantError below {@link baseZxid}
   */
  history(afterZxid: number): JournalHistory;
  /** Writes what is queued and the CLOSE record, syncs, and stops the worker. Idempotent. */
  close(): Promise<void>;
  stats(): JournalStats;
}

export interface JournalStats {
  /** Write groups made durable. */
  readonly fsyncs: number;
  readonly bytesWritten: number;
  readonly segments: number;
  /** Claimed on disk: segments, spares, reserve. */
  readonly diskBytes: number;
}

/** Told on the loop, in order. */
export interface JournalEvents {
  /** Every record up to this sequence is on disk. */
  onDurable(sequence: number): void;
  onSpaceChange(space: Space): void;
  /** The disk failed: nothing more will become durable, and the member has to exit (core.md 32). At most once. */
  onFatal(error: Error): void;
  /** Damage behind `fromZxid`, found in the background: the member can do without, but learners cannot have it. */
  onDamage?(damage: JournalDamagedError): void;
  /** How long one write and its fdatasync took, ms. */
  onFsync?(ms: number): void;
}

export interface JournalOptions {
  /** Made if it is missing. */
  readonly directory: string;
  /** Size of a segment, bytes. Default 64 MiB; the first is at most 8 MiB. */
  readonly segmentBytes?: number;
  /** Size of the ring to the worker: a power of two. Default 16 MiB. */
  readonly ringBytes?: number;
  /** Commands kept behind the snapshot. Default 500,000. */
  readonly keepCommands?: number;
  /** Bytes kept behind the snapshot, if that is less. Default 1 GiB. */
  readonly keepBytes?: number;
  /** The lowest `afterZxid` that will be asked for: older segments are checked by their headers only. Default 0. */
  readonly fromZxid?: number;
  /** The thread to write on, where it was begun before. */
  readonly thread?: EarlyJournalThread;
}

/** Sticky records stand at the head of every segment, so they have to be small. */
export const STICKY_BYTES_MAX = 64 * 1024;
const MIB = 1024 * 1024;
const defaults = { segmentBytes: 64 * MIB, ringBytes: 16 * MIB, keepCommands: 500_000, keepBytes: 1024 * MIB };
assert(defaults.ringBytes > 2 * COMMAND_BYTES_MAX, "the ring must hold the largest command, and then some");

export interface OpenedJournal {
  readonly journal: Journal;
  readonly recovered: RecoveredJournal;
}

export type EarlyJournalThread = EarlyThread<JournalWorkerData>;

/** Begins a journal's thread before the journal is opened. */
export function startJournalThread(): EarlyJournalThread {
  return new EarlyThread<JournalWorkerData>(workerFile("./journal-worker", import.meta.url), {
    name: "journal",
    // Its records lie outside the heap; a small one keeps a member's memory small.
    resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
  });
}

/**
 * Opens the journal in a directory, or begins one. Nobody else may have it open: see the lock of the data directory.
 *
 * @throws JournalDamagedError when it is damaged, incomplete or of a newer format; errors of the disk as they come,
 * ENOSPC among them when a new journal finds no space
 */
export async function openJournal(options: JournalOptions, events: JournalEvents): Promise<OpenedJournal> {
  const { directory, fromZxid = 0 } = options;
  nodeDisk.makeDirectory(directory);
  return begin(options, events, recoverJournal(nodeDisk, directory, fromZxid));
}

/**
 * As {@link openJournal}, for a member of an ensemble: a journal that would be refused is not opened and not touched,
 * but told, for the ensemble to decide (core.md 28); see {@link repairJournal}. Where the last write alone is
 * uncertain it is taken for torn, as ever: after a power loss that befell all, no member would be whole otherwise.
 *
 * @throws JournalDamagedError when it is of a newer format
 */
export async function openJournalOrDamaged(
  options: JournalOptions,
  events: JournalEvents,
): Promise<OpenedJournal | DamagedJournal> {
  const { directory, fromZxid = 0 } = options;
  nodeDisk.makeDirectory(directory);
  const scan = recoverOrTell(directory, fromZxid);
  return scan.damage ?? begin(options, events, scan);
}

function recoverOrTell(directory: string, fromZxid: number): JournalScan {
  try {
    return recoverJournal(nodeDisk, directory, fromZxid);
  } catch (error) {
    if (!(error instanceof JournalDamagedError)) throw error;
    return recoverJournal(nodeDisk, directory, fromZxid, { tolerateDamage: true });
  }
}

/** Begins to put right what {@link openJournalOrDamaged} told of; the journal is opened anew when that is finished. */
export function repairJournal(
  directory: string,
  damaged: DamagedJournal,
  options: Omit<RepairOptions, "segmentBytes" | "random32"> & { readonly segmentBytes?: number },
): JournalRepair {
  const random32 = (): number => randomBytes(4).readUInt32LE(0);
  return new JournalRepair(nodeDisk, directory, damaged, { segmentBytes: defaults.segmentBytes, random32, ...options });
}

async function begin(
  options: JournalOptions,
  events: JournalEvents,
  { position, recovered }: JournalScan,
): Promise<OpenedJournal> {
  const { directory, segmentBytes, ringBytes, keepCommands, keepBytes } = { ...defaults, ...options };
  assert(segmentBytes % 512 === 0 && segmentBytes < 2 ** 31, "a segment is whole sectors, below 2 GiB");
  const ring = makeRing(ringBytes);
  const data: JournalWorkerData = { directory, position, ring, segmentBytes, keepCommands, keepBytes };
  const journal = new WorkerJournal(data, options.thread ?? startJournalThread(), events);
  await journal.ready;
  return { journal, recovered };
}

class WorkerJournal implements Journal {
  readonly ready: Promise<void>;
  space: Space = "ample";
  private readonly worker: Worker;
  private readonly ring: RingWriter;
  private readonly events: JournalEvents;
  private readonly chain: ZxidChain;
  private readonly exited: Promise<void>;
  private readonly live: LiveHistory;
  private settleReady: { resolve(): void; reject(error: Error): void } | undefined;
  private sequence = 0;
  /** Worst-case segment bytes of all records appended, modulo 2^32; RETIRED follows it. */
  private promised = 0;
  private syncsSeen = 0;
  private state: "open" | "closing" | "closed" | "failed" = "open";

  constructor(data: JournalWorkerData, thread: EarlyJournalThread, events: JournalEvents) {
    this.events = events;
    this.ring = new RingWriter(data.ring);
    this.chain = new ZxidChain(data.position.lastZxid);
    this.live = new LiveHistory(data.directory, data.position, (through) => this.signal(RELEASE_FRAME, through));
    this.ready = new Promise((resolve, reject) => {
      this.settleReady = { resolve, reject };
    });
    this.worker = thread.begin(data);
    this.worker.on("message", (message: JournalWorkerMessage) => this.receive(message));
    this.worker.on("error", (error) => this.fail(error as Error));
    this.exited = new Promise((resolve) => {
      this.worker.on("exit", () => {
        this.fail(new Error("the journal's worker ended"));
        resolve();
      });
    });
  }

  append(record: JournalRecord): number {
    const { type, firstZxid, lastZxid, body } = record;
    assert(this.state !== "closing" && this.state !== "closed", "the journal is closed");
    assert(type !== recordType.CLOSE, "CLOSE is written by close()");
    assert(!isSticky(type) || body.length <= STICKY_BYTES_MAX, "a sticky record is too large");
    assert(isZxid(firstZxid) && isZxid(lastZxid), "not a zxid");
    // After a failure nothing becomes durable; the member is about to hear of it, or has.
    if (this.state === "failed") return ++this.sequence;
    const worst = worstRecordBytes(record);
    if (!this.ring.fits(body.length) || !this.isClaimed(worst)) throw new InvariantError("the journal has no room");
    const problem = this.chain.advance(type, firstZxid, lastZxid);
    if (problem !== undefined) throw new InvariantError(problem);
    this.promised = (this.promised + worst) >>> 0;
    this.ring.push(type, firstZxid, lastZxid, body);
    return ++this.sequence;
  }

  hasRoom(bytes: number): boolean {
    // The answer holds for every type a body of this size may have.
    const type = bytes <= STICKY_BYTES_MAX ? recordType.CONFIGURATION : recordType.BATCH;
    const worst = worstRecordBytes({ type, body: { length: bytes } });
    return this.state === "open" && this.ring.fits(bytes) && this.isClaimed(worst);
  }

  /** Room for this and all that is on its way: in the segment being written or, should that not do, in the next. */
  private isClaimed(worst: number): boolean {
    const { control } = this.ring;
    const retired = Atomics.load(control, word.RETIRED);
    const remaining = Atomics.load(control, word.REMAINING);
    const spare = Atomics.load(control, word.SPARE);
    const need = ((this.promised - retired) >>> 0) + worst;
    return need <= remaining || need <= spare;
  }

  prune(snapshotZxid: number): void {
    // The next round asks again: a full ring is no reason to wait.
    this.signal(PRUNE_FRAME, snapshotZxid);
  }

  get baseZxid(): number {
    return this.live.baseZxid;
  }

  history(afterZxid: number): JournalHistory {
    return this.live.open(afterZxid, readPlace(this.ring.control));
  }

  private signal(type: typeof PRUNE_FRAME | typeof RELEASE_FRAME, value: number): boolean {
    if (this.state !== "open" || !this.ring.fits(0)) return false;
    this.ring.push(type, value, value, new Uint8Array(0));
    return true;
  }

  async close(): Promise<void> {
    if (this.state === "open") {
      this.state = "closing";
      while (!this.ring.fits(0)) await new Promise((resolve) => setImmediate(resolve));
      this.ring.push(recordType.CLOSE, this.chain.last, this.chain.last, new Uint8Array(0));
    }
    await Promise.all([this.exited, this.live.stop()]);
  }

  stats(): JournalStats {
    const { control, gauges } = this.ring;
    return {
      fsyncs: Atomics.load(control, word.SYNCS) >>> 0,
      bytesWritten: gauges[0] as number,
      segments: Atomics.load(control, word.SEGMENTS),
      diskBytes: gauges[1] as number,
    };
  }

  private receive(message: JournalWorkerMessage): void {
    if (typeof message === "number") {
      if (this.state === "failed") return;
      this.reportSyncs();
      this.live.settle();
      this.events.onDurable(message);
      return;
    }
    switch (message.kind) {
      case "ready":
        this.settleReady?.resolve();
        this.settleReady = undefined;
        void this.live.lookBack((damage) => this.events.onDamage?.(damage));
        return;
      case "segment":
        this.live.begun(message.segment);
        return;
      case "voiding":
        this.live.voided(message.voiding);
        return;
      case "prunable":
        this.live.mayPrune(message.through);
        return;
      case "space":
        this.space = message.space;
        this.events.onSpaceChange(message.space);
        return;
      case "closed":
        this.state = "closed";
        return;
      case "fatal":
        this.fail(Object.assign(new Error(`the journal failed: ${message.message}`), { code: message.code }));
    }
  }

  private reportSyncs(): void {
    const { control } = this.ring;
    const count = Atomics.load(control, word.SYNCS) >>> 0;
    const first = Math.max(this.syncsSeen, count - SYNC_TIMES_MAX);
    this.syncsSeen = count;
    if (this.events.onFsync === undefined) return;
    for (let sync = first; sync < count; sync++) {
      this.events.onFsync(Atomics.load(control, word.SYNC_TIMES + (sync % SYNC_TIMES_MAX)) / 1000);
    }
  }

  private fail(error: Error): void {
    if (this.state === "failed" || this.state === "closed") return;
    this.state = "failed";
    if (this.settleReady !== undefined) {
      this.settleReady.reject(error);
      this.settleReady = undefined;
    } else this.events.onFatal(error);
  }
}
