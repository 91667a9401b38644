import type { Prng } from "../../src/core/base/prng.ts";
import { formatZxid } from "../../src/core/base/zxid.ts";
import { EventFanout } from "../../src/core/member/event-fanout.ts";
import { Member } from "../../src/core/member/member.ts";
import type { MemberEffects, MemberTransition } from "../../src/core/member/member-contract.ts";
import type { SessionTracker } from "../../src/core/member/session-tracker.ts";
import { Tree } from "../../src/core/tree/tree.ts";
import { type JournalRecord, recordType } from "../../src/core/zab/journal-record.ts";
import { recoverZab } from "../../src/runtime/recovery.ts";
import { recoverJournal } from "../../src/storage/journal/recover-journal.ts";
import type { RecoveredJournal } from "../../src/storage/journal/recovered-journal.ts";
import { type MemorySnapshot, MemorySnapshotStore } from "../../src/storage/snapshot/memory-snapshot-store.ts";
import type { SimulatedDisk } from "../support/simulated-disk.ts";
import type { ClientRequest } from "./client-message.ts";
import { Door, type Peer } from "./door.ts";
import type { Fault } from "./faults.ts";
import type { HistoryChecker, MemberView } from "./history-checker.ts";
import type { LinkEnd } from "./network.ts";
import { SimulatedJournal } from "./simulated-journal.ts";
import { SimulatedRounds } from "./simulated-rounds.ts";
import type { Timeline } from "./timeline.ts";

const DIRECTORY = "/journal";
const TICK_MS = 100;

/** What of a member survives its crashes. */
export interface Machine {
  readonly disk: SimulatedDisk;
  readonly snapshot: MemorySnapshot;
}

export interface MemberSizes {
  readonly segmentBytes: number;
  readonly roundBytes: number;
  readonly keepCommands: number;
  readonly historyBytesMax: number;
  /** Snapshots keep all of it, or nothing. */
  readonly keepsHistory: boolean;
  /** Of an epoch; undefined for the usual one. */
  readonly counterMax: number | undefined;
}

export interface SimulatedMemberOptions {
  readonly timeline: Timeline;
  readonly random: Prng;
  readonly checker: HistoryChecker;
  readonly machine: Machine;
  readonly sizes: MemberSizes;
  readonly fault: Fault | undefined;
  readonly trace?: Trace | undefined;
}

/** Takes a line of what happened; its text is made only when somebody reads it. */
export type Trace = (text: () => string) => void;

/**
 * One run of a member's process, from its start to its crash: the real core, journal writer, recovery and capture;
 * time, disk and the loop are simulated. Starts as `runtime/member-runtime.ts` does.
 */
export class SimulatedMember implements MemberEffects, MemberView {
  isDead = false;
  readonly member: Member;
  readonly checker: HistoryChecker;
  readonly random: Prng;
  readonly fault: Fault | undefined;
  readonly trace: Trace | undefined;
  readonly historyFromZxid: number;
  readonly journal: SimulatedJournal;
  readonly rounds: SimulatedRounds;
  private readonly options: SimulatedMemberOptions;
  private readonly store: MemorySnapshotStore;
  private readonly wallSkew: number;
  private turnRequested = false;
  private applyRequested = false;
  private lastHandOver = 0;
  private lastDurable = 0;

  /** Loads, recovers, replays, and begins to lead; throws what the disk throws. */
  constructor(options: SimulatedMemberOptions) {
    const { machine, checker, random, sizes, timeline } = options;
    this.options = options;
    this.checker = checker;
    this.random = random;
    this.fault = options.fault;
    this.trace = options.trace;
    // A machine's clock may be anywhere after a restart.
    this.wallSkew = random.below(3_600_000) - 1_800_000;
    const fanout = new EventFanout();
    if (this.fault === "lose-events") loseEvents(fanout, random);
    let history: Uint8Array | undefined;
    const tree = Tree.load(random.uint32(), fanout, (rows) => {
      const meta = machine.snapshot.load(rows);
      history = meta?.history;
      return meta;
    });
    const loadedZxid = tree.zxid;
    this.historyFromZxid = sizes.keepsHistory ? 0 : loadedZxid;
    machine.disk.makeDirectory(DIRECTORY);
    const { position, recovered } = recoverJournal(machine.disk, DIRECTORY, tree.zxid);
    const { baseZxid, lastZxid } = recovered;
    checker.recovered({ baseZxid, lastZxid, batches: recovered.batches(baseZxid) });
    const { segmentBytes, keepCommands } = sizes;
    const writerOptions = { segmentBytes, keepCommands, keepBytes: 2 ** 40, random32: () => random.uint32() };
    this.journal = new SimulatedJournal(this, machine.disk, DIRECTORY, position, writerOptions);
    this.store = new MemorySnapshotStore(
      { onCommitted: (zxid) => this.onRoundCommitted(zxid), onFatal: (error) => this.fail(error) },
      { medium: machine.snapshot, schedule: (work) => this.handOver(work) },
    );
    this.member = new Member(
      {
        memberId: 1,
        outstandingBytesMax: Math.floor(segmentBytes / 12),
        barrierWaitMs: 500,
        historyBytesMax: sizes.historyBytesMax,
        firstUnaryNumber: random.uint32(),
        ...(sizes.counterMax === undefined ? {} : { counterMax: sizes.counterMax }),
        bootstrap: {
          ensembleId: "00".repeat(16),
          members: [{ id: 1, role: "voter", weight: 1, incarnation: "11".repeat(16), peerAddress: "127.0.0.1:1" }],
        },
      },
      { tree, fanout, history, recovered: recoverZab(tree, recovered) },
      this,
    );
    const after = (delay: number, work: () => void): void => this.after(delay, work);
    this.rounds = new SimulatedRounds(this.member, this.store, { ...sizes, random, after });
    if (this.fault === "impatient-leader") makeImpatient(this.member);
    this.replay(recovered);
    checker.compareAll(tree);
    checker.count("torn writes", recovered.findings.length);
    this.trace?.(
      () => `recovered ${formatZxid(baseZxid)} to ${formatZxid(lastZxid)}, loaded ${formatZxid(loadedZxid)}`,
    );
    timeline.after(TICK_MS, () => this.onTick());
    this.member.start();
  }

  get zxid(): number {
    return this.member.tree.zxid;
  }

  get leads(): boolean {
    return this.member.role === "leader";
  }

  get serves(): boolean {
    return this.member.isServing;
  }

  accept(peer: Peer): LinkEnd<ClientRequest> {
    return new Door(this, peer);
  }

  /** A clean stop, once nothing is in flight. */
  shutDown(): void {
    this.member.shutDown();
    this.journal.close();
  }

  /** The process is gone: nothing it had planned happens. */
  crash(): void {
    this.isDead = true;
    this.store.drop();
  }

  after(delayMs: number, work: () => void): void {
    this.options.timeline.after(delayMs, () => {
      if (!this.isDead) work();
    });
  }

  /** After each event: what was due has been told, and the state is the history's. */
  settled(): void {
    if (this.member.isBetweenBatches) this.checker.settled(this.member.tree);
  }

  // ---- Effects ----

  append(record: JournalRecord): number {
    this.rounds.journalled(record.body.length);
    this.trace?.(
      () => `appends record ${record.type}, ${formatZxid(record.firstZxid)} to ${formatZxid(record.lastZxid)}`,
    );
    if (record.type === recordType.BATCH) this.checker.proposed(record, this.now());
    return this.journal.append(record);
  }

  hasRoom(bytes: number): boolean {
    return this.journal.hasRoom(bytes);
  }

  requestTurnEnd(): void {
    if (this.turnRequested) return;
    this.turnRequested = true;
    this.after(this.random.below(3) / 10, () => {
      this.turnRequested = false;
      if (this.fault === "forget-requests")
        for (const { window } of this.member.tree.state.sessions.all()) window.clear();
      this.member.endTurn();
      this.settled();
    });
  }

  requestApply(): void {
    if (this.applyRequested) return;
    this.applyRequested = true;
    this.after(this.random.below(3) / 10, () => {
      this.applyRequested = false;
      this.member.applyMore();
      this.afterApply();
    });
  }

  transition(event: MemberTransition): void {
    if (event.kind === "role" && event.role === "leader") this.checker.leads(event.epoch, this.now());
  }

  committed(): void {}

  now(): number {
    return this.options.timeline.now;
  }

  wallClock(): number {
    return 1_700_000_000_000 + this.now() + this.wallSkew;
  }

  // ---- Events ----

  /** Messages of the journal's thread come in order, and a later one says all an earlier one did. */
  durable(sequence: number): void {
    if (sequence <= this.lastDurable) return;
    this.lastDurable = sequence;
    this.trace?.(() => `durable up to record ${sequence}`);
    this.member.durable(sequence);
    this.afterApply();
  }

  private afterApply(): void {
    this.settled();
    if (this.member.isBetweenBatches) this.rounds.beginIfDue();
    if (this.fault === "prune-too-early" && this.random.chance(0.05)) this.journal.prune(this.zxid);
  }

  private onTick(): void {
    if (this.isDead) return;
    this.member.tick();
    this.settled();
    // Now and then the loop is held up.
    const delay = this.random.chance(0.01) ? 300 + this.random.below(1_500) : TICK_MS;
    this.options.timeline.after(delay, () => this.onTick());
  }

  private onRoundCommitted(zxid: number): void {
    this.rounds.committed();
    this.journal.prune(zxid);
    this.checker.count("snapshot rounds", 1);
    if (this.fault !== "lose-snapshot-rows") return;
    const { znodes } = this.options.machine.snapshot;
    znodes.delete(Math.max(...znodes.keys()));
  }

  /** To the snapshot's thread, in order. */
  private handOver(work: () => void): void {
    const { timeline } = this.options;
    this.lastHandOver = Math.max(this.lastHandOver, timeline.now + this.random.below(20));
    timeline.at(this.lastHandOver, () => {
      if (!this.isDead) work();
    });
  }

  private replay(recovered: RecoveredJournal): void {
    for (const { body } of recovered.batches(this.member.tree.zxid)) {
      this.member.replay(body);
      this.rounds.journalled(body.length);
      this.checker.count("batches replayed", 1);
    }
  }

  private fail(error: Error): void {
    throw error;
  }
}

function loseEvents(fanout: EventFanout, random: Prng): void {
  const record = fanout.record.bind(fanout);
  fanout.record = (...event) => {
    if (!random.chance(0.05)) record(...event);
  };
}

/** Reaches into the member: no setting of it is this wrong. */
function makeImpatient(member: Member): void {
  const { sessions } = (member as unknown as { duties: { sessions: SessionTracker } }).duties;
  const add = sessions.add.bind(sessions);
  sessions.add = (id, timeoutMs) => add(id, timeoutMs / 3);
}
