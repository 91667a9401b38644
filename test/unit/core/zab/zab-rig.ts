import { formatZxid } from "../../../../src/core/base/zxid.ts";
import type { EnsembleConfiguration } from "../../../../src/core/zab/ensemble-configuration.ts";
import { peerMessage } from "../../../../src/core/zab/peer-message.ts";
import type { RecoveredZab, ZabOptions } from "../../../../src/core/zab/zab-contract.ts";
import { ensemble, incarnationOf } from "./rig-batches.ts";
import { RigMember } from "./zab-rig-member.ts";

export { RigMember } from "./zab-rig-member.ts";

export type MessageName = keyof typeof peerMessage;
const names = new Map<number, MessageName>(
  Object.entries(peerMessage).map(([name, type]) => [type, name as MessageName]),
);

export function nameOf(frame: Uint8Array): MessageName {
  return names.get(frame[0] as number) as MessageName;
}

export interface Sent {
  readonly from: number;
  readonly to: number;
  readonly name: MessageName;
  readonly frame: Uint8Array;
}

/**
 * Several `Zab` instances in one test, on one clock, with a FIFO link for each direction between two of them. Nothing
 * moves but by the test: it delivers a message, syncs a disk, lets time pass; or has everything settle. At every commit
 * the rig demands what Zab promises: one history, one leader for each epoch.
 */
export class ZabRig {
  readonly members = new Map<number, RigMember>();
  /** Everything ever sent over a link that was up. */
  readonly sent: Sent[] = [];
  time = 10_000;
  private readonly options: Partial<ZabOptions>;
  private readonly bootstrap: EnsembleConfiguration;
  private readonly queues = new Map<string, Uint8Array[]>();
  /** Links that are up, as "low-high". */
  private readonly links = new Set<string>();
  /** Pairs that have no link, whatever happens. */
  private readonly apart = new Set<string>();
  /** Ways whose messages stay where they are. */
  private readonly clogged = new Set<string>();
  /** What was committed anywhere: the checksum of a batch by its last zxid. */
  private readonly history = new Map<number, number>();
  private readonly leaders = new Map<number, number>();

  constructor(bootstrap: EnsembleConfiguration, options: Partial<ZabOptions> = {}) {
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

  // ---- The net ----

  /** Both ends lose the link, and what is on its way. */
  unlink(a: number, b: number): void {
    if (!this.links.delete(pair(a, b))) return;
    for (const way of [`${a}>${b}`, `${b}>${a}`]) this.queues.delete(way);
    this.at(a).zab.linkDown(b);
    this.at(b).zab.linkDown(a);
  }

  /** No link between these until {@link join}. */
  part(a: number, b: number): void {
    this.apart.add(pair(a, b));
    this.unlink(a, b);
  }

  join(a: number, b: number): void {
    this.apart.delete(pair(a, b));
    this.joinAll();
  }

  /** One side of the net cannot reach the other. */
  partition(one: readonly number[], other: readonly number[]): void {
    for (const a of one) for (const b of other) this.part(a, b);
  }

  heal(): void {
    this.apart.clear();
    this.clogged.clear();
    this.joinAll();
  }

  /** Nothing arrives any more, and nobody is told; one way only. */
  clog(from: number, to: number): void {
    this.clogged.add(`${from}>${to}`);
  }

  /** From now on it arrives, in order, what waited first. */
  unclog(from: number, to: number): void {
    this.clogged.delete(`${from}>${to}`);
  }

  /** What is on its way, from one to the other. */
  queue(from: number, to: number): readonly Uint8Array[] {
    return this.queues.get(`${from}>${to}`) ?? [];
  }

  send(from: number, to: number, frame: Uint8Array): void {
    if (!this.links.has(pair(from, to))) return;
    this.sent.push({ from, to, name: nameOf(frame), frame });
    const way = `${from}>${to}`;
    const queue = this.queues.get(way) ?? [];
    this.queues.set(way, queue);
    queue.push(frame);
  }

  /** Delivers the next message of this way; its name. */
  deliver(from: number, to: number): MessageName {
    const frame = this.queues.get(`${from}>${to}`)?.shift();
    if (frame === undefined) throw new Error(`nothing is on its way from ${from} to ${to}`);
    const lent = frame.slice();
    this.at(to).zab.receive(from, lent);
    // It was only lent.
    lent.fill(0xee);
    return nameOf(frame);
  }

  /** Delivers messages of this way up to and including the first of this name. */
  deliverUntil(from: number, to: number, name: MessageName): void {
    while (this.deliver(from, to) !== name);
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
    let moved = false;
    for (const [way, queue] of [...this.queues]) {
      if (queue.length === 0 || this.clogged.has(way)) continue;
      const [from, to] = way.split(">").map(Number) as [number, number];
      this.deliver(from, to);
      moved = true;
    }
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

  /** What has been sent since `from`, in words: "1>2 PROPOSE". */
  since(from: number, ...wanted: MessageName[]): string[] {
    const found = this.sent.slice(from).filter(({ name }) => wanted.length === 0 || wanted.includes(name));
    return found.map(({ from: sender, to, name }) => `${sender}>${to} ${name}`);
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

  private joinAll(): void {
    const { running } = this;
    for (const a of running) {
      for (const b of running) {
        if (a.id < b.id && !this.apart.has(pair(a.id, b.id))) this.link(a, b);
      }
    }
  }

  private link(a: RigMember, b: RigMember): void {
    if (this.links.has(pair(a.id, b.id))) return;
    this.links.add(pair(a.id, b.id));
    a.zab.linkUp(b);
    b.zab.linkUp(a);
  }
}

function pair(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}
