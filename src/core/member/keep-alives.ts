import type { ClientConnection } from "./client-connection.ts";

interface Own {
  readonly connection: ClientConnection;
  readonly sessionId: number;
  readonly token: number;
}

interface Followers {
  readonly peer: number;
  readonly number: number;
  readonly refused: readonly number[];
}

interface Asked {
  readonly own: readonly Own[];
  readonly followers: readonly Followers[];
}

/**
 * The leader's answers to keep-alives: each waits for a round of the quorum that began after it came (core.md 10). A
 * leader that is none any more would acknowledge what the next one knows nothing of; after the round, the next one
 * begins later than the keep-alive came, and every session has its whole time-out from then.
 */
export class KeepAlives {
  private own: Own[] = [];
  private followers: Followers[] = [];
  /** Oldest first. */
  private rounds: { round: number; readonly asked: Asked }[] = [];

  /** A client of this member was heard. */
  add(connection: ClientConnection, sessionId: number, token: number): void {
    this.own.push({ connection, sessionId, token });
  }

  /** A follower has told whom it heard; the end of the `refused` is decided. */
  addFor(peer: number, number: number, refused: readonly number[]): void {
    this.followers.push({ peer, number, refused });
  }

  /** @param begin begins a round and gives its number; it may be confirmed at once */
  beginRound(begin: () => number): void {
    if (this.own.length === 0 && this.followers.length === 0) return;
    const place = { round: Number.POSITIVE_INFINITY, asked: { own: this.own, followers: this.followers } };
    this.own = [];
    this.followers = [];
    this.rounds.push(place);
    place.round = begin();
  }

  /** A quorum has answered this round, and so all before it: answers what waited for them. */
  roundConfirmed(round: number, answerFollower: (answer: Followers) => void): void {
    for (let first = this.rounds[0]; first !== undefined && first.round <= round; first = this.rounds[0]) {
      this.rounds.shift();
      for (const { connection, sessionId, token } of first.asked.own) {
        if (connection.sessionId === sessionId) connection.confirmTouch(token);
      }
      for (const answer of first.asked.followers) answerFollower(answer);
    }
  }

  /** This member leads no more: what its own clients still wait for, for the next leader. */
  takeUnanswered(): readonly Own[] {
    const unanswered = [...this.rounds.flatMap(({ asked }) => asked.own), ...this.own];
    this.own = [];
    this.followers = [];
    this.rounds = [];
    return unanswered.filter(({ connection }) => !connection.isDetached);
  }
}
