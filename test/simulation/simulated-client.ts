import { errors, OK } from "../../src/core/base/errors.ts";
import type { Prng } from "../../src/core/base/prng.ts";
import type { OpenedSession } from "../../src/core/member/connection-listener.ts";
import type { Identity, ReadOperation, WatchMode } from "../../src/core/tree/operation.ts";
import type { ClientRequest, NumberedRequest, ServerMessage } from "./client-message.ts";
import type { Link } from "./network.ts";
import type { Timeline } from "./timeline.ts";
import { isRead, type Workload } from "./workload.ts";

export type ClientLink = Link<ClientRequest, ServerMessage>;

export interface ClientHost {
  readonly timeline: Timeline;
  readonly workload: Workload;
  /** A link to a member; undefined while none can be reached. */
  connect(client: SimulatedClient, identities: readonly Identity[]): ClientLink | undefined;
}

/** Refusals after which a request is asked again, under its number. */
const AGAIN: readonly number[] = (
  ["NOT_READY", "STOPPING", "OVERLOADED", "NO_SPACE", "NO_MEMORY", "NO_QUORUM", "NOT_CAUGHT_UP"] as const
).map((reason) => errors[reason].code);
const RETRY_MS_MAX = 60;
/** A link on which nothing comes for so long is let go, ms. */
const SILENCE_MS = 3_000;
/** How often a member that does not serve is left for another one. */
const LEAVING = 0.2;
const OUTSTANDING_MAX = 12;
/** Answered writes that may be asked again, as if the answer had not come. */
const REMEMBERED = 6;

type Write = Extract<NumberedRequest, { kind: "write" }>;

interface Session {
  readonly id: number;
  readonly secretHash: Uint8Array;
  readonly timeoutMs: number;
}

/**
 * One application with a session of its own (or none): pipelines what the workload gives it, keeps its session alive,
 * resumes it on a new link, asks again what was not answered, under the same numbers, goes on with its watches; and
 * sometimes falls silent, lets a link go, closes its session, or repeats itself.
 */
export class SimulatedClient {
  private readonly host: ClientHost;
  readonly name: number;
  private readonly random: Prng;
  private readonly identities: readonly Identity[];
  private readonly hasSession: boolean;
  /** Asks nothing but what has to be as fresh as can be, as long as the others ask: it waits for no write. */
  private readonly onlyReads: boolean;
  private link: ClientLink | undefined;
  private isReady = false;
  private session: Session | undefined;
  private secret = new Uint8Array(32);
  private secrets = 0;
  private next = 1;
  private tokens = 0;
  private unanswered = new Map<number, NumberedRequest>();
  private answered: Write[] = [];
  private watches = new Map<number, { readonly path: string; readonly mode: WatchMode }>();
  private pages: { readonly path: string; readonly cursor: Uint8Array } | undefined;
  private lastZxid = 0;
  /** When its session began: of the events since then, a member may have forgotten the oldest. */
  private firstZxid = 0;
  private silentUntil = 0;
  /** When the link brought something, or was made. */
  private heardAt = 0;
  private isClosing = false;
  private isStopped = false;

  constructor(
    host: ClientHost,
    name: number,
    random: Prng,
    who: { readonly identities: readonly Identity[]; readonly session: boolean; readonly onlyReads?: boolean },
  ) {
    this.host = host;
    this.name = name;
    this.random = random;
    this.identities = who.identities;
    this.hasSession = who.session;
    this.onlyReads = who.onlyReads === true;
    this.connect();
    this.later(this.random.below(20), () => this.act());
    this.later(50, () => this.keepAlive());
  }

  /** Nothing is left to ask, and it knows all answers. */
  get isDone(): boolean {
    return this.host.workload.isOver && this.unanswered.size === 0 && !this.isClosing;
  }

  /** Says nothing more: closes its session, or lets it expire. */
  stop(closes: boolean): void {
    if (closes && this.isReady && this.session !== undefined) this.link?.send({ kind: "close" });
    this.isStopped = true;
  }

  // ---- Link ----

  receive(link: ClientLink | undefined, message: ServerMessage): void {
    if (link === undefined || link !== this.link) return;
    this.heardAt = this.host.timeline.now;
    if (message.kind === "opened") this.opened(message.session);
    else if (message.kind === "answer") this.answer(message);
    else if (message.kind === "closed") this.closed(message.reason);
    else if (message.kind === "events") {
      this.lastZxid = Math.max(this.lastZxid, message.zxid);
      for (const { watchId } of message.events) this.fired(watchId);
    }
  }

  lost(link: ClientLink | undefined): void {
    if (link === this.link) this.disconnected();
  }

  private connect(): void {
    if (this.link !== undefined || this.isStopped) return;
    this.link = this.host.connect(this, this.identities);
    this.heardAt = this.host.timeline.now;
    if (this.link === undefined) this.reconnectLater();
    else if (!this.hasSession) this.ready();
    else if (this.session !== undefined) {
      this.link.send({ kind: "resume", sessionId: this.session.id, secretHash: this.session.secretHash });
    } else {
      this.secret = new Uint8Array(32).fill(this.name);
      this.secret[1] = ++this.secrets & 255;
      const timeoutMs = this.random.pick([1, 1_000, 2_000, 4_000]);
      this.link.send({ kind: "open", secretHash: this.secret, timeoutMs });
    }
  }

  private reconnectLater(): void {
    this.later(5 + this.random.below(100), () => this.connect());
  }

  private disconnected(): void {
    this.link = undefined;
    this.isReady = false;
    this.isClosing = false;
    // Without a session nobody can tell whether they were applied.
    if (!this.hasSession) this.forgetAll();
    this.reconnectLater();
  }

  private opened({ sessionId, timeoutMs, resumed, zxid }: OpenedSession): void {
    if (!resumed) {
      this.session = { id: sessionId, secretHash: this.secret, timeoutMs };
      this.lastZxid = zxid;
      this.firstZxid = zxid;
    }
    this.ready();
  }

  private closed(reason: string | undefined): void {
    if (reason === undefined || reason === "SESSION_EXPIRED") {
      this.session = undefined;
      this.forgetAll();
    }
    this.disconnected();
  }

  private forgetAll(): void {
    for (const request of this.unanswered.values()) {
      // Else a seed whose clients often lose their sessions would compare few answers.
      const isOfWorkload = request.kind === "write" || (request.kind === "read" && !isNextPage(request.operation));
      if (isOfWorkload && !this.onlyReads) this.host.workload.giveBack(request.operation);
    }
    this.unanswered = new Map();
    this.answered = [];
    this.watches = new Map();
    this.pages = undefined;
  }

  /** Requests may be sent: first what was not answered, and the watches from where they broke off. */
  private ready(): void {
    this.isReady = true;
    const unanswered = [...this.unanswered.values()];
    const armed = [...this.watches];
    if (this.random.chance(0.5)) this.rearm(armed);
    for (const request of unanswered) this.link?.send(this.again(request));
    if (this.watches.size > 0 && unanswered.every(({ kind }) => kind !== "watch")) this.rearm(armed);
  }

  private rearm(watches: readonly (readonly [number, { readonly path: string; readonly mode: WatchMode }])[]): void {
    for (const [watchId, { path, mode }] of watches) {
      this.ask({ kind: "watch", number: this.next++, watch: { watchId, path, mode, afterZxid: this.lastZxid } });
    }
  }

  // ---- Answers ----

  private answer({ number, code, zxid, cursor }: Extract<ServerMessage, { kind: "answer" }>): void {
    const request = this.unanswered.get(number);
    if (request === undefined) return;
    if (AGAIN.includes(code)) {
      const { link } = this;
      if (code === errors.NOT_READY.code && this.random.chance(LEAVING)) {
        this.letGo();
        return;
      }
      this.later(1 + this.random.below(RETRY_MS_MAX), () => {
        if (this.link === link && this.isReady && this.unanswered.has(number)) link?.send(this.again(request));
      });
      return;
    }
    this.unanswered.delete(number);
    this.lastZxid = Math.max(this.lastZxid, zxid);
    if (request.kind === "write") {
      this.answered.push(request);
      if (this.answered.length > REMEMBERED) this.answered.shift();
    } else if (request.kind === "watch") {
      const { watchId, path, mode } = request.watch;
      if (code === errors.COMPACTED.code) {
        this.ask({ kind: "watch", number: this.next++, watch: { ...request.watch, afterZxid: 0 } });
      } else if (code === OK) this.watches.set(watchId, { path, mode });
      else this.watches.delete(watchId);
    } else if (request.kind === "unwatch") this.watches.delete(request.watchId);
    else if (request.kind === "read" && request.operation.kind === "list" && cursor.length > 0) {
      this.pages = { path: request.operation.path, cursor };
    }
  }

  private fired(watchId: number): void {
    const mode = this.watches.get(watchId)?.mode;
    if (mode !== "persistent" && mode !== "persistent-recursive") this.watches.delete(watchId);
  }

  // ---- What it does ----

  private act(): void {
    this.later(this.random.chance(0.05) ? 200 + this.random.below(800) : 1 + this.random.below(25), () => this.act());
    if (!this.isReady || this.isClosing || this.host.timeline.now < this.silentUntil) return;
    const dice = this.random.below(1_000);
    if (dice < 8) this.letGo();
    else if (dice < 14 && this.session !== undefined) this.close();
    else if (dice < 22) this.silentUntil = this.host.timeline.now + 500 + this.random.below(5_000);
    else for (let left = 1 + this.random.below(6); left > 0; left--) this.askSomething();
  }

  private letGo(): void {
    this.link?.abandon();
    this.disconnected();
  }

  private close(): void {
    this.isClosing = true;
    this.link?.send({ kind: "close" });
  }

  private askSomething(): void {
    if (this.unanswered.size >= OUTSTANDING_MAX || this.host.workload.isOver) return;
    const { random } = this;
    if (this.onlyReads) {
      this.askFresh();
      return;
    }
    const dice = random.below(100);
    if (dice < 4 && this.answered.length > 0 && this.session !== undefined) this.link?.send(random.pick(this.answered));
    else if (dice < 6) this.ask({ kind: "sync", number: this.next++ });
    else if (dice < 14) this.watch();
    else if (dice < 16) {
      const watchId = random.pick([...this.watches.keys(), 1]);
      this.ask({ kind: "unwatch", number: this.next++, watchId });
    } else if (dice < 19 && this.pages !== undefined) this.turnPage();
    else this.askNext();
  }

  private askNext(): void {
    const operation = this.host.workload.next();
    if (operation === undefined) return;
    if (isRead(operation)) this.ask({ kind: "read", number: this.next++, operation, ...this.freshness() });
    else this.ask({ kind: "write", number: this.next++, answeredBelow: 0, operation });
  }

  private askFresh(): void {
    const { workload } = this.host;
    if (this.random.chance(0.3)) this.ask({ kind: "sync", number: this.next++ });
    else {
      const operation = { kind: "get", path: workload.watchPath() } as const;
      this.ask({ kind: "read", number: this.next++, operation, minZxid: 0, linearizable: true });
    }
  }

  private freshness(): { minZxid: number; linearizable: boolean } {
    const { random } = this;
    const minZxid = random.chance(0.8) ? 0 : random.chance(0.8) ? this.lastZxid : this.lastZxid + random.below(6);
    return { minZxid, linearizable: random.chance(0.15) };
  }

  private turnPage(): void {
    const { path, cursor } = this.pages as { path: string; cursor: Uint8Array };
    this.pages = undefined;
    const operation = { kind: "list", path, limit: 1, cursor } as const;
    this.ask({ kind: "read", number: this.next++, operation, minZxid: 0, linearizable: false });
  }

  private watch(): void {
    const { workload } = this.host;
    const [path, mode] = [workload.watchPath(), workload.watchMode()];
    const watchId = this.random.chance(0.1) ? 1 : this.next;
    const afterZxid = this.random.chance(0.3) ? this.random.pick([this.lastZxid, this.firstZxid]) : 0;
    this.ask({ kind: "watch", number: this.next++, watch: { watchId, path, mode, afterZxid } });
  }

  private ask(request: NumberedRequest): void {
    const { number } = request;
    this.unanswered.set(number, request);
    this.link?.send(this.again(request));
  }

  /** The request as it is sent now: what has been answered meanwhile goes with it. */
  private again(request: NumberedRequest): NumberedRequest {
    if (request.kind !== "write" || this.random.chance(0.4)) return request;
    let lowest = request.number;
    for (const [number, { kind }] of this.unanswered) if (kind === "write" && number < lowest) lowest = number;
    return { ...request, answeredBelow: lowest };
  }

  private keepAlive(): void {
    this.later((this.session?.timeoutMs ?? 1_000) / 4, () => this.keepAlive());
    const isWaiting = !this.isReady || this.session !== undefined || this.unanswered.size > 0;
    if (this.link !== undefined && isWaiting && this.host.timeline.now - this.heardAt > SILENCE_MS) this.letGo();
    if (this.isReady && this.session !== undefined && this.host.timeline.now >= this.silentUntil) {
      this.link?.send({ kind: "touch", token: ++this.tokens });
    }
  }

  private later(delayMs: number, work: () => void): void {
    this.host.timeline.after(delayMs, () => {
      if (!this.isStopped) work();
    });
  }
}

function isNextPage(operation: ReadOperation): boolean {
  return operation.kind === "list" && operation.cursor.length > 0;
}
