import type { Notify } from "./peer-message.ts";
import { zabState } from "./peer-message.ts";
import type { Quorum } from "./quorum.ts";

/** With no better vote in sight, but not everybody agreed, a quorum waits this long, ms (ZooKeeper's finalizeWait). */
export const FINALIZE_MS = 200;

/** How recent a history is: the epoch it belongs to, then its last zxid. */
export interface Credential {
  readonly currentEpoch: number;
  readonly lastZxid: number;
}

export function compareCredentials(one: Credential, other: Credential): number {
  return one.currentEpoch - other.currentEpoch || one.lastZxid - other.lastZxid;
}

/** A member as the election sees it: what it said last, and whether its word counts here. */
export interface Elector extends Notify {
  readonly id: number;
}

/**
 * Who should lead, as far as one member can tell from what it and those it hears in both directions have said. There
 * are no rounds: a vote is a function of the present view, told whenever it changes, and safety rests on the epochs
 * alone. A candidate must hear a quorum; the most recent history comes first, because only that can be led from; then
 * whom the last leader named, who hears the most, and the highest id.
 */
export class Election {
  private readonly quorum: Quorum;
  private readonly self: number;
  private readonly preferred: number;
  /** Since when a quorum has voted for this member. */
  private quorumSince: number | undefined;

  /** @param preferred named by a leader that handed over; 0 for nobody */
  constructor(quorum: Quorum, self: number, preferred = 0) {
    this.quorum = quorum;
    this.self = self;
    this.preferred = preferred;
  }

  /** @param heard this member and all it hears in both directions; its own vote does not matter */
  vote(heard: ReadonlyMap<number, Elector>): number {
    const own = heard.get(this.self);
    if (own === undefined) return 0;
    let best: Elector | undefined;
    for (const candidate of heard.values()) {
      if (!this.isEligible(candidate, own)) continue;
      if (best === undefined || this.isBetter(candidate, best)) best = candidate;
    }
    return best?.id ?? 0;
  }

  /** True when this member is elected: a quorum votes for it, and all who could vote agree or have had their time. */
  isWon(heard: ReadonlyMap<number, Elector>, vote: number, now: number): boolean {
    const own = heard.get(this.self);
    if (vote !== this.self || own === undefined) {
      this.quorumSince = undefined;
      return false;
    }
    const supporters = new Set([this.self]);
    let disagree = 0;
    for (const elector of heard.values()) {
      if (elector.id === this.self || !this.quorum.counts(elector.id)) continue;
      const supports = elector.state === zabState.LOOKING && elector.vote === this.self;
      if (supports && compareCredentials(elector, own) <= 0) supporters.add(elector.id);
      else disagree++;
    }
    if (!this.quorum.has(supporters)) {
      this.quorumSince = undefined;
      return false;
    }
    this.quorumSince ??= now;
    return disagree === 0 || now - this.quorumSince >= FINALIZE_MS;
  }

  /**
   * Of two that do not know each other as voters, the one that is behind may have missed a change of the configuration:
   * whether its vote counts is for the other one to know. So is that of one that knows the change committed by which it
   * is no voter any more: the candidate may not, and need it. And one that is ahead may know a change committed that
   * the voter does not: which quorum it needs is for it to know, and its vote for itself says that it hears one.
   */
  private isEligible(candidate: Elector, own: Credential): boolean {
    if (!candidate.isElectable || candidate.state !== zabState.LOOKING) return false;
    const order = compareCredentials(candidate, own);
    const { quorum } = this;
    if (!quorum.counts(candidate.id)) return order > 0;
    if (!quorum.counts(this.self)) return order >= 0;
    if (order > 0 && candidate.vote === candidate.id) return true;
    return order >= 0 && quorum.has([candidate.id, ...candidate.mutual]);
  }

  private isBetter(one: Elector, other: Elector): boolean {
    const order =
      compareCredentials(one, other) ||
      Number(one.id === this.preferred) - Number(other.id === this.preferred) ||
      this.reach(one) - this.reach(other) ||
      one.id - other.id;
    return order > 0;
  }

  private reach({ mutual }: Elector): number {
    return mutual.filter((id) => this.quorum.counts(id)).length;
  }
}
