import { Prng } from "../../src/core/base/prng.ts";
import type { Identity } from "../../src/core/tree/operation.ts";
import { MemorySnapshot } from "../../src/storage/snapshot/memory-snapshot-store.ts";
import { type DiskCall, PowerLoss, SimulatedDisk } from "../support/simulated-disk.ts";
import type { ClientRequest, ServerMessage } from "./client-message.ts";
import type { Fault } from "./faults.ts";
import { HistoryChecker } from "./history-checker.ts";
import { Link, type LinkEnd } from "./network.ts";
import { type ClientHost, type ClientLink, SimulatedClient } from "./simulated-client.ts";
import { type Machine, type MemberSizes, SimulatedMember, type Trace } from "./simulated-member.ts";
import { Timeline } from "./timeline.ts";
import { demand, Violation } from "./violation.ts";
import { Workload } from "./workload.ts";

/** One seed and these decide everything a run does. */
export interface SoloOptions {
  readonly seed: number;
  /** Requests taken from the workload. Default 300. */
  readonly requests?: number | undefined;
  /** Default: 3 to 5, by the seed. */
  readonly clients?: number | undefined;
  /** Most crashes. Default: 2 to 6, by the seed. */
  readonly crashes?: number | undefined;
  readonly fault?: Fault | undefined;
  /** Takes every line of what happens. */
  readonly trace?: ((line: string) => unknown) | undefined;
}

export interface SoloReport {
  readonly violation: Violation | undefined;
  readonly counts: ReadonlyMap<string, number>;
  readonly virtualMs: number;
  readonly steps: number;
}

const REQUESTS = 300;
/** All events of a run fit. */
const HISTORY_BYTES = 256 * 1024;
/** Virtual time after which what has not come will not come, ms. */
const PATIENCE_MS = 60_000;
/** What one request adds to that. */
const REQUEST_MS_MAX = 100;
/** All sessions have ended by then, ms: the longest time-out any client asks for, restarts, and then some. */
const EXPIRY_MS = 12_000;
/** Containers are looked for once a minute. */
const LONG_IDLE_MS = 65_000;

const ALICE: Identity = { scheme: "digest", id: "alice:wonder=" };
const WHO: readonly (readonly Identity[])[] = [
  [{ scheme: "super", id: "" }],
  [{ scheme: "super", id: "" }],
  [{ scheme: "super", id: "" }],
  [ALICE, { scheme: "ip", id: "10.1.2.3" }],
  [
    { scheme: "digest", id: "bob:builder=" },
    { scheme: "ip", id: "192.168.1.9" },
  ],
  [],
];

/** Runs a world of one member to its end, or to the first violation. */
export function runSolo(options: SoloOptions): SoloReport {
  const world = new SoloWorld(options);
  let violation: Violation | undefined;
  try {
    world.run();
  } catch (error) {
    if (error instanceof Violation) violation = error;
    else violation = new Violation("nothing fails", (error as Error).stack ?? String(error));
  }
  const { counts } = world.checker;
  return { violation, counts, virtualMs: Math.round(world.timeline.now), steps: world.timeline.steps };
}

/** How a run of a member ends. */
type Ending = "power loss" | "kill" | "stop";

/** A member, its machine, its clients and what becomes of them. */
class SoloWorld implements ClientHost {
  readonly timeline = new Timeline();
  readonly checker = new HistoryChecker();
  readonly workload: Workload;
  private readonly options: SoloOptions;
  private readonly machine: Machine;
  private readonly sizes: MemberSizes;
  /** Each part has a source of chance of its own, so that fewer clients or requests change little else. */
  private readonly crashRandom: Prng;
  private readonly networkRandom: Prng;
  private readonly memberRandom: Prng;
  private readonly clients: SimulatedClient[] = [];
  private member: SimulatedMember | undefined;
  private links = new Set<ClientLink>();
  private crashesLeft: number;
  private crashAtStep = Number.POSITIVE_INFINITY;
  private ending: Ending = "power loss";
  private isStarting = false;

  constructor(options: SoloOptions) {
    const { seed } = options;
    this.options = options;
    const random = new Prng(seed);
    const { trace } = options;
    if (trace !== undefined) this.trace = (text) => trace(`${this.timeline.now.toFixed(1)} ms: ${text()}`);
    const source = (): Prng => new Prng(random.uint32());
    this.crashRandom = source();
    this.networkRandom = source();
    this.memberRandom = source();
    const disk = options.fault === "lying-disk" ? new LyingDisk(random.uint32()) : new SimulatedDisk(random.uint32());
    this.machine = { disk, snapshot: new MemorySnapshot() };
    this.sizes = {
      segmentBytes: random.pick([24, 32, 64]) * 1024,
      roundBytes: random.pick([2, 6, 20]) * 1024,
      keepCommands: random.pick([0, 30, 100]),
      historyBytesMax: HISTORY_BYTES,
      keepsHistory: random.chance(0.7),
      counterMax: random.pick([undefined, undefined, 150]),
    };
    const model = () => this.checker.replay.model;
    const requests = options.requests ?? REQUESTS;
    this.workload = new Workload(random.uint32(), source(), requests, model);
    // Drawn in any case, so that setting one changes nothing else.
    const [crashes, clients] = [2 + random.below(5), 3 + random.below(3)];
    this.crashesLeft = options.crashes ?? crashes;
    this.isLong = random.chance(0.1);
    const sources = Array.from({ length: options.clients ?? clients }, source);
    for (const [name, own] of sources.entries()) {
      const identities = own.pick(WHO);
      this.clients.push(new SimulatedClient(this, name, own, { identities, session: !own.chance(0.15) }));
    }
  }

  private readonly isLong: boolean;
  private readonly trace: Trace | undefined;

  run(): void {
    const { requests = REQUESTS } = this.options;
    this.timeline.after(0, () => this.start());
    this.until("every request is answered", PATIENCE_MS + requests * REQUEST_MS_MAX, () =>
      this.clients.every(({ isDone }) => isDone),
    );
    if (this.isLong) this.pass(LONG_IDLE_MS);
    for (const client of this.clients) client.stop(this.crashRandom.chance(0.5));
    this.crashesLeft = 0;
    const { model } = this.checker.replay;
    this.until("silent sessions expire", EXPIRY_MS, () => model.sessions.size === 0);
    const owned = [...model.nodes].filter(([, { owner }]) => owner !== 0);
    demand(owned.length === 0, "ephemerals exist while their session is open", () => String(owned));
    this.disarm();
    this.ending = "power loss";
    if (this.member !== undefined) {
      this.checker.compareAll(this.member.member.tree);
      this.crash();
    }
    this.until("a member starts", PATIENCE_MS, () => this.member?.leads === true);
  }

  connect(client: SimulatedClient, identities: readonly Identity[]): ClientLink | undefined {
    const { member } = this;
    if (member === undefined) return undefined;
    let link: ClientLink | undefined;
    const server: LinkEnd<ClientRequest> = member.accept({
      name: client.name,
      identities,
      reply: (message) => link?.reply(message),
    });
    const ours: LinkEnd<ServerMessage> = {
      receive: (message) => client.receive(link, message),
      lost: () => client.lost(link),
    };
    link = new Link(this.timeline, this.networkRandom, server, ours);
    this.links.add(link);
    return link;
  }

  // ---- Time ----

  private until(rule: string, patienceMs: number, isSo: () => boolean): void {
    const end = this.timeline.now + patienceMs;
    while (!isSo()) {
      demand(this.timeline.now <= end, rule, () => `not within ${patienceMs} ms`);
      this.step();
    }
  }

  private pass(ms: number): void {
    const end = this.timeline.now + ms;
    while (this.timeline.now < end) this.step();
  }

  private step(): void {
    try {
      if (this.timeline.steps >= this.crashAtStep) this.end();
      this.timeline.step();
    } catch (error) {
      if (!(error instanceof PowerLoss)) throw error;
      this.checker.count("crashes at a disk call", 1);
      this.crash();
    }
  }

  // ---- Crashes ----

  private start(): void {
    const { timeline, checker, machine, sizes, memberRandom } = this;
    this.plan();
    this.isStarting = true;
    const { fault } = this.options;
    const parts = { timeline, random: memberRandom, checker, machine, sizes, fault, trace: this.trace };
    this.member = new SimulatedMember(parts);
    this.isStarting = false;
  }

  /** When, and how, the run that begins now will end. */
  private plan(): void {
    const { crashRandom: random, machine, timeline } = this;
    this.disarm();
    if (this.crashesLeft-- <= 0) return;
    this.ending = random.chance(0.6) ? "power loss" : random.chance(0.7) ? "kill" : "stop";
    const isAtCall = this.ending !== "stop" && random.chance(0.6);
    if (isAtCall) machine.disk.powerLossAt = machine.disk.calls + 1 + random.below(random.pick([8, 60, 300]));
    else this.crashAtStep = timeline.steps + 1 + random.below(random.pick([20, 400, 3_000]));
  }

  private disarm(): void {
    this.machine.disk.powerLossAt = Number.POSITIVE_INFINITY;
    this.crashAtStep = Number.POSITIVE_INFINITY;
  }

  /** The run ends as planned: at once, or as soon as nothing is in flight. */
  private end(): void {
    const { member } = this;
    if (this.ending !== "stop" || member === undefined) {
      this.crash();
      return;
    }
    member.member.stop();
    if (!member.member.isIdle) return;
    member.shutDown();
    this.crash();
  }

  private crash(): void {
    const { member, machine, ending } = this;
    this.trace?.(() => ending);
    this.checker.count(`ended by ${ending}`, 1);
    if (this.isStarting) this.checker.count("crashes while starting", 1);
    this.isStarting = false;
    if (member !== undefined) {
      this.checker.count("segments begun", member.journal.segmentsBegun);
      this.checker.count("segments pruned", member.journal.pruned);
      member.crash();
    }
    this.member = undefined;
    for (const link of this.links) link.crash();
    this.links = new Set();
    this.disarm();
    if (ending === "power loss") machine.disk.restart();
    else machine.disk.resume();
    this.timeline.after(10 + this.crashRandom.below(this.crashRandom.pick([100, 100, 3_000])), () => this.start());
  }
}

/** Says once in ten times that it has synced, and has not. */
class LyingDisk extends SimulatedDisk {
  private readonly random = new Prng(1);

  override change(call: DiskCall, path: string, action: () => void): void {
    super.change(call, path, call === "datasync" && this.random.chance(0.1) ? () => undefined : action);
  }
}
