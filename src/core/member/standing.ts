import type { MemberRoleName } from "./member-contract.ts";

/** A member without a leader goes on answering plain reads for so long, ms. */
export const LEADERLESS_READS_MS = 10_000;

/** What a member is at the moment, and so what it does for its clients. */
export class Standing {
  role: MemberRoleName = "starting";
  /** It takes nothing new any more. */
  isStopping = false;
  /** The zxid at which this tree differs from somebody's, while nothing more is applied to it; 0 usually. */
  stuckAt = 0;
  private leaderlessSince: number;

  /** @param now monotonic ms */
  constructor(now: number) {
    this.leaderlessSince = now;
  }

  get isLeader(): boolean {
    return this.role === "leader";
  }

  /** There is a leader that takes commands: this member or the one it follows. */
  get isLed(): boolean {
    return this.role === "leader" || this.role === "follower" || this.role === "observer";
  }

  get isServing(): boolean {
    return this.isLed && !this.isStopping;
  }

  /** The leader is lost. */
  lost(now: number): void {
    if (this.isLed) this.leaderlessSince = now;
  }

  /** Plain reads are sequentially consistent on any member; without a leader they go on for a while. */
  mayRead(now: number): boolean {
    if (this.stuckAt !== 0) return false;
    return this.isLed || (this.role === "looking" && now - this.leaderlessSince < LEADERLESS_READS_MS);
  }
}
