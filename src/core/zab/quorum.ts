import { assert } from "../base/assert.ts";
import type { ConfiguredMember, EnsembleConfiguration } from "./ensemble-configuration.ts";

/**
 * The one quorum predicate (core.md 24): used for votes, epochs, NEWLEADER, commits, check-quorum and barriers alike.
 * Without groups, a set of members is a quorum when its voters have more than half of all voters' weight; with groups,
 * when it has that in more than half of the groups that weigh anything. While a configuration change is under way, the
 * set must be a quorum of the old configuration and of the new one. Observers weigh nothing.
 */
export class Quorum {
  private readonly parts: readonly WeightedGroups[];

  /** Joint over all of them. */
  constructor(...configurations: readonly EnsembleConfiguration[]) {
    assert(configurations.length > 0, "a quorum is of a configuration");
    this.parts = configurations.map(({ members }) => new WeightedGroups(members));
  }

  has(members: Iterable<number>): boolean {
    const set = members instanceof Set ? members : new Set(members);
    return this.parts.every((part) => part.hasQuorum(set));
  }

  /** Its word counts. */
  counts(id: number): boolean {
    return this.parts.some((part) => part.weighs(id));
  }

  /** All whose word counts. */
  voters(): number[] {
    return [...new Set(this.parts.flatMap((part) => part.ids))];
  }

  /**
   * The highest of the zxids that a quorum has reached; 0 if no quorum has reached any.
   *
   * @param reached how far each member has come
   */
  highestReached(reached: ReadonlyMap<number, number>): number {
    const candidates = [...new Set(reached.values())].sort((one, other) => other - one);
    for (const zxid of candidates) {
      const set = new Set<number>();
      for (const [id, own] of reached) if (own >= zxid) set.add(id);
      if (this.has(set)) return zxid;
    }
    return 0;
  }
}

class WeightedGroups {
  private readonly weights = new Map<number, ConfiguredMember>();
  /** Total weight by group. */
  private readonly groups = new Map<number, number>();

  constructor(members: readonly ConfiguredMember[]) {
    for (const member of members) {
      if (member.role !== "voter" || member.weight === 0) continue;
      this.weights.set(member.id, member);
      this.groups.set(member.group, (this.groups.get(member.group) ?? 0) + member.weight);
    }
    assert(this.groups.size > 0, "an ensemble has a voter that weighs something");
  }

  get ids(): number[] {
    return [...this.weights.keys()];
  }

  weighs(id: number): boolean {
    return this.weights.has(id);
  }

  hasQuorum(set: ReadonlySet<number>): boolean {
    const present = new Map<number, number>();
    for (const id of set) {
      const member = this.weights.get(id);
      if (member !== undefined) present.set(member.group, (present.get(member.group) ?? 0) + member.weight);
    }
    let groups = 0;
    for (const [group, weight] of present) if (weight * 2 > (this.groups.get(group) as number)) groups++;
    return groups * 2 > this.groups.size;
  }
}
