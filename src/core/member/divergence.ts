import { InvariantError } from "../base/assert.ts";
import { formatZxid } from "../base/zxid.ts";
import type { Zab } from "../zab/zab.ts";
import type { DigestAt, DigestRing } from "./digest-ring.ts";
import { encodeDigest, encodeVerdict, memberMessage, verdict } from "./member-message.ts";

export interface DivergenceHost {
  readonly memberId: number;
  readonly zab: Zab;
  digests(): DigestRing;
  /** This member's tree is right: what it was suspected for does not count. */
  trusted(zxid: number): void;
  /** This member's tree is wrong: it serves no more until a snapshot has taken the tree's place. */
  condemned(zxid: number): void;
  /** Nobody remembers what was right there, and nobody is condemned for it: whoever is held up there goes on. */
  unknowable(zxid: number): void;
  /** This member waits to be proven right, at whatever zxid. */
  isOnProbation(): boolean;
  /** Nobody can say whether this member's tree is right: nothing is applied to it or read from it any more. */
  doubted(zxid: number): void;
}

/** What a member answers that has applied more, and does not remember what it had there: since a restart, say. */
const FORGOTTEN = "";

/** What each member has at one zxid. */
interface Poll {
  readonly answers: Map<number, string>;
  /** Those that were voters with the disk the ensemble knows when they answered, whether or not they are here now. */
  readonly counted: Set<number>;
}

/** Comparisons a leader has open at most; the oldest goes. */
const POLLS_MAX = 16;

/**
 * Who is right when two members' trees differ (core.md 29). Whoever notices tells the leader, which asks every member
 * for its digest at that one zxid. What a quorum has is right: the others get a snapshot, the leader among them after
 * it has stepped down. When all voters have answered and no value has a quorum, everybody stops. Where one has got
 * further and does not remember, nobody is condemned: who is held up goes on, on probation, and has what it has got
 * compared until a quorum has the same, or another tree.
 */
export class Divergence {
  private readonly host: DivergenceHost;
  /** As the leader: by zxid. */
  private readonly polls = new Map<number, Poll>();
  /** By zxid, what a quorum had: for good, since those that were wrong get another tree, and quorums change. */
  private readonly settled = new Map<number, string>();
  /** This member's own, told to each leader until there is a verdict. */
  private suspicion = 0;
  /** As the leader: everybody is told to stop on account of this zxid; then this member does. */
  private haltingAt = 0;

  constructor(host: DivergenceHost) {
    this.host = host;
  }

  /** What was heard of somebody's tree at this zxid differs from this member's. */
  suspect(zxid: number): void {
    if (this.suspicion === 0) this.suspicion = zxid;
    this.tellLeader();
  }

  /** This member applies nothing before there is a verdict on this zxid: no earlier suspicion is as urgent. */
  heldUp(zxid: number): void {
    this.suspicion = zxid;
    this.tellLeader();
  }

  /** There is a leader: this member's suspicion, if it has one, is for it to look into. */
  tellLeader(): void {
    const { zab } = this.host;
    // One that is to have another tree has nothing to find out any more.
    if (this.suspicion === 0 || zab.wantsSnapshot) return;
    this.bringUp(this.suspicion);
  }

  /** Has the members compare what they have at this zxid. */
  private bringUp(zxid: number): void {
    const { zab } = this.host;
    if (zab.isEstablished) this.poll(zxid);
    else if (zab.leaderId !== 0 && !zab.isLeading) this.tell(zab.leaderId, zxid);
  }

  /** The leader is lost; its polls with it. */
  reset(): void {
    this.polls.clear();
    this.settled.clear();
  }

  /** A snapshot has taken the tree's place. */
  repaired(): void {
    this.suspicion = 0;
  }

  /** The leader asks for this member's digest. */
  onAsk(peer: number, zxid: number): void {
    this.tell(peer, zxid);
  }

  /** A member tells its digest: asked for, or because it suspects. */
  onTell(peer: number, digest: DigestAt): void {
    const { zab } = this.host;
    if (!zab.isEstablished || !zab.isSynced(peer)) return;
    this.poll(digest.zxid);
    const isKnown = digest.lane0 !== 0 || digest.lane1 !== 0;
    if (!isKnown && (zab.wordsOf(peer)?.appliedZxid ?? 0) <= digest.zxid) return;
    const poll = this.polls.get(digest.zxid);
    if (poll !== undefined) this.note(poll, peer, isKnown ? keyOf(digest) : FORGOTTEN);
    this.judge(digest.zxid);
  }

  onVerdict(peer: number, zxid: number, outcome: number): void {
    const { host } = this;
    if (peer !== host.zab.leaderId) return;
    if (outcome === verdict.HALT) halt(zxid);
    if (outcome === verdict.RIGHT) this.acquit(zxid);
    else if (outcome === verdict.UNKNOWABLE) this.letPass(zxid);
    else host.condemned(zxid);
  }

  /** Sends what this member has at the zxid; zeros when it has nothing there. */
  private tell(peer: number, zxid: number): void {
    const { zab, digests } = this.host;
    const known = digests().at(zxid) ?? { zxid, lane0: 0, lane1: 0 };
    zab.effects.send(peer, encodeDigest(memberMessage.DIGEST_TELL, known));
  }

  /** As the leader: asks everybody, once for each zxid; who does not know is asked again, until a quorum agrees. */
  private poll(zxid: number): void {
    if (this.polls.has(zxid)) return;
    const oldest = this.polls.keys().next().value;
    if (this.polls.size >= POLLS_MAX && oldest !== undefined) {
      this.polls.delete(oldest);
      this.settled.delete(oldest);
    }
    const poll: Poll = { answers: new Map(), counted: new Set() };
    this.polls.set(zxid, poll);
    this.answerOwn(zxid, poll);
    this.ask(zxid, poll);
    this.judge(zxid);
  }

  private answerOwn(zxid: number, poll: Poll): void {
    const { memberId } = this.host;
    const digests = this.host.digests();
    const own = digests.at(zxid);
    if (own !== undefined) this.note(poll, memberId, keyOf(own));
    else if (digests.zxid > zxid) this.note(poll, memberId, FORGOTTEN);
  }

  /** Its word counts as it does now, also when its link is down by the time that others answer. */
  private note({ answers, counted }: Poll, id: number, key: string): void {
    answers.set(id, key);
    if (this.host.zab.isCounted(id)) counted.add(id);
    else counted.delete(id);
  }

  private ask(zxid: number, { answers }: Poll): void {
    const { zab, memberId } = this.host;
    for (const { id } of zab.configuration.members) {
      if (id === memberId || answers.has(id)) continue;
      zab.effects.send(id, encodeDigest(memberMessage.DIGEST_ASK, { zxid, lane0: 0, lane1: 0 }));
    }
  }

  private judge(zxid: number): void {
    const { zab } = this.host;
    const poll = this.polls.get(zxid);
    if (poll === undefined) return;
    const { answers, counted } = poll;
    const parties = partiesOf(answers);
    const right = this.rightOf(zxid, poll);
    if (right !== undefined) {
      this.pronounce(zxid, new Set(right), answers.keys());
    } else if (this.isForgotten(answers)) {
      // Those that are here will never tell; the poll goes on, for those that are not.
      for (const id of answers.keys()) this.send(id, zxid, verdict.UNKNOWABLE);
      this.letPass(zxid);
    } else if (parties.size > 1 && zab.quorum.voters().every((id) => counted.has(id))) {
      // What is sent in the turn in which a member ends may never leave it: so it tells now, and ends at its next tick.
      for (const { id } of zab.configuration.members) this.send(id, zxid, verdict.HALT);
      this.haltingAt = zxid;
      this.host.doubted(zxid);
    }
  }

  /** All that are here have answered, and one of them that it does not remember. */
  private isForgotten(answers: ReadonlyMap<number, string>): boolean {
    const { zab } = this.host;
    const isDue = (id: number): boolean => zab.isSynced(id) && !answers.has(id);
    return [...answers.values()].includes(FORGOTTEN) && !zab.quorum.voters().some(isDue);
  }

  /** The party that is a quorum, or was. */
  private rightOf(zxid: number, { answers, counted }: Poll): readonly number[] | undefined {
    const { settled } = this;
    const { zab } = this.host;
    const parties = partiesOf(answers);
    for (const [key, ids] of parties) {
      const isQuorum = key !== FORGOTTEN && !settled.has(zxid) && zab.quorum.has(ids.filter((id) => counted.has(id)));
      if (isQuorum) settled.set(zxid, key);
    }
    const right = settled.get(zxid);
    return right === undefined ? undefined : (parties.get(right) ?? []);
  }

  /** Regular, in a turn of its own. */
  tick(): void {
    if (this.haltingAt !== 0) halt(this.haltingAt);
    // What it has last, others have or will have soon, and remember.
    if (this.host.isOnProbation() && !this.host.zab.wantsSnapshot) this.bringUp(this.host.digests().zxid);
    for (const [zxid, poll] of this.polls) {
      if (this.rightOf(zxid, poll) !== undefined) continue;
      // Who was away when it was asked, or had not applied so much, may know by now; so may this member itself.
      this.answerOwn(zxid, poll);
      this.ask(zxid, poll);
      this.judge(zxid);
    }
  }

  /** The leader's own sentence last: with it, it leads no more. */
  private pronounce(zxid: number, right: ReadonlySet<number>, all: Iterable<number>): void {
    const { host } = this;
    for (const id of all) this.send(id, zxid, right.has(id) ? verdict.RIGHT : verdict.WRONG);
    if (right.has(host.memberId)) this.acquit(zxid);
    else if (this.polls.get(zxid)?.answers.has(host.memberId) === true) host.condemned(zxid);
  }

  private acquit(zxid: number): void {
    if (this.suspicion === zxid) this.suspicion = 0;
    this.host.trusted(zxid);
  }

  /** Who is not held up there goes on as it did: if trees do differ, that shows again, at a later zxid. */
  private letPass(zxid: number): void {
    if (this.suspicion === zxid) this.suspicion = 0;
    this.host.unknowable(zxid);
  }

  private send(id: number, zxid: number, outcome: number): void {
    const { zab, memberId } = this.host;
    if (id !== memberId) zab.effects.send(id, encodeVerdict({ zxid, outcome }));
  }
}

/** Who has the same, by what they have. */
function partiesOf(answers: ReadonlyMap<number, string>): Map<string, number[]> {
  const parties = new Map<string, number[]>();
  for (const [id, key] of answers) parties.set(key, [...(parties.get(key) ?? []), id]);
  return parties;
}

function keyOf({ lane0, lane1 }: DigestAt): string {
  return `${lane0}:${lane1}`;
}

function halt(zxid: number): never {
  throw new InvariantError(`the members' trees differ at ${formatZxid(zxid)}, and no quorum has one of them`);
}
