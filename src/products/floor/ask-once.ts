import type { Connection, ConnectionListener, Coordination } from "../../coordination/port.ts";
import { OK, type Reason, reasonOf } from "../../core/base/errors.ts";
import type { Answer } from "../../core/tree/answer.ts";
import type { Identity } from "../../core/tree/operation.ts";

/** What came of it: an answer, or why there is none. */
export type Outcome = { readonly answer: Answer } | { readonly reason: Reason };

/** The number of the one request. */
export const ONLY_NUMBER = 1;

/**
 * One request on a connection of its own, without a session. `done` comes once, perhaps during this call; the answer
 * is the port's scratch object. The function returned gives the request up: `done` does not come then.
 */
export function askOnce(
  coordination: Pick<Coordination, "connect">,
  identities: readonly Identity[],
  ask: (connection: Connection) => void,
  done: (outcome: Outcome) => void,
): () => void {
  let isOver = false;
  let connection: Connection | undefined;
  const finish = (outcome: Outcome): void => {
    if (isOver) return;
    isOver = true;
    connection?.detach();
    done(outcome);
  };
  const listener: ConnectionListener = {
    onAnswer: (answer) => finish(answer.code === OK ? { answer } : { reason: reasonOf(answer.code) }),
    onClosed: (reason) => finish({ reason: reason ?? "STOPPING" }),
    onOpened: () => undefined,
    onEvents: () => undefined,
    onTouched: () => undefined,
    onTurnEnd: () => undefined,
  };
  connection = coordination.connect(listener, identities);
  ask(connection);
  return () => {
    isOver = true;
    connection.detach();
  };
}
