import type { ClientConnection } from "./client-connection.ts";

interface Waiting {
  readonly connection: ClientConnection;
  readonly sessionId: number;
  readonly token: number;
}

/**
 * A follower's word to its leader on which sessions' clients it has heard: one list a turn for the keep-alives, which
 * wait for the leader's answer (core.md 10), with whom else it has heard since. What a leader did not answer goes to
 * the next one.
 */
export class Touches {
  /** Heard, and nobody waits to be told. */
  private quiet = new Set<number>();
  private waiting: Waiting[] = [];
  private asked = new Map<number, readonly Waiting[]>();
  private nextNumber = 1;

  /** Somebody waits for an answer. */
  get isUrgent(): boolean {
    return this.waiting.length > 0;
  }

  heard(sessionId: number): void {
    this.quiet.add(sessionId);
  }

  keepAlive(connection: ClientConnection, sessionId: number, token: number): void {
    this.waiting.push({ connection, sessionId, token });
  }

  /** What to send now; undefined when there is nothing. */
  take(): { readonly number: number; readonly sessionIds: readonly number[] } | undefined {
    if (this.quiet.size === 0 && this.waiting.length === 0) return undefined;
    const number = this.nextNumber++;
    const { quiet, waiting } = this;
    for (const { sessionId } of waiting) quiet.add(sessionId);
    this.quiet = new Set();
    this.waiting = [];
    if (waiting.length > 0) this.asked.set(number, waiting);
    return { number, sessionIds: [...quiet] };
  }

  /** The leader has heard; the keep-alives of all but these sessions are acknowledged. */
  answered(number: number, refused: readonly number[]): void {
    const waiting = this.asked.get(number) ?? [];
    this.asked.delete(number);
    const late = new Set(refused);
    for (const { connection, sessionId, token } of waiting) {
      if (!late.has(sessionId) && connection.sessionId === sessionId) connection.confirmTouch(token);
    }
  }

  /** The leader is lost: the keep-alives it has not answered are for the next one. */
  reset(): void {
    this.waiting = [...[...this.asked.values()].flat(), ...this.waiting].filter(({ connection: c }) => !c.isDetached);
    this.asked = new Map();
  }
}
