import type { ExpectedDifference } from "./expected-difference.ts";

/**
 * The one list of what may differ between a real ZooKeeper 3.8 and Muster's ZooKeeper door. How often each entry was
 * used stands at the end of a run: one that never is used goes.
 */
export const expectedDifferences: readonly ExpectedDifference[] = [];
