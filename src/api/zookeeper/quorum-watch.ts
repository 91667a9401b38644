import type { Coordination } from "../../coordination/port.ts";

/** How often it is looked at, ms. */
const POLL_MS = 100;

/** Whether this member has been without a leader for so long that its clients should know. */
export class QuorumWatch {
  isLost = false;
  private readonly coordination: Coordination;
  private readonly boundMs: number;
  private readonly onChange: () => void;
  private timer: NodeJS.Timeout | undefined;
  private leaderlessSince: number | undefined;

  /** `onChange` is called whenever `isLost` has changed. */
  constructor(coordination: Coordination, boundMs: number, onChange: () => void) {
    this.coordination = coordination;
    this.boundMs = boundMs;
    this.onChange = onChange;
  }

  start(): void {
    this.timer = setInterval(() => this.look(), POLL_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const { role } = this.coordination;
    if (role === "leader" || role === "follower" || role === "observer") this.leaderlessSince = undefined;
    else this.leaderlessSince ??= performance.now();
    const isLost = this.leaderlessSince !== undefined && performance.now() - this.leaderlessSince >= this.boundMs;
    if (isLost === this.isLost) return;
    this.isLost = isLost;
    this.onChange();
  }
}
