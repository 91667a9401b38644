import { memberMessage } from "../../../../src/core/member/member-message.ts";
import { peerMessage } from "../../../../src/core/zab/peer-message.ts";
import type { PeerIdentity } from "../../../../src/core/zab/zab-contract.ts";

export type MessageName = keyof typeof peerMessage | keyof typeof memberMessage;
const names = new Map<number, MessageName>(
  Object.entries({ ...peerMessage, ...memberMessage }).map(([name, type]) => [type, name as MessageName]),
);

export function nameOf(frame: Uint8Array): MessageName {
  return names.get(frame[0] as number) as MessageName;
}

export interface Sent {
  readonly from: number;
  readonly to: number;
  readonly name: MessageName;
  readonly frame: Uint8Array;
}

/** Whoever is at the end of a link. */
export interface PeerHost {
  linkUp(peer: PeerIdentity): void;
  linkDown(peer: number): void;
  receive(peer: number, frame: Uint8Array): void;
}

/** A FIFO link for each direction between any two; what is on its way moves when the test says so. */
export abstract class TestNet {
  /** Everything ever sent over a link that was up. */
  readonly sent: Sent[] = [];
  private readonly queues = new Map<string, Uint8Array[]>();
  /** Links that are up, as "low-high". */
  private readonly links = new Set<string>();
  /** Pairs that have no link, whatever happens. */
  private readonly apart = new Set<string>();
  /** Ways whose messages stay where they are. */
  private readonly clogged = new Set<string>();

  protected abstract hostOf(id: number): PeerHost;
  /** Those that run, by id. */
  protected abstract peers(): readonly PeerIdentity[];

  /** Both ends lose the link, and what is on its way. */
  unlink(a: number, b: number): void {
    if (!this.links.delete(pair(a, b))) return;
    for (const way of [`${a}>${b}`, `${b}>${a}`]) this.queues.delete(way);
    this.hostOf(a).linkDown(b);
    this.hostOf(b).linkDown(a);
  }

  /** No link between these until {@link join}. */
  part(a: number, b: number): void {
    this.apart.add(pair(a, b));
    this.unlink(a, b);
  }

  join(a: number, b: number): void {
    this.apart.delete(pair(a, b));
    this.joinAll();
  }

  /** One side of the net cannot reach the other. */
  partition(one: readonly number[], other: readonly number[]): void {
    for (const a of one) for (const b of other) this.part(a, b);
  }

  heal(): void {
    this.apart.clear();
    this.clogged.clear();
    this.joinAll();
  }

  /** Nothing arrives any more, and nobody is told; one way only. */
  clog(from: number, to: number): void {
    this.clogged.add(`${from}>${to}`);
  }

  /** From now on it arrives, in order, what waited first. */
  unclog(from: number, to: number): void {
    this.clogged.delete(`${from}>${to}`);
  }

  /** What is on its way, from one to the other. */
  queue(from: number, to: number): readonly Uint8Array[] {
    return this.queues.get(`${from}>${to}`) ?? [];
  }

  send(from: number, to: number, frame: Uint8Array): void {
    if (!this.links.has(pair(from, to))) return;
    this.sent.push({ from, to, name: nameOf(frame), frame });
    const way = `${from}>${to}`;
    const queue = this.queues.get(way) ?? [];
    this.queues.set(way, queue);
    queue.push(frame);
  }

  /** Delivers the next message of this way; its name. */
  deliver(from: number, to: number): MessageName {
    const frame = this.queues.get(`${from}>${to}`)?.shift();
    if (frame === undefined) throw new Error(`nothing is on its way from ${from} to ${to}`);
    const lent = frame.slice();
    this.hostOf(to).receive(from, lent);
    // It was only lent.
    lent.fill(0xee);
    return nameOf(frame);
  }

  /** Delivers messages of this way up to and including the first of this name. */
  deliverUntil(from: number, to: number, name: MessageName): void {
    while (this.deliver(from, to) !== name);
  }

  /** What has been sent since `from`, in words: "1>2 PROPOSE". */
  since(from: number, ...wanted: MessageName[]): string[] {
    const found = this.sent.slice(from).filter(({ name }) => wanted.length === 0 || wanted.includes(name));
    return found.map(({ from: sender, to, name }) => `${sender}>${to} ${name}`);
  }

  /** Delivers one message of each way that is not clogged; false when there is none. */
  protected deliverEach(): boolean {
    let moved = false;
    for (const [way, queue] of [...this.queues]) {
      if (queue.length === 0 || this.clogged.has(way)) continue;
      const [from, to] = way.split(">").map(Number) as [number, number];
      this.deliver(from, to);
      moved = true;
    }
    return moved;
  }

  /** Links between all who run come up, but where there is to be none. */
  protected joinAll(): void {
    const peers = this.peers();
    for (const a of peers) {
      for (const b of peers) if (a.id < b.id && !this.apart.has(pair(a.id, b.id))) this.link(a, b);
    }
  }

  private link(a: PeerIdentity, b: PeerIdentity): void {
    if (this.links.has(pair(a.id, b.id))) return;
    this.links.add(pair(a.id, b.id));
    this.hostOf(a.id).linkUp(b);
    this.hostOf(b.id).linkUp(a);
  }
}

function pair(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}
