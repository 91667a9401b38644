import type { ConfiguredMember } from "../../../src/core/zab/ensemble-configuration.ts";

/** Whether the voters in the set weigh more than half of all; written apart from the product's own predicate. */
export function isMajority(configured: readonly ConfiguredMember[], ids: ReadonlySet<number>): boolean {
  let all = 0;
  let present = 0;
  for (const { id, role, weight } of configured) {
    if (role !== "voter") continue;
    all += weight;
    if (ids.has(id)) present += weight;
  }
  return present * 2 > all;
}
