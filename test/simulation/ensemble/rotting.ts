import type { Prng } from "../../../src/core/base/prng.ts";
import type { Machine } from "../machine.ts";
import type { MemberSizes } from "../simulated-member.ts";
import type { Roll } from "./roll.ts";
import { canAllBeMended, spoil } from "./rot.ts";

/** What rot needs of its world. */
export interface RottingHost {
  readonly members: readonly number[];
  readonly roll: Roll;
  readonly random: Prng;
  machine(id: number): Machine;
  /** The others are a quorum without it, whatever becomes of it. */
  canLose(id: number): boolean;
  /** No member joins or leaves at the moment. */
  readonly isStill: boolean;
  powerLoss(id: number): void;
  count(what: string): void;
}

/** Journals of which some bytes change while their machines have no power. */
export class Rotting {
  private readonly host: RottingHost;
  private readonly sizes: MemberSizes;

  constructor(host: RottingHost, sizes: MemberSizes) {
    this.host = host;
    this.sizes = sizes;
  }

  strike(id: number): void {
    const { host } = this;
    if (host.random.chance(0.5)) this.strikeAll();
    else if (host.canLose(id) && host.roll.isSettled(id)) {
      host.powerLoss(id);
      this.spoil(id);
    }
  }

  /**
   * The power is gone from all, and the journals of two have rotted, in places of their own: within what leaves every
   * record on somebody's disk.
   */
  private strikeAll(): void {
    const { host, sizes } = this;
    const { members, random, roll } = host;
    if (!host.isStill || !roll.isWhole || members.length < 2) return;
    for (const id of members) host.powerLoss(id);
    const voters = members.filter((id) => roll.isVoter(id));
    const machines = members.map((id) => host.machine(id));
    let struck = 0;
    for (let left = Math.min(2, voters.length); left > 0; left--) {
      const [id] = voters.splice(random.below(voters.length), 1) as [number];
      const undo = this.spoil(id);
      if (undo === undefined) continue;
      if (canAllBeMended({ machines, sizes, random })) struck++;
      else undo();
    }
    if (struck > 1) host.count("rot of two at once");
  }

  /** @returns what undoes it, if anything was done */
  private spoil(id: number): (() => void) | undefined {
    const machine = this.host.machine(id);
    // Which of two snapshots is current, a damaged journal cannot tell.
    if (machine.isRotten || machine.isDamaged || machine.isTainted || machine.arrived !== undefined) return undefined;
    const undo = spoil(machine, this.host.random);
    if (undo === undefined) return undefined;
    machine.isRotten = true;
    this.host.count("journals rotten");
    return () => {
      undo();
      machine.isRotten = false;
    };
  }
}
