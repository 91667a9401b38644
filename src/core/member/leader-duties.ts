import { OK } from "../base/errors.ts";
import type { Answer } from "../tree/answer.ts";
import { type Command, commandType, type Issuer, writeExpireSession, writeReap } from "../tree/command.ts";
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
  private readonly proposals: Proposals;
  private readonly issuer: Issuer;
  private state: TreeState | undefined;
  private readonly beginRound: () => number;
  /** Sessions that were due when their round began, oldest first. */
  private suspects: { round: number; readonly ids: readonly number[] }[] = [];
  private clock = new LeaderClock(0, 0, 0);
  private reaper: Reaper | undefined;

  /** @param beginRound of the quorum; `roundConfirmed` follows */
  constructor(proposals: Proposals, memberId: number, beginRound: () => number) {
    this.proposals = proposals;
    this.beginRound = beginRound;
    this.issuer = { sessionId: 0, generation: memberId, identities: NOBODY };
  }

  /** This member leads from now on: every session gets its whole time-out, every TTL begins again. */
  begin(state: TreeState, wallClock: number, now: number): void {
    this.state = state;
    this.clock = new LeaderClock(wallClock, now, state.time);
    this.reaper = new Reaper(state, this.clock.startedAt);
    this.sessions.clear();
    for (const { id, timeoutMs } of state.sessions.all()) this.sessions.add(id, timeoutMs);
  }

  /** This member leads no more: nothing expires here. */
  end(): void {
    this.state = undefined;
    this.reaper = undefined;
    this.suspects = [];
    this.sessions.clear();
  }

  /** A command was applied: sessions begin, begin again with a new owner, and end. */
  applied(command: Command, answer: Answer): void {
    const { state, sessions } = this;
    if (state === undefined || answer.code !== OK || command.type < commandType.OPEN_SESSION) return;
    const { type } = command;
    if (type === commandType.CLOSE_SESSION) sessions.remove(command.sessionId);
    else if (type === commandType.EXPIRE_SESSION) sessions.remove(command.target);
    else if (type === commandType.OPEN_SESSION) this.follow(state, answer.zxid);
    else if (type === commandType.MOVE_SESSION) this.follow(state, command.target);
  }

  /** Leader time, ms since 1970. */
  stamp(now: number): number {
    return this.clock.stamp(now);
  }

  /** Proposes what is due, and begins a round for sessions that seem to have gone. */
  tick(now: number): void {
    const { state, reaper } = this;
    if (state === undefined || reaper === undefined) return;
    const due = this.sessions.tick(now);
    if (due.length > 0) {
      const suspects = { round: Number.POSITIVE_INFINITY, ids: due };
      this.suspects.push(suspects);
      suspects.round = this.beginRound();
    }
    const { table } = state;
    for (const { node, czxid, mzxid } of reaper.due(this.clock.stamp(now))) {
      const path = new Uint8Array(table.pathSize(node));
      table.writePath(node, path, path.length);
      writeReap(this.proposals.begin(), this.issuer, path, czxid, mzxid);
      this.proposals.end();
    }
  }

  /**
   * A quorum has answered this round, and with it all that followers had heard by then: sessions that were due when it
   * began, and are still unheard, expire (core.md 11). The number of them.
   */
  roundConfirmed(round: number): number {
    const { state } = this;
    let expired = 0;
    for (let first = this.suspects[0]; first !== undefined && first.round <= round; first = this.suspects[0]) {
      this.suspects.shift();
      for (const id of first.ids) {
        const session = state?.sessions.get(id);
        if (session === undefined || !this.sessions.decide(id)) continue;
        this.proposeExpiry(id, session.generation);
        expired++;
      }
    }
    return expired;
  }

  /** Ends a session, heard or not; nothing where there is none, or this member does not lead. */
  expire(id: number): void {
    const session = this.state?.sessions.get(id);
    if (session !== undefined && this.sessions.condemn(id)) this.proposeExpiry(id, session.generation);
  }

  private proposeExpiry(id: number, generation: number): void {
    writeExpireSession(this.proposals.begin(), this.issuer, id, generation);
    this.proposals.end();
  }

  private follow(state: TreeState, id: number): void {
    const session = state.sessions.get(id);
    this.sessions.remove(id);
    if (session !== undefined) this.sessions.add(id, session.timeoutMs);
  }
}
