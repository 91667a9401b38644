import { Prng } from "../../../src/core/base/prng.ts";
import { ClientBook } from "../../simulation/client-book.ts";
import { PeerNetwork } from "../../simulation/ensemble/peer-network.ts";
import { ZabChecker } from "../../simulation/ensemble/zab-checker.ts";
import { Machine } from "../../simulation/machine.ts";
import { type MemberSizes, SimulatedMember } from "../../simulation/simulated-member.ts";
import { Timeline } from "../../simulation/timeline.ts";
import { PowerLoss, SimulatedDisk } from "../../support/simulated-disk.ts";
import { Client, secretHash } from "../../support/solo-member.ts";
import { ensemble, incarnationOf } from "../../unit/core/zab/rig-batches.ts";

const HISTORY_BYTES = 64 * 1024;
const IDS = [1, 2, 3];
/** Virtual time by which whatever comes has come, ms. */
const PATIENCE_MS = 30_000;

/**
 * Three whole members on simulated disks, with the real journal, recovery and capture, that do just what a scenario
 * says: the simulator's members without its chance of faults. Its checkers watch: the rules of zab, one history, and at
 * each recovery the whole tree against the naive model.
 */
export class DiskWorld {
  readonly timeline = new Timeline();
  readonly network: PeerNetwork;
  private readonly machines = new Map<number, Machine>();
  private readonly processes = new Map<number, SimulatedMember>();
  private readonly book = new UnaskedBook();
  private readonly checker: ZabChecker;
  private readonly random: Prng;
  private readonly sizes: MemberSizes;

  constructor(sizes: Partial<Omit<MemberSizes, "zab">> & { readonly zab?: Partial<MemberSizes["zab"]> } = {}) {
    this.random = new Prng(1);
    this.network = new PeerNetwork({
      timeline: this.timeline,
      random: new Prng(2),
      weather: { delayMsMax: 1, spikeChance: 0, spikeMsMax: 0 },
      queueBytesMax: 1_000_000,
      redialMs: [10, 50],
    });
    this.checker = new ZabChecker(
      (ids) => ids.size >= 2,
      (id) => this.processes.get(id)?.zab.lastZxid ?? Number.POSITIVE_INFINITY,
    );
    const { zab, ...rest } = sizes;
    this.sizes = {
      segmentBytes: 24 * 1024,
      roundBytes: 2 * 1024,
      keepCommands: 0,
      historyBytesMax: HISTORY_BYTES,
      keepsHistory: true,
      ...rest,
      zab: { bootstrap: ensemble(...IDS), ...zab },
    };
    for (const id of IDS) this.machines.set(id, new Machine(id, incarnationOf(id), new SimulatedDisk(id)));
    for (const id of IDS) this.start(id);
    this.until(() => this.haveConverged);
  }

  // ---- Members ----

  at(id: number): SimulatedMember {
    return this.processes.get(id) as SimulatedMember;
  }

  machine(id: number): Machine {
    return this.machines.get(id) as Machine;
  }

  isUp(id: number): boolean {
    return this.processes.has(id);
  }

  get leader(): SimulatedMember {
    const leaders = [...this.processes.values()].filter(({ zab }) => zab.isEstablished);
    return leaders.reduce((one, other) => (one.zab.epoch > other.zab.epoch ? one : other));
  }

  /** While a member is cut off, the others find a leader among them. */
  leaderBesides(id: number): SimulatedMember {
    const isFound = (): boolean =>
      [...this.processes.values()].some((each) => each.id !== id && each.zab.isEstablished);
    this.until(isFound);
    return this.leader;
  }

  start(id: number): void {
    const { timeline, network, book, checker: zabChecker, sizes, random } = this;
    const machine = this.machine(id);
    const other = (each: number): SimulatedMember | undefined => this.processes.get(each);
    const raises = (): void => undefined;
    const given = { timeline, random, network, book, zabChecker, machine, sizes, other, raises };
    const member = new SimulatedMember({ ...given, fault: undefined });
    this.processes.set(id, member);
    member.start();
  }

  /** The power goes; what was not synced may be lost, or torn. */
  powerLoss(id: number): void {
    this.processes.get(id)?.crash();
    this.processes.delete(id);
    this.network.detach(id, false);
    this.checker.ended(id);
    this.machine(id).disk.restart();
  }

  /** The power goes at the disk's next call but so many. */
  powerLossAtCall(id: number, calls: number): void {
    const { disk } = this.machine(id);
    disk.powerLossAt = disk.calls + calls;
  }

  cutOff(id: number): void {
    this.roads(id, false);
  }

  heal(): void {
    for (const id of IDS) this.roads(id, true);
  }

  private roads(id: number, isOpen: boolean): void {
    for (const other of IDS) {
      if (other === id) continue;
      this.network.setOpen(id, other, isOpen);
      this.network.setOpen(other, id, isOpen);
    }
  }

  // ---- Clients ----

  /** A client of a member with an open session. */
  session(id: number, timeoutMs = 60_000): Client {
    const client = new Client(this.at(id), []);
    client.connection.open(secretHash(1), timeoutMs);
    this.until(() => client.opened !== undefined);
    return client;
  }

  // ---- Time ----

  until(isSo: () => boolean): void {
    const end = this.timeline.now + PATIENCE_MS;
    while (!isSo()) {
      if (this.timeline.now > end) throw new Error(`not within ${PATIENCE_MS} ms`);
      this.step();
    }
  }

  pass(ms: number): void {
    const end = this.timeline.now + ms;
    while (this.timeline.now < end) this.step();
  }

  private step(): void {
    try {
      this.timeline.step();
    } catch (error) {
      if (!(error instanceof PowerLoss)) throw error;
      const lost = IDS.find((id) => {
        const { disk } = this.machine(id);
        return disk.calls >= disk.powerLossAt;
      });
      this.powerLoss(lost as number);
    }
  }

  /** All three run, lead or follow, and have applied all that anybody has. */
  get haveConverged(): boolean {
    const last = Math.max(...[...this.processes.values()].map(({ zab }) => zab.lastZxid));
    return IDS.every((id) => this.processes.get(id)?.zxid === last && this.processes.get(id)?.member.isLed === true);
  }

  /** Starts whoever is down, and lets all come together; each tree is compared with the model, znode by znode. */
  converge(): void {
    this.heal();
    for (const id of IDS) if (!this.processes.has(id)) this.start(id);
    this.until(() => this.haveConverged);
    for (const { checker, member } of this.processes.values()) checker.compareAll(member.tree);
  }

  /** All lose their power, and come back with the same tree. */
  restartAll(): void {
    for (const id of IDS) this.powerLoss(id);
    this.converge();
  }
}

/** A scenario's clients talk to members directly: what they ask is in no book. */
class UnaskedBook extends ClientBook {
  override applied(): void {}
}
