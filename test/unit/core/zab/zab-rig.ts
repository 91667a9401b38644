import { formatZxid } from "../../../../src/core/base/zxid.ts";
import type { EnsembleConfiguration } from "../../../../src/core/zab/ensemble-configuration.ts";
import type { RecoveredZab, ZabOptions } from "../../../../src/core/zab/zab-contract.ts";
import { ensemble, incarnationOf } from "./rig-batches.ts";
import { type PeerHost, TestNet } from "./test-net.ts";
import { RigMember } from "./zab-rig-member.ts";

export type { MessageName, Sent } from "./test-net.ts";
export { RigMember } from "./zab-rig-member.ts";

/**
 * Several `Zab` instances in one test, on one clock, with a FIFO link for each direction between two of them. Nothing
 * moves but by the test: it delivers a message, syncs a disk, lets time pass; or has everything settle. At every commit
 * the rig demands what Zab promises: one history, one leader for each epoch.
 */
export class ZabRig extends TestNet {
  readonly members = new Map<number, RigMember>();
  time = 10_000;
  private readonly options: Partial<ZabOptions>;
  private readonly bootstrap: EnsembleConfiguration;
  /** What was committed anywhere: the checksum of a batch by its last zxid. */
  private readonly history = new Map<number, number>();
  private readonly leaders = new Map<number, number>();

  constructor(bootstrap: EnsembleConfiguration, options: Partial<ZabOptions> = {}) {
    super();
    this.bootstrap = bootstrap;
    this.options = options;
  }

  /** Members 1 to `count`, all voters, all there, the leader elected and everybody in sync. */
  static settled(count: number, options: Partial<ZabOptions> = {}): ZabRig {
    const ids = Array.from({ length: count }, (_, at) => at + 1);
    const rig = new ZabRig(ensemble(...ids), options);
    rig.start(...ids);
    rig.pass(600);
    return rig;
  }

  /** Puts members on the net: new ones, or on what `recovered` says. Links to all who are there come up. */
  start(...ids: number[]): void {
    for (const id of ids) this.boot(id, {});
    this.joinAll();
  }

  startWith(id: number, recovered: Partial<RecoveredZab>, incarnation = incarnationOf(id)): RigMember {
    const member = this.boot(id, recovered, incarnation);
    this.joinAll();
    return member;
  }

  private boot(id: number, recovered: Partial<RecoveredZab>, incarnation = incarnationOf(id)): RigMember {
    const member = new RigMember(this, { id, incarnation, bootstrap: this.bootstrap, options: this.options });
    member.open(recovered);
    this.members.set(id, member);
    return member;
  }

  /** The process ends; with `power` lost, so is what was not synced. */
  kill(id: number, losesPower = true): void {
    for (const other of [...this.members.keys()]) this.unlink(id, other);
    this.at(id).close(losesPower);
  }

  /** The same data directory in a new process. */
  restart(id: number): void {
    this.at(id).reopen();
    this.joinAll();
  }

  at(id: number): RigMember {
    return this.members.get(id) as RigMember;
  }

  protected hostOf(id: number): PeerHost {
    return this.at(id).zab;
  }

  protected peers(): readonly RigMember[] {
    return this.running;
  }

  get running(): RigMember[] {
    return [...this.members.values()].filter(({ isUp }) => isUp);
  }

  /** The member that leads and takes proposals. */
  get leader(): RigMember {
    const leaders = this.running.filter(({ zab }) => zab.isEstablished);
    if (leaders.length !== 1) throw new Error(`${leaders.length} established leaders`);
    return leaders[0] as RigMember;
  }

  get followers(): RigMember[] {
    return this.running.filter(({ zab }) => zab.isFollowing);
  }

  // ---- Everything ----

  /** Delivers, syncs and reads until nothing moves that is not held. */
  settle(): void {
    for (let turns = 0; this.turn(); turns++) if (turns > 20_000) throw new Error("it never settles");
  }

  /** Turns, one message of each way at a time, until it is so. */
  until(isSo: () => boolean): void {
    while (!isSo()) if (!this.turn()) throw new Error("nothing moves any more");
  }

  private turn(): boolean {
    let moved = this.deliverEach();
    for (const member of this.running) moved = member.work() || moved;
    return moved;
  }

  /** Time passes, in ticks of 50 ms, at which links that were lost come back; after each, everything settles. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 50) {
      this.time += 50;
      this.joinAll();
      for (const { zab } of this.running) zab.tick();
      this.settle();
    }
  }

  /** The leader proposes a batch, and all settles; its last zxid. */
  commit(count = 1, size = 10): number {
    const { leader } = this;
    leader.propose(count, size);
    this.settle();
    return leader.zab.lastZxid;
  }

  // ---- What must always hold ----

  /** Integrity, total order: whoever commits a zxid commits the same batch, and every one before it (DSN'11, III). */
  committed(id: number, lastZxid: number, checksum: number): void {
    const known = this.history.get(lastZxid);
    if (known !== undefined && known !== checksum) {
      throw new Error(`member ${id} commits another batch at ${formatZxid(lastZxid)}`);
    }
    this.history.set(lastZxid, checksum);
  }

  /** Leadership2: at most one established leader ever of an epoch. */
  established(id: number, epoch: number): void {
    const known = this.leaders.get(epoch) ?? id;
    if (known !== id) throw new Error(`members ${known} and ${id} both lead epoch ${epoch}`);
    this.leaders.set(epoch, id);
  }
}
