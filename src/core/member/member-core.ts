import type { Zab } from "../zab/zab.ts";
import type { Barriers } from "./barriers.ts";
import type { Clients } from "./clients.ts";
import type { Divergence } from "./divergence.ts";
import type { EnsembleChanges } from "./ensemble-changes.ts";
import type { KeepAlives } from "./keep-alives.ts";
import type { LeaderDuties } from "./leader-duties.ts";
import type { LocalState } from "./local-state.ts";
import type { MemberEffects, MemberOptions, Pressure } from "./member-contract.ts";
import type { Proposals } from "./proposals.ts";
import type { Standing } from "./standing.ts";
import type { Submissions } from "./submissions.ts";
import type { Touches } from "./touches.ts";

/** The parts of one member, as they see each other. */
export interface MemberCore {
  readonly options: MemberOptions;
  readonly effects: MemberEffects;
  readonly standing: Standing;
  readonly pressure: Pressure;
  readonly zab: Zab;
  /** Another one after a snapshot was installed. */
  state: LocalState;
  readonly submissions: Submissions;
  readonly proposals: Proposals;
  readonly duties: LeaderDuties;
  readonly barriers: Barriers;
  readonly touches: Touches;
  readonly keepAlives: KeepAlives;
  readonly changes: EnsembleChanges;
  readonly divergence: Divergence;
  readonly clients: Clients;
}
