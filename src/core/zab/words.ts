import { encodeNotify, type Notify, type ZabState, zabState } from "./peer-message.ts";
import type { RoleHost } from "./role-host.ts";
import type { Seeking } from "./seeking.ts";

/** Words are repeated this many times per time-out. */
const REPEATS_PER_TIMEOUT = 5;

/** The member whose words these are. */
export interface Speaker extends RoleHost {
  /** Of the leader it follows, or itself; 0 while it looks. */
  readonly leaderId: number;
  readonly isLeading: boolean;
  /** Leads, and a quorum has the history of its epoch. */
  readonly isReigning: boolean;
  readonly epoch: number;
}

/** How this member stands, as it tells the others: when that changes, and regularly. */
export class Words {
  private readonly speaker: Speaker;
  private readonly seeking: Seeking;
  private readonly featureLevel: number;
  private last: Uint8Array = new Uint8Array(0);
  private nextRepeat = 0;

  constructor(speaker: Speaker, seeking: Seeking, featureLevel: number) {
    this.speaker = speaker;
    this.seeking = seeking;
    this.featureLevel = featureLevel;
  }

  now(): Notify {
    const { speaker, seeking, featureLevel } = this;
    const { id, replica, peers, effects } = speaker;
    const now = effects.now();
    return {
      state: this.state,
      leaderId: speaker.leaderId,
      isEstablished: speaker.isReigning,
      currentEpoch: speaker.epoch,
      lastZxid: replica.lastZxid,
      appliedZxid: effects.digest().zxid,
      vote: seeking.vote,
      isElectable: seeking.isCandidate && !speaker.wantsSnapshot && !replica.isDamaged && speaker.isCounted(id),
      isDamaged: replica.isDamaged,
      featureLevel,
      hears: peers.hears(now),
      mutual: peers.mutual(now),
    };
  }

  private get state(): ZabState {
    const { isLeading, leaderId } = this.speaker;
    if (isLeading) return zabState.LEADING;
    return leaderId === 0 ? zabState.LOOKING : zabState.FOLLOWING;
  }

  /** Tells one peer, whose link is new. */
  tellTo(peer: number): void {
    this.speaker.effects.send(peer, encodeNotify(this.now()));
  }

  tick(now: number): void {
    if (now < this.nextRepeat) return;
    this.nextRepeat = now + this.speaker.timeoutMs / REPEATS_PER_TIMEOUT;
    this.tell(true);
  }

  /** Tells every peer, if anything but the zxids has changed, or `always`. */
  tell(always: boolean): void {
    const own = this.now();
    const isLooking = own.state === zabState.LOOKING;
    const news = encodeNotify(isLooking ? { ...own, appliedZxid: 0 } : { ...own, lastZxid: 0, appliedZxid: 0 });
    if (!always && areEqual(news, this.last)) return;
    this.last = news;
    const frame = encodeNotify(own);
    for (const id of this.speaker.peers.ids()) this.speaker.effects.send(id, frame);
  }
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
