import { defaultLimits } from "../../../src/core/base/limits.ts";
import { Prng } from "../../../src/core/base/prng.ts";
import type { ChangeOutcome } from "../../../src/core/member/ensemble-changes.ts";
import { FIRST_FEATURE_LEVEL } from "../../../src/core/tree/feature-level.ts";
import type { Identity } from "../../../src/core/tree/operation.ts";
import { NaiveTree } from "../../model/naive-tree.ts";
import { PowerLoss } from "../../support/simulated-disk.ts";
import { ClientBook } from "../client-book.ts";
import type { Fault } from "../faults.ts";
import type { Machine } from "../machine.ts";
import { type ClientHost, type ClientLink, SimulatedClient } from "../simulated-client.ts";
import { type MemberSizes, SimulatedMember, type Trace } from "../simulated-member.ts";
import { Timeline } from "../timeline.ts";
import { demand } from "../violation.ts";
import { Workload } from "../workload.ts";
import { ChangePlan } from "./change-plan.ts";
import { ClientLinks } from "./client-links.ts";
import { describeMember } from "./describe-member.ts";
import { drawSizes, WEATHERS, WHO } from "./draw-sizes.ts";
import { type FaultHost, type FaultKind, FaultPlan, faultKinds } from "./fault-plan.ts";
import { Machines } from "./machines.ts";
import { Mendings } from "./mendings.ts";
import { PeerNetwork } from "./peer-network.ts";
import { Roll } from "./roll.ts";
import { Rotting, type RottingHost } from "./rotting.ts";
import { isMajority } from "./voting.ts";
import { ZabChecker } from "./zab-checker.ts";

export interface WorldOptions {
  readonly seed: number;
  /** Default 1. */
  readonly members?: number | undefined;
  /** Requests the clients make together. Default 300. */
  readonly requests?: number | undefined;
  /** Faults at most; how many come is the seed's. */
  readonly faults?: number | undefined;
  readonly clients?: number | undefined;
  readonly fault?: Fault | undefined;
  readonly trace?: ((line: string) => void) | undefined;
}

export const REQUESTS = 300;
/** More than a learner is sent without an answer, and a clogged link gets there. */
const QUEUE_BYTES_MAX = 100_000;
/** Faults come oftener than among bare zab machines, and in no seed so rarely that a run learns nothing from it. */
const FREQUENCY = { haste: 0.3, everyMsMax: 600 };

/** Members, their machines, the network between them, their clients and what becomes of them. */
export class EnsembleWorld implements ClientHost, FaultHost, RottingHost {
  readonly timeline = new Timeline();
  readonly network: PeerNetwork;
  readonly book = new ClientBook();
  readonly checker: ZabChecker;
  readonly workload: Workload;
  readonly members: readonly number[];
  readonly clients: SimulatedClient[] = [];
  readonly plan: FaultPlan;
  readonly changes: ChangePlan;
  readonly roll: Roll;
  readonly random: Prng;
  readonly trace: Trace | undefined;
  private readonly options: WorldOptions;
  private readonly memberRandom: Prng;
  private readonly machines: Machines;
  private readonly processes = new Map<number, SimulatedMember>();
  private readonly mendings: Mendings;
  private readonly links: ClientLinks;
  private readonly rotting: Rotting;
  private readonly buried = new Set<number>();
  private readonly stopping = new Set<number>();
  private readonly sizes: MemberSizes;
  private readonly restartMsMax: number;
  /** Which member is being started. */
  private starting = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    const { trace, seed, members = 1 } = options;
    if (trace !== undefined) this.trace = (text) => trace(`${this.timeline.now.toFixed(1)} ms: ${text()}`);
    const random = new Prng(seed);
    // Each part has a source of chance of its own, so that fewer clients or requests change little else.
    const source = (): Prng => new Prng(random.uint32());
    this.random = source();
    this.memberRandom = source();
    this.links = new ClientLinks(this.timeline, source());
    const diskRandom = source();
    const first = Array.from({ length: members }, (_, index) => index + 1);
    const isChanging = members > 1 && random.chance(0.5);
    this.members = isChanging ? [...first, members + 1] : first;
    const { timeline } = this;
    this.network = new PeerNetwork({
      timeline,
      random: source(),
      weather: random.pick(WEATHERS),
      queueBytesMax: QUEUE_BYTES_MAX,
      redialMs: [10, random.pick([50, 300])],
      trace: this.trace,
    });
    this.machines = new Machines(this.members, diskRandom, options.fault);
    this.sizes = drawSizes(
      random,
      first.map((id) => this.machines.at(id)),
    );
    this.restartMsMax = random.pick([100, 100, 1_000, 3_000]);
    // One of them runs an older program for a while.
    if (members > 1 && random.chance(0.3)) this.machine(random.pick(first)).featureLevel = FIRST_FEATURE_LEVEL;
    this.rotting = new Rotting(this, this.sizes);
    const { network, memberRandom, sizes, members: ids } = this;
    this.mendings = new Mendings({
      ...{ timeline, network, random: memberRandom, sizes, fault: options.fault, members: ids },
      machine: (id) => this.machine(id),
      putAside: (id) => this.putAside(id),
      start: (id) => this.start(id),
      traceOf: (id) => this.traceOf(id),
    });
    this.roll = new Roll(this.sizes.zab.bootstrap.members, this.machines.byId, this.book, () => this.checker);
    const requests = options.requests ?? REQUESTS;
    this.workload = new Workload(random.uint32(), source(), requests, this);
    this.plan = new FaultPlan(this, source(), faultKinds, { ...FREQUENCY, most: options.faults });
    const changesMs = isChanging ? random.pick([150, 500, 1_500]) : Number.POSITIVE_INFINITY;
    this.changes = new ChangePlan(this, source(), changesMs);
    this.checker = new ZabChecker(
      (ids, configuration) => isMajority(configuration ?? this.sizes.zab.bootstrap.members, ids),
      (id) => this.processes.get(id)?.zab.lastZxid ?? Number.POSITIVE_INFINITY,
    );
    const clients = 3 + random.below(3);
    for (let name = 0; name < (options.clients ?? clients); name++) {
      const own = source();
      const identities = own.pick(WHO);
      const session = !own.chance(0.15);
      // The first one writes, or the workload would never end.
      const onlyReads = own.chance(0.25) && name > 0;
      this.clients.push(new SimulatedClient(this, name, own, { identities, session, onlyReads }));
    }
  }

  /** Starts all members. */
  begin(): void {
    for (const id of this.members) this.timeline.after(this.random.below(30), () => this.start(id));
  }

  // ---- Clients ----

  connect(client: SimulatedClient, identities: readonly Identity[]): ClientLink | undefined {
    const id = this.random.pick(this.members);
    const member = this.processes.get(id);
    if (member === undefined) return undefined;
    return this.links.connect(client, identities, member);
  }

  /** As the member that has applied most has it. */
  get model(): NaiveTree {
    const [first, ...others] = [...this.processes.values()];
    let best = first;
    for (const each of others) if (each.zxid > (best as SimulatedMember).zxid) best = each;
    this.lastModel = best?.checker.replay.model ?? this.lastModel;
    return this.lastModel;
  }

  private lastModel = new NaiveTree(defaultLimits);

  // ---- Time ----

  pass(ms: number): void {
    const end = this.timeline.now + ms;
    while (this.timeline.now < end) this.step();
  }

  until(rule: string, patienceMs: number, isSo: () => boolean): void {
    const end = this.timeline.now + patienceMs;
    while (!isSo()) {
      demand(this.timeline.now <= end, rule, () => `not within ${patienceMs} ms\n${this.describe()}`);
      this.step();
    }
  }

  private step(): void {
    this.guard(() => this.timeline.step());
  }

  /** The power may go in what a member does now. */
  private guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof PowerLoss)) throw error;
      const found = [...this.machines.byId.values()].find(({ disk }) => disk.calls >= disk.powerLossAt);
      const id = (found as Machine).id;
      this.book.count("power lost at a call");
      if (this.starting === id) this.book.count("crashes while starting");
      this.starting = 0;
      this.trace?.(() => `member ${id}: the power goes at a call`);
      this.end(id, true);
    }
  }

  // ---- Members ----

  running(id: number): SimulatedMember | undefined {
    return this.processes.get(id);
  }

  describe(): string {
    return this.members.map((id) => describeMember(id, this.processes.get(id))).join("\n");
  }

  private start(id: number): void {
    if (this.isUp(id) || this.buried.has(id)) return;
    const { timeline, network, memberRandom: random, book, checker: zabChecker, sizes } = this;
    this.starting = id;
    if (this.mendings.begin(id)) {
      this.starting = 0;
      return;
    }
    if (this.random.chance(0.2)) this.machine(id).featureLevel = undefined;
    const member = new SimulatedMember({
      ...{ timeline, random, network, book, zabChecker, sizes, fault: this.options.fault },
      machine: this.machine(id),
      raises: (level) => this.roll.requireLevel(level),
      other: (other) => this.processes.get(other),
      trace: this.traceOf(id),
    });
    this.starting = 0;
    this.processes.set(id, member);
    member.start();
  }

  private isUp(id: number): boolean {
    return this.processes.has(id) || this.mendings.at(id) !== undefined;
  }

  private traceOf(id: number): Trace | undefined {
    const { trace } = this;
    return trace && ((text) => trace(() => `member ${id} ${text()}`));
  }

  private end(id: number, isPowerLoss: boolean): void {
    this.mendings.crash(id);
    const { disk } = this.machine(id);
    const member = this.processes.get(id);
    this.processes.delete(id);
    this.stopping.delete(id);
    if (member !== undefined) {
      this.book.count("segments begun", member.journal.segmentsBegun);
      this.book.count("segments pruned", member.journal.pruned);
      member.crash();
    }
    this.network.detach(id, !isPowerLoss);
    this.checker.ended(id);
    this.links.crash(id);
    if (isPowerLoss) disk.restart();
    else disk.resume();
    this.timeline.after(10 + this.random.below(this.restartMsMax), () => this.start(id));
  }

  /** All that have run an older program so far are started with the present one. */
  upgrade(): void {
    for (const id of this.members) {
      if (this.machine(id).featureLevel === undefined) continue;
      this.kill(id);
      this.machine(id).featureLevel = undefined;
    }
  }

  bury(id: number): void {
    this.buried.add(id);
    if (this.isUp(id)) this.end(id, true);
  }

  exhume(id: number): void {
    if (this.buried.delete(id)) this.guard(() => this.start(id));
  }

  isVoter(id: number): boolean {
    return this.roll.isVoter(id);
  }

  isQuorum(ids: readonly number[]): boolean {
    return this.roll.isQuorum(ids);
  }

  noteChange({ reason }: ChangeOutcome, text: () => string): void {
    this.book.count(`change: ${reason ?? "made"}`);
    this.trace?.(() => `asked for ${text()}: ${reason ?? "made"}`);
  }

  machine(id: number): Machine {
    return this.machines.at(id);
  }

  // ---- Faults ----

  note(kind: FaultKind, text: () => string): void {
    this.book.count(kind);
    this.trace?.(() => `${kind}: ${text()}`);
  }

  powerLoss(id: number): void {
    if (this.isUp(id)) this.end(id, true);
  }

  powerLossAtCall(id: number): void {
    const { disk } = this.machine(id);
    disk.powerLossAt = disk.calls + 1 + this.random.below(this.random.pick([8, 60, 300]));
  }

  spare(id: number): void {
    this.machine(id).disk.powerLossAt = Number.POSITIVE_INFINITY;
    this.processes.get(id)?.taint.spare();
  }

  kill(id: number): void {
    if (this.isUp(id)) this.end(id, false);
  }

  stop(id: number): void {
    const member = this.processes.get(id);
    if (member === undefined || this.stopping.has(id)) return;
    this.stopping.add(id);
    member.run(() => {
      member.member.stop();
      this.shutDown(member, this.timeline.now + 5_000);
    });
  }

  private shutDown(member: SimulatedMember, giveUpAt: number): void {
    if (member.member.isIdle || this.timeline.now > giveUpAt) {
      member.shutDown();
      this.end(member.id, false);
    } else member.after(20, () => this.shutDown(member, giveUpAt));
  }

  pause(id: number): void {
    const member = this.processes.get(id) ?? this.mendings.at(id);
    if (member === undefined) return;
    member.isPaused = true;
    this.network.pause(id);
  }

  resume(id: number): void {
    const member = this.processes.get(id) ?? this.mendings.at(id);
    if (member?.isPaused !== true) return;
    this.guard(() => {
      this.network.resume(id);
      member.resume();
    });
  }

  /** Only while a quorum without it has all its disks, and none becomes decisive meanwhile. */
  canLose(id: number): boolean {
    return this.isQuorum(this.members.filter((each) => each !== id)) && !this.changes.mayBeUnderWay;
  }

  damage(id: number): void {
    if (!this.canLose(id) || !this.roll.isSettled(id)) return;
    this.powerLoss(id);
    this.putAside(id);
  }

  private putAside(id: number): void {
    this.machines.putAside(id);
    this.checker.wiped(id);
    this.book.count("data put aside");
  }

  rot(id: number): void {
    this.rotting.strike(id);
  }

  get isStill(): boolean {
    return !this.changes.mayBeUnderWay;
  }

  count(what: string): void {
    this.book.count(what);
  }

  diverge(id: number): void {
    const isAnyWrong = (): boolean => [...this.processes.values()].some(({ taint }) => taint.wasTainted);
    this.processes.get(id)?.taint.diverge(() => this.roll.isWhole && this.canLose(id) && !isAnyWrong());
  }

  wipe(id: number): void {
    if (!this.canLose(id)) return;
    this.powerLoss(id);
    this.machines.wipe(id);
    this.checker.wiped(id);
    this.book.count("disks lost");
  }

  slowDisk(id: number, ms: number): void {
    this.machine(id).slowMs = ms;
  }

  clockJump(id: number): void {
    const member = this.processes.get(id);
    if (member !== undefined) member.wallSkew += this.random.below(7_200_000) - 3_600_000;
  }
}
