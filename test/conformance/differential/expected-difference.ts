import type { Difference } from "./compare.ts";

/** Something that is not as in ZooKeeper, and known not to be. */
export interface ExpectedDifference {
  readonly name: string;
  /** Why it is so, and why that is right. */
  readonly reason: string;
  /** As narrow as can be: whatever else is found is a failure. Left is the real ZooKeeper. */
  readonly covers: (difference: Difference) => boolean;
}
