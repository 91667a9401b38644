import { type Issuer, writeExpireSession, writeReap } from "../tree/command.ts";
import type { TreeState } from "../tree/tree-state.ts";
import { LeaderClock } from "./leader-clock.ts";
import type { Proposals } from "./proposals.ts";
import { Reaper } from "./reaper.ts";
import { SessionTracker } from "./session-tracker.ts";

/** A system duty proves no identity; an empty list of them. */
const NOBODY = new Uint8Array([0]);

/** What only a leader does on its own account: time, expiring sessions, removing containers and TTL znodes. */
export class LeaderDuties {
  readonly sessions = new SessionTracker();
  private readonly state: TreeState;
  private readonly proposals: Proposals;
  private readonly issuer: Issuer;
  private clock: LeaderClock;
  private reaper: Reaper;

  constructor(state: TreeState, proposals: Proposals, memberId: number) {
    this.state = state;
    this.proposals = proposals;
    this.issuer = { sessionId: 0, generation: memberId, identities: NOBODY };
    this.clock = new LeaderClock(0, 0, 0);
    this.reaper = new Reaper(state, 0);
  }

  /** This member leads from now on: every session gets its whole time-out, every TTL begins again. */
  begin(wallClock: number, now: number): void {
    this.clock = new LeaderClock(wallClock, now, this.state.time);
    this.reaper = new Reaper(this.state, this.clock.startedAt);
    this.sessions.clear();
    for (const { id, timeoutMs } of this.state.sessions.all()) this.sessions.add(id, timeoutMs);
  }

  /** Leader time, ms since 1970. */
  stamp(now: number): number {
    return this.clock.stamp(now);
  }

  /** Proposes what is due; the number of sessions it lets expire. */
  tick(now: number): number {
    const expired = this.sessions.tick(now);
    for (const id of expired) {
      const session = this.state.sessions.get(id);
      if (session === undefined) continue;
      writeExpireSession(this.proposals.begin(), this.issuer, id, session.generation);
      this.proposals.end();
    }
    const { table } = this.state;
    for (const { node, czxid, mzxid } of this.reaper.due(this.clock.stamp(now))) {
      const path = new Uint8Array(table.pathSize(node));
      table.writePath(node, path, path.length);
      writeReap(this.proposals.begin(), this.issuer, path, czxid, mzxid);
      this.proposals.end();
    }
    return expired.length;
  }
}
