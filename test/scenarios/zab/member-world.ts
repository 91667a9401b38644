import { InvariantError } from "../../../src/core/base/assert.ts";
import { DigestRing } from "../../../src/core/member/digest-ring.ts";
import { LocalState } from "../../../src/core/member/local-state.ts";
import type { EnsembleConfiguration } from "../../../src/core/zab/ensemble-configuration.ts";
import { MemorySnapshot, MemorySnapshotStore } from "../../../src/storage/snapshot/memory-snapshot-store.ts";
import { ArrivingSnapshot } from "../../simulation/arriving-snapshot.ts";
import { type MemberNode, MemberRig } from "../../unit/core/member/member-rig.ts";
import { ensemble } from "../../unit/core/zab/rig-batches.ts";

const HISTORY_BYTES = 64 * 1024;
/** Chunks of a transfer are cut off here: several even of a small tree. */
const CHUNK_BYTES = 500;
/** More turns than anything takes here. */
const TURNS_MAX = 20_000;

/** A snapshot that one member owes another. */
interface Owed {
  readonly from: number;
  readonly to: number;
  readonly atLeastZxid: number;
}

/**
 * Whole members whose trees may differ, as nothing in `MemberRig` may: they send each other snapshots, and one whose
 * invariant breaks ends at once, as its process would.
 */
export class MemberWorld {
  readonly rig: MemberRig;
  /** Why members have ended. */
  readonly ended = new Map<number, string>();
  /** Who has got snapshots, in order. */
  readonly installed: number[] = [];
  private owed: Owed[] = [];
  private readonly snapshots = new Map<number, MemorySnapshot>();

  constructor(bootstrap: EnsembleConfiguration) {
    this.rig = new MemberRig(bootstrap);
    for (const node of this.rig.running) this.watch(node);
  }

  static of(count: number): MemberWorld {
    return new MemberWorld(ensemble(...Array.from({ length: count }, (_, at) => at + 1)));
  }

  at(id: number): MemberNode {
    return this.rig.at(id);
  }

  /** Everything, until nothing moves. */
  settle(): void {
    for (let turns = 0; this.step(); turns++) if (turns > TURNS_MAX) throw new Error("it never settles");
  }

  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 50) {
      this.rig.time += 50;
      // Links that were lost come back, but where there are to be none.
      this.rig.join(0, 0);
      for (const { member } of this.rig.running) member.tick();
      this.settle();
    }
  }

  /** The others cannot reach this member, nor it them. */
  cutOff(id: number): void {
    this.rig.partition(
      [id],
      [...this.rig.nodes.keys()].filter((other) => other !== id),
    );
  }

  /** zxid and digest of each that runs. */
  states(): Map<number, string> {
    return new Map(
      this.rig.running.map(({ id, member: { tree } }) => [id, `${tree.zxid} ${tree.state.digest.lanes()}`]),
    );
  }

  /** Everybody who runs has the same tree. */
  get haveConverged(): boolean {
    return new Set(this.states().values()).size === 1;
  }

  /** The member's `apply` reads a clock of its own from now on, until a snapshot takes the place of its tree. */
  spoil(id: number, skewMs: number): void {
    const { tree } = this.at(id).member;
    const beginBatch = tree.beginBatch.bind(tree);
    tree.beginBatch = (header) => beginBatch({ ...header, time: header.time + skewMs });
  }

  /** The member remembers no digest of before, as after a restart. */
  forget(id: number): void {
    const { core } = this.at(id).member as unknown as { core: { state: LocalState } };
    Object.assign(core.state, { digests: new DigestRing() });
  }

  private step(): boolean {
    const moved = this.rig.step();
    // What it said in its last turn, nobody hears: it was still to be written when the process ended.
    for (const [id] of this.ended) if (this.at(id).isUp) this.rig.kill(id);
    return this.sendSnapshots() || moved;
  }

  private watch(node: MemberNode): void {
    const { member, id } = node;
    const sendSnapshot = (to: number, atLeastZxid: number): void => {
      this.owed.push({ from: id, to, atLeastZxid });
    };
    const stop = node.stopSending.bind(node);
    const stopSending = (to: number): void => {
      this.owed = this.owed.filter((owed) => owed.from !== id || owed.to !== to);
      stop(to);
    };
    Object.assign(node, { sendSnapshot, stopSending });
    for (const name of ["receive", "tick", "endTurn", "applyMore", "durable", "linkDown", "linkUp"] as const) {
      const event = member[name].bind(member) as (...args: unknown[]) => void;
      Object.assign(member, { [name]: (...args: unknown[]) => this.guard(id, () => event(...args)) });
    }
  }

  private guard(id: number, event: () => void): void {
    if (this.ended.has(id)) return;
    try {
      event();
    } catch (error) {
      if (!(error instanceof InvariantError)) throw error;
      this.ended.set(id, error.message);
    }
  }

  private sendSnapshots(): boolean {
    for (const owed of this.owed) {
      const { from, to, atLeastZxid } = owed;
      const [source, target] = [this.at(from).member, this.at(to).member];
      if (!source.isAtRest || source.tree.zxid < atLeastZxid || !target.awaitsSnapshot) continue;
      this.owed = this.owed.filter((each) => each !== owed);
      const arriving = new ArrivingSnapshot(to);
      const chunks = this.round(this.at(from)).export(CHUNK_BYTES);
      for (let chunk = chunks?.next(); chunk !== undefined; chunk = chunks?.next()) arriving.push(chunk);
      target.install(new LocalState(arriving.finish(), HISTORY_BYTES));
      this.installed.push(to);
      return true;
    }
    return false;
  }

  /** The member's snapshot, as of now. */
  private round({ id, member }: MemberNode): MemorySnapshot {
    const medium = this.snapshots.get(id) ?? new MemorySnapshot();
    this.snapshots.set(id, medium);
    const events = { onCommitted: () => undefined, onFatal: () => undefined };
    const store = new MemorySnapshotStore(events, { medium, schedule: (work) => work() });
    const { capture } = member.tree.state;
    const meta = member.snapshotMeta(HISTORY_BYTES);
    capture.freeze();
    while (!capture.capture(100));
    for (const run of capture.takeRuns()) store.write(run);
    store.commit(meta);
    return medium;
  }
}
