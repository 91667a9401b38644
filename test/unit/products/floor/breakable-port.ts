import type { LocalCoordination } from "../../../../src/coordination/local-coordination.ts";
import type { Connection, ConnectionListener, Coordination } from "../../../../src/coordination/port.ts";
import type { Reason } from "../../../../src/core/base/errors.ts";
import type { Answer } from "../../../../src/core/tree/answer.ts";

/**
 * The port of a member, with what a test needs of a connection: that it breaks, and, as that to a member far away does,
 * tells everything later, in order.
 */
export class BreakablePort implements Pick<Coordination, "connect"> {
  private readonly coordination: LocalCoordination;
  private readonly isFar: boolean;
  private current: { readonly connection: Connection; readonly listener: ConnectionListener } | undefined;
  private mail: (() => void)[] = [];

  constructor(coordination: LocalCoordination, isFar = false) {
    this.coordination = coordination;
    this.isFar = isFar;
  }

  connect(listener: ConnectionListener): Connection {
    const connection = this.coordination.connect(this.isFar ? this.far(listener) : listener, []);
    this.current = { connection, listener };
    return connection;
  }

  /** Something is on its way. */
  get isBusy(): boolean {
    return this.mail.length > 0;
  }

  /** The next things that were told, on their way. */
  deliver(count: number): void {
    for (const tell of this.mail.splice(0, count)) tell();
  }

  /** The connection ends for this reason; what was on its way is lost. */
  cut(reason: Reason): void {
    const { current } = this;
    this.current = undefined;
    this.mail = [];
    if (current === undefined) return;
    current.connection.detach();
    current.listener.onClosed(reason, 0);
  }

  private far(listener: ConnectionListener): ConnectionListener {
    const post = (tell: () => void) => this.mail.push(tell);
    return {
      onOpened: (session) => post(() => listener.onOpened(session)),
      onAnswer: (answer) => {
        const kept = copyOf(answer);
        post(() => listener.onAnswer(kept));
      },
      onEvents: (events, zxid) => post(() => listener.onEvents(events, zxid)),
      onTouched: (token) => post(() => listener.onTouched(token)),
      onClosed: (reason, zxid) => post(() => listener.onClosed(reason, zxid)),
      onTurnEnd: () => undefined,
    };
  }
}

function copyOf(answer: Answer): Answer {
  const { stat, data, parts } = answer;
  return { ...answer, stat: { ...stat }, data: data.slice(), parts: parts.map(copyOf) };
}
