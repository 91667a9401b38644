import type { Member } from "../core/member/member.ts";
import { type Notify, zabState } from "../core/zab/peer-message.ts";
import type { LinkedPeer } from "../runtime/ensemble-links.ts";
import type { EnsembleControl, KnownMember } from "./ensemble-control.ts";
import type { ChangeOutcome, ConfigurationChange, MemberRole } from "./port.ts";

/** What of the runtime shows the ensemble. */
export interface EnsembleSource {
  readonly member: Member;
  peers(): Iterable<LinkedPeer>;
}

/** The ensemble as the member of this process sees it: the configuration, and what others say over their links. */
export class MemberEnsemble implements EnsembleControl {
  private readonly source: EnsembleSource;

  constructor(source: EnsembleSource) {
    this.source = source;
  }

  get leaderId(): number {
    return this.source.member.leaderId;
  }

  get configurationZxid(): number {
    return this.source.member.ensemble.configurationZxid;
  }

  get lastZxid(): number {
    return this.source.member.ensemble.lastZxid;
  }

  *known(): Iterable<KnownMember> {
    const { member } = this.source;
    const linked = new Map([...this.source.peers()].map((peer) => [peer.id, peer]));
    for (const { id, peerAddress } of member.configuration.members) {
      if (id === member.id) continue;
      yield this.describe(id, peerAddress, linked.get(id));
      linked.delete(id);
    }
    for (const peer of linked.values()) yield this.describe(peer.id, peer.address, peer);
  }

  reconfigure(change: ConfigurationChange, done: (outcome: ChangeOutcome) => void): void {
    this.source.member.reconfigure(change, done);
  }

  transferLeadership(to: number, done: (outcome: ChangeOutcome) => void): void {
    this.source.member.transferLeadership(to, done);
  }

  private describe(id: number, peerAddress: string, peer: LinkedPeer | undefined): KnownMember {
    const { ensemble } = this.source.member;
    const words = peer === undefined ? undefined : ensemble.wordsOf(id);
    return {
      id,
      role: roleOf(words, ensemble.isCounted(id)),
      isReachable: words !== undefined,
      zxid: words?.appliedZxid ?? 0,
      lastZxid: words?.lastZxid ?? 0,
      version: peer?.said?.version ?? "",
      grpcAddress: peer?.said?.grpcAddress ?? "",
      httpAddress: peer?.said?.httpAddress ?? "",
      zookeeperAddress: peer?.said?.zookeeperAddress ?? "",
      peerAddress,
    };
  }
}

function roleOf(words: Notify | undefined, isVoter: boolean): MemberRole {
  if (words === undefined || words.state === zabState.LOOKING) return "looking";
  if (words.state === zabState.LEADING) return "leader";
  return isVoter ? "follower" : "observer";
}
