import type { Reason } from "../../src/core/base/errors.ts";
import { formatZxid } from "../../src/core/base/zxid.ts";
import type { ClientConnection } from "../../src/core/member/client-connection.ts";
import type { ConnectionListener, OpenedSession } from "../../src/core/member/connection-listener.ts";
import type { Answer } from "../../src/core/tree/answer.ts";
import type { Identity } from "../../src/core/tree/operation.ts";
import type { WatchEvent } from "../../src/core/tree/watch-event.ts";
import { show } from "../model/compare.ts";
import type { ClientRequest, ServerMessage } from "./client-message.ts";
import type { ConnectionChecker } from "./connection-checker.ts";
import { eventText } from "./naive-watches.ts";
import type { LinkEnd } from "./network.ts";
import type { SimulatedMember } from "./simulated-member.ts";

/** Who is at the other end of a connection. */
export interface Peer {
  readonly name: number;
  readonly identities: readonly Identity[];
  reply(message: ServerMessage): void;
}

/**
 * The door of one connection: hands requests to the member and what the member says to the client, at the turn's end as
 * real doors do; the checker sees both, at the moment they happen.
 */
export class Door implements ConnectionListener, LinkEnd<ClientRequest> {
  private readonly host: SimulatedMember;
  private readonly checker: ConnectionChecker;
  private readonly connection: ClientConnection;
  private readonly name: number;
  private readonly reply: (message: ServerMessage) => void;
  private readonly ownName: string;
  private outbound: ServerMessage[] = [];
  private heldBack: ServerMessage | undefined;

  constructor(host: SimulatedMember, peer: Peer) {
    const { identities, name, reply } = peer;
    this.host = host;
    this.name = name;
    this.reply = reply;
    this.ownName = host.book.newName();
    this.checker = host.checker.connect(host, identities);
    this.connection = host.member.connect(this, identities);
  }

  /** Requests of one session have one name over all its connections. */
  private get who(): string {
    const { sessionId } = this.checker;
    return sessionId === 0 ? this.ownName : formatZxid(sessionId);
  }

  // ---- From the client ----

  receive(request: ClientRequest): void {
    if (this.host.isDead || this.connection.isDetached) return;
    this.trace(() => `asks ${JSON.stringify(request, plain)}`);
    this.checker.request(request, this.host.timeMs);
    this.host.book.registers.asked(this.who, request, this.host.timeMs);
    this.pass(request);
    this.host.settled();
  }

  lost(): void {
    if (this.host.isDead || this.connection.isDetached) return;
    this.checker.gone();
    this.connection.detach();
  }

  private pass(request: ClientRequest): void {
    const { connection } = this;
    switch (request.kind) {
      case "open":
        connection.open(request.secretHash, request.timeoutMs);
        break;
      case "resume":
        connection.resume(request.sessionId, request.secretHash);
        break;
      case "touch":
        connection.touch(request.token);
        break;
      case "close":
        connection.close();
        break;
      case "write":
        connection.submit(request.number, request.answeredBelow, request.operation);
        break;
      case "read":
        connection.read(request.number, request.operation, request);
        break;
      case "sync":
        connection.sync(request.number);
        break;
      case "watch":
        connection.addWatch(request.number, request.watch);
        break;
      case "unwatch":
        connection.removeWatch(request.number, request.watchId);
        break;
    }
  }

  // ---- From the member ----

  onOpened(session: OpenedSession): void {
    this.trace(() => `told opened ${formatZxid(session.sessionId)}`);
    this.checker.opened(session);
    this.outbound.push({ kind: "opened", session });
  }

  onAnswer(answer: Answer): void {
    this.trace(() => `told ${answer.number} ${show(answer)}`);
    if (this.host.fault === "overtaking-answers" && this.host.random.chance(0.02) && this.overtake(answer)) return;
    this.checker.answered(answer);
    // What one with a wrong tree reads may be wrong.
    if (!this.host.checker.isTainted) this.host.book.registers.told(this.who, answer, this.host.timeMs);
    const { number, code, zxid, cursor } = answer;
    this.outbound.push({ kind: "answer", number, code, zxid, cursor: cursor.slice() });
    const held = this.heldBack;
    this.heldBack = undefined;
    if (held?.kind === "answer") this.checker.answered({ ...answer, number: held.number });
  }

  onEvents(events: readonly WatchEvent[], zxid: number): void {
    this.trace(() => `told events ${events.map(({ watchId, event }) => eventText(watchId, event)).join(" ")}`);
    this.checker.events(events, zxid);
    this.outbound.push({ kind: "events", events, zxid });
  }

  onTouched(token: number): void {
    this.trace(() => `told touched ${token}`);
    this.checker.touched(token);
    this.outbound.push({ kind: "touched", token });
  }

  onClosed(reason: Reason | undefined, zxid: number): void {
    this.trace(() => `told closed, ${reason ?? "as asked"}`);
    this.checker.closed(reason, zxid);
    this.outbound.push({ kind: "closed", reason });
  }

  onTurnEnd(): void {
    const { outbound } = this;
    this.outbound = [];
    for (const message of outbound) this.reply(message);
  }

  private trace(text: () => string): void {
    this.host.trace?.(() => `client ${this.name} ${text()}`);
  }

  private overtake({ number, code, zxid }: Answer): boolean {
    if (this.heldBack !== undefined) return false;
    this.heldBack = { kind: "answer", number, code, zxid, cursor: new Uint8Array(0) };
    return true;
  }
}

function plain(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? `${value.length} bytes` : value;
}
