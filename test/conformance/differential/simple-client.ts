import { decodeReply } from "./decode-reply.ts";
import { encodeRequest, type Meaning, typeOf } from "./encode-request.ts";
import { fixedXids, PASSWORD_BYTES } from "./protocol.ts";
import { RawConnection } from "./raw-client.ts";
import type { Request } from "./request.ts";
import { NamesLeaf, type Stat, StatLeaf, type Value } from "./value.ts";

const TIMEOUT_MS = 60_000;
/** Several requests for one, so that a tree is read fast. */
const AT_ONCE_MAX = 200;

export interface Answer {
  readonly error: number;
  readonly zxid: bigint;
  readonly value: Value;
}

/** A session for what frames a run: preparing, looking at what is left, tidying up. */
export class SimpleClient {
  private readonly connection: RawConnection;
  private readonly meaning: Meaning;
  /** Events that have come. */
  readonly events: { readonly type: number; readonly path: string }[] = [];

  private constructor(connection: RawConnection, meaning: Meaning) {
    this.connection = connection;
    this.meaning = meaning;
  }

  static async open(address: string, meaning: Meaning, timeoutMs = TIMEOUT_MS): Promise<SimpleClient> {
    const { connection, response } = await RawConnection.open(address, {
      timeoutMs,
      sessionId: 0n,
      password: new Uint8Array(PASSWORD_BYTES),
      lastZxidSeen: 0n,
      readOnly: false,
    });
    if (response === undefined || response.sessionId === 0n) throw new Error(`${address} gives no session`);
    return new SimpleClient(connection, meaning);
  }

  async ask(request: Request): Promise<Answer> {
    const [answer] = await this.askAll([request]);
    return answer as Answer;
  }

  async askAll(requests: readonly Request[]): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (let at = 0; at < requests.length; at += AT_ONCE_MAX) {
      answers.push(...(await this.askSome(requests.slice(at, at + AT_ONCE_MAX))));
    }
    return answers;
  }

  /** Breaks off: the session stays until it expires. */
  abandon(): void {
    this.connection.destroy();
  }

  async close(): Promise<void> {
    if (!this.connection.closed) await this.ask({ op: "closeSession" });
    this.connection.destroy();
  }

  private async askSome(requests: readonly Request[]): Promise<Answer[]> {
    const { connection, meaning } = this;
    connection.cork();
    const tickets = requests.map((request) => {
      const xid = request.op === "unknown" ? undefined : fixedXids[request.op];
      return connection.send(typeOf(request), encodeRequest(request, meaning), xid);
    });
    connection.uncork();
    await connection.settled();
    const arrivals = connection.take();
    for (const arrival of arrivals) if (arrival.kind === "event") this.events.push(arrival);
    return requests.map((request, index) => {
      const reply = arrivals.find((each) => each.kind === "reply" && each.ticket === tickets[index]);
      if (reply?.kind !== "reply") throw new Error(`no answer to ${JSON.stringify(request)}`);
      const { error, zxid, body } = reply;
      return { error, zxid, value: error === 0 ? decodeReply(request, body, meaning) : {} };
    });
  }
}

/** The names in a getChildren reply; none if it failed. */
export function childrenOf({ value }: Answer): readonly string[] {
  const children = field(value, "children");
  return children instanceof NamesLeaf ? children.names : [];
}

/** The stat in a reply; undefined if it failed. */
export function statOf({ value }: Answer): Stat | undefined {
  const stat = field(value, "stat");
  return stat instanceof StatLeaf ? stat.stat : undefined;
}

export function field(value: Value, name: string): Value | undefined {
  return typeof value === "object" && value !== null && name in value
    ? (value as { readonly [name: string]: Value })[name]
    : undefined;
}
