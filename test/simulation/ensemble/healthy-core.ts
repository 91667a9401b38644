import type { Prng } from "../../../src/core/base/prng.ts";
import type { FaultHost } from "./fault-plan.ts";

/** A world in which faults can end. */
export interface MendableWorld extends FaultHost {
  readonly random: Prng;
  /** Its word counts: it has the disk the ensemble knows. */
  isVoter(member: number): boolean;
  /** Those of them that are voters are a quorum, of each configuration that may count. */
  isQuorum(members: readonly number[]): boolean;
  /** Starts no more. */
  bury(member: number): void;
  /** No power loss that was planned comes, and no divergence. */
  spare(member: number): void;
}

/**
 * A quorum, or more; the others are left as they are, go down for good, or are cut off in a direction. All, while a
 * change of the configuration may still be made that needs another quorum.
 */
export function chooseCore(world: MendableWorld, isChanging = false): number[] {
  const { members, random, network } = world;
  const voters = members.filter((id) => world.isVoter(id));
  // They are a quorum only once some have got back from the others what they lost.
  if (isChanging || !world.isQuorum(voters)) return [...members];
  while (random.chance(0.7)) {
    const fewer = voters.toSpliced(random.below(voters.length), 1);
    if (!world.isQuorum(fewer)) break;
    voters.splice(0, voters.length, ...fewer);
  }
  for (const id of members) {
    if (voters.includes(id)) continue;
    const fate = random.below(3);
    if (fate === 0) world.bury(id);
    else if (fate === 1) {
      for (const other of members) {
        if (other === id) continue;
        network.setOpen(id, other, random.chance(0.3));
        network.setOpen(other, id, random.chance(0.3));
      }
    }
  }
  return voters;
}

/** Whatever has befallen them is over, and so it is for the links between them. */
export function mend(world: MendableWorld, ids: readonly number[]): void {
  world.network.heal(ids);
  for (const id of ids) {
    world.resume(id);
    world.slowDisk(id, 0);
    world.spare(id);
  }
}
