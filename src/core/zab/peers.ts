import type { Elector } from "./election.ts";
import type { Notify } from "./peer-message.ts";
import type { PeerIdentity } from "./zab-contract.ts";

/** A member there is a link to. */
interface Peer extends PeerIdentity {
  heardAt: number;
  notify: Notify | undefined;
}

/** The members this one has links to: when they were heard, and what they said last. */
export class Peers {
  private readonly self: number;
  private readonly timeoutMs: number;
  private readonly peers = new Map<number, Peer>();

  constructor(self: number, timeoutMs: number) {
    this.self = self;
    this.timeoutMs = timeoutMs;
  }

  up(peer: PeerIdentity, now: number): void {
    this.peers.set(peer.id, { ...peer, heardAt: now, notify: undefined });
  }

  down(id: number): void {
    this.peers.delete(id);
  }

  heard(id: number, now: number): void {
    const peer = this.peers.get(id);
    if (peer !== undefined) peer.heardAt = now;
  }

  said(id: number, notify: Notify): void {
    const peer = this.peers.get(id);
    if (peer !== undefined) peer.notify = notify;
  }

  /** It stands otherwise by now, and will say so. */
  forgetWords(id: number): void {
    const peer = this.peers.get(id);
    if (peer !== undefined) peer.notify = undefined;
  }

  /** What it said last over the present link. */
  wordsOf(id: number): Notify | undefined {
    return this.peers.get(id)?.notify;
  }

  addressOf(id: number): string | undefined {
    return this.peers.get(id)?.address;
  }

  incarnationOf(id: number): string | undefined {
    return this.peers.get(id)?.incarnation;
  }

  ids(): IterableIterator<number> {
    return this.peers.keys();
  }

  isHeard(id: number, now: number): boolean {
    const peer = this.peers.get(id);
    return peer !== undefined && now - peer.heardAt <= this.timeoutMs;
  }

  /** This member could not hear anybody for so long: its own loop stood still. */
  excuse(ms: number): void {
    for (const peer of this.peers.values()) peer.heardAt += ms;
  }

  /** Whom this member hears. */
  hears(now: number): number[] {
    return [...this.peers.values()].filter(({ id, notify }) => notify !== undefined && this.isHeard(id, now)).map(idOf);
  }

  /** Those of them who say that they hear this member. */
  mutual(now: number): number[] {
    return this.hears(now).filter((id) => this.peers.get(id)?.notify?.hears.includes(this.self));
  }

  /** What those said, by id. */
  electors(now: number): Map<number, Elector> {
    const electors = new Map<number, Elector>();
    for (const id of this.mutual(now)) electors.set(id, { id, ...(this.peers.get(id)?.notify as Notify) });
    return electors;
  }
}

function idOf({ id }: PeerIdentity): number {
  return id;
}
