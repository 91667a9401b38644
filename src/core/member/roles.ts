import type { EnsembleConfiguration } from "../zab/ensemble-configuration.ts";
import type { ZabEffects } from "../zab/zab-contract.ts";
import type { MemberEffects, MemberRoleName } from "./member-contract.ts";
import type { MemberCore } from "./member-core.ts";
import { encodeSessions, memberMessage } from "./member-message.ts";

/** What roles need of their member. */
export interface RolesHost {
  core(): MemberCore;
  applyMore(): void;
  tellTouches(): void;
}

/** The member's roles as zab decides them, and what begins and ends with each for its clients. */
export class Roles {
  private readonly effects: MemberEffects;
  private readonly host: RolesHost;

  constructor(effects: MemberEffects, host: RolesHost) {
    this.effects = effects;
    this.host = host;
  }

  private get core(): MemberCore {
    return this.host.core();
  }

  become(role: MemberRoleName, why: string): void {
    const { standing, zab, state } = this.core;
    const { epoch, leaderId } = zab;
    standing.role = role;
    this.effects.transition({ kind: "role", role, epoch, zxid: state.tree.zxid, leaderId, why });
  }

  /**
   * Serves once the whole initial history of the leader's epoch is applied here: what this member had sent to earlier
   * leaders is answered from it by then, and only the rest is sent again ({@link Submissions}).
   */
  serveIfReady(): void {
    const { zab, standing, divergence, state, duties, changes } = this.core;
    if (!zab.isEstablished && !zab.isFollowing) return;
    divergence.tellLeader();
    const isReady = state.tree.zxid >= zab.initialHistoryEnd && !standing.isInDoubt;
    if (!isReady || standing.isLed || standing.role === "stopped") return;
    if (zab.isLeading) {
      duties.begin(state.tree.state, this.effects.wallClock(), this.effects.now());
      this.become("leader", "");
      changes.led();
    } else {
      this.become(this.learnerRole(), "");
    }
    this.effects.requestTurnEnd();
  }

  /** What zab asks: part of it reaches the world, the rest begins and ends roles. */
  zabEffects(): ZabEffects {
    const { effects, host } = this;
    return {
      append: (record) => effects.append(record),
      hasRoom: (bytes) => effects.hasRoom(bytes),
      send: (peer, frame) => effects.send(peer, frame),
      disconnect: (peer, why) => effects.disconnect(peer, why),
      readHistory: (peer, afterZxid) => effects.readHistory(peer, afterZxid),
      sendSnapshot: (peer, atLeastZxid) => effects.sendSnapshot(peer, atLeastZxid),
      stopSending: (peer) => effects.stopSending(peer),
      mended: () => effects.mended(),
      now: () => effects.now(),
      established: () => this.established(),
      following: () => this.serveIfReady(),
      looking: (why) => this.lost(why),
      joining: () => undefined,
      committed: () => host.applyMore(),
      roundConfirmed: (round) => this.roundConfirmed(round),
      configurationChanged: (configuration) => this.configurationChanged(configuration),
      digestHeard: (_peer, zxid, lane0, lane1) => {
        const { state, divergence } = this.core;
        if (!state.digests.agrees(zxid, lane0, lane1)) divergence.suspect(zxid);
      },
      beforePong: () => host.tellTouches(),
      digest: () => this.core.state.digests,
    };
  }

  private learnerRole(): "follower" | "observer" {
    const { zab, options } = this.core;
    return zab.isCounted(options.memberId) ? "follower" : "observer";
  }

  /** This member leads an epoch: its first, or a new one without an election. */
  private established(): void {
    if (this.core.standing.isLeader) this.become("leader", "a new epoch");
    else this.serveIfReady();
    this.effects.requestTurnEnd();
  }

  /** Whoever led, this member or another, leads no more. */
  private lost(why: string): void {
    const { duties, proposals, submissions, barriers, touches, keepAlives, changes, divergence, standing } = this.core;
    duties.end();
    proposals.clear();
    submissions.resend();
    barriers.reset();
    touches.reset();
    for (const { connection, sessionId, token } of keepAlives.takeUnanswered()) {
      touches.keepAlive(connection, sessionId, token);
    }
    changes.lost();
    divergence.reset();
    standing.lost(this.effects.now());
    if (standing.role !== "stopped") this.become("looking", why);
  }

  /** Another configuration is in force: other members to talk to, and perhaps another role here. */
  private configurationChanged(configuration: EnsembleConfiguration): void {
    const { zab, standing } = this.core;
    this.effects.configurationChanged(configuration);
    this.effects.transition({ kind: "configuration", zxid: zab.configurationZxid, members: configuration.members });
    const isLearner = standing.role === "follower" || standing.role === "observer";
    if (isLearner && standing.role !== this.learnerRole()) this.become(this.learnerRole(), "");
  }

  private roundConfirmed(round: number): void {
    const { barriers, keepAlives, duties, state } = this.core;
    barriers.roundConfirmed(round);
    keepAlives.roundConfirmed(round, ({ peer, number, refused }) => {
      this.effects.send(peer, encodeSessions(memberMessage.TOUCHED, { number, sessionIds: refused }));
    });
    const expired = duties.roundConfirmed(round);
    if (expired === 0) return;
    this.effects.transition({ kind: "sessions-expired", count: expired, zxid: state.tree.zxid });
    this.effects.requestTurnEnd();
  }
}
