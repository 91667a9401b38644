import type { Prng } from "../../src/core/base/prng.ts";
import { formatZxid } from "../../src/core/base/zxid.ts";
import { EventFanout } from "../../src/core/member/event-fanout.ts";
import { type LoadedState, LocalState } from "../../src/core/member/local-state.ts";
import { Member } from "../../src/core/member/member.ts";
import type { MemberEffects, MemberTransition } from "../../src/core/member/member-contract.ts";
import { Tree } from "../../src/core/tree/tree.ts";
import type { JournalRecord } from "../../src/core/zab/journal-record.ts";
import type { Zab, ZabOptions } from "../../src/core/zab/zab.ts";
import { recover } from "../../src/runtime/recovery.ts";
import { MemorySnapshotStore } from "../../src/storage/snapshot/memory-snapshot-store.ts";
import { ArrivingSnapshot } from "./arriving-snapshot.ts";
import type { ClientBook } from "./client-book.ts";
import type { ClientRequest } from "./client-message.ts";
import { Door, type Peer } from "./door.ts";
import type { PeerInfo, PeerNetwork, PeerProcess } from "./ensemble/peer-network.ts";
import type { ZabChecker } from "./ensemble/zab-checker.ts";
import { type Fault, plant } from "./faults.ts";
import type { LoggedBatch } from "./journal-history.ts";
import { JOURNAL_DIRECTORY, type Machine } from "./machine.ts";
import { MemberChecker, type MemberView } from "./member-checker.ts";
import type { LinkEnd } from "./network.ts";
import { SimulatedFeeds, type SnapshotReceiver } from "./simulated-feeds.ts";
import { SimulatedJournal } from "./simulated-journal.ts";
import { SimulatedRounds } from "./simulated-rounds.ts";
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
  readonly journal: SimulatedJournal;
  historyFromZxid: number;
  services = 0;
  /** Added to the wall clock, ms. */
  wallSkew: number;
  private rounds: SimulatedRounds;
  private readonly options: SimulatedMemberOptions;
  private readonly feeds: SimulatedFeeds;
  private store: MemorySnapshotStore;
  private readonly clockOffset: number;
  /** Came while it stood still. */
  private heldBack: (() => void)[] = [];
  private turnRequested = false;
  private applyRequested = false;
  private lastHandOver = 0;
  private appended = 0;
  private lastDurable = 0;
  private settling: { readonly target: number; readonly done: () => void } | undefined;
  private isReceiving = false;
  private isInstalling = false;
  private wasServing = false;

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
    const loaded = this.load((sink) => snapshot.load(sink));
    this.historyFromZxid = sizes.keepsHistory ? 0 : loaded.tree.zxid;
    zabChecker.restarted(this.id, recovered);
    const { state, zab, batches, journalBytes } = recover(loaded, recovered, sizes.historyBytesMax);
    book.count("batches replayed", batches);
    book.count("torn writes", recovered.findings.length);
    this.trace?.(
      () =>
        `recovered ${formatZxid(recovered.baseZxid)} to ${formatZxid(zab.lastZxid)}, at ${formatZxid(state.tree.zxid)}`,
    );
    const { segmentBytes, keepCommands } = sizes;
    const writerOptions = { segmentBytes, keepCommands, keepBytes: 2 ** 40, random32: () => random.uint32() };
    this.journal = new SimulatedJournal(this, machine.disk, JOURNAL_DIRECTORY, position, writerOptions);
    this.store = this.openStore();
    this.member = new Member(
      {
        ...sizes.zab,
        memberId: this.id,
        incarnation: machine.incarnation,
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
    new ZabObserver(this);
    plant(this.fault, this.member, this.zab, (work) => this.after(0, work));
    this.rounds = this.openRounds();
    this.rounds.journalled(journalBytes);
    this.feeds = this.openFeeds();
    this.checker.compareAll(state.tree);
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
    return this.member.isServing && !this.isInstalling;
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

  accept(peer: Peer): LinkEnd<ClientRequest> {
    return new Door(this, peer);
  }

  // ---- Life ----

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
    this.zabChecker.committed(this.id, this.zab.commitZxid);
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
    this.rounds?.journalled(record.body.length);
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
    this.options.network.send(this.id, peer, frame);
  }

  disconnect(peer: number, why: string): void {
    this.options.network.disconnect(this.id, peer, why);
  }

  readHistory(peer: number, afterZxid: number): void {
    this.book.count("history read from disk");
    this.feeds.readHistory(peer, afterZxid);
  }

  sendSnapshot(peer: number, atLeastZxid: number): void {
    this.feeds.sendSnapshot(peer, atLeastZxid);
  }

  stopSending(peer: number): void {
    this.feeds.stop(peer);
  }

  configurationChanged(): void {
    this.book.count("configurations in force");
  }

  mended(): void {}

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
    const { settling } = this;
    if (settling !== undefined && settling.target <= sequence) {
      this.settling = undefined;
      settling.done();
    }
    this.afterApply();
  }

  private afterApply(): void {
    this.settled();
    if (this.isDead) return;
    if (this.member.isAtRest) this.rounds.beginIfDue();
    if (this.fault === "prune-too-early" && this.random.chance(0.05)) this.journal.prune(this.zxid);
  }

  private onTick(): void {
    // Now and then the loop is held up.
    this.after(this.random.chance(0.01) ? 300 + this.random.below(1_500) : TICK_MS, () => this.onTick());
    this.member.tick();
    this.afterApply();
  }

  // ---- Snapshots ----

  private load(load: Parameters<typeof Tree.load>[2]): LoadedState {
    let history: Uint8Array | undefined;
    const fanout = this.fanout();
    const tree = Tree.load(this.random.uint32(), fanout, (rows) => {
      const meta = load(rows);
      history = meta?.history;
      return meta;
    });
    return { tree, fanout, history };
  }

  private fanout(): EventFanout {
    const fanout = new EventFanout();
    if (this.fault === "lose-events") loseEvents(fanout, this.random);
    return fanout;
  }

  private openStore(): MemorySnapshotStore {
    const fail = (error: Error): void => {
      throw error;
    };
    const store: MemorySnapshotStore = new MemorySnapshotStore(
      { onCommitted: (zxid) => this.onRoundCommitted(zxid), onFatal: fail },
      { medium: this.options.machine.snapshot, schedule: (work) => this.handOver(work) },
    );
    return store;
  }

  private openRounds(): SimulatedRounds {
    const { sizes, random } = this.options;
    const after = (delay: number, work: () => void): void => this.after(delay, work);
    return new SimulatedRounds(this.member, this.store, { ...sizes, random, after });
  }

  private openFeeds(): SimulatedFeeds {
    const { machine, random, other, network } = this.options;
    return new SimulatedFeeds({
      random,
      journal: this.journal,
      medium: () => machine.snapshot,
      after: (delayMs, work) => this.after(delayMs, work),
      roundAt: (zxid, reached) => this.rounds.reach(zxid, reached),
      historyRead: (peer, batches) => {
        this.member.historyRead(peer, batches);
        this.afterApply();
      },
      historyGone: (peer) => {
        this.member.historyGone(peer);
        this.afterApply();
      },
      disconnect: (peer, why) => this.disconnect(peer, why),
      receiver: (peer) => (network.isConnected(this.id, peer) ? other(peer)?.receiveFrom(this.id) : undefined),
    });
  }

  private onRoundCommitted(zxid: number): void {
    this.rounds.committed(zxid);
    this.journal.prune(zxid);
    this.book.count("snapshot rounds");
    if (this.fault !== "lose-snapshot-rows") return;
    const { znodes } = this.options.machine.snapshot;
    znodes.delete(Math.max(...znodes.keys()));
  }

  /** To the snapshot's thread, in order. */
  private handOver(work: () => void): void {
    const { timeline } = this.options;
    this.lastHandOver = Math.max(this.lastHandOver, timeline.now + this.random.below(20));
    timeline.at(this.lastHandOver, () => this.run(work));
  }

  /** A transfer from another member, if one is waited for. */
  private receiveFrom(leader: number): SnapshotReceiver | undefined {
    const isWanted = (): boolean => !this.isDead && this.member.awaitsSnapshot && this.member.leaderId === leader;
    if (!isWanted() || this.isReceiving) return undefined;
    this.isReceiving = true;
    const arriving = new ArrivingSnapshot(this.random.uint32(), this.fanout());
    return {
      chunk: (bytes) => {
        if (!isWanted()) return false;
        arriving.push(bytes);
        return true;
      },
      finish: () => {
        this.run(() => {
          this.isReceiving = false;
          if (isWanted()) this.install(arriving);
        });
      },
      abandon: () => {
        this.isReceiving = false;
      },
    };
  }

  private install(arriving: ArrivingSnapshot): void {
    const { machine, sizes } = this.options;
    const loaded = arriving.finish();
    const { zxid } = loaded.tree;
    this.trace?.(() => `installs a snapshot at ${formatZxid(zxid)}`);
    this.rounds.stop();
    machine.arrived = { zxid, snapshot: arriving.medium };
    this.isInstalling = true;
    this.member.install(new LocalState(loaded, sizes.historyBytesMax));
    this.isInstalling = false;
    if (!sizes.keepsHistory) this.historyFromZxid = zxid;
    const { appended: target } = this;
    this.settling = {
      target,
      done: () => {
        this.store.drop();
        machine.settle();
        this.store = this.openStore();
        this.rounds = this.openRounds();
      },
    };
    this.afterApply();
  }
}

function loseEvents(fanout: EventFanout, random: Prng): void {
  const record = fanout.record.bind(fanout);
  fanout.record = (...event) => {
    if (!random.chance(0.05)) record(...event);
  };
}
