import { encodeUtf8 } from "../../src/core/base/bytes.ts";
import type { Reason } from "../../src/core/base/errors.ts";
import { reasonOf } from "../../src/core/base/errors.ts";
import type { ClientConnection } from "../../src/core/member/client-connection.ts";
import type { ConnectionListener, OpenedSession } from "../../src/core/member/connection-listener.ts";
import { EventFanout } from "../../src/core/member/event-fanout.ts";
import { type LoadedState, LocalState } from "../../src/core/member/local-state.ts";
import { Member } from "../../src/core/member/member.ts";
import type { MemberEffects, MemberOptions, MemberTransition } from "../../src/core/member/member-contract.ts";
import type { Answer } from "../../src/core/tree/answer.ts";
import type { Identity } from "../../src/core/tree/operation.ts";
import { Tree } from "../../src/core/tree/tree.ts";
import type { WatchEvent } from "../../src/core/tree/watch-event.ts";
import { type JournalRecord, recordType } from "../../src/core/zab/journal-record.ts";
import type { RecoveredZab } from "../../src/core/zab/zab.ts";

const INCARNATION = "11".repeat(16);

/** One member on virtual time and a journal in memory that becomes durable when the test says so. */
export class SoloMember implements MemberEffects {
  readonly member: Member;
  readonly state: LocalState;
  readonly records: JournalRecord[] = [];
  readonly transitions: MemberTransition[] = [];
  time = 1_000;
  wall = 1_700_000_000_000;
  room = true;
  applyRequests = 0;
  private durableCount = 0;

  /** `loaded`: what a snapshot made of the tree, for a member that is not new. */
  constructor(
    options: Partial<MemberOptions> = {},
    recovered: Partial<RecoveredZab> = {},
    loaded?: LoadedState,
    /** Replays what the journal holds, before the member is made. */
    replay: (state: LocalState) => void = () => undefined,
  ) {
    const fanout = new EventFanout();
    const historyBytesMax = options.historyBytesMax ?? 64 * 1024;
    const state = new LocalState(loaded ?? { tree: Tree.fresh(1, fanout), fanout }, historyBytesMax);
    replay(state);
    this.state = state;
    const { batchEndZxid } = state;
    this.member = new Member(
      {
        memberId: 1,
        incarnation: INCARNATION,
        outstandingBytesMax: 1024 * 1024,
        barrierWaitMs: 500,
        historyBytesMax,
        firstUnaryNumber: 7_000,
        bootstrap: {
          ensembleId: "00".repeat(16),
          members: [
            { id: 1, role: "voter", weight: 1, group: 0, incarnation: INCARNATION, peerAddress: "127.0.0.1:1" },
          ],
        },
        ...options,
      },
      state,
      {
        acceptedEpoch: 0,
        promisedTo: 0,
        currentEpoch: 0,
        lastZxid: batchEndZxid,
        committedZxid: batchEndZxid,
        tail: [],
        baseZxid: batchEndZxid,
        epochEnds: [],
        configuration: undefined,
        configurationZxid: 0,
        formerConfiguration: undefined,
        ...recovered,
      },
      this,
    );
  }

  /** Started and leading. */
  static leading(options: Partial<MemberOptions> = {}): SoloMember {
    const solo = new SoloMember(options);
    solo.member.start();
    solo.settle();
    return solo;
  }

  append(record: JournalRecord): number {
    return this.records.push({ ...record, body: record.body.slice() });
  }

  hasRoom(): boolean {
    return this.room;
  }

  /** It has nobody to talk to. */
  send(): void {}
  disconnect(): void {}
  readHistory(): void {}
  sendSnapshot(): void {}
  stopSending(): void {}
  configurationChanged(): void {}
  lend(): void {}

  mended(): void {}

  requestTurnEnd(): void {}

  requestApply(): void {
    this.applyRequests++;
  }

  transition(event: MemberTransition): void {
    this.transitions.push(event);
  }

  committed(): void {}

  now(): number {
    return this.time;
  }

  wallClock(): number {
    return this.wall;
  }

  /** Ends the turn, and makes the first `count` records not yet durable so; all of them by default. */
  sync(count = Number.POSITIVE_INFINITY): void {
    this.member.endTurn();
    const target = Math.min(this.records.length, this.durableCount + count);
    if (target === this.durableCount) return;
    this.durableCount = target;
    this.member.durable(target);
  }

  /** Until nothing moves any more. */
  settle(): void {
    do {
      this.sync();
      while (this.applyRequests > 0) {
        this.applyRequests = 0;
        this.member.applyMore();
      }
      this.member.endTurn();
    } while (this.durableCount < this.records.length);
  }

  /** Lets virtual time pass in the runtime's ticks. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 100) {
      this.time += Math.min(100, left);
      this.member.tick();
      this.settle();
    }
  }

  get batches(): JournalRecord[] {
    return this.records.filter(({ type }) => type === recordType.BATCH);
  }

  client(identities: readonly Identity[] = []): Client {
    return new Client(this, identities);
  }

  /** A client with an open session. */
  session(timeoutMs = 10_000, identities: readonly Identity[] = []): Client {
    const client = this.client(identities);
    client.connection.open(secretHash(1), timeoutMs);
    this.settle();
    return client;
  }
}

/** What a connection was told, in order, in short words. */
export class Client implements ConnectionListener {
  readonly connection: ClientConnection;
  readonly told: string[] = [];
  opened: OpenedSession | undefined;
  closed: { reason: Reason | undefined; zxid: number } | undefined;
  turns = 0;
  private next = 1;

  constructor(at: { readonly member: Member }, identities: readonly Identity[]) {
    this.connection = at.member.connect(this, identities);
  }

  onOpened(session: OpenedSession): void {
    this.opened = session;
    this.told.push(session.resumed ? "resumed" : "opened");
  }

  onAnswer(answer: Answer): void {
    const outcome = answer.code === 0 ? text(answer) : reasonOf(answer.code);
    this.told.push(`${answer.number} ${outcome}`);
  }

  onEvents(events: readonly WatchEvent[], _zxid: number): void {
    this.told.push(`events ${events.map(({ watchId, event }) => `${watchId}:${event.type}:${event.path}`).join(" ")}`);
  }

  onTouched(token: number): void {
    this.told.push(`touched ${token}`);
  }

  onClosed(reason: Reason | undefined, zxid: number): void {
    this.closed = { reason, zxid };
    this.told.push(`closed ${reason ?? "as asked"}`);
  }

  onTurnEnd(): void {
    this.turns++;
  }

  create(path: string, data = "", mode: 0 | 1 | 2 | 3 = 0): number {
    const number = this.next++;
    this.connection.submit(number, 0, { kind: "create", path, data: encodeUtf8(data), mode });
    return number;
  }

  set(path: string, data: string, number = this.next++): number {
    this.connection.submit(number, 0, { kind: "set", path, data: encodeUtf8(data), version: -1 });
    return number;
  }

  get(path: string, freshness: { minZxid?: number; linearizable?: boolean } = {}): number {
    const number = this.next++;
    this.connection.read(number, { kind: "get", path }, { minZxid: 0, linearizable: false, ...freshness });
    return number;
  }

  watch(
    path: string,
    mode: "data" | "exists" | "children" | "persistent" | "persistent-recursive",
    afterZxid = 0,
  ): number {
    const number = this.next++;
    this.connection.addWatch(number, { watchId: number, path, mode, afterZxid });
    return number;
  }

  sync(): number {
    const number = this.next++;
    this.connection.sync(number);
    return number;
  }

  /** What was told since the last call. */
  take(): string[] {
    return this.told.splice(0);
  }
}

function text(answer: Answer): string {
  if (answer.kind === "get") return `get ${String.fromCharCode(...answer.data)}`;
  if (answer.kind === "create") return `create ${answer.path}`;
  return answer.kind;
}

export function secretHash(seed: number): Uint8Array {
  return new Uint8Array(32).fill(seed);
}
