import type { MemberCore } from "./member-core.ts";
import { encodeForward, encodeSessions, memberMessage } from "./member-message.ts";

/** What a follower brings its leader for its clients, turn by turn. */
export class LeaderLink {
  private readonly core: () => MemberCore;

  constructor(core: () => MemberCore) {
    this.core = core;
  }

  /** Everything a turn brought: touches first, since they are small and must not wait. */
  endTurn(): void {
    const { touches, submissions, barriers, effects, zab } = this.core();
    if (touches.isUrgent) this.tellTouches();
    for (let chunk = submissions.take(); chunk !== undefined; chunk = submissions.take()) {
      effects.send(zab.leaderId, encodeForward(chunk));
    }
    barriers.askLeader();
  }

  /** Whose clients have been heard. */
  tellTouches(): void {
    const { touches, effects, zab } = this.core();
    if (!zab.isFollowing) return;
    const list = touches.take();
    if (list !== undefined) effects.send(zab.leaderId, encodeSessions(memberMessage.TOUCH, list));
  }
}
