import { callChange, type EnsembleOptions } from "./ensemble-call.ts";
import { EnsembleServiceService, VotingRole as WireRole } from "./gen/muster/ensemble/v1/ensemble.ts";
import { type EnsembleStatus, readStatus } from "./status.ts";

/** A member to be added. */
export interface NewMember {
  /** 1 to 255; the member runs under it already, and waits to join. */
  readonly id: number;
  /** Voter by default. */
  readonly role?: "voter" | "observer" | undefined;
  /** Where members reach it, host:port; where it says itself by default. */
  readonly peerAddress?: string | undefined;
  /** Up to 1,000; by default 1, or what it was for a member that lost its data. */
  readonly weight?: number | undefined;
  /** Up to 255; by default 0 for none, or what it was for a member that lost its data. */
  readonly group?: number | undefined;
}

/** What is to be changed about a member; what is absent stays as it is. */
export interface MemberChange {
  readonly role?: "voter" | "observer" | undefined;
  readonly peerAddress?: string | undefined;
  readonly weight?: number | undefined;
  readonly group?: number | undefined;
}

/** A change that was made. */
export interface EnsembleChanged {
  /** The zxid that brought the configuration now in force. */
  readonly zxid: number;
}

/**
 * The ensemble, for its operators. Any member takes any call, the leader decides; a refusal says in its message what is
 * in the way. OUTCOME_UNKNOWN: the change may have been made, look at the status.
 */
export class EnsembleAdmin {
  readonly #options: EnsembleOptions;

  constructor(options: EnsembleOptions) {
    this.#options = options;
  }

  status(): Promise<EnsembleStatus> {
    return readStatus(this.#options);
  }

  /** Makes a member of a joiner, or again of one that lost its data (MEMBER_EXISTS, MEMBER_NOT_CONNECTED, ...). */
  addMember({ id, role, peerAddress, weight, group }: NewMember): Promise<EnsembleChanged> {
    const request = { id, votingRole: wireRole(role ?? "voter"), ...given({ peerAddress, weight, group }) };
    return callChange(this.#options, EnsembleServiceService.addMember, request);
  }

  /** Takes a member out; it need not be running (MEMBER_UNKNOWN, INVALID_CONFIGURATION for the last voter, ...). */
  removeMember(id: number): Promise<EnsembleChanged> {
    return callChange(this.#options, EnsembleServiceService.removeMember, { id });
  }

  changeMember(id: number, { role, peerAddress, weight, group }: MemberChange): Promise<EnsembleChanged> {
    const request = { id, votingRole: wireRole(role), ...given({ peerAddress, weight, group }) };
    return callChange(this.#options, EnsembleServiceService.changeMember, request);
  }

  /** Resolves once the voter leads; without one, whichever is best (TRANSFER_FAILED, MEMBER_NOT_SYNCED, ...). */
  transferLeadership(to?: number): Promise<EnsembleChanged> {
    return callChange(this.#options, EnsembleServiceService.transferLeadership, { toMemberId: to ?? 0 });
  }
}

function wireRole(role: "voter" | "observer" | undefined): WireRole {
  if (role === undefined) return WireRole.UNSPECIFIED;
  return role === "voter" ? WireRole.VOTER : WireRole.OBSERVER;
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}
