import type { Joiner } from "./configuration-change.ts";
import type { Elector } from "./election.ts";
import type { EnsembleConfiguration } from "./ensemble-configuration.ts";
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
  private lastTick: number | undefined;

  constructor(self: number, timeoutMs: number) {
    this.self = self;
    this.timeoutMs = timeoutMs;
  }

  start(now: number): void {
    this.lastTick = now;
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

  incarnationOf(id: number): string | undefined {
    return this.peers.get(id)?.incarnation;
  }

  ids(): IterableIterator<number> {
    return this.peers.keys();
  }

  /** Those that are not of the configuration, or not under the incarnation it has: by id. */
  joiners({ members }: EnsembleConfiguration): Map<number, Joiner> {
    const joiners = new Map<number, Joiner>();
    for (const { id, incarnation, address } of this.peers.values()) {
      const isKnown = members.some((member) => member.id === id && member.incarnation === incarnation);
      if (!isKnown) joiners.set(id, { incarnation, peerAddress: address ?? "" });
    }
    return joiners;
  }

  isHeard(id: number, now: number): boolean {
    const peer = this.peers.get(id);
    return peer !== undefined && now - peer.heardAt <= this.timeoutMs;
  }

  /** Regular. When the own loop stood still, nobody could be heard, and that is nobody's fault. */
  excusePause(now: number): void {
    const since = now - (this.lastTick ?? now);
    this.lastTick = now;
    if (since <= this.timeoutMs / 2) return;
    for (const peer of this.peers.values()) peer.heardAt += since;
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
