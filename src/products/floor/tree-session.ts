import { createHash, randomBytes } from "node:crypto";
import type { Connection, ConnectionListener, Coordination, OpenedSession } from "../../coordination/port.ts";
import { errors, type Reason, reasonOf } from "../../core/base/errors.ts";
import type { Answer } from "../../core/tree/answer.ts";
import type { Identity, ReadOperation, WatchMode, WriteOperation } from "../../core/tree/operation.ts";
import type { WatchEvent } from "../../core/tree/watch-event.ts";

/** The session's time-out unless told otherwise, ms: how long a product does without the one who held it. */
export const TREE_SESSION_TIMEOUT_MS = 6_000;
/** The session is touched so often within its time-out. */
const TOUCHES_PER_TIMEOUT = 3;
/** A member that does not serve, or does not take a request, is asked again after this, ms. */
const RETRY_MS = 200;
/** How long a session that is being closed is waited for, ms: afterwards it expires. */
const CLOSE_TIMEOUT_MS = 1_000;
const SECRET_BYTES = 32;

/** What a holder of a session is told. */
export interface TreeSessionListener {
  /** There is a new session, which has nothing in the tree yet; not told of one that has only moved. */
  opened(): void;
  /** It is over, and with it all that was ephemeral. Another one is being opened. */
  lost(): void;
  /** What a read with a watch has shown may be so no more. */
  changed(): void;
}

/** The session ended before the answer: what was asked may have happened. */
export class SessionLostError extends Error {
  override readonly name = "SessionLostError";
}

interface Pending {
  send(connection: Connection, number: number, answeredBelow: number): void;
  answered(answer: Answer): void;
  lost(error: SessionLostError): void;
}

/**
 * A session of the process's own at its member, for what a product does of its own accord: it is kept alive, follows
 * the member through elections, and is replaced when it has expired. Every request is answered once, however often it
 * had to be sent: what no member takes for a while is asked again under the same number.
 */
export class TreeSession implements ConnectionListener {
  private readonly coordination: Pick<Coordination, "connect">;
  private readonly identities: readonly Identity[];
  private readonly listener: TreeSessionListener;
  private readonly timeoutMs: number;
  private connection: Connection | undefined;
  private secretHash = newSecretHash();
  /** 0 while there is none. */
  private sessionId = 0;
  private isUsable = false;
  private isStopping = false;
  private nextNumber = 1;
  private nextWatch = 1;
  /** In the order of their numbers. */
  private readonly pending = new Map<number, Pending>();
  private touching: NodeJS.Timeout | undefined;
  private retry: NodeJS.Timeout | undefined;
  private closed: (() => void) | undefined;

  constructor(
    coordination: Pick<Coordination, "connect">,
    identities: readonly Identity[],
    listener: TreeSessionListener,
    timeoutMs: number = TREE_SESSION_TIMEOUT_MS,
  ) {
    this.coordination = coordination;
    this.identities = identities;
    this.listener = listener;
    this.timeoutMs = timeoutMs;
  }

  start(): void {
    this.connect();
  }

  /** Gives everything ephemeral up; resolves when that is done, or will be by itself. Idempotent. */
  async stop(): Promise<void> {
    if (this.isStopping) return;
    this.isStopping = true;
    this.fail();
    clearTimeout(this.retry);
    if (this.isUsable) {
      const gone = new Promise<void>((resolve) => {
        this.closed = resolve;
        setTimeout(resolve, CLOSE_TIMEOUT_MS).unref();
      });
      this.connection?.close();
      await gone;
    }
    this.leave();
  }

  /** `take` is called with the answer, a scratch object, whatever its code; rejects with {@link SessionLostError}. */
  write<T>(operation: WriteOperation, take: (answer: Answer) => T): Promise<T> {
    return this.request(take, (connection, number, answeredBelow) => {
      connection.submit(number, answeredBelow, operation);
    });
  }

  /** As {@link write}; with a watch, `changed` is told once when the answer may be so no more. */
  read<T>(operation: ReadOperation, take: (answer: Answer) => T, watch?: WatchMode): Promise<T> {
    return this.request(take, (connection, number) => {
      const left = watch === undefined ? undefined : { watchId: this.nextWatch++, mode: watch };
      connection.read(number, operation, { minZxid: 0, linearizable: false, watch: left });
    });
  }

  onOpened({ sessionId, resumed }: OpenedSession): void {
    this.sessionId = sessionId;
    this.isUsable = true;
    const touch = () => this.connection?.touch(0);
    this.touching = setInterval(touch, this.timeoutMs / TOUCHES_PER_TIMEOUT).unref();
    if (!resumed) {
      this.listener.opened();
      return;
    }
    for (const number of [...this.pending.keys()]) this.send(number);
    // Watches have stayed behind with the connection.
    this.listener.changed();
  }

  onAnswer(answer: Answer): void {
    const { number, code } = answer;
    const asked = this.pending.get(number);
    if (asked === undefined) return;
    if (mayBeSentAgain(code)) {
      setTimeout(() => this.send(number), RETRY_MS).unref();
      return;
    }
    this.pending.delete(number);
    asked.answered(answer);
  }

  onEvents(_events: readonly WatchEvent[]): void {
    this.listener.changed();
  }

  onTouched(): void {}
  onTurnEnd(): void {}

  onClosed(reason: Reason | undefined): void {
    const hadSession = this.sessionId !== 0;
    this.leave();
    if (this.isStopping) {
      this.closed?.();
      return;
    }
    if (isOver(reason) && hadSession) {
      this.sessionId = 0;
      this.secretHash = newSecretHash();
      this.fail();
      this.listener.lost();
    }
    this.retry = setTimeout(() => this.connect(), RETRY_MS).unref();
  }

  private connect(): void {
    this.connection = this.coordination.connect(this, this.identities);
    if (this.sessionId === 0) this.connection.open(this.secretHash, this.timeoutMs);
    else this.connection.resume(this.sessionId, this.secretHash);
  }

  private leave(): void {
    clearInterval(this.touching);
    this.isUsable = false;
    this.connection?.detach();
    this.connection = undefined;
  }

  private request<T>(take: (answer: Answer) => T, send: Pending["send"]): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.isStopping || this.sessionId === 0) {
        reject(new SessionLostError("there is no session"));
        return;
      }
      const number = this.nextNumber++;
      const answered = (answer: Answer): void => {
        // Nothing may be thrown into the port.
        try {
          resolve(take(answer));
        } catch (error) {
          reject(error);
        }
      };
      this.pending.set(number, { send, answered, lost: reject });
      this.send(number);
    });
  }

  private send(number: number): void {
    const { connection } = this;
    if (connection === undefined || !this.isUsable) return;
    const [oldest = number] = this.pending.keys();
    this.pending.get(number)?.send(connection, number, oldest);
  }

  private fail(): void {
    const all = [...this.pending.values()];
    this.pending.clear();
    for (const each of all) each.lost(new SessionLostError("the session has ended"));
  }
}

function newSecretHash(): Uint8Array {
  return createHash("sha256").update(randomBytes(SECRET_BYTES)).digest();
}

function mayBeSentAgain(code: number): boolean {
  if (code === 0) return false;
  const { retry } = errors[reasonOf(code)];
  return retry === "same-request" || retry === "other-member";
}

/** Undefined, or what names the session itself: no connection will get it back. */
function isOver(reason: Reason | undefined): boolean {
  return reason === undefined || ["SESSION_EXPIRED", "SESSION_MOVED", "WRONG_SECRET"].includes(reason);
}
