import type { Prng } from "../../src/core/base/prng.ts";
import { formatZxid } from "../../src/core/base/zxid.ts";
import { Member } from "../../src/core/member/member.ts";
import type { MemberEffects, MemberTransition } from "../../src/core/member/member-contract.ts";
import type { JournalRecord } from "../../src/core/zab/journal-record.ts";
import type { Zab, ZabOptions } from "../../src/core/zab/zab.ts";
import { recover } from "../../src/runtime/recovery.ts";
import type { RecoveredJournal } from "../../src/storage/journal/recovered-journal.ts";
import type { ClientBook } from "./client-book.ts";
import type { ClientRequest } from "./client-message.ts";
import { Door, type Peer } from "./door.ts";
import type { PeerInfo, PeerNetwork, PeerProcess } from "./ensemble/peer-network.ts";
import { SyncCounts } from "./ensemble/sync-counts.ts";
import type { ZabChecker } from "./ensemble/zab-checker.ts";
import { type Fault, plant } from "./faults.ts";
import type { LoggedBatch } from "./journal-history.ts";
import { loadTree } from "./load-tree.ts";
import { JOURNAL_DIRECTORY, type Machine } from "./machine.ts";
import { MemberChecker, type MemberView } from "./member-checker.ts";
import type { LinkEnd } from "./network.ts";
import { SimulatedJournal } from "./simulated-journal.ts";
import { SimulatedSnapshots } from "./simulated-snapshots.ts";
import { Taint } from "./taint.ts";
import type { Timeline } from "./timeline.ts";
import { ZabObserver } from "./zab-observer.ts";

const TICK_MS = 100;

export interface MemberSizes {
  readonly segmentBytes: number;
  readonly roundBytes: number;
  readonly keepCommands: number;
  readonly historyBytesMax: number;
  /** Snapshots keep all of it, or nothing. */
  readonly keepsHistory: boolean;
  readonly zab: Pick<ZabOptions, "bootstrap" | "counterMax" | "peerTimeoutMs" | "recentBytes" | "learnerWindowBytes">;
}

export interface SimulatedMemberOptions {
  readonly timeline: Timeline;
  readonly random: Prng;
  readonly network: PeerNetwork;
  readonly book: ClientBook;
  readonly zabChecker: ZabChecker;
  readonly machine: Machine;
  readonly sizes: MemberSizes;
  readonly fault: Fault | undefined;
  /** Its leader proposes that the feature level rise. */
  readonly raises?: ((level: number) => void) | undefined;
  /** The process of another member, if it runs. */
  readonly other: (id: number) => SimulatedMember | undefined;
  readonly trace?: Trace | undefined;
}

/** Takes a line of what happened; its text is made only when somebody reads it. */
export type Trace = (text: () => string) => void;

/**
 * One run of a member's process, from its start to its crash: the real core, journal writer, recovery and capture;
 * time, network, disk and the loop are simulated. Starts as `runtime/member-runtime.ts` does.
 */
export class SimulatedMember implements MemberEffects, MemberView, PeerProcess {
  readonly id: number;
  isDead = false;
  isPaused = false;
  readonly member: Member;
  readonly zab: Zab;
  readonly checker: MemberChecker;
  readonly book: ClientBook;
  readonly zabChecker: ZabChecker;
  readonly random: Prng;
  readonly fault: Fault | undefined;
  readonly trace: Trace | undefined;
  readonly raises: ((level: number) => void) | undefined;
  readonly journal: SimulatedJournal;
  historyFromZxid: number;
  services = 0;
  /** Added to the wall clock, ms. */
  wallSkew: number;
  private readonly options: SimulatedMemberOptions;
  readonly snapshots: SimulatedSnapshots;
  private readonly clockOffset: number;
  /** Came while it stood still. */
  private heldBack: (() => void)[] = [];
  private readonly syncs = new SyncCounts((what) => this.book.count(what));
  private turnRequested = false;
  private applyRequested = false;
  /** The last record given to the journal. */
  appended = 0;
  private lastDurable = 0;
  private wasServing = false;
  readonly taint: Taint;

  /** Loads, recovers, replays; throws what the disk throws. */
  constructor(options: SimulatedMemberOptions) {
    const { machine, book, random, sizes, zabChecker } = options;
    this.options = options;
    this.id = machine.id;
    this.book = book;
    this.zabChecker = zabChecker;
    this.random = random;
    this.fault = options.fault;
    this.trace = options.trace;
    this.clockOffset = random.below(1_000_000);
    // A machine's clock may be anywhere after a restart.
    this.wallSkew = random.below(3_600_000) - 1_800_000;
    const { position, recovered, snapshot } = machine.open();
    const loaded = loadTree(snapshot, random, this.fault);
    this.historyFromZxid = sizes.keepsHistory ? 0 : loaded.tree.zxid;
    this.begin(recovered);
    const { state, zab: found, batches, journalBytes } = recover(loaded, recovered, sizes.historyBytesMax);
    const zab = { ...found, isDamaged: machine.isDamaged };
    book.count("batches replayed", batches);
    book.count("torn writes", recovered.findings.length);
    this.trace?.(
      () =>
        `recovered ${formatZxid(recovered.baseZxid)} to ${formatZxid(zab.lastZxid)}, at ${formatZxid(state.tree.zxid)}`,
    );
    const { segmentBytes, keepCommands } = sizes;
    const writerOptions = { segmentBytes, keepCommands, keepBytes: 2 ** 40, random32: () => random.uint32() };
    this.journal = new SimulatedJournal(this, machine.disk, JOURNAL_DIRECTORY, position, writerOptions);
    this.member = new Member(
      {
        ...sizes.zab,
        memberId: this.id,
        incarnation: machine.incarnation,
        featureLevel: machine.featureLevel,
        outstandingBytesMax: Math.floor(segmentBytes / 12),
        barrierWaitMs: 500,
        historyBytesMax: sizes.historyBytesMax,
        firstUnaryNumber: random.uint32(),
      },
      state,
      zab,
      this,
    );
    this.zab = this.member.ensemble as Zab;
    this.checker = new MemberChecker(book, this);
    this.raises = options.raises;
    new ZabObserver(this);
    plant(this.fault, this.member, this.zab);
    this.snapshots = new SimulatedSnapshots(this, options);
    this.snapshots.journalled(journalBytes);
    this.taint = new Taint(this, machine, this.checker);
    this.checker.compareAll(state.tree);
  }

  /** What it has found is what the checker knows it to have, or, of one with damage, a part of that. */
  private begin(recovered: RecoveredJournal): void {
    const { zabChecker, machine, book } = this.options;
    if (machine.isRotten && machine.isDamaged) zabChecker.cutShort(this.id, recovered);
    else zabChecker.restarted(this.id, recovered);
    if (!machine.isRotten) return;
    zabChecker.compareLog(this.id, recovered);
    machine.isRotten = false;
    book.count("hole repaired");
  }

  start(): void {
    this.after(this.random.below(TICK_MS), () => this.onTick());
    this.member.start();
    this.options.network.attach(this);
    this.settled();
  }

  // ---- What the checker asks ----

  get zxid(): number {
    return this.member.tree.zxid;
  }

  get serves(): boolean {
    return this.member.isServing && !this.snapshots.isInstalling && !this.checker.isWarned;
  }

  /** Virtual time, which no member's clock shows. */
  get timeMs(): number {
    return this.options.timeline.now;
  }

  /** The history, as far as anybody knows it committed. */
  get batches(): readonly LoggedBatch[] {
    this.zabChecker.committed(this.id, this.zab.commitZxid);
    return this.zabChecker.history;
  }

  get slowMs(): number {
    return this.options.machine.slowMs;
  }

  accept = (peer: Peer): LinkEnd<ClientRequest> => new Door(this, peer);

  // ---- Life ----

  /** A clean stop, once nothing is in flight. */
  shutDown(): void {
    this.member.shutDown();
    this.journal.close();
  }

  /** The process is gone: nothing it had planned happens. */
  crash(): void {
    this.isDead = true;
    this.snapshots.drop();
  }

  after(delayMs: number, work: () => void): void {
    this.options.timeline.after(delayMs, () => this.run(work));
  }

  run(work: () => void): void {
    if (this.isDead) return;
    if (this.isPaused) this.heldBack.push(work);
    else work();
  }

  resume(): void {
    this.isPaused = false;
    for (const work of this.heldBack.splice(0)) this.run(work);
  }

  /** After each event: what was due has been told, and the state is the history's. */
  settled(): void {
    if (this.isDead) return;
    const { book, zab } = this;
    const { configurationZxid: zxid, commitZxid } = zab;
    this.zabChecker.committed(this.id, commitZxid);
    if (zxid > (book.configuration?.zxid ?? 0) && zxid <= commitZxid) {
      book.configuration = { zxid, members: zab.configuration.members };
    }
    this.taint.settled();
    this.checker.settled(this.member.tree);
  }

  // ---- PeerProcess ----

  info(): PeerInfo {
    return { id: this.id, incarnation: this.options.machine.incarnation, address: `127.0.0.1:${this.id}` };
  }

  up(peer: PeerInfo): void {
    this.member.linkUp(peer);
    this.settled();
  }

  down(peerId: number): void {
    this.member.linkDown(peerId);
    this.settled();
  }

  frame(peerId: number, bytes: Uint8Array): void {
    this.member.receive(peerId, bytes);
    // The frame is the network's again.
    bytes.fill(0xee);
    this.afterApply();
  }

  heard(peerId: number): void {
    this.member.heard(peerId);
  }

  // ---- Effects ----

  append(record: JournalRecord): number {
    this.snapshots?.journalled(record.body.length);
    this.trace?.(() => {
      return `writes record ${record.type}, ${formatZxid(record.firstZxid)} to ${formatZxid(record.lastZxid)}`;
    });
    const sequence = this.journal.append(record);
    this.zabChecker.appended(this.id, record, sequence);
    this.appended = sequence;
    return sequence;
  }

  hasRoom(bytes: number): boolean {
    return this.journal.hasRoom(bytes);
  }

  send(peer: number, frame: Uint8Array): void {
    this.syncs.sent(peer, frame);
    this.options.network.send(this.id, peer, frame);
  }

  disconnect(peer: number, why: string): void {
    this.options.network.disconnect(this.id, peer, why);
  }

  readHistory(peer: number, afterZxid: number): void {
    this.book.count("history read from disk");
    this.syncs.readsHistory(peer);
    this.snapshots.feeds.readHistory(peer, afterZxid);
  }

  sendSnapshot(peer: number, atLeastZxid: number): void {
    this.snapshots.feeds.sendSnapshot(peer, atLeastZxid);
  }

  stopSending(peer: number): void {
    this.snapshots.feeds.stop(peer);
  }

  lend(...asked: Parameters<MemberEffects["lend"]>): void {
    this.snapshots.feeds.lend(...asked);
  }

  configurationChanged(): void {
    this.book.count("configurations in force");
  }

  mended(): void {
    this.options.machine.isDamaged = false;
    this.book.count("damage repaired");
  }

  requestTurnEnd(): void {
    if (this.turnRequested) return;
    this.turnRequested = true;
    this.after(this.random.below(3) / 10, () => {
      this.turnRequested = false;
      if (this.fault === "forget-requests") {
        for (const { window } of this.member.tree.state.sessions.all()) window.clear();
      }
      this.member.endTurn();
      this.afterApply();
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
    if (event.kind === "diverged" || event.kind === "condemned") this.taint.noticed(event.kind);
    if (event.kind === "on-probation") this.book.count(event.kind);
    if (event.kind !== "role") return;
    this.trace?.(() => `is ${event.role}, leader ${event.leaderId}, epoch ${event.epoch} ${event.why}`);
    if (this.member === undefined) return;
    if (this.member.isServing && !this.wasServing) this.services++;
    this.wasServing = this.member.isServing;
  }

  committed(): void {}

  now(): number {
    return this.options.timeline.now + this.clockOffset;
  }

  wallClock(): number {
    return 1_700_000_000_000 + this.options.timeline.now + this.wallSkew;
  }

  // ---- Events ----

  /** On disk, whatever the member is told. */
  synced(sequence: number): void {
    this.zabChecker.durable(this.id, sequence);
  }

  /** Messages of the journal's thread come in order, and a later one says all an earlier one did. */
  durable(sequence: number): void {
    if (sequence <= this.lastDurable) return;
    this.lastDurable = sequence;
    this.member.durable(sequence);
    this.snapshots.durable(sequence);
    this.afterApply();
  }

  afterApply(): void {
    this.settled();
    if (this.isDead) return;
    if (this.member.isAtRest) this.snapshots.beginIfDue();
    if (this.fault === "prune-too-early" && this.random.chance(0.05)) this.journal.prune(this.zxid);
  }

  private onTick(): void {
    // Now and then the loop is held up.
    this.after(this.random.chance(0.01) ? 300 + this.random.below(1_500) : TICK_MS, () => this.onTick());
    this.member.tick();
    this.afterApply();
  }
}
