import type { ConfigurationChange } from "../../../src/core/base/ensemble-change.ts";
import type { Prng } from "../../../src/core/base/prng.ts";
import type { ChangeOutcome } from "../../../src/core/member/ensemble-changes.ts";
import type { SimulatedMember } from "../simulated-member.ts";
import type { Timeline } from "../timeline.ts";
import type { Roll } from "./roll.ts";

export interface ChangeHost {
  readonly timeline: Timeline;
  readonly members: readonly number[];
  readonly roll: Roll;
  running(id: number): SimulatedMember | undefined;
  noteChange(outcome: ChangeOutcome, text: () => string): void;
}

/** Fewer voters are not left by removals, as a rule. */
const VOTERS_MIN = 2;
const WEIGHTS = [1, 1, 1, 2, 3, 0];
/** A change that was asked for may arrive, and be made, for so long, ms: until then no disk is lost. */
const LINGERS_MS = 4_000;

/** Operators: they ask members, at random times, for changes of the ensemble and of its leader. */
export class ChangePlan {
  private readonly host: ChangeHost;
  private readonly random: Prng;
  private readonly meanMs: number;
  private lastAskedAt = Number.NEGATIVE_INFINITY;
  private isOver = false;
  private unanswered = 0;

  /** @param meanMs between two changes; infinite for none */
  constructor(host: ChangeHost, random: Prng, meanMs: number) {
    this.host = host;
    this.random = random;
    this.meanMs = meanMs;
  }

  begin(): void {
    if (this.meanMs < Number.POSITIVE_INFINITY) this.schedule();
  }

  end(): void {
    this.isOver = true;
  }

  /** A change that was asked for may still be made. */
  get mayBeUnderWay(): boolean {
    return this.host.timeline.now - this.lastAskedAt < LINGERS_MS;
  }

  /** One was asked for that is neither made nor refused: nobody can tell yet of whom a quorum is. */
  get isUnanswered(): boolean {
    return this.unanswered > 0 && this.mayBeUnderWay;
  }

  private schedule(): void {
    this.host.timeline.after(1 + this.random.below(2 * this.meanMs), () => {
      if (this.isOver) return;
      this.schedule();
      this.ask();
    });
  }

  /** Only while every member has the disk the ensemble knows: a change makes no lost one decisive. */
  private ask(): void {
    const { host, random } = this;
    const asked = host.running(random.pick(host.members));
    if (asked === undefined || asked.isPaused || !host.roll.isWhole) return;
    this.lastAskedAt = host.timeline.now;
    this.unanswered++;
    const answered = (outcome: ChangeOutcome, text: () => string): void => {
      this.unanswered--;
      host.noteChange(outcome, text);
    };
    if (random.chance(0.25)) {
      const to = random.pick([0, ...host.members]);
      asked.member.transferLeadership(to, (outcome) => answered(outcome, () => `leadership to ${to}`));
    } else {
      const change = this.draw();
      asked.member.reconfigure(change, (outcome) => answered(outcome, () => JSON.stringify(change)));
    }
    asked.afterApply();
  }

  private draw(): ConfigurationChange {
    const { host, random } = this;
    const id = random.pick(host.members);
    const known = host.roll.configured.find((member) => member.id === id);
    if (known === undefined) return { kind: "add", id, role: random.chance(0.5) ? "voter" : "observer" };
    const kind = random.pick(["remove", "role", "weight", "address"] as const);
    const voters = host.roll.configured.filter(({ role }) => role === "voter");
    const isNeeded = known.role === "voter" && voters.length <= VOTERS_MIN;
    if (kind === "weight") return { kind: "change", id, weight: random.pick(WEIGHTS) };
    if (kind === "address" || isNeeded) return { kind: "change", id, peerAddress: this.address(id) };
    if (kind === "remove") return { kind: "remove", id };
    return { kind: "change", id, role: known.role === "voter" ? "observer" : "voter" };
  }

  private address(id: number): string {
    return `127.0.0.1:${id + 100 * (1 + this.random.below(3))}`;
  }
}
