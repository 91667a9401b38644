import { assert } from "../base/assert.ts";
import type { EnsembleConfiguration } from "./ensemble-configuration.ts";

/**
 * The one quorum predicate (core.md 24): used for epochs, NEWLEADER, commits, check-quorum and barriers alike. A set of
 * members is a quorum when its voters have more than half of all voters' weight; observers weigh nothing.
 */
export class Quorum {
  private readonly weights = new Map<number, number>();
  private readonly total: number;

  constructor(configuration: EnsembleConfiguration) {
    let total = 0;
    for (const { id, role, weight } of configuration.members) {
      if (role !== "voter") continue;
      this.weights.set(id, weight);
      total += weight;
    }
    assert(total > 0, "an ensemble has a voter that weighs something");
    this.total = total;
  }

  has(members: Iterable<number>): boolean {
    let weight = 0;
    for (const id of new Set(members)) weight += this.weights.get(id) ?? 0;
    return weight * 2 > this.total;
  }
}
