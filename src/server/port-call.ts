import type { Connection, ConnectionListener, Coordination } from "../coordination/port.ts";
import { OK, type Reason, reasonOf } from "../core/base/errors.ts";
import type { Answer } from "../core/tree/answer.ts";
import type { Identity, WriteOperation } from "../core/tree/operation.ts";

export interface CallOutcome {
  /** Undefined: it is done. */
  readonly reason: Reason | undefined;
  readonly zxid: number;
}

/** Of the one request on a connection of its own. */
const REQUEST_NUMBER = 1;

/** Submits one write at the port, on a connection of its own and without a session. Resolves once it is answered. */
export function callPort(
  coordination: Coordination,
  identities: readonly Identity[],
  operation: WriteOperation,
): Promise<CallOutcome> {
  return new Promise((resolve) => new PortCall(coordination, identities, operation, resolve));
}

class PortCall implements ConnectionListener {
  private readonly connection: Connection;
  private readonly done: (outcome: CallOutcome) => void;

  constructor(
    coordination: Coordination,
    identities: readonly Identity[],
    operation: WriteOperation,
    done: (outcome: CallOutcome) => void,
  ) {
    this.done = done;
    this.connection = coordination.connect(this, identities);
    this.connection.submit(REQUEST_NUMBER, 0, operation);
  }

  onAnswer({ code, zxid }: Answer): void {
    this.done({ reason: code === OK ? undefined : reasonOf(code), zxid });
    this.connection.detach();
  }

  onClosed(reason: Reason | undefined, zxid: number): void {
    this.done({ reason: reason ?? "STOPPING", zxid });
  }

  onOpened(): void {}
  onEvents(): void {}
  onTouched(): void {}
  onTurnEnd(): void {}
}
