import type { Reason } from "../base/errors.ts";
import type { Answer } from "../tree/answer.ts";
import type { WatchEvent } from "../tree/watch-event.ts";

/** What a client connection is told; see `coordination/port.ts`, which shows it to the doors. */
export interface ConnectionListener {
  onOpened(session: OpenedSession): void;
  onAnswer(answer: Answer): void;
  onEvents(events: readonly WatchEvent[], zxid: number): void;
  onTouched(token: number): void;
  onClosed(reason: Reason | undefined, zxid: number): void;
  onTurnEnd(): void;
}

export interface OpenedSession {
  readonly sessionId: number;
  readonly timeoutMs: number;
  readonly zxid: number;
  readonly resumed: boolean;
  readonly generation: number;
}
