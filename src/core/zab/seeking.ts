import { compareCredentials, Election, type Elector } from "./election.ts";
import { type Notify, zabState } from "./peer-message.ts";
import type { RoleHost } from "./role-host.ts";

/** A member without a role: whom it finds leading, whom it votes for, and whether it is elected itself. */
export class Seeking {
  /** Whom it votes for, or follows; 0 for nobody. */
  vote = 0;
  /** It stands for election. */
  isCandidate = true;
  private readonly host: RoleHost;
  /** Whom the last leader named as the next one; 0 for nobody. */
  private preferred = 0;
  /** Until when that counts: not everybody has heard it, and votes have to agree in the end. */
  private preferredUntil = 0;
  private election: Election;

  constructor(host: RoleHost) {
    this.host = host;
    this.election = new Election(host.replica.quorum, host.id);
  }

  /** @param preferred as far as the last leader named one; else whoever was named before */
  begin(preferred = this.preferred): void {
    this.vote = 0;
    if (preferred !== this.preferred) this.preferredUntil = this.host.effects.now() + this.host.timeoutMs;
    this.preferred = preferred;
    this.renew();
  }

  /** There is a leader. */
  forgetPreferred(): void {
    this.preferred = 0;
  }

  /** The configuration in force is another, or the search begins: what was counted so far does not count. */
  renew(): void {
    this.election = new Election(this.host.replica.quorum, this.host.id, this.preferred);
  }

  /** What the others have applied may show that the latest change is committed, and the old quorum not needed. */
  learn(): void {
    const { peers, replica, effects } = this.host;
    if (!replica.isChanging) return;
    for (const { appliedZxid } of peers.electors(effects.now()).values()) if (replica.learn(appliedZxid)) this.renew();
  }

  /**
   * Whoever leads and hears this member, 0 for nobody; one that is not established yet only if it may count on this
   * member. An established one need not be known here: the change that made it a voter may have been missed.
   */
  findLeader(): number {
    const { host } = this;
    let found: Elector | undefined;
    for (const elector of host.peers.electors(host.effects.now()).values()) {
      if (elector.state !== zabState.LEADING) continue;
      const isBehind = compareCredentials(elector, host.replica) < 0;
      if (elector.isEstablished ? !host.isCounted(elector.id) && isBehind : isBehind) continue;
      if (found === undefined || elector.currentEpoch > found.currentEpoch) found = elector;
    }
    return found?.id ?? 0;
  }

  /** Votes, and says whether this member has won. One that is damaged takes no part. */
  isElected(own: Notify): boolean {
    const { host } = this;
    const now = host.effects.now();
    if (this.preferred !== 0 && now > this.preferredUntil) {
      this.preferred = 0;
      this.renew();
    }
    if (host.replica.isDamaged) return false;
    const heard = host.peers.electors(now);
    if (this.awaitsPreferred(heard)) {
      this.vote = 0;
      return false;
    }
    for (const elector of [...heard.values()]) {
      const isKnown = host.isCounted(elector.id) || compareCredentials(elector, host.replica) > 0;
      if (elector.isDamaged || !isKnown) heard.delete(elector.id);
    }
    heard.set(host.id, { id: host.id, ...own });
    this.vote = this.election.vote(heard);
    for (const id of [...heard.keys()]) if (!host.isCounted(id)) heard.delete(id);
    return this.election.isWon(heard, this.vote, now);
  }

  /**
   * Whoever the last leader named has not said yet that it is without a role: the others could agree on another one
   * before - on the very leader that handed over, even - and are few milliseconds early. It is waited for only as long
   * as the preference lasts, and there is a link to it.
   */
  private awaitsPreferred(heard: ReadonlyMap<number, Elector>): boolean {
    const { preferred, host } = this;
    if (preferred === 0 || preferred === host.id) return false;
    return host.peers.incarnationOf(preferred) !== undefined && heard.get(preferred)?.state !== zabState.LOOKING;
  }
}
