import type { Learner } from "./learner.ts";
import type { RoleHost } from "./role-host.ts";

/** What the parts of a leader share: its member, its epoch, its learners. */
export interface Reign {
  readonly host: RoleHost;
  /** Being established, or established; 0 until it is chosen. */
  readonly epoch: number;
  /** A quorum has the initial history: proposals are committed. */
  readonly isEstablished: boolean;
  readonly learners: ReadonlyMap<number, Learner>;
}
