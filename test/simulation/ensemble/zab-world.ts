import { Prng } from "../../../src/core/base/prng.ts";
import { formatZxid } from "../../../src/core/base/zxid.ts";
import type { EnsembleConfiguration } from "../../../src/core/zab/ensemble-configuration.ts";
import type { ZabOptions } from "../../../src/core/zab/zab-contract.ts";
import { Timeline } from "../timeline.ts";
import { demand } from "../violation.ts";
import { type FaultHost, type FaultKind, FaultPlan, faultKinds } from "./fault-plan.ts";
import { JournalModel } from "./journal-model.ts";
import { PeerNetwork } from "./peer-network.ts";
import { ZabChecker } from "./zab-checker.ts";
import { ZabMachine } from "./zab-machine.ts";
import { ProcessCrash, type Trace, ZabMember } from "./zab-member.ts";

export interface ZabWorldOptions {
  readonly seed: number;
  /** Default: 3, sometimes 5, as the seed has it. */
  readonly members?: number | undefined;
  /** Faults at most. */
  readonly faults?: number | undefined;
  /** Nobody hands over, and no counter runs out. */
  readonly isCalm?: boolean | undefined;
  /** Virtual time of the safety phase, ms. */
  readonly durationMs?: number | undefined;
  readonly trace?: ((line: string) => void) | undefined;
}

export const PEER_TIMEOUT_MS = 1_000;
/** More than a learner is sent without an answer, and a clogged link gets there. */
const QUEUE_BYTES_MAX = 20_000;
const INCARNATION_DIGITS = 32;

/** Members that are nothing but zab, their machines, the network between them, and what becomes of all that. */
export class ZabWorld implements FaultHost {
  readonly timeline = new Timeline();
  readonly network: PeerNetwork;
  readonly checker: ZabChecker;
  readonly members: readonly number[];
  readonly random: Prng;
  private readonly options: ZabWorldOptions;
  private readonly memberRandom: Prng;
  private readonly machines = new Map<number, ZabMachine>();
  private readonly processes = new Map<number, ZabMember>();
  /** Stay down, as if for ever. */
  private readonly buried = new Set<number>();
  private readonly bootstrap: EnsembleConfiguration;
  private readonly sizes: Pick<ZabOptions, "counterMax" | "recentBytes" | "learnerWindowBytes">;
  readonly plan: FaultPlan;
  private readonly restartMsMax: number;
  private readonly proposalMsMax: number;
  /** Nothing more is asked for. */
  isQuiet = false;
  private wipesLeft: number;
  private batchIds = 0;

  constructor(options: ZabWorldOptions) {
    this.options = options;
    const random = new Prng(options.seed);
    const source = (): Prng => new Prng(random.uint32());
    this.random = source();
    this.memberRandom = source();
    const drawn = random.pick([3, 3, 3, 5]);
    const size = options.members ?? drawn;
    this.members = Array.from({ length: size }, (_, index) => index + 1);
    this.network = new PeerNetwork({
      timeline: this.timeline,
      random: source(),
      weather: random.pick([
        { delayMsMax: 1, spikeChance: 0, spikeMsMax: 0 },
        { delayMsMax: 5, spikeChance: 0.02, spikeMsMax: 60 },
        { delayMsMax: 40, spikeChance: 0.05, spikeMsMax: 400 },
      ]),
      queueBytesMax: QUEUE_BYTES_MAX,
      redialMs: [10, random.pick([50, 400])],
      trace: this.trace,
    });
    const diskRandom = source();
    const roomMax = random.pick([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 3]);
    for (const id of this.members) {
      const journal = new JournalModel(this.timeline, new Prng(diskRandom.uint32()));
      journal.roomMax = roomMax;
      this.machines.set(id, new ZabMachine(id, incarnation(id, 0), journal));
    }
    this.bootstrap = {
      ensembleId: "00".repeat(INCARNATION_DIGITS / 2),
      members: this.members.map((id) => ({
        id,
        role: "voter",
        weight: 1,
        group: 0,
        incarnation: incarnation(id, 0),
        peerAddress: `127.0.0.1:${id}`,
      })),
    };
    const counterMax = random.pick([undefined, 30, 150]);
    this.sizes = {
      counterMax: options.isCalm === true ? undefined : counterMax,
      recentBytes: random.pick([0, 1_000, 1_000_000]),
      learnerWindowBytes: random.pick([300, 2_000, 10_000]),
    };
    this.restartMsMax = random.pick([100, 1_000, 4_000]);
    this.proposalMsMax = random.pick([10, 50, 300]);
    this.wipesLeft = Math.ceil(size / 2) - 1;
    const quorum = Math.floor(size / 2) + 1;
    this.checker = new ZabChecker(
      (members) => members.size >= quorum,
      (member) => this.processes.get(member)?.zab.lastZxid ?? Number.POSITIVE_INFINITY,
    );
    this.plan = new FaultPlan(
      this,
      source(),
      faultKinds.filter((kind) => kind !== "damage" && kind !== "diverge" && kind !== "rot"),
      { most: options.faults },
    );
  }

  /** Starts all members, and asks for commits, reads and snapshots from then on. */
  begin(): void {
    for (const id of this.members) this.timeline.after(this.random.below(50), () => this.start(id));
    this.work(this.proposalMsMax, (member) => this.ask(member));
    this.work(1_000, (member) => member.snapshot(this.random.chance(0.5)));
  }

  // ---- Time ----

  pass(ms: number): void {
    const end = this.timeline.now + ms;
    while (this.timeline.now < end) this.step();
  }

  until(rule: string, patienceMs: number, isSo: () => boolean, state: () => string): void {
    const end = this.timeline.now + patienceMs;
    while (!isSo()) {
      demand(this.timeline.now <= end, rule, () => `not within ${patienceMs} ms\n${state()}`);
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
      if (!(error instanceof ProcessCrash)) throw error;
      this.checker.count("power-loss-at-call");
      this.trace?.(() => `member ${error.member}: the power goes at a call`);
      this.end(error.member, true);
    }
  }

  // ---- What members do ----

  /** A member that runs, if it does. */
  running(id: number): ZabMember | undefined {
    return this.processes.get(id);
  }

  get leaders(): ZabMember[] {
    return [...this.processes.values()].filter(({ zab }) => zab.isEstablished);
  }

  /** For people. */
  describe(): string {
    return this.members.map((id) => `  ${id}: ${this.describeMember(id)}`).join("\n");
  }

  private describeMember(id: number): string {
    const process = this.processes.get(id);
    if (process === undefined) return this.buried.has(id) ? "down for good" : "down";
    const { zab, isPaused } = process;
    const role = zab.isEstablished ? "leads" : zab.isLeading ? "begins to lead" : `has leader ${zab.leaderId}`;
    const log = `log to ${formatZxid(zab.lastZxid)}, committed ${formatZxid(zab.commitZxid)}`;
    return `${isPaused ? "paused, " : ""}${role}, epoch ${zab.epoch}, ${log}`;
  }

  private ask(member: ZabMember): void {
    const { random } = this;
    if (this.isQuiet) return;
    if (random.chance(0.2)) member.barrier();
    else if (random.chance(0.01)) this.handOver(member);
    else for (let left = 1 + random.below(3); left > 0; left--) member.propose(1 + random.below(3), random.below(60));
  }

  private handOver(member: ZabMember): void {
    if (this.options.isCalm !== true) member.zab.handOver(0);
  }

  private work(everyMsMax: number, work: (member: ZabMember) => void): void {
    this.timeline.after(1 + this.random.below(everyMsMax), () => {
      this.work(everyMsMax, work);
      for (const member of this.processes.values()) member.run(() => work(member));
    });
  }

  // ---- Lives ----

  private start(id: number): void {
    if (this.processes.has(id) || this.buried.has(id)) return;
    const machine = this.machine(id);
    const { timeline, network, memberRandom: random, checker, sizes, bootstrap, trace } = this;
    const own: Trace | undefined = trace && ((text) => trace(() => `member ${id} ${text()}`));
    checker.started(id, machine.survived);
    const member = new ZabMember({
      timeline,
      network,
      random,
      checker,
      machine,
      options: { ...sizes, bootstrap, peerTimeoutMs: PEER_TIMEOUT_MS },
      other: (other) => this.processes.get(other),
      nextId: () => ++this.batchIds,
      trace: own,
    });
    this.processes.set(id, member);
    member.start();
  }

  private end(id: number, isPowerLoss: boolean): void {
    const machine = this.machine(id);
    machine.appendsLeft = Number.POSITIVE_INFINITY;
    const member = this.processes.get(id);
    if (member !== undefined) member.isDead = true;
    this.processes.delete(id);
    this.network.detach(id, !isPowerLoss);
    this.checker.ended(id);
    machine.survived = machine.journal.close(isPowerLoss);
    this.timeline.after(10 + this.random.below(this.restartMsMax), () => this.start(id));
  }

  /** Starts no more. */
  bury(id: number): void {
    this.buried.add(id);
    if (this.processes.has(id)) this.end(id, true);
  }

  /** May start again. */
  exhume(id: number): void {
    if (this.buried.delete(id)) this.start(id);
  }

  private machine(id: number): ZabMachine {
    return this.machines.get(id) as ZabMachine;
  }

  isQuorum(ids: readonly number[]): boolean {
    return ids.filter((id) => this.isVoter(id)).length * 2 > this.members.length;
  }

  /** Its word counts: it has the disk the ensemble knows. */
  isVoter(id: number): boolean {
    return this.machine(id).incarnation === incarnation(id, 0);
  }

  // ---- Faults ----

  note(kind: FaultKind, text: () => string): void {
    this.checker.count(kind);
    this.trace?.(() => `${kind}: ${text()}`);
  }

  powerLoss(id: number): void {
    if (this.processes.has(id)) this.end(id, true);
  }

  powerLossAtCall(id: number): void {
    this.machine(id).appendsLeft = this.random.below(this.random.pick([3, 30]));
  }

  kill(id: number): void {
    if (this.processes.has(id)) this.end(id, false);
  }

  stop(id: number): void {
    const member = this.processes.get(id);
    if (member === undefined) return;
    member.run(() => {
      member.zab.refuseToLead();
      member.zab.handOver(0);
      member.after(this.random.below(300), () => this.end(id, false));
    });
  }

  /** No power loss that was planned comes. */
  spare(id: number): void {
    this.machine(id).appendsLeft = Number.POSITIVE_INFINITY;
  }

  pause(id: number): void {
    const member = this.processes.get(id);
    if (member === undefined) return;
    member.isPaused = true;
    this.network.pause(id);
  }

  resume(id: number): void {
    const member = this.processes.get(id);
    if (member?.isPaused !== true) return;
    this.guard(() => {
      this.network.resume(id);
      member.resume();
    });
  }

  wipe(id: number): void {
    if (this.wipesLeft === 0 || !this.isVoter(id)) return;
    this.wipesLeft--;
    if (this.processes.has(id)) this.end(id, true);
    this.machine(id).wipe(incarnation(id, 1));
    this.checker.wiped(id);
  }

  /** These machines have no disk that could be unreadable, and no tree. */
  damage(): void {}

  rot(): void {}

  diverge(): void {}

  slowDisk(id: number, ms: number): void {
    this.machine(id).journal.slowMs = ms;
  }

  clockJump(): void {}

  get trace(): Trace | undefined {
    const { trace } = this.options;
    if (trace === undefined) return undefined;
    return (text) => trace(`${this.timeline.now.toFixed(1)} ms: ${text()}`);
  }
}

function incarnation(id: number, life: number): string {
  return (id * 256 + life).toString(16).padStart(INCARNATION_DIGITS, "0");
}
