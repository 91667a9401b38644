import { LocalCoordination } from "../../../src/coordination/local-coordination.ts";
import type { Connection, ConnectionListener, OpenedSession } from "../../../src/coordination/port.ts";
import { encodeUtf8 } from "../../../src/core/base/bytes.ts";
import { type Reason, reasonOf } from "../../../src/core/base/errors.ts";
import type { Answer } from "../../../src/core/tree/answer.ts";
import type { WriteOperation } from "../../../src/core/tree/operation.ts";
import type { WatchEvent } from "../../../src/core/tree/watch-event.ts";
import { MemberRuntime } from "../../../src/runtime/member-runtime.ts";
import { Opening } from "../../../src/runtime/opening.ts";
import type { RuntimeEvents, RuntimeOptions } from "../../../src/runtime/runtime-contract.ts";
import { temporaryDirectory } from "../storage/snapshot/snapshot-fixtures.ts";

/** Small, so that a directory is quick to make. */
const JOURNAL = { segmentBytes: 4 * 2 ** 20, ringBytes: 16 * 2 ** 20 };
const MEMORY_BYTES = 64 * 2 ** 30;

export interface Notice {
  readonly level: string;
  readonly message: string;
}

/** A member on a directory of its own, with everything it told its owner. */
export class RuntimeRig {
  readonly directory: string;
  readonly notices: Notice[] = [];
  readonly roles: string[] = [];
  readonly fatals: Error[] = [];
  runtime!: MemberRuntime;
  coordination!: LocalCoordination;
  private readonly waiting: { until: () => boolean; resolve: () => void }[] = [];

  constructor(directory: string = temporaryDirectory()) {
    this.directory = directory;
  }

  async open(options: Partial<RuntimeOptions> = {}): Promise<this> {
    const events: RuntimeEvents = {
      onTransition: (event) => {
        if (event.kind === "role") this.roles.push(event.role);
        this.look();
      },
      onNotice: (level, message) => {
        this.notices.push({ level, message });
        this.look();
      },
      onFsync: () => this.look(),
      onCommit: () => undefined,
      onFatal: (error) => {
        this.fatals.push(error);
        this.look();
      },
    };
    this.runtime = await MemberRuntime.open(
      Opening.begin,
      {
        memberId: 1,
        dataDir: this.directory,
        peerAddress: "127.0.0.1:7402",
        memoryBytes: MEMORY_BYTES,
        journal: JOURNAL,
        ...options,
      },
      events,
    );
    this.coordination = new LocalCoordination(this.runtime.member, (error) => this.runtime.fail(error));
    return this;
  }

  /** Another member's life on the same directory. */
  async reopen(options: Partial<RuntimeOptions> = {}): Promise<RuntimeRig> {
    await this.runtime.stop();
    return new RuntimeRig(this.directory).open(options);
  }

  /** Resolves once it holds, looked at whenever the member says something. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push({ until: condition, resolve });
      this.look();
    });
  }

  client(): RuntimeClient {
    return new RuntimeClient(this.coordination);
  }

  /** Where the state is, and what it is. */
  state(): { zxid: number; digest: readonly [number, number] } {
    const { tree } = this.runtime.member;
    return { zxid: tree.zxid, digest: tree.state.digest.lanes() };
  }

  private look(): void {
    for (const entry of this.waiting.slice()) {
      if (!entry.until()) continue;
      this.waiting.splice(this.waiting.indexOf(entry), 1);
      entry.resolve();
    }
  }
}

/** A connection whose answers can be awaited: OK, or the reason. */
export class RuntimeClient implements ConnectionListener {
  readonly connection: Connection;
  readonly events: string[] = [];
  closed: Reason | "as asked" | undefined;
  private readonly answers = new Map<number, (outcome: string) => void>();
  private opened: (session: OpenedSession) => void = () => undefined;
  private next = 1;

  constructor(coordination: LocalCoordination) {
    this.connection = coordination.connect(this, []);
  }

  open(timeoutMs = 30_000): Promise<OpenedSession> {
    return new Promise((resolve) => {
      this.opened = resolve;
      this.connection.open(new Uint8Array(32).fill(1), timeoutMs);
    });
  }

  create(path: string, data = ""): Promise<string> {
    return this.submit({ kind: "create", path, data: encodeUtf8(data), mode: 0 });
  }

  set(path: string, data: string): Promise<string> {
    return this.submit({ kind: "set", path, data: encodeUtf8(data), version: -1 });
  }

  delete(path: string): Promise<string> {
    return this.submit({ kind: "delete", path, version: -1 });
  }

  submit(operation: WriteOperation): Promise<string> {
    return this.answered((number) => this.connection.submit(number, 0, operation));
  }

  get(path: string, minZxid = 0): Promise<string> {
    const freshness = { minZxid, linearizable: false };
    return this.answered((number) => this.connection.read(number, { kind: "get", path }, freshness));
  }

  watch(path: string, afterZxid: number): Promise<string> {
    return this.answered((number) =>
      this.connection.addWatch(number, { watchId: number, path, mode: "persistent-recursive", afterZxid }),
    );
  }

  onOpened(session: OpenedSession): void {
    this.opened(session);
  }

  onAnswer(answer: Answer): void {
    this.answers.get(answer.number)?.(answer.code === 0 ? "OK" : String(reasonOf(answer.code)));
    this.answers.delete(answer.number);
  }

  onEvents(events: readonly WatchEvent[]): void {
    for (const { event } of events) this.events.push(`${event.type}:${event.path}`);
  }

  onTouched(): void {}

  onClosed(reason: Reason | undefined): void {
    this.closed = reason ?? "as asked";
  }

  onTurnEnd(): void {}

  private answered(ask: (number: number) => void): Promise<string> {
    const number = this.next++;
    return new Promise((resolve) => {
      this.answers.set(number, resolve);
      ask(number);
    });
  }
}
