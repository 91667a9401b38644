import type { Learner } from "./learner.ts";
import { encodePulse, type Pulse, peerMessage } from "./peer-message.ts";
import type { Reign } from "./reign.ts";

/** The leader's rounds: what a quorum has answered after it was asked proves that there was no other leader by then. */
export class Rounds {
  private readonly reign: Reign;
  private round = 0;
  private confirmed = 0;

  constructor(reign: Reign) {
    this.reign = reign;
  }

  /** Begins a round: `roundConfirmed` follows when a quorum has answered it, and so had no other leader by then. */
  begin(): number {
    this.round++;
    for (const learner of this.reign.learners.values()) this.ping(learner);
    this.confirm();
    return this.round;
  }

  /** A learner has answered a round of this epoch. */
  onPong(learner: Learner, pulse: Pulse): void {
    learner.appliedZxid = pulse.zxid;
    this.reign.host.effects.digestHeard(learner.id, pulse.zxid, pulse.digest0, pulse.digest1);
    if (learner.stage !== "synced") return;
    learner.round = Math.max(learner.round, pulse.round);
    this.confirm();
  }

  private ping(learner: Learner): void {
    if (learner.stage === "joining") return;
    const { host, epoch } = this.reign;
    const { zxid, lane0, lane1 } = host.effects.digest();
    const pulse = { epoch, round: this.round, zxid, digest0: lane0, digest1: lane1 };
    host.effects.send(learner.id, encodePulse(peerMessage.PING, pulse));
  }

  private confirm(): void {
    const { host, learners, isEstablished } = this.reign;
    if (!isEstablished) return;
    const reached = new Map([[host.id, this.round]]);
    for (const learner of learners.values()) {
      if (learner.stage === "synced" && host.isCounted(learner.id)) reached.set(learner.id, learner.round);
    }
    const round = host.replica.quorum.highestReached(reached);
    if (round <= this.confirmed) return;
    this.confirmed = round;
    host.effects.roundConfirmed(round);
  }
}
