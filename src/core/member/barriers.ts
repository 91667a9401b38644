import type { Zab } from "../zab/zab.ts";
import { encodeBarrier, memberMessage } from "./member-message.ts";

/** A place in the log that everything answered anywhere before it was asked for lies below (core.md 16). */
export interface Barrier {
  /** undefined until it is known. */
  zxid: number | undefined;
}

/** How barriers are found out. */
export interface BarrierSource {
  /** As the leader: begins a round of the quorum; {@link Barriers.roundConfirmed} follows. */
  beginRound(): number;
  /** As the leader: what a barrier asked for now has to cover. */
  barrierZxid(): number;
  /** As a follower: asks the leader; {@link Barriers.answered} follows. */
  askLeader(number: number): void;
  /** As the leader: answers a follower. */
  answerFollower(peer: number, number: number, zxid: number): void;
}

/** Barriers by the rounds of zab, and by messages between members. */
export function barrierSource(zab: Zab): BarrierSource {
  return {
    beginRound: () => zab.beginRound(),
    barrierZxid: () => Math.max(zab.commitZxid, zab.initialHistoryEnd),
    askLeader: (number) => zab.effects.send(zab.leaderId, encodeBarrier(memberMessage.BARRIER, { number, zxid: 0 })),
    answerFollower: (peer, number, zxid) =>
      zab.effects.send(peer, encodeBarrier(memberMessage.BARRIER_AT, { number, zxid })),
  };
}

/** Barriers asked for together by this member's clients, and by followers for theirs. */
interface Asked {
  readonly own: readonly Barrier[];
  readonly followers: readonly { readonly peer: number; readonly number: number }[];
}

/**
 * Read barriers: those of one turn share a round of the quorum that begins after all of them were asked for. They
 * outlive a leader: what it has not answered, the next one is asked again.
 */
export class Barriers {
  private readonly source: BarrierSource;
  /** Not asked yet. */
  private open: Barrier[] = [];
  private openForFollowers: { readonly peer: number; readonly number: number }[] = [];
  /** The one that requests of this turn share. */
  private current: Barrier | undefined;
  /** As the leader: oldest first. */
  private rounds: { round: number; readonly zxid: number; readonly asked: Asked }[] = [];
  /** As a follower: by number. */
  private questions = new Map<number, readonly Barrier[]>();
  private nextNumber = 1;

  constructor(source: BarrierSource) {
    this.source = source;
  }

  /** The barrier of a request that has arrived now. */
  request(): Barrier {
    if (this.current === undefined) {
      this.current = { zxid: undefined };
      this.open.push(this.current);
    }
    return this.current;
  }

  /** A follower asks. */
  requestFor(peer: number, number: number): void {
    this.openForFollowers.push({ peer, number });
  }

  /** As the leader: begins the turn's round. */
  beginRound(): void {
    const asked = { own: this.open, followers: this.openForFollowers };
    if (asked.own.length === 0 && asked.followers.length === 0) return;
    this.closeTurn();
    this.openForFollowers = [];
    const place = { round: Number.POSITIVE_INFINITY, zxid: this.source.barrierZxid(), asked };
    this.rounds.push(place);
    place.round = this.source.beginRound();
  }

  /** As a follower: asks the leader what was asked in this turn. */
  askLeader(): void {
    if (this.open.length === 0) return;
    const number = this.nextNumber++;
    this.questions.set(number, this.open);
    this.closeTurn();
    this.source.askLeader(number);
  }

  /** A quorum has answered this round, and so all before it. */
  roundConfirmed(round: number): void {
    for (let first = this.rounds[0]; first !== undefined && first.round <= round; first = this.rounds[0]) {
      this.rounds.shift();
      const { zxid, asked } = first;
      for (const barrier of asked.own) barrier.zxid = zxid;
      for (const { peer, number } of asked.followers) this.source.answerFollower(peer, number, zxid);
    }
  }

  /** The leader has answered. */
  answered(number: number, zxid: number): void {
    for (const barrier of this.questions.get(number) ?? []) barrier.zxid = zxid;
    this.questions.delete(number);
  }

  /** There is nobody to answer any more: all is asked again of the next leader. */
  reset(): void {
    const unanswered = [...this.questions.values(), ...this.rounds.map(({ asked }) => asked.own)].flat();
    this.open = [...unanswered, ...this.open];
    this.current = undefined;
    this.questions = new Map();
    this.rounds = [];
    this.openForFollowers = [];
  }

  private closeTurn(): void {
    this.open = [];
    this.current = undefined;
  }
}
