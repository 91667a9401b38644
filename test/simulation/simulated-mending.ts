import type { Prng } from "../../src/core/base/prng.ts";
import { HoleMender } from "../../src/core/member/hole-mender.ts";
import { MendingRepair } from "../../src/runtime/mending-repair.ts";
import type { DamagedJournal } from "../../src/storage/journal/damaged-journal.ts";
import { JournalRepair } from "../../src/storage/journal/journal-repair.ts";
import type { PeerInfo, PeerNetwork, PeerProcess } from "./ensemble/peer-network.ts";
import type { Fault } from "./faults.ts";
import { loadTree } from "./load-tree.ts";
import { JOURNAL_DIRECTORY, type Machine } from "./machine.ts";
import type { MemberSizes, Trace } from "./simulated-member.ts";
import type { Timeline } from "./timeline.ts";

const TICK_MS = 100;

export interface SimulatedMendingOptions {
  readonly timeline: Timeline;
  readonly random: Prng;
  readonly network: PeerNetwork;
  readonly machine: Machine;
  readonly damaged: DamagedJournal;
  readonly others: readonly number[];
  readonly sizes: MemberSizes;
  readonly fault: Fault | undefined;
  readonly trace?: Trace | undefined;
  /** The journal is whole, or, with false, nobody has what it lacks, and there is a leader. */
  ended(isMended: boolean): void;
}

/** The journal of a machine, put right by its real repair. */
export function repairOf(
  machine: Machine,
  damaged: DamagedJournal,
  { segmentBytes, zab }: MemberSizes,
  random: Prng,
): MendingRepair {
  const { state } = loadTree(machine.snapshot, random, undefined).tree;
  return new MendingRepair(damaged, state, zab.bootstrap.ensembleId, (options) => {
    return new JournalRepair(machine.disk, JOURNAL_DIRECTORY, damaged, {
      ...options,
      segmentBytes,
      random32: () => random.uint32(),
    });
  });
}

/**
 * A member's process before it begins, while its journal gets back from the others what it lost: the real machine and
 * repair. Goes on as `runtime/journal-mending.ts` does.
 */
export class SimulatedMending implements PeerProcess {
  readonly id: number;
  private readonly options: SimulatedMendingOptions;
  private readonly repair: MendingRepair;
  private readonly mender: HoleMender;
  private isDead = false;
  isPaused = false;
  /** Came while it stood still. */
  private heldBack: (() => void)[] = [];

  constructor(options: SimulatedMendingOptions) {
    const { machine, network, random, timeline, damaged, others, trace } = options;
    this.options = options;
    this.id = machine.id;
    const repair = repairOf(machine, damaged, options.sizes, random);
    this.repair = repair;
    const { remains, isOpen, starts } = repair;
    const { id } = this;
    this.mender = new HoleMender(
      { remains, isOpen, starts, others },
      {
        send: (peer, frame) => network.send(id, peer, frame),
        disconnect: (peer, why) => network.disconnect(id, peer, why),
        own: (zxid) => repair.own(zxid),
        lend: (peer, ask) => network.send(id, peer, repair.answer(ask)),
        begin: (outline) => repair.begin(outline),
        take: (batch) => repair.take(batch),
        finish: () => this.finish(),
        giveUp: () => options.ended(false),
        onNotice: (_level, message) => trace?.(() => message),
        now: () => timeline.now,
      },
    );
  }

  start(): void {
    if (this.options.fault === "cut-at-hole") {
      this.cut();
      return;
    }
    this.after(this.options.random.below(TICK_MS), () => this.onTick());
    this.mender.begin();
    this.options.network.attach(this);
  }

  /** The process is gone: nothing it had planned happens. */
  crash(): void {
    this.isDead = true;
  }

  resume(): void {
    this.isPaused = false;
    for (const work of this.heldBack.splice(0)) this.run(work);
  }

  // ---- PeerProcess ----

  info(): PeerInfo {
    return { id: this.id, incarnation: this.options.machine.incarnation, address: `127.0.0.1:${this.id}` };
  }

  up(peer: PeerInfo): void {
    this.run(() => this.mender.linkUp(peer.id, true));
  }

  down(peer: number): void {
    this.run(() => this.mender.linkDown(peer));
  }

  frame(peer: number, bytes: Uint8Array): void {
    this.run(() => this.mender.receive(peer, bytes));
    // The frame is the network's again.
    bytes.fill(0xee);
  }

  heard(): void {}

  private after(delayMs: number, work: () => void): void {
    this.options.timeline.after(delayMs, () => this.run(work));
  }

  private run(work: () => void): void {
    if (this.isDead) return;
    if (this.isPaused) this.heldBack.push(work);
    else work();
  }

  private onTick(): void {
    this.after(TICK_MS, () => this.onTick());
    this.mender.tick();
  }

  private finish(): void {
    const { machine, ended } = this.options;
    if (this.repair.isInDoubt) machine.isDamaged = true;
    this.repair.finish();
    ended(true);
  }

  /** The defect: all behind the first hole is forgotten. */
  private cut(): void {
    const { machine, damaged, random, sizes, ended } = this.options;
    const hole = damaged.report.holes[0]?.afterZxid ?? this.repair.lastZxid;
    const lastZxid = [...damaged.spans()].findLast((span) => span.lastZxid <= hole)?.lastZxid ?? damaged.fromZxid;
    const { segmentBytes } = sizes;
    const given = { segmentBytes, random32: () => random.uint32() };
    new JournalRepair(machine.disk, JOURNAL_DIRECTORY, damaged, given).finish(lastZxid);
    ended(true);
  }
}
