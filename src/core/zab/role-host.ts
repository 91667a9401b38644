import type { Peers } from "./peers.ts";
import type { Replica } from "./replica.ts";
import type { ZabEffects } from "./zab-contract.ts";

/** What the roles - leading, following - share: the member they are roles of. */
export interface RoleHost {
  readonly id: number;
  readonly replica: Replica;
  readonly peers: Peers;
  readonly effects: ZabEffects;
  readonly timeoutMs: number;
  /** What may be on its way to a learner, bytes. */
  readonly windowBytes: number;
  /** The tree of this member is not to be trusted. */
  readonly wantsSnapshot: boolean;
  /** A voter of the configuration in force, under the incarnation it has there: its word counts. */
  isCounted(id: number): boolean;
  /** Gives the role up and looks for a leader. */
  look(why: string, preferred?: number): void;
}
