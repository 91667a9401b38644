import { randomInt } from "node:crypto";
import { performance } from "node:perf_hooks";
import { formatZxid } from "../core/base/zxid.ts";
import { LocalState } from "../core/member/local-state.ts";
import { Member } from "../core/member/member.ts";
import type { MemberEffects, MemberTransition } from "../core/member/member-contract.ts";
import type { EnsembleConfiguration } from "../core/zab/ensemble-configuration.ts";
import type { JournalRecord } from "../core/zab/journal-record.ts";
import type { DataDir } from "../storage/data-dir.ts";
import type { Journal } from "../storage/journal/journal.ts";
import { removeLeftovers } from "../storage/snapshot/snapshot-files.ts";
import { openSnapshotStore, type SnapshotStore } from "../storage/snapshot/snapshot-store.ts";
import type { BulkReceiver } from "../transport/peer-transport.ts";
import { clearDamage } from "./damage.ts";
import { type DoorAddresses, type EnsembleLinks, type LinkedPeer, requireLinks } from "./ensemble-links.ts";
import { JournalProgress } from "./journal-progress.ts";
import { LearnerFeeds } from "./learner-feeds.ts";
import { MemoryWatch } from "./memory-watch.ts";
import { type BeginOpening, directoryOf, type OpenedParts, type PartsOwner } from "./opening.ts";
import { HISTORY_BYTES_MAX, type MemberSettings, type RuntimeEvents } from "./runtime-contract.ts";
import { receiveSnapshot } from "./snapshot-arrival.ts";
import { SnapshotRounds } from "./snapshot-rounds.ts";

const defaults = { outstandingBytesMax: 64 * 1024 * 1024, barrierWaitMs: 5_000, historyBytesMax: HISTORY_BYTES_MAX };
const TICK_MS = 100;
/** A stopping member waits this long for what is in flight, ms. */
const DRAIN_MS = 5_000;
/** A snapshot may arrive so long before it is announced, ms; and it is looked for this often. */
const BULK_WAIT_MS = 1_000;
const BULK_LOOK_MS = 20;

/**
 * Runs one member on the real world: performs its effects with the journal, the links, the clock and the loop, and
 * hands it their completions as events. An error thrown by the member is a broken invariant and ends it (ARCHITECTURE,
 * section 1).
 */
export class MemberRuntime implements MemberEffects, PartsOwner {
  /** Undefined: it keeps everything in memory. */
  readonly dataDir: DataDir | undefined;
  readonly member: Member;
  readonly links: EnsembleLinks | undefined;
  private readonly options: MemberSettings;
  private readonly events: RuntimeEvents;
  private readonly journalPart: Journal;
  private readonly feeds: LearnerFeeds;
  private readonly memory: MemoryWatch;
  private readonly progress = new JournalProgress();
  private store: SnapshotStore;
  private rounds: SnapshotRounds;
  /** zxid of the installed snapshot that is current, if one is. */
  private installed: number | undefined;
  private isReceiving = false;
  private turnRequested = false;
  private applyRequested = false;
  private ticker: NodeJS.Timeout | undefined;
  private failed = false;
  private stopping = false;
  private stopped = false;
  private whenIdle: (() => void) | undefined;
  private whenServing: (() => void) | undefined;

  private constructor(parts: OpenedParts, options: MemberSettings, events: RuntimeEvents) {
    const { incarnation, recovered, links, bootstrap } = parts;
    this.options = options;
    this.events = events;
    this.dataDir = parts.dataDir;
    this.links = links;
    this.journalPart = parts.journal;
    this.store = parts.store;
    this.installed = parts.installed;
    const memberOptions = { ...defaults, ...options, incarnation, bootstrap, firstUnaryNumber: randomInt(2 ** 47) };
    this.member = new Member(memberOptions, recovered.state, recovered.zab, this);
    this.rounds = new SnapshotRounds(this.member, parts.store, options.roundBytes);
    this.rounds.journalled(recovered.journalBytes);
    this.memory = new MemoryWatch(this.member.pressure, options.memoryBytes, events);
    this.feeds = new LearnerFeeds({
      journal: parts.journal,
      store: () => this.store,
      roundAt: (zxid) => this.rounds.reach(zxid),
      send: (peer, frame) => this.send(peer, frame),
      openBulk: (peer) => requireLinks(links).openBulk(peer),
      historyRead: (peer, batches) => this.guard(() => this.member.historyRead(peer, batches)),
      historyGone: (peer) => this.guard(() => this.member.historyGone(peer)),
      disconnect: (peer, why) => this.disconnect(peer, why),
      onNotice: (...notice) => events.onNotice(...notice),
    });
  }

  /** Opens what it is made of, replays, and finds or becomes a leader; resolves when the member serves. */
  static async open<Settings extends MemberSettings>(
    begin: BeginOpening<Settings>,
    options: Settings,
    events: RuntimeEvents,
  ): Promise<MemberRuntime> {
    let runtime: MemberRuntime | undefined;
    const opening = await begin(options, events, () => runtime);
    try {
      runtime = new MemberRuntime(await opening.open(), options, events);
      // A disk that was full already said so before anybody could hear it.
      if (runtime.journalPart.space === "refusing") runtime.pressDisk("refusing");
      await runtime.serve();
      return runtime;
    } catch (error) {
      await opening.close();
      throw error;
    }
  }

  journal(): Journal {
    return this.journalPart;
  }

  snapshot(): SnapshotStore {
    return this.store;
  }

  /** Members there are links to. */
  peers(): Iterable<LinkedPeer> {
    return this.links?.peers.values() ?? [];
  }

  /** Where clients reach this member: tells the others. */
  announce(doors: DoorAddresses): void {
    this.links?.announceDoors(doors);
  }

  /** Takes nothing new from here on, and hands leadership over at once; what is in flight is still answered. */
  beginStop(): void {
    if (!this.stopping) this.guard(() => this.member.stop());
    this.stopping = true;
  }

  /** Stops: answers what is in flight, closes everything. */
  async stop(): Promise<void> {
    this.beginStop();
    await this.drain();
    this.stopped = true;
    clearInterval(this.ticker);
    this.rounds.stop();
    this.feeds.stopAll();
    if (!this.failed) this.member.shutDown();
    await this.links?.stop();
    await Promise.all([this.journalPart.close(), this.store.close()]);
    this.dataDir?.close();
  }

  // ---- Effects ------------------------------------------------------------------------------------------------

  send(peer: number, frame: Uint8Array): void {
    this.links?.send(peer, frame);
  }

  disconnect(peer: number, why: string): void {
    this.links?.disconnect(peer, why);
  }

  readHistory(peer: number, afterZxid: number): void {
    this.feeds.readHistory(peer, afterZxid);
  }

  sendSnapshot(peer: number, atLeastZxid: number): void {
    this.feeds.sendSnapshot(peer, atLeastZxid);
  }

  stopSending(peer: number): void {
    this.feeds.stop(peer);
  }

  lend(...asked: Parameters<MemberEffects["lend"]>): void {
    this.feeds.lend(...asked);
  }

  mended(): void {
    clearDamage(directoryOf(this));
    this.events.onNotice("info", "everything this member had lost is here again", {});
  }

  configurationChanged(configuration: EnsembleConfiguration): void {
    this.links?.configure(configuration);
  }

  append(record: JournalRecord): number {
    this.rounds.journalled(record.body.length);
    return this.progress.appended(this.journalPart.append(record));
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
    if (this.member?.isServing === true) this.whenServing?.();
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
    this.progress.durable(sequence);
    this.guard(() => {
      this.member.durable(sequence);
      this.afterApply();
    });
    // Others wait for the acknowledgement.
    this.links?.flush();
  }

  onFsync(ms: number): void {
    this.member.fsynced(ms);
  }

  onSpaceChange(space: Journal["space"]): void {
    this.pressDisk(space);
    this.guard(() => this.member.roomMade());
  }

  private pressDisk(space: Journal["space"]): void {
    this.member.pressure.disk = space === "refusing";
    const level = space === "refusing" ? "warn" : "info";
    const message = space === "refusing" ? "the disk is full: only deletes are accepted" : "the disk has room again";
    this.events.onNotice(level, message, {});
  }

  onRoundCommitted(zxid: number): void {
    // A round of a tree that a snapshot has replaced since says nothing about this one's journal.
    if (this.rounds.isStopped) return;
    this.rounds.committed(zxid);
    this.journalPart.prune(zxid);
  }

  // ---- Events of the links ----

  linkUp(peer: Pick<LinkedPeer, "id" | "incarnation">): void {
    this.guard(() => this.member.linkUp(peer));
  }

  linkDown(peer: number): void {
    this.guard(() => this.member.linkDown(peer));
  }

  received(peer: number, frame: Uint8Array): void {
    // Written out: a message is the hot path, and makes no closure.
    if (this.failed || this.stopped) return;
    try {
      this.member.receive(peer, frame);
      if (this.whenIdle !== undefined) this.afterApply();
    } catch (error) {
      this.fail(error as Error);
    }
  }

  heard(peer: number): void {
    this.member.heard(peer);
  }

  /** A snapshot is on its way here, if it is from the leader and waited for. */
  bulkArrived(peer: number, stream: BulkReceiver, waitedMs = 0): void {
    if (this.isReceiving || this.stopped || waitedMs >= BULK_WAIT_MS) {
      stream.refuse("no snapshot is waited for");
      return;
    }
    if (!this.member.awaitsSnapshot || peer !== this.member.leaderId) {
      // It may have overtaken the message that announces it, on another connection.
      setTimeout(() => this.bulkArrived(peer, stream, waitedMs + BULK_LOOK_MS), BULK_LOOK_MS);
      return;
    }
    this.isReceiving = true;
    stream.accept();
    this.takeSnapshot(peer, stream)
      .catch((error: unknown) => {
        const why = `the snapshot from member ${peer} could not be installed: ${(error as Error).message}`;
        this.events.onNotice("warn", why, { peer });
        this.disconnect(peer, why);
      })
      .finally(() => {
        this.isReceiving = false;
      });
  }

  private async takeSnapshot(peer: number, stream: BulkReceiver): Promise<void> {
    const at = performance.now();
    const { loaded, installed } = await receiveSnapshot(stream, directoryOf(this), this.installed);
    if (this.failed || this.stopped) return;
    if (!this.member.awaitsSnapshot || peer !== this.member.leaderId) {
      removeLeftovers(directoryOf(this), this.installed);
      throw new Error("the leader it came from is not followed any more");
    }
    this.rounds.stop();
    const state = new LocalState(loaded, this.options.historyBytesMax ?? defaults.historyBytesMax);
    this.guard(() => this.member.install(state));
    await this.progress.settled();
    // The journal names the new one: from here on it is current, whatever happens, and no member runs without it.
    this.installed = installed.zxid;
    await this.useInstalled().catch((error: unknown) => this.fail(error as Error));
    if (this.failed) return;
    const details = { zxid: formatZxid(installed.zxid), ms: Math.round(performance.now() - at) };
    this.events.onNotice("info", "installed a snapshot", { ...details, znodes: this.member.tree.state.table.size });
  }

  private async useInstalled(): Promise<void> {
    await this.store.close();
    const { installed } = this;
    this.store = await openSnapshotStore(
      { directory: directoryOf(this), installed },
      { onCommitted: (zxid) => this.onRoundCommitted(zxid), onFatal: (error) => this.fail(error) },
    );
    const rounds = new SnapshotRounds(this.member, this.store, this.options.roundBytes);
    rounds.inherit(this.rounds);
    this.rounds = rounds;
    removeLeftovers(directoryOf(this), installed);
  }

  fail(error: Error): void {
    if (this.failed) return;
    this.failed = true;
    clearInterval(this.ticker);
    this.events.onFatal(error);
  }

  private readonly onTurnEnd = (): void => {
    this.turnRequested = false;
    this.guard(() => this.member.endTurn());
    this.links?.flush();
  };

  private readonly onApply = (): void => {
    this.applyRequested = false;
    this.guard(() => {
      this.member.applyMore();
      this.afterApply();
    });
  };

  private afterApply(): void {
    if (this.member.isAtRest) this.rounds.beginIfDue(!this.member.isServing);
    if (this.whenIdle !== undefined && this.member.isIdle) this.whenIdle();
  }

  private readonly onTick = (): void => {
    this.memory.tick(performance.now());
    this.guard(() => {
      this.member.tick();
      this.afterApply();
    });
  };

  private serve(): Promise<void> {
    this.ticker = setInterval(this.onTick, TICK_MS);
    return new Promise((resolve) => {
      this.whenServing = resolve;
      this.guard(() => this.member.start());
      for (const peer of this.peers()) this.linkUp(peer);
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
