import type {
  AskOutcome,
  ChangeOutcome,
  ConfigurationChange,
  Connection,
  ConnectionListener,
  Coordination,
  DigestInfo,
  OpenedSession,
  Question,
  ReadOptions,
  SessionInfo,
  Status,
  WatchRequest,
} from "../../../src/coordination/port.ts";
import { errors, type Reason } from "../../../src/core/base/errors.ts";
import type { Answer } from "../../../src/core/tree/answer.ts";
import {
  createMode,
  type Identity,
  type ReadOperation,
  type WriteOperation,
} from "../../../src/core/tree/operation.ts";
import { emptyStat } from "../../../src/core/tree/stat.ts";
import type { NodeEvent, WatchEvent } from "../../../src/core/tree/watch-event.ts";

export const ENSEMBLE_ID = "0123456789abcdef0123456789abcdef";
export const EPOCH = 3;
export const FIRST_ZXID = EPOCH * 2 ** 32 + 1;

export function blankAnswer(number: number): Answer {
  return {
    number,
    code: 0,
    zxid: FIRST_ZXID,
    kind: "none",
    path: "",
    stat: emptyStat(),
    data: new Uint8Array(0),
    names: [],
    cursor: new Uint8Array(0),
    acl: [],
    mode: createMode.PERSISTENT,
    ttlMs: 0,
    count: 0,
    parts: [],
  };
}

/** One thing a connection was asked, as it was asked. */
export type Asked =
  | { kind: "open"; secretHash: string; timeoutMs: number }
  | { kind: "resume"; sessionId: number; secretHash: string }
  | { kind: "touch"; token: number }
  | { kind: "submit"; number: number; answeredBelow: number; operation: WriteOperation; bytes: number }
  | { kind: "read"; number: number; operation: ReadOperation; options: ReadOptions }
  | { kind: "sync"; number: number }
  | { kind: "addWatch"; number: number; request: WatchRequest }
  | { kind: "removeWatch"; number: number; watchId: number }
  | { kind: "identities"; identities: readonly Identity[] }
  | { kind: "close" };

/**
 * A port whose behaviour each test scripts: it records what it is asked, answers at once by `autoAnswer` or when the
 * test calls one of the `answer`, `event` and `closed` methods, and keeps the port's promises about scratch objects.
 */
export class ScriptedCoordination implements Coordination {
  readonly connections: ScriptedConnection[] = [];
  /** Data of the znodes that exist, for `autoAnswer`. */
  readonly data = new Map<string, Uint8Array>();
  autoAnswer = true;
  autoOpen = true;
  zxid = FIRST_ZXID;
  notReady: readonly string[] = [];
  role: Status["role"] = "leader";

  connect(listener: ConnectionListener, identities: readonly Identity[]): ScriptedConnection {
    const connection = new ScriptedConnection(this, listener, identities);
    this.connections.push(connection);
    return connection;
  }

  get last(): ScriptedConnection {
    const last = this.connections.at(-1);
    if (last === undefined) throw new Error("nothing connected yet");
    return last;
  }

  /** Changes of the ensemble asked for, transfers of leadership by their member; a test calls `done`. */
  readonly changes: { asked: ConfigurationChange | number; done: (outcome: ChangeOutcome) => void }[] = [];

  reconfigure(change: ConfigurationChange, done: (outcome: ChangeOutcome) => void): void {
    this.changes.push({ asked: change, done });
  }

  transferLeadership(to: number, done: (outcome: ChangeOutcome) => void): void {
    this.changes.push({ asked: to, done });
  }

  /** What was asked; a test calls `done`. */
  readonly asks: { to: number | "all"; topic: string; bytes: Uint8Array; done: (outcome: AskOutcome) => void }[] = [];
  /** Who answers what topic. */
  readonly answerers = new Map<string, (question: Question) => void>();

  ask(to: number | "all", topic: string, bytes: Uint8Array, done: (outcome: AskOutcome) => void): void {
    this.asks.push({ to, topic, bytes, done });
  }

  answer(topic: string, answerer: (question: Question) => void): () => void {
    this.answerers.set(topic, answerer);
    return () => this.answerers.delete(topic);
  }

  sessionInfos: SessionInfo[] = [];
  digestInfos: DigestInfo[] = [];

  sessions(): SessionInfo[] {
    return this.sessionInfos;
  }

  digests(): DigestInfo[] {
    return this.digestInfos;
  }

  status(): Status {
    const member = {
      role: this.role,
      votingRole: "voter",
      weight: 1,
      group: 0,
      isReachable: true,
      lastZxid: this.zxid,
      version: "0.0.1",
      zxid: this.zxid,
      grpcAddress: "127.0.0.1:7400",
      httpAddress: "",
      zookeeperAddress: "127.0.0.1:2181",
      peerAddress: "",
    } as const;
    return {
      ensembleId: ENSEMBLE_ID,
      memberId: 1,
      role: this.role,
      epoch: EPOCH,
      leaderId: 1,
      configurationZxid: 0,
      zxid: this.zxid,
      notReady: this.notReady,
      members: [{ id: 1, ...member }],
      counts: { nodes: 5, sessions: 0, ephemerals: 0, watches: 0, connections: 1, outstandingBytes: 0, dataBytes: 9 },
    };
  }
}

export class ScriptedConnection implements Connection {
  readonly asked: Asked[] = [];
  readonly listener: ConnectionListener;
  identities: readonly Identity[];
  sessionId = 0;
  outstandingBytes = 0;
  detached = false;
  private readonly port: ScriptedCoordination;

  constructor(port: ScriptedCoordination, listener: ConnectionListener, identities: readonly Identity[]) {
    this.port = port;
    this.listener = listener;
    this.identities = identities;
  }

  /** The requests of one kind, in order. */
  of<K extends Asked["kind"]>(kind: K): Extract<Asked, { kind: K }>[] {
    return this.asked.filter((asked): asked is Extract<Asked, { kind: K }> => asked.kind === kind);
  }

  setIdentities(identities: readonly Identity[]): void {
    this.identities = identities;
    this.asked.push({ kind: "identities", identities });
  }

  open(secretHash: Uint8Array, timeoutMs: number): void {
    this.asked.push({ kind: "open", secretHash: Buffer.from(secretHash).toString("hex"), timeoutMs });
    if (this.port.autoOpen)
      this.opened({ sessionId: FIRST_ZXID, timeoutMs, zxid: this.port.zxid, resumed: false, generation: 1 });
  }

  resume(sessionId: number, secretHash: Uint8Array): void {
    this.asked.push({ kind: "resume", sessionId, secretHash: Buffer.from(secretHash).toString("hex") });
    if (this.port.autoOpen)
      this.opened({ sessionId, timeoutMs: 9_000, zxid: this.port.zxid, resumed: true, generation: 2 });
  }

  touch(token: number): void {
    this.asked.push({ kind: "touch", token });
    if (this.port.autoAnswer) this.tell((listener) => listener.onTouched(token));
  }

  submit(number: number, answeredBelow: number, operation: WriteOperation): void {
    // Encoded before it returns: a copy, as the caller may reuse the operation and the bytes it views.
    const copy = structuredClone(operation);
    const bytes = "data" in operation ? operation.data.length : 0;
    this.asked.push({ kind: "submit", number, answeredBelow, operation: copy, bytes });
    this.outstandingBytes += bytes;
    if (this.port.autoAnswer) this.answerSubmit(number);
  }

  read(number: number, operation: ReadOperation, options: ReadOptions): void {
    this.asked.push({ kind: "read", number, operation, options });
    if (this.port.autoAnswer) this.answerReadOf(number, operation);
  }

  sync(number: number): void {
    this.asked.push({ kind: "sync", number });
    if (this.port.autoAnswer) this.answer({ number });
  }

  addWatch(number: number, request: WatchRequest): void {
    this.asked.push({ kind: "addWatch", number, request });
    if (this.port.autoAnswer) this.answer({ number });
  }

  removeWatch(number: number, watchId: number): void {
    this.asked.push({ kind: "removeWatch", number, watchId });
    if (this.port.autoAnswer) this.answer({ number });
  }

  close(): void {
    this.asked.push({ kind: "close" });
    if (this.port.autoAnswer) this.closed(undefined);
  }

  detach(): void {
    this.detached = true;
  }

  // What a test makes it say.

  opened(session: OpenedSession): void {
    this.sessionId = session.sessionId;
    this.tell((listener) => listener.onOpened(session));
  }

  /** Delivers a scratch answer and spoils it afterwards, as the port's contract allows. */
  answer(fields: Partial<Answer>): void {
    const scratch: Answer = { ...blankAnswer(0), zxid: this.port.zxid, ...fields };
    scratch.stat = { ...scratch.stat };
    this.tell((listener) => listener.onAnswer(scratch));
    scratch.number = -1;
    scratch.zxid = -1;
    scratch.stat.czxid = -1;
    if (fields.data === undefined) scratch.data.fill(0xff);
  }

  /** Answers a submit as a tree that only knows data would. */
  answerSubmit(number: number): void {
    const asked = this.of("submit").find((request) => request.number === number);
    if (asked === undefined) throw new Error(`no submit ${number}`);
    const { operation } = asked;
    this.outstandingBytes -= asked.bytes;
    this.port.zxid++;
    const stat = { ...emptyStat(), mzxid: this.port.zxid };
    if (operation.kind === "create") {
      this.port.data.set(operation.path, operation.data);
      this.answer({ number, kind: "create", path: operation.path, stat });
    } else if (operation.kind === "set") {
      const known = this.port.data.has(operation.path);
      if (known) this.port.data.set(operation.path, operation.data);
      this.answer(known ? { number, kind: "stat", stat } : { number, code: errors.NODE_NOT_FOUND.code });
    } else this.answer({ number });
  }

  answerRead(number: number): void {
    const asked = this.of("read").find((request) => request.number === number);
    if (asked === undefined) throw new Error(`no read ${number}`);
    this.answerReadOf(number, asked.operation);
  }

  /** As {@link answerRead}, for doors whose reads have no numbers. */
  private answerReadOf(number: number, operation: ReadOperation): void {
    const data = "path" in operation ? this.port.data.get(operation.path) : undefined;
    if (data === undefined) this.answer({ number, code: errors.NODE_NOT_FOUND.code });
    else this.answer({ number, kind: "get", data, stat: { ...emptyStat(), dataLength: data.length } });
  }

  events(events: readonly { watchId: number; event: NodeEvent }[], zxid: number): void {
    this.tell((listener) => listener.onEvents(events as readonly WatchEvent[], zxid));
  }

  closed(reason: Reason | undefined, zxid = this.port.zxid): void {
    this.tell((listener) => listener.onClosed(reason, zxid));
  }

  turnEnd(): void {
    this.tell((listener) => listener.onTurnEnd());
  }

  private tell(what: (listener: ConnectionListener) => void): void {
    if (!this.detached) what(this.listener);
  }
}
