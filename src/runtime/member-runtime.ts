import { randomInt } from "node:crypto";
import { performance } from "node:perf_hooks";
import { formatZxid } from "../core/base/zxid.ts";
import { Member } from "../core/member/member.ts";
import type { MemberEffects, MemberTransition } from "../core/member/member-contract.ts";
import type { JournalRecord } from "../core/zab/journal-record.ts";
import type { RecoveredZab } from "../core/zab/zab.ts";
import { type DataDir, openDataDir } from "../storage/data-dir.ts";
import { describeFinding } from "../storage/journal/finding.ts";
import { type Journal, type JournalOptions, openJournal } from "../storage/journal/journal.ts";
import type { RecoveredJournal } from "../storage/journal/recovered-journal.ts";
import { removeLeftovers } from "../storage/snapshot/snapshot-files.ts";
import { openSnapshotStore, type SnapshotStore } from "../storage/snapshot/snapshot-store.ts";
import { type LoadedTree, loadTree, recoverZab } from "./recovery.ts";
import { SnapshotRounds } from "./snapshot-rounds.ts";

export interface RuntimeOptions {
  readonly memberId: number;
  readonly dataDir: string;
  readonly peerAddress: string;
  /** All the process may use, bytes; above nine tenths of it creates and sets are refused. */
  readonly memoryBytes: number;
  /** Requests in flight, bytes. Default 64 MiB. */
  readonly outstandingBytesMax?: number;
  /** How long a read waits for its zxid, ms. Default 5,000. */
  readonly barrierWaitMs?: number;
  /** Recent events kept for resuming watches, bytes. Default 16 MiB. */
  readonly historyBytesMax?: number;
  /** Journal bytes per snapshot round. Default 64 MiB. */
  readonly roundBytes?: number;
  /** How the journal is kept, where that differs from its own defaults. */
  readonly journal?: Pick<JournalOptions, "segmentBytes" | "ringBytes" | "keepCommands" | "keepBytes">;
}

/** What the runtime tells its owner. */
export interface RuntimeEvents {
  onTransition(event: MemberTransition): void;
  onNotice(level: "info" | "warn", message: string, details: object): void;
  onFsync(ms: number): void;
  onCommit(ms: number): void;
  /** The member must stop serving at once and exit: the disk failed or an invariant broke. */
  onFatal(error: Error): void;
}

const MIB = 1024 * 1024;
const defaults = { outstandingBytesMax: 64 * MIB, barrierWaitMs: 5_000, historyBytesMax: 16 * MIB };
const TICK_MS = 100;
/** Memory is looked at this often, ms, and counts as short from here to there of what is allowed. */
const MEMORY_LOOK_MS = 1_000;
const MEMORY_HIGH = 0.9;
const MEMORY_LOW = 0.85;
/** A stopping member waits this long for what is in flight, ms. */
const DRAIN_MS = 5_000;

/**
 * Runs one member on the real world: performs its effects with the journal, the clock and the loop, and hands it their
 * completions as events. An error thrown by the member is a broken invariant and ends it (ARCHITECTURE, section 1).
 */
export class MemberRuntime implements MemberEffects {
  readonly dataDir: DataDir;
  readonly member: Member;
  private readonly options: RuntimeOptions;
  private readonly events: RuntimeEvents;
  private readonly journalPart: Journal;
  private readonly store: SnapshotStore;
  private readonly rounds: SnapshotRounds;
  private turnRequested = false;
  private applyRequested = false;
  private ticker: NodeJS.Timeout | undefined;
  private nextMemoryLook = 0;
  private failed = false;
  private whenIdle: (() => void) | undefined;

  private constructor(parts: OpenedParts, options: RuntimeOptions, events: RuntimeEvents) {
    const { dataDir, loaded } = parts;
    this.options = options;
    this.events = events;
    this.dataDir = dataDir;
    this.journalPart = parts.journal;
    this.store = parts.store;
    const { memberId } = options;
    const { ensembleId, incarnation } = dataDir.identity;
    const self = { id: memberId, role: "voter", weight: 1, incarnation, peerAddress: options.peerAddress } as const;
    this.member = new Member(
      {
        ...defaults,
        ...options,
        bootstrap: { ensembleId, members: [self] },
        firstUnaryNumber: randomInt(2 ** 47),
      },
      { ...loaded, recovered: parts.zab },
      this,
    );
    this.rounds = new SnapshotRounds(this.member, parts.store, options.roundBytes);
  }

  /** Opens the data directory, loads, replays, and leads; resolves when the member serves. */
  static async open(options: RuntimeOptions, events: RuntimeEvents): Promise<MemberRuntime> {
    const dataDir = await openDataDir(options.dataDir, { memberId: options.memberId });
    let runtime: MemberRuntime | undefined;
    let parts: OpenedParts | undefined;
    try {
      parts = await openParts(dataDir, options, events, () => runtime);
      runtime = new MemberRuntime(parts, options, events);
      runtime.replay(parts.recovered);
      await runtime.lead();
      return runtime;
    } catch (error) {
      await Promise.all([parts?.journal.close(), parts?.store.close()]);
      dataDir.close();
      throw error;
    }
  }

  journal(): Journal {
    return this.journalPart;
  }

  snapshot(): SnapshotStore {
    return this.store;
  }

  /** Takes nothing new, answers what is in flight, closes everything. */
  async stop(): Promise<void> {
    this.member.stop();
    await this.drain();
    clearInterval(this.ticker);
    this.rounds.stop();
    if (!this.failed) this.member.shutDown();
    await Promise.all([this.journalPart.close(), this.store.close()]);
    this.dataDir.close();
  }

  // ---- Effects ------------------------------------------------------------------------------------------------

  append(record: JournalRecord): number {
    this.rounds.journalled(record.body.length);
    return this.journalPart.append(record);
  }

  hasRoom(bytes: number): boolean {
    return this.journalPart.hasRoom(bytes);
  }

  requestTurnEnd(): void {
    if (this.turnRequested) return;
    this.turnRequested = true;
    setImmediate(this.onTurnEnd);
  }

  requestApply(): void {
    if (this.applyRequested) return;
    this.applyRequested = true;
    setImmediate(this.onApply);
  }

  transition(event: MemberTransition): void {
    this.events.onTransition(event);
    if (event.kind === "role" && event.role === "leader") this.whenLeading?.();
  }

  committed(latencyMs: number): void {
    this.events.onCommit(latencyMs);
  }

  now(): number {
    return performance.now();
  }

  wallClock(): number {
    return Date.now();
  }

  // ---- Events -------------------------------------------------------------------------------------------------

  onDurable(sequence: number): void {
    this.guard(() => {
      this.member.durable(sequence);
      this.afterApply();
    });
  }

  onSpaceChange(space: Journal["space"]): void {
    this.member.pressure.disk = space === "refusing";
    const level = space === "refusing" ? "warn" : "info";
    const message = space === "refusing" ? "the disk is full: only deletes are accepted" : "the disk has room again";
    this.events.onNotice(level, message, {});
    this.guard(() => this.member.roomMade());
  }

  onRoundCommitted(zxid: number): void {
    this.rounds.committed();
    this.journalPart.prune(zxid);
  }

  fail(error: Error): void {
    if (this.failed) return;
    this.failed = true;
    clearInterval(this.ticker);
    this.events.onFatal(error);
  }

  private whenLeading: (() => void) | undefined;

  private readonly onTurnEnd = (): void => {
    this.turnRequested = false;
    this.guard(() => this.member.endTurn());
  };

  private readonly onApply = (): void => {
    this.applyRequested = false;
    this.guard(() => {
      this.member.applyMore();
      this.afterApply();
    });
  };

  private afterApply(): void {
    if (!this.member.isBetweenBatches) return;
    this.rounds.beginIfDue();
    if (this.whenIdle !== undefined && this.member.isIdle) this.whenIdle();
  }

  private readonly onTick = (): void => {
    const now = performance.now();
    if (now >= this.nextMemoryLook) {
      this.nextMemoryLook = now + MEMORY_LOOK_MS;
      this.lookAtMemory();
    }
    this.guard(() => this.member.tick());
  };

  private lookAtMemory(): void {
    const { pressure } = this.member;
    const used = process.memoryUsage.rss() / this.options.memoryBytes;
    const short = used > (pressure.memory ? MEMORY_LOW : MEMORY_HIGH);
    if (short === pressure.memory) return;
    pressure.memory = short;
    const message = short ? "memory is above its high-water mark: only deletes are accepted" : "memory is free again";
    this.events.onNotice(short ? "warn" : "info", message, { share: Number(used.toFixed(2)) });
  }

  private replay(recovered: RecoveredJournal): void {
    const { member } = this;
    const start = performance.now();
    let batches = 0;
    for (const record of recovered.batches(member.tree.zxid)) {
      member.replay(record.body);
      this.rounds.journalled(record.body.length);
      batches++;
    }
    const ms = Math.round(performance.now() - start);
    this.events.onNotice("info", "recovered", {
      zxid: formatZxid(member.tree.zxid),
      znodes: member.tree.state.table.size,
      sessions: member.tree.state.sessions.size,
      batches,
      ms,
    });
  }

  private lead(): Promise<void> {
    this.ticker = setInterval(this.onTick, TICK_MS);
    return new Promise((resolve) => {
      this.whenLeading = resolve;
      this.guard(() => this.member.start());
    });
  }

  private async drain(): Promise<void> {
    if (this.failed || this.member.isIdle) return;
    this.requestTurnEnd();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, DRAIN_MS);
      this.whenIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private guard(event: () => void): void {
    if (this.failed) return;
    try {
      event();
    } catch (error) {
      this.fail(error as Error);
    }
  }
}

interface OpenedParts {
  readonly dataDir: DataDir;
  readonly loaded: LoadedTree;
  readonly journal: Journal;
  readonly recovered: RecoveredJournal;
  readonly zab: RecoveredZab;
  readonly store: SnapshotStore;
}

async function openParts(
  dataDir: DataDir,
  options: RuntimeOptions,
  events: RuntimeEvents,
  runtime: () => MemberRuntime | undefined,
): Promise<OpenedParts> {
  const loaded = loadTree(dataDir.directory);
  const fail = (error: Error): void => {
    const opened = runtime();
    if (opened === undefined) events.onFatal(error);
    else opened.fail(error);
  };
  const { journal, recovered } = await openJournal(
    { directory: dataDir.journalDirectory, fromZxid: loaded.tree.zxid, ...options.journal },
    {
      onDurable: (sequence) => runtime()?.onDurable(sequence),
      onSpaceChange: (space) => runtime()?.onSpaceChange(space),
      onFatal: fail,
      onFsync: (ms) => events.onFsync(ms),
    },
  );
  for (const finding of recovered.findings) events.onNotice("warn", describeFinding(finding), {});
  try {
    const zab = recoverZab(loaded.tree, recovered);
    removeLeftovers(dataDir.directory);
    const store = await openSnapshotStore(
      { directory: dataDir.directory },
      { onCommitted: (zxid) => runtime()?.onRoundCommitted(zxid), onFatal: fail },
    );
    return { dataDir, loaded, journal, recovered, zab, store };
  } catch (error) {
    await journal.close();
    throw error;
  }
}
