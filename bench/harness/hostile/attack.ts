import type { BurstOptions, BurstOutcome } from "./connect-burst.ts";
import type { IdleOptions } from "./idle-connections.ts";
import type { MutatedFramesOptions, MutatedFramesSent } from "./send-mutated-frames.ts";

/** What a hostile process is told to do. */
export type Attack =
  | ({ readonly kind: "mutated-frames" } & MutatedFramesOptions)
  | ({ readonly kind: "slow-loris" } & IdleOptions)
  | ({ readonly kind: "silent" } & IdleOptions)
  | ({ readonly kind: "burst" } & BurstOptions);

/** What it says, in the end or, where it goes on for ever, when it is under way. */
export interface AttackOutcomes {
  readonly "mutated-frames": MutatedFramesSent;
  readonly "slow-loris": undefined;
  readonly silent: undefined;
  readonly burst: BurstOutcome;
}
