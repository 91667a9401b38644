import type { ConfigurationChange } from "../base/ensemble-change.ts";
import type { Reason } from "../base/errors.ts";
import { GROUP_MAX, MEMBER_ID_MAX, MEMBERS_MAX, VOTERS_MAX, WEIGHT_MAX } from "../base/limits.ts";
import { parseListenAddress } from "../base/listen-address.ts";
import type { ConfiguredMember, EnsembleConfiguration } from "./ensemble-configuration.ts";

export type { ConfigurationChange } from "../base/ensemble-change.ts";

/** A member that is connected and not of the configuration, or of it with another incarnation. */
export interface Joiner {
  readonly incarnation: string;
  readonly peerAddress: string;
}

/** Why a change is not made. */
export interface ChangeRefusal {
  readonly reason: Reason;
  /** Names the member and the rule, and says what to do. */
  readonly detail: string;
}

/**
 * The configuration after one change, or why it is refused. Pure: what depends on who is connected or caught up now,
 * beyond being a joiner at all, the leader checks besides.
 *
 * @param joiners by id
 */
export function applyChange(
  configuration: EnsembleConfiguration,
  change: ConfigurationChange,
  joiners: ReadonlyMap<number, Joiner>,
): EnsembleConfiguration | ChangeRefusal {
  const fault = faultIn(change);
  if (fault !== undefined) return { reason: "INVALID_ARGUMENT", detail: fault };
  const existing = configuration.members.find(({ id }) => id === change.id);
  const others = configuration.members.filter(({ id }) => id !== change.id);
  if (change.kind === "add") return add(configuration, others, existing, change, joiners.get(change.id));
  if (existing === undefined) {
    const ids = configuration.members.map(({ id }) => id).join(", ");
    return { reason: "MEMBER_UNKNOWN", detail: `member ${change.id} is not of this ensemble, which has ${ids}` };
  }
  if (change.kind === "remove") return checked(configuration, others, change.id);
  const { role, weight, group, peerAddress } = change;
  const changed = { ...existing, ...given({ role, weight, group, peerAddress }) };
  if (isSame(changed, existing)) {
    return { reason: "INVALID_CONFIGURATION", detail: `member ${change.id} is as asked already: nothing would change` };
  }
  return checked(configuration, [...others, changed], change.id);
}

/** Tells the two outcomes of {@link applyChange} apart. */
export function isRefusal(outcome: EnsembleConfiguration | ChangeRefusal): outcome is ChangeRefusal {
  return "reason" in outcome;
}

function add(
  configuration: EnsembleConfiguration,
  others: readonly ConfiguredMember[],
  existing: ConfiguredMember | undefined,
  change: Extract<ConfigurationChange, { kind: "add" }>,
  joiner: Joiner | undefined,
): EnsembleConfiguration | ChangeRefusal {
  const { id, role } = change;
  const isReadmission = existing !== undefined && joiner !== undefined && joiner.incarnation !== existing.incarnation;
  if (existing !== undefined && !isReadmission) {
    const what = existing.role === "voter" ? "a voter" : "an observer";
    const is = `member ${id} is of this ensemble already, ${what} at ${existing.peerAddress}`;
    return { reason: "MEMBER_EXISTS", detail: `${is}; change it, or give the new member another id` };
  }
  if (joiner === undefined) {
    const how = `start it with --id ${id}, an empty data directory and --ensemble listing the members and itself`;
    return { reason: "MEMBER_NOT_CONNECTED", detail: `member ${id} is not connected as a joiner; ${how}` };
  }
  const member: ConfiguredMember = {
    id,
    role,
    weight: change.weight ?? existing?.weight ?? 1,
    group: change.group ?? existing?.group ?? 0,
    incarnation: joiner.incarnation,
    peerAddress: change.peerAddress ?? joiner.peerAddress,
  };
  const fault = addressFault(member.peerAddress);
  if (fault !== undefined) return { reason: "INVALID_ARGUMENT", detail: fault };
  return checked(configuration, [...others, member], id);
}

/** The configuration with these members, by id, unless it breaks a rule. */
function checked(
  { ensembleId }: EnsembleConfiguration,
  members: readonly ConfiguredMember[],
  changedId: number,
): EnsembleConfiguration | ChangeRefusal {
  const detail = brokenRule(members, changedId);
  if (detail !== undefined) return { reason: "INVALID_CONFIGURATION", detail };
  return { ensembleId, members: [...members].sort((one, other) => one.id - other.id) };
}

function brokenRule(members: readonly ConfiguredMember[], changedId: number): string | undefined {
  const voters = members.filter(({ role }) => role === "voter");
  if (!voters.some(({ weight }) => weight > 0)) {
    return `member ${changedId} is the last voter whose vote counts; add or promote another one first`;
  }
  if (voters.length > VOTERS_MAX) {
    const fix = `make member ${changedId} an observer, or demote another first`;
    return `an ensemble has at most ${VOTERS_MAX} voters; ${fix}`;
  }
  if (members.length > MEMBERS_MAX) return `an ensemble has at most ${MEMBERS_MAX} members; remove another one first`;
  for (const { group } of voters) {
    if (voters.some((voter) => voter.group === group && voter.weight > 0)) continue;
    return `the voters of group ${group} would weigh nothing; give one of them a weight, or another group`;
  }
  const changed = members.find(({ id }) => id === changedId);
  const twin = members.find(
    ({ id, peerAddress }) =>
      changed !== undefined && id !== changedId && isSameAddress(peerAddress, changed.peerAddress),
  );
  return twin && `${twin.peerAddress} is the address of member ${twin.id}; every member has an address of its own`;
}

/** What is wrong with the change by itself. */
function faultIn(change: ConfigurationChange): string | undefined {
  if (!isWhole(change.id, 1, MEMBER_ID_MAX)) return `a member's id is a whole number from 1 to ${MEMBER_ID_MAX}`;
  if (change.kind === "remove") return undefined;
  const { role, weight, group, peerAddress } = change;
  if (role !== undefined && role !== "voter" && role !== "observer") return "a role is voter or observer";
  if (weight !== undefined && !isWhole(weight, 0, WEIGHT_MAX)) return `a weight is a whole number up to ${WEIGHT_MAX}`;
  if (group !== undefined && !isWhole(group, 0, GROUP_MAX)) return `a group is a whole number up to ${GROUP_MAX}`;
  return peerAddress === undefined ? undefined : addressFault(peerAddress);
}

function addressFault(text: string): string | undefined {
  const address = parseListenAddress(text);
  if (typeof address === "string") return `the peer address ${address}; write host:port`;
  return address.port === 0 ? "the peer address has port 0; write the port members reach it at" : undefined;
}

/** Host names know no case. */
function isSameAddress(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

function isSame(one: ConfiguredMember, other: ConfiguredMember): boolean {
  const { role, weight, group, peerAddress } = one;
  return role === other.role && weight === other.weight && group === other.group && peerAddress === other.peerAddress;
}

/** Only what is given, so that it can be spread over what was there. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
