import type { Pending } from "./found-log.ts";
import type { MemberLog } from "./member-log.ts";

/** One run of a member, as the checker of Zab knows it. */
export interface MemberRun {
  /** As written in this run, */
  readonly written: MemberLog;
  /** and as far as it is fsynced. */
  readonly durable: MemberLog;
  /** Not fsynced yet, oldest first. */
  pending: Pending[];
  /** Entries it has called committed. */
  delivered: number;
  isUp: boolean;
  /** The epoch it was established in; 0 for none. */
  leads: number;
  /** The epoch it has promised since it began: before, it may have sent what it has lost. */
  promised: number;
}

export function beginRun(durable: MemberLog): MemberRun {
  return { written: durable.copy(), durable, pending: [], delivered: 0, isUp: true, leads: 0, promised: 0 };
}
