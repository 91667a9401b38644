import type { ChangeOutcome, ConfigurationChange, MemberRole } from "./port.ts";

/** What a member knows of another one, from what it announced and from its last heartbeat. */
export interface KnownMember {
  readonly id: number;
  readonly role: MemberRole;
  readonly isReachable: boolean;
  /** Last applied, last in its journal; 0 while unknown. */
  readonly zxid: number;
  readonly lastZxid: number;
  /** Of its program; empty while unknown, as the addresses are. */
  readonly version: string;
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly zookeeperAddress: string;
  readonly peerAddress: string;
}

/** The ensemble around the local member: what the port shows of it, and the two things that can be asked of it. */
export interface EnsembleControl {
  /** 0: nobody, as far as this member knows. */
  readonly leaderId: number;
  /** 0: the configuration the ensemble began with. */
  readonly configurationZxid: number;
  /** Last in this member's journal. */
  readonly lastZxid: number;
  /** Everyone this member has heard of but itself: members of the configuration, and joiners. */
  known(): Iterable<KnownMember>;
  reconfigure(change: ConfigurationChange, done: (outcome: ChangeOutcome) => void): void;
  /** 0: to whichever is best. */
  transferLeadership(to: number, done: (outcome: ChangeOutcome) => void): void;
}

/** What a lone member needs to be asked. */
export interface LoneMember {
  readonly id: number;
  readonly role: MemberRole;
  readonly tree: { readonly zxid: number };
}

/** The ensemble of a member that has no links to others: it leads or nobody does, and there is no one to add. */
export function ensembleOfOne(member: LoneMember): EnsembleControl {
  const alone = (done: (outcome: ChangeOutcome) => void): void => {
    done({ reason: "UNSUPPORTED", detail: `member ${member.id} has no links to other members`, zxid: 0 });
  };
  return {
    get leaderId() {
      return member.role === "leader" ? member.id : 0;
    },
    configurationZxid: 0,
    get lastZxid() {
      return member.tree.zxid;
    },
    known: () => [],
    reconfigure: (_change, done) => alone(done),
    transferLeadership: (_to, done) => alone(done),
  };
}
