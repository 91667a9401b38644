/** Shortest wait for a member's first word on a stream, ms; a third of the session's time-out if that is longer. */
const ATTEMPT_TIMEOUT_MIN_MS = 1_000;

/**
 * How sure the client may be of its session (core.md 10). The server restarts the session's time-out when the leader
 * acknowledges something; the client cannot know when that was, only that it was after it *sent* what is acknowledged.
 * So the margin runs from there: as long as it has not run out, the session is alive, whatever the server does.
 *
 * Keep-alives and writes prove the leader's acknowledgement; reads do not, a member answers them alone.
 */
export class Liveness {
  timeoutMs = 0;
  /** When the last acknowledged proof was sent. */
  #provenAt = 0;
  /** When the last message that can become a proof was sent. */
  #sentAt = 0;
  #token = 0;
  readonly #unacknowledged = new Map<number, number>();

  /** A session was opened or resumed by a request sent at `sentAt`. */
  begin(timeoutMs: number, sentAt: number): void {
    this.timeoutMs = timeoutMs;
    this.#provenAt = sentAt;
    this.#sentAt = sentAt;
    this.#unacknowledged.clear();
  }

  /** The stream is gone, and the keep-alives on it. */
  streamLost(): void {
    this.#unacknowledged.clear();
  }

  /** A write was sent. */
  writeSent(at: number): void {
    this.#sentAt = at;
  }

  /** A keep-alive is being sent; its token. */
  keepAliveSent(at: number): number {
    this.#sentAt = at;
    this.#token += 1;
    this.#unacknowledged.set(this.#token, at);
    return this.#token;
  }

  keepAliveAcknowledged(token: number): void {
    const sentAt = this.#unacknowledged.get(token);
    if (sentAt === undefined) return;
    for (const older of this.#unacknowledged.keys()) {
      if (older > token) break;
      this.#unacknowledged.delete(older);
    }
    this.proven(sentAt);
  }

  /** When the oldest keep-alive without acknowledgement was sent. */
  get awaitedSince(): number | undefined {
    for (const sentAt of this.#unacknowledged.values()) return sentAt;
    return undefined;
  }

  /** Something sent at `sentAt` was acknowledged by the leader. */
  proven(sentAt: number): void {
    if (sentAt > this.#provenAt) this.#provenAt = sentAt;
  }

  /** How long a member has for its first word, ms. */
  get attemptMs(): number {
    return Math.max(ATTEMPT_TIMEOUT_MIN_MS, this.timeoutMs / 3);
  }

  /** When the next keep-alive is due: a third of the time-out after the last proof was sent. */
  get keepAliveAt(): number {
    return this.#sentAt + this.timeoutMs / 3;
  }

  /** When a stream without acknowledgement is given up, with a third of the time-out left to find a better one. */
  get giveUpAt(): number {
    return this.#provenAt + (this.timeoutMs * 2) / 3;
  }

  /** When the session may be gone. */
  get marginEndsAt(): number {
    return this.#provenAt + this.timeoutMs;
  }
}
