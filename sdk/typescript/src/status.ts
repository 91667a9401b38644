import { callStatus, type EnsembleOptions } from "./ensemble-call.ts";
import { type GetStatusResponse, type Member, VotingRole } from "./gen/muster/ensemble/v1/ensemble.ts";

/** One member as the member that was asked knows it. */
export interface MemberStatus {
  readonly id: number;
  /** starting, looking, leader, follower, observer or stopped. */
  readonly role: string;
  /** What it is by configuration; joining: it is connected and waits to be added. */
  readonly votingRole: "voter" | "observer" | "joining";
  /** What its vote weighs. */
  readonly weight: number;
  /** The group its vote counts in; 0: none. */
  readonly group: number;
  /** Whether the member asked has heard it within the peer time-out. */
  readonly isReachable: boolean;
  /** The last zxid it is known to have applied, */
  readonly zxid: number;
  /** and to have in its journal. */
  readonly lastZxid: number;
  /** Of its program; empty while it is not known. */
  readonly version: string;
  /** Where it serves, host:port; empty where it does not, or while it is not known. */
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly peerAddress: string;
  /** For ZooKeeper clients. */
  readonly zookeeperAddress: string;
}

/** The ensemble as one of its members sees it. */
export interface EnsembleStatus {
  /** 32 hex digits. */
  readonly ensembleId: string;
  /** The member that answered; what follows but for `members` is about it. */
  readonly memberId: number;
  /** Who leads, as far as it knows; 0: nobody. */
  readonly leaderId: number;
  /** The last zxid it has applied. */
  readonly zxid: number;
  /** The zxid that brought the configuration in force; 0 for the one the ensemble began with. */
  readonly configurationZxid: number;
  readonly epoch: number;
  /** Of its program. */
  readonly version: string;
  /** What keeps it from serving, for people; empty when it serves. */
  readonly notReady: readonly string[];
  /** nodes, sessions, ephemerals, watches, connections, outstandingBytes, dataBytes. */
  readonly counts: Readonly<Record<string, number>>;
  /** In the order of their ids, then those that wait to join. */
  readonly members: readonly MemberStatus[];
}

/**
 * Asks how a member and its ensemble are. Needs no session, so that a member that does not serve answers, too.
 * Rejects with the last one's error (UNREACHABLE, DEADLINE_EXCEEDED) when none answers, and with CANCELLED.
 */
export async function readStatus(options: EnsembleOptions): Promise<EnsembleStatus> {
  return statusOf(await callStatus(options));
}

function statusOf({ counts, members, ...about }: GetStatusResponse): EnsembleStatus {
  return { ...about, counts: Object.fromEntries(counts), members: members.map(memberOf) };
}

function memberOf(member: Member): MemberStatus {
  const { votingRole } = member;
  const isVoter = votingRole === VotingRole.VOTER;
  return { ...member, votingRole: isVoter ? "voter" : votingRole === VotingRole.OBSERVER ? "observer" : "joining" };
}
