import { decodeReply, hasSucceeded } from "./decode-reply.ts";
import { encodeRequest, type Meaning, typeOf } from "./encode-request.ts";
import { fixedXids, opCodes, PASSWORD_BYTES } from "./protocol.ts";
import { type Arrival, type ConnectRequest, type ConnectResponse, RawConnection } from "./raw-client.ts";
import { isWrite, type ReadRequest, type Request } from "./request.ts";
import type { Item, Outcome, Step } from "./step.ts";
import type { Target } from "./target.ts";

export const SLOTS = 4;
/** Pings are not sent: every step is one for them. */
const WATCHER_MS = 60_000;
/** How long a server may take to close a connection that it closes for good. */
const CLOSE_MS = 5_000;
/** How long to wait before a request is sent that wakes a server up; how often that is tried. */
const NUDGE_AFTER_MS = 300;
const NUDGES_MAX = 10;
/** How often a slot's server is asked whether it has applied what another one answered. */
const BARRIER_TRIES = 5_000;
const BARRIER_PAUSE_MS = 2;
/** Far beyond any zxid, but not beyond the epochs that a safe integer holds. */
export const FUTURE_ZXID = 2n ** 52n;

interface Slot {
  connection: RawConnection;
  server: number;
  readonly sessionId: bigint;
  readonly password: Uint8Array;
  readonly timeoutMs: number;
  isOpen: boolean;
}

type Asked = ReadonlyMap<number, { readonly request: Request; readonly index: number }>;

const LOOK: ReadRequest = { op: "exists", path: "/", watch: false };
const AUTH_FAILED = -115;
const NONE: Asked = new Map();

/** One ensemble in one run: its slots with their sessions. Plays steps and says what clients saw. */
export class Side {
  private readonly addresses: readonly string[];
  private readonly losesWakeUps: boolean;
  private readonly meaning: Meaning;
  private readonly slots: (Slot | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  /** One for every server, to see how far it is: a server without a slot takes part in the run, too. */
  private readonly watchers: RawConnection[] = [];
  /** The highest zxid that a reply has shown. */
  highestZxid: bigint;

  private constructor(target: Target, meaning: Meaning, highestZxid: bigint) {
    this.addresses = target.addresses;
    this.losesWakeUps = target.losesWakeUps;
    this.meaning = meaning;
    this.highestZxid = highestZxid;
  }

  static async start(target: Target, meaning: Meaning, highestZxid: bigint): Promise<Side> {
    const side = new Side(target, meaning, highestZxid);
    for (const address of target.addresses) {
      const { connection, response } = await RawConnection.open(address, newSession(WATCHER_MS, false));
      if (response === undefined || response.sessionId === 0n) throw new Error(`${address} gives no session`);
      side.watchers.push(connection);
    }
    return side;
  }

  /** The session's id in each slot; 0 where there is none. */
  get sessions(): readonly bigint[] {
    return this.slots.map((slot) => slot?.sessionId ?? 0n);
  }

  /** Plays the step, then waits until every slot's server has applied it, so that its events have come. */
  async play(step: Step): Promise<Outcome> {
    const items: Item[][] = this.slots.map(() => []);
    const own = items[step.slot] as Item[];
    if (step.kind === "open") await this.open(step, own);
    else if (step.kind === "resume") await this.resume(step, own);
    else await this.send(step, own);
    await this.barrier(items, mayChange(step) ? undefined : step.slot);
    for (const [index, slot] of this.slots.entries()) {
      if (slot?.isOpen && slot.connection.closed)
        await this.reconnect(slot, slot.server, slot.password, 0n, items[index]!);
    }
    return items;
  }

  /** Ends every session. */
  async close(): Promise<void> {
    const open = this.slots.flatMap((slot) => (slot?.isOpen ? [slot.connection] : []));
    await Promise.all(
      [...open, ...this.watchers].map(async (connection) => {
        connection.send(opCodes.closeSession, new Uint8Array(0));
        await connection.settled();
      }),
    );
    for (const slot of this.slots) slot?.connection.destroy();
    for (const watcher of this.watchers) watcher.destroy();
  }

  private async open(step: Step & { kind: "open" }, items: Item[]): Promise<void> {
    if (this.slots[step.slot]?.isOpen) return;
    const request = newSession(step.timeoutMs, step.readOnly);
    const { connection, response } = await RawConnection.open(this.address(step.server), request);
    items.push(connectItem(response));
    if (response === undefined || response.sessionId === 0n) return;
    const { sessionId, password } = response;
    const { server, timeoutMs } = step;
    this.slots[step.slot] = { connection, server, sessionId, password, timeoutMs, isOpen: true };
  }

  private async resume(step: Step & { kind: "resume" }, items: Item[]): Promise<void> {
    const slot = this.slots[step.slot];
    if (!slot?.isOpen) return;
    const old = slot.connection;
    const takesOver = step.takesOver && this.address(step.server) === this.address(slot.server);
    if (!takesOver) old.destroy();
    const seen = { zero: 0n, last: this.highestZxid, future: FUTURE_ZXID }[step.seen];
    const password = step.password === "right" ? slot.password : slot.password.map((byte) => byte ^ 0x55);
    await this.reconnect(slot, step.server, password, seen, items);
    if (!takesOver) return;
    items.push({ kind: "old connection", closed: await old.untilClosed(CLOSE_MS) });
    old.destroy();
  }

  private async reconnect(
    slot: Slot,
    server: number,
    password: Uint8Array,
    lastZxidSeen: bigint,
    items: Item[],
  ): Promise<void> {
    const { connection, response } = await RawConnection.open(this.address(server), {
      timeoutMs: slot.timeoutMs,
      sessionId: slot.sessionId,
      password,
      lastZxidSeen,
      readOnly: false,
    });
    items.push(connectItem(response));
    if (response !== undefined && response.sessionId === slot.sessionId) {
      slot.connection = connection;
      slot.server = server;
      return;
    }
    connection.destroy();
    const wasOurMistake = password !== slot.password || lastZxidSeen === FUTURE_ZXID;
    if (!wasOurMistake) slot.isOpen = false;
    // The session is still there, and only its own password opens it.
    else await this.reconnect(slot, slot.server, slot.password, 0n, items);
  }

  private async send(step: Step & { kind: "request" | "burst" | "bytes" }, items: Item[]): Promise<void> {
    const slot = this.slots[step.slot];
    if (!slot?.isOpen) return;
    const { connection } = slot;
    if (step.kind === "bytes") {
      connection.sendRaw(Buffer.from(step.hex, "hex"));
      if (!(await connection.untilClosed(CLOSE_MS))) items.push({ kind: "stray", xid: 0, error: 0 });
      items.push(...this.itemsOf(connection.take(), NONE));
      return;
    }
    const requests = step.kind === "request" ? [step.request] : step.requests;
    const asked = new Map<number, { readonly request: Request; readonly index: number }>();
    connection.cork();
    for (const [index, request] of requests.entries()) asked.set(this.ask(connection, request), { request, index });
    connection.uncork();
    await this.settle(slot);
    if (requests.some(({ op }) => op === "closeSession")) {
      if (await connection.untilClosed(CLOSE_MS)) slot.isOpen = false;
      connection.destroy();
    }
    const replies = this.itemsOf(connection.take(), asked);
    // The server closes after these: not at once, but before it is asked again.
    if (replies.some(isLast)) {
      await connection.untilClosed(CLOSE_MS);
      replies.push(...this.itemsOf(connection.take(), NONE));
    }
    items.push(...replies);
  }

  private async settle({ connection, server }: Slot): Promise<void> {
    const watcher = this.watchers[server % this.watchers.length] as RawConnection;
    for (let nudges = 0; this.losesWakeUps && nudges < NUDGES_MAX; nudges++) {
      if (await connection.answered(NUDGE_AFTER_MS)) break;
      this.ask(watcher, LOOK);
      await watcher.settled();
      watcher.take();
    }
    await connection.settled();
  }

  private ask(connection: RawConnection, request: Request): number {
    const xid = request.op === "unknown" ? undefined : fixedXids[request.op];
    return connection.send(typeOf(request), encodeRequest(request, this.meaning), xid);
  }

  /**
   * Until every server has applied all that any has shown: only then have all events come, and only then does the next
   * step find the same everywhere. With `only`, of nothing but that slot's connection.
   */
  private async barrier(items: Item[][], only: number | undefined): Promise<void> {
    const slots = this.slots.flatMap((slot, index) => {
      const isMeant = slot?.isOpen && (only === undefined || only === index);
      return isMeant ? [this.catchUp(slot.connection, items[index] as Item[])] : [];
    });
    const watchers = only === undefined ? this.watchers.map((watcher) => this.catchUp(watcher, [])) : [];
    await Promise.all([...slots, ...watchers]);
  }

  private async catchUp(connection: RawConnection, items: Item[]): Promise<void> {
    for (let tries = 0; tries < BARRIER_TRIES && !connection.closed; tries++) {
      if (tries > 0) await new Promise((resolve) => setTimeout(resolve, BARRIER_PAUSE_MS));
      const asked = [this.ask(connection, LOOK)];
      while (this.losesWakeUps && asked.length < NUDGES_MAX && !(await connection.answered(NUDGE_AFTER_MS))) {
        asked.push(this.ask(connection, LOOK));
      }
      await connection.settled();
      let seen = -1n;
      for (const arrival of connection.take()) {
        if (arrival.kind === "reply" && asked.includes(arrival.ticket)) seen = arrival.zxid;
        else items.push(this.itemOf(arrival, NONE));
      }
      if (seen >= this.highestZxid) return;
    }
    if (!connection.closed) throw new Error(`a server does not come to zxid ${this.highestZxid}`);
    items.push(...this.itemsOf(connection.take(), NONE));
  }

  private itemsOf(arrivals: readonly Arrival[], asked: Asked): Item[] {
    return arrivals.map((arrival) => this.itemOf(arrival, asked));
  }

  private itemOf(arrival: Arrival, asked: Asked): Item {
    switch (arrival.kind) {
      case "reply": {
        const question = asked.get(arrival.ticket);
        const { error, zxid, xid } = arrival;
        if (question === undefined) return { kind: "stray", xid, error };
        const value = error === 0 ? decodeReply(question.request, arrival.body, this.meaning) : {};
        const fresh = zxid > this.highestZxid;
        if (fresh) this.highestZxid = zxid;
        return { kind: "reply", ...question, error, zxid, fresh, value };
      }
      case "event": {
        const { type, state, path, zxid, error } = arrival;
        return { kind: "event", type, state, path, zxid, error };
      }
      case "silent": {
        const question = asked.get(arrival.ticket);
        return question === undefined ? { kind: "stray", xid: 0, error: 0 } : { kind: "silent", ...question };
      }
      case "closed":
        return { kind: "closed" };
    }
  }

  private address(server: number): string {
    return this.addresses[server % this.addresses.length] as string;
  }
}

function newSession(timeoutMs: number, readOnly: boolean | undefined): ConnectRequest {
  return { timeoutMs, sessionId: 0n, password: new Uint8Array(PASSWORD_BYTES), lastZxidSeen: 0n, readOnly };
}

/** Whether others than the one who asked may see something of it. */
function mayChange(step: Step): boolean {
  return step.kind !== "request" || step.request.mangle !== undefined || isWrite(step.request);
}

function connectItem(response: ConnectResponse | undefined): Item {
  if (response === undefined) return { kind: "refused" };
  const { protocolVersion, timeoutMs, sessionId, password, readOnly } = response;
  const granted = sessionId !== 0n;
  return { kind: "connected", granted, protocolVersion, timeoutMs, passwordBytes: password.length, readOnly };
}

function isLast(item: Item): boolean {
  return item.kind === "reply" && (item.error === AUTH_FAILED || item.request.op === "unknown");
}

/** Whether a reply is of a write that was done: its zxid is then the write's own. */
export function isDone(item: Item & { kind: "reply" }): boolean {
  return item.error === 0 && hasSucceeded(item.value);
}
