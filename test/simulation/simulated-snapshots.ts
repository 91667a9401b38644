import { formatZxid } from "../../src/core/base/zxid.ts";
import { LocalState } from "../../src/core/member/local-state.ts";
import { MemorySnapshotStore } from "../../src/storage/snapshot/memory-snapshot-store.ts";
import { ArrivingSnapshot } from "./arriving-snapshot.ts";
import { makeFanout } from "./load-tree.ts";
import { SimulatedFeeds, type SnapshotReceiver } from "./simulated-feeds.ts";
import type { SimulatedMember, SimulatedMemberOptions } from "./simulated-member.ts";
import { SimulatedRounds } from "./simulated-rounds.ts";

/** A member's snapshots, in its process: its own rounds, those it sends, and those that come from others. */
export class SimulatedSnapshots {
  readonly feeds: SimulatedFeeds;
  /** Its state is being replaced. */
  isInstalling = false;
  private readonly member: SimulatedMember;
  private readonly options: SimulatedMemberOptions;
  private store: MemorySnapshotStore;
  private rounds: SimulatedRounds;
  private lastHandOver = 0;
  private settling: { readonly target: number; readonly done: () => void } | undefined;
  /** The latest transfer: one whose sender died says nothing any more. */
  private receiving: ArrivingSnapshot | undefined;

  constructor(member: SimulatedMember, options: SimulatedMemberOptions) {
    this.member = member;
    this.options = options;
    this.store = this.openStore();
    this.rounds = this.openRounds();
    this.feeds = this.openFeeds();
  }

  journalled(bytes: number): void {
    this.rounds.journalled(bytes);
  }

  beginIfDue(): void {
    this.rounds.beginIfDue();
  }

  /** A crash. */
  drop(): void {
    this.store.drop();
  }

  /** The journal is on disk up to there. */
  durable(sequence: number): void {
    const { settling } = this;
    if (settling === undefined || settling.target > sequence) return;
    this.settling = undefined;
    settling.done();
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
    const after = (delay: number, work: () => void): void => this.member.after(delay, work);
    return new SimulatedRounds(this.member.member, this.store, { ...sizes, random, after });
  }

  private openFeeds(): SimulatedFeeds {
    const { machine, random, other, network } = this.options;
    return new SimulatedFeeds({
      random,
      journal: this.member.journal,
      medium: () => machine.snapshot,
      after: (delayMs, work) => this.member.after(delayMs, work),
      // What it may send only then, nobody else would make it write.
      roundAt: (zxid, reached) => this.rounds.reach(Math.max(zxid, this.member.taint.trustedZxid), reached),
      historyRead: (peer, batches) => {
        this.member.member.historyRead(peer, batches);
        this.member.afterApply();
      },
      historyGone: (peer) => {
        this.member.member.historyGone(peer);
        this.member.afterApply();
      },
      send: (peer, frame) => this.member.send(peer, frame),
      disconnect: (peer, why) => this.member.disconnect(peer, why),
      receiver: (peer) =>
        // A wrong tree, or the snapshot of one that is right again, that spreads before anybody compares it may be more
        // than a quorum survives.
        network.isConnected(this.member.id, peer) && !machine.isTainted && !machine.isSuspect
          ? other(peer)?.snapshots.receiveFrom(this.member.id)
          : undefined,
    });
  }

  private onRoundCommitted(zxid: number): void {
    this.rounds.committed(zxid);
    this.member.taint.saved(zxid);
    this.member.journal.prune(zxid);
    this.options.book.count("snapshot rounds");
    if (this.options.fault !== "lose-snapshot-rows") return;
    const { znodes } = this.options.machine.snapshot;
    znodes.delete(Math.max(...znodes.keys()));
  }

  /** To the snapshot's thread, in order. */
  private handOver(work: () => void): void {
    const { timeline } = this.options;
    this.lastHandOver = Math.max(this.lastHandOver, timeline.now + this.options.random.below(20));
    timeline.at(this.lastHandOver, () => this.member.run(work));
  }

  /** A transfer from another member, if one is waited for. */
  receiveFrom(leader: number): SnapshotReceiver | undefined {
    const isWanted = (): boolean =>
      !this.member.isDead && this.member.member.awaitsSnapshot && this.member.member.leaderId === leader;
    if (!isWanted()) return undefined;
    const arriving = new ArrivingSnapshot(
      this.options.random.uint32(),
      makeFanout(this.options.random, this.options.fault),
    );
    this.receiving = arriving;
    const isLatest = (): boolean => this.receiving === arriving;
    return {
      chunk: (bytes) => {
        if (!isWanted() || !isLatest()) return false;
        arriving.push(bytes);
        return true;
      },
      finish: () => {
        this.member.run(() => {
          const isMeant = isLatest();
          this.receiving = undefined;
          if (isMeant && isWanted()) this.install(arriving);
        });
      },
      abandon: () => {
        if (isLatest()) this.receiving = undefined;
      },
    };
  }

  private install(arriving: ArrivingSnapshot): void {
    const { machine, sizes } = this.options;
    const loaded = arriving.finish();
    const { zxid } = loaded.tree;
    this.options.trace?.(() => `installs a snapshot at ${formatZxid(zxid)}`);
    this.rounds.stop();
    machine.arrived = { zxid, snapshot: arriving.medium };
    this.isInstalling = true;
    this.member.member.install(new LocalState(loaded, sizes.historyBytesMax));
    this.isInstalling = false;
    this.member.taint.repaired();
    if (!sizes.keepsHistory) this.member.historyFromZxid = zxid;
    const { appended: target } = this.member;
    this.settling = {
      target,
      done: () => {
        this.store.drop();
        machine.settle();
        this.store = this.openStore();
        const { rounds } = this;
        this.rounds = this.openRounds();
        this.rounds.inherit(rounds);
      },
    };
    this.member.afterApply();
  }
}
