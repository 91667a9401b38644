import type { MemberRoleName } from "./member-contract.ts";

/**
 * A member without a leader goes on taking writes for so long, ms: an election takes less, and the next leader gets
 * them.
 */
export const LEADERLESS_WRITES_MS = 3_000;

/** What a member is at the moment, and so what it does for its clients. */
export class Standing {
  role: MemberRoleName = "starting";
  /** It takes nothing new any more. */
  isStopping = false;
  /** The zxid at which this tree differs from somebody's, while nothing more is applied to it; 0 usually. */
  stuckAt = 0;
  /**
   * The zxid of a difference of which nobody can tell any more who was right there; 0 usually. It applies further, but
   * what it has is in doubt until it equals a quorum's at this zxid or later.
   */
  probationSince = 0;
  /** undefined while there has never been a leader. */
  private leaderlessSince: number | undefined;

  get isLeader(): boolean {
    return this.role === "leader";
  }

  /** There is a leader that takes commands: this member or the one it follows. */
  get isLed(): boolean {
    return this.role === "leader" || this.role === "follower" || this.role === "observer";
  }

  get isServing(): boolean {
    return this.isLed && !this.isStopping && this.probationSince === 0;
  }

  /** Nobody has found this tree right: nothing is read from it, nor any snapshot made of it. */
  get isInDoubt(): boolean {
    return this.stuckAt !== 0 || this.probationSince !== 0;
  }

  /** The leader is lost. */
  lost(now: number): void {
    if (this.isLed) this.leaderlessSince = now;
  }

  /** Writes, and openings of sessions, are taken: there is a leader, or there was one a moment ago. */
  mayTake(now: number): boolean {
    if (this.isStopping || this.isInDoubt) return false;
    return this.isLed || (this.role === "looking" && this.leaderlessSince !== undefined && !this.isAbandoned(now));
  }

  /** There has been no leader for so long that nobody should wait for one. */
  isAbandoned(now: number): boolean {
    if (this.role !== "looking" || this.leaderlessSince === undefined) return false;
    return now - this.leaderlessSince >= LEADERLESS_WRITES_MS;
  }

  /** Plain reads promise no more than sequential consistency: they go on without a leader too. */
  get mayRead(): boolean {
    return !this.isInDoubt && (this.isLed || this.role === "looking");
  }
}
