import type { Prng } from "../../../src/core/base/prng.ts";
import type { Timeline } from "../timeline.ts";
import type { PeerNetwork } from "./peer-network.ts";

export const faultKinds = [
  /** The machine loses its power at a moment of its own; what was not synced may be lost, or torn. */
  "power-loss",
  /** The same at a call of the disk. */
  "power-loss-at-call",
  /** The process is killed. */
  "kill",
  /** The process is asked to stop, and does. */
  "stop",
  /** The process stands still, while time goes on. */
  "pause",
  /** The machine comes back with an empty disk. */
  "wipe",
  /** The machine comes back, and cannot read what is on its disk. */
  "damage",
  /** A member applies one command otherwise than all others. */
  "diverge",
  /** Syncing takes long for a while. */
  "slow-disk",
  /** The connection of two members breaks. */
  "reset",
  /** What one sends to another does not arrive for a while. */
  "one-way",
  /** Some roads, in any directions, are closed for a while. */
  "partial-partition",
  /** A group of members is cut off for a while. */
  "partition",
  /** Bytes trickle from one to another for a while. */
  "clog",
  /** Wall clocks jump. */
  "clock-jump",
  /** The machine comes back, and some of what is in its journal has changed; or the power was gone from all at once. */
  "rot",
] as const;
export type FaultKind = (typeof faultKinds)[number];

const linkFaults: ReadonlySet<FaultKind> = new Set(["reset", "one-way", "partial-partition", "partition", "clog"]);

/** May be planned where they cannot be survived, or where there is nobody to strike. */
export const uncertainKinds: ReadonlySet<FaultKind> = new Set(["power-loss-at-call", "wipe", "damage", "diverge"]);

/** What can be done to the members of a world. Without effect on a member in no state for it. */
export interface FaultHost {
  readonly timeline: Timeline;
  readonly network: PeerNetwork;
  readonly members: readonly number[];
  powerLoss(member: number): void;
  powerLossAtCall(member: number): void;
  kill(member: number): void;
  stop(member: number): void;
  pause(member: number): void;
  resume(member: number): void;
  wipe(member: number): void;
  damage(member: number): void;
  diverge(member: number): void;
  rot(member: number): void;
  /** Syncs take so much longer, ms at most; 0 for as usual. */
  slowDisk(member: number, ms: number): void;
  clockJump(member: number): void;
  /** A fault has struck: for the trace and the counts. */
  note(kind: FaultKind, text: () => string): void;
}

/** A time between two faults of one kind, ms. */
const EVERY_MS: Readonly<Record<FaultKind, number>> = {
  "power-loss": 5_000,
  "power-loss-at-call": 5_000,
  kill: 5_000,
  stop: 6_000,
  pause: 4_000,
  wipe: 20_000,
  damage: 6_000,
  diverge: 4_000,
  "slow-disk": 6_000,
  reset: 2_000,
  "one-way": 3_000,
  "partial-partition": 5_000,
  partition: 4_000,
  clog: 5_000,
  "clock-jump": 8_000,
  rot: 4_000,
};
const CHANCE_OFF = 0.4;

export interface FaultLimits {
  /** Faults at most. Default: none. */
  readonly most?: number | undefined;
  /** What the time between two is multiplied with. Default 1. */
  readonly haste?: number | undefined;
  /** Mean time between any two faults at most, ms: where the seed has drawn fewer, they all come oftener. */
  readonly everyMsMax?: number | undefined;
}

/**
 * Which faults a run has, and how often: a seed switches some kinds off and draws the rates of the others, so that each
 * combination has its runs (swarm testing). Runs until {@link end}.
 */
export class FaultPlan {
  /** Mean time between two of a kind, ms. */
  readonly everyMs = new Map<FaultKind, number>();
  private readonly host: FaultHost;
  private readonly random: Prng;
  /** Typical length of what lasts, ms. */
  private readonly lengthMs: number;
  /** Nothing that begins now may last beyond its end. */
  private isOver = false;
  private left: number;

  /** @param allowed kinds that may be */
  constructor(host: FaultHost, random: Prng, allowed: readonly FaultKind[], limits: FaultLimits = {}) {
    this.host = host;
    this.random = random;
    this.left = limits.most ?? Number.POSITIVE_INFINITY;
    this.lengthMs = random.pick([150, 600, 1_500, 3_000]);
    const rush = random.pick([0.2, 0.5, 1, 1, 3]) * (limits.haste ?? 1);
    for (const kind of faultKinds) {
      // Drawn in any case, so that allowing one kind more changes no other.
      const isOff = random.chance(CHANCE_OFF);
      const rate = random.pick([0.3, 1, 3]);
      if (!isOff && allowed.includes(kind)) this.everyMs.set(kind, EVERY_MS[kind] * rate * rush);
    }
    if (limits.everyMsMax !== undefined) this.hurry(limits.everyMsMax);
  }

  begin(): void {
    for (const kind of this.everyMs.keys()) this.schedule(kind);
  }

  /** No more faults; what lasts is the host's to mend. */
  end(): void {
    this.isOver = true;
  }

  private hurry(everyMsMax: number): void {
    const sure = [...this.everyMs].filter(([kind]) => !uncertainKinds.has(kind));
    if (sure.length === 0) this.everyMs.set("kill", everyMsMax);
    const everyMs = 1 / sure.reduce((sum, [, ms]) => sum + 1 / ms, 0);
    if (everyMs <= everyMsMax) return;
    for (const [kind, ms] of sure) this.everyMs.set(kind, (ms * everyMsMax) / everyMs);
  }

  private schedule(kind: FaultKind): void {
    const mean = this.everyMs.get(kind) as number;
    this.after(1 + this.random.below(2 * mean), () => {
      this.schedule(kind);
      if (this.left-- > 0) this.strike(kind);
    });
  }

  private after(ms: number, work: () => void): void {
    this.host.timeline.after(ms, () => {
      if (!this.isOver) work();
    });
  }

  private strike(kind: FaultKind): void {
    const { random, host } = this;
    const { members } = host;
    const member = random.pick(members);
    if (members.length === 1 && linkFaults.has(kind)) return;
    const other = random.pick(members.filter((id) => id !== member || members.length === 1));
    if (this.strikesMember(kind, member)) host.note(kind, () => `member ${member}`);
    else if (kind === "partition") {
      const cut = members.filter(() => random.chance(0.5));
      host.note(kind, () => `members ${cut} from the others`);
      this.close(this.roads((from, to) => cut.includes(from) !== cut.includes(to)));
    } else if (kind === "partial-partition") {
      const closed = this.roads(() => random.chance(0.4));
      host.note(kind, () => closed.map((road) => road.join(">")).join(", "));
      this.close(closed);
    } else {
      host.note(kind, () => `${member}>${other}`);
      this.strikeLink(kind, member, other);
    }
  }

  /** False for what does not happen to a member. */
  private strikesMember(kind: FaultKind, member: number): boolean {
    const { host, random } = this;
    if (kind === "power-loss") host.powerLoss(member);
    else if (kind === "power-loss-at-call") host.powerLossAtCall(member);
    else if (kind === "kill") host.kill(member);
    else if (kind === "stop") host.stop(member);
    else if (kind === "wipe") host.wipe(member);
    else if (kind === "damage") host.damage(member);
    else if (kind === "diverge") host.diverge(member);
    else if (kind === "rot") host.rot(member);
    else if (kind === "clock-jump") host.clockJump(member);
    else if (kind === "pause") {
      host.pause(member);
      this.later(() => host.resume(member));
    } else if (kind === "slow-disk") {
      host.slowDisk(member, random.pick([50, 300, 1_000]));
      this.later(() => host.slowDisk(member, 0));
    } else return false;
    return true;
  }

  private strikeLink(kind: FaultKind, from: number, to: number): void {
    const { network } = this.host;
    if (kind === "reset") network.reset(from, to);
    else if (kind === "one-way") this.close([[from, to]]);
    else {
      network.setRate(from, to, this.random.pick([0.2, 2, 20]));
      this.later(() => network.setRate(from, to, Number.POSITIVE_INFINITY));
    }
  }

  private roads(isMeant: (from: number, to: number) => boolean): [number, number][] {
    const { members } = this.host;
    return members.flatMap((from) =>
      members.filter((to) => to !== from && isMeant(from, to)).map((to): [number, number] => [from, to]),
    );
  }

  private close(roads: readonly (readonly [number, number])[]): void {
    const { network } = this.host;
    for (const [from, to] of roads) network.setOpen(from, to, false);
    this.later(() => {
      for (const [from, to] of roads) network.setOpen(from, to, true);
    });
  }

  private later(mend: () => void): void {
    const { random } = this;
    this.after(1 + random.below(random.pick([1, 2, 4]) * this.lengthMs), mend);
  }
}
