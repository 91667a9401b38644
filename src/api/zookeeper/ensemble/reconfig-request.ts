import type { ConfigurationChange } from "../../../coordination/port.ts";
import { parseListenAddress } from "../../../core/base/listen-address.ts";
import { zookeeperError } from "../zookeeper-error.ts";
import { type ConfigStatus, type ListedMember, listedMembers } from "./config-text.ts";
import { parseJoining, parseLeaving, parseServerList, ReconfigFault } from "./server-list.ts";
import { isSameClientAddress, type ServerSpec } from "./server-spec.ts";

/** ZooKeeper's request of that name, decoded. null and "" mean the same: not given. */
export interface ReconfigRequest {
  readonly joiningServers: string | null;
  readonly leavingServers: string | null;
  /** A whole configuration, instead of the two before. */
  readonly newMembers: string | null;
  /** The zxid of the configuration it is made for; -1: of any. */
  readonly curConfigId: number;
}

/** What a request comes to. */
export type ReconfigPlan =
  /** It is to be asked of `Coordination.reconfigure`. */
  | { readonly kind: "change"; readonly change: ConfigurationChange }
  /** The ensemble is as asked already: a success, without a new configuration. */
  | { readonly kind: "nothing" }
  /** A KeeperException code, and the reason in words for the log: ZooKeeper's reply has no room for it. */
  | { readonly kind: "refused"; readonly code: number; readonly detail: string };

/** A member as it is or shall be. */
interface Member {
  readonly role: "voter" | "observer";
  readonly peerAddress: string;
  readonly weight: number;
  readonly group: number;
}

type Members = ReadonlyMap<number, Member>;

const ANY_CONFIGURATION = -1;
/** What a member is when nothing is said of it. */
const DEFAULT_VOTE = { weight: 1, group: 0 } as const;

/**
 * What a ZooKeeper client's `reconfig` asks of this ensemble. As in ZooKeeper the request says what the configuration
 * shall be; Muster changes one member at a time (core.md 25), so one that comes to more than that is refused, whichever
 * way it was written.
 *
 * A client address is not the configuration's here but the member's own, by `--zookeeper-advertise`: one that differs
 * from what the member announces is refused, because to pass over it would report as done what is not. While a member
 * announces none - the door is closed, or the member not linked - there is nothing to contradict, and it is passed
 * over: ZooKeeper's tools insist on one.
 */
export function planReconfig(request: ReconfigRequest, status: ConfigStatus): ReconfigPlan {
  const { curConfigId } = request;
  if (curConfigId !== ANY_CONFIGURATION && curConfigId !== status.configurationZxid) {
    const [asked, present] = [curConfigId, status.configurationZxid].map((zxid) => zxid.toString(16));
    const detail = `the request is for version ${asked} of the configuration, which is at ${present}; read it again`;
    return { kind: "refused", code: zookeeperError.BAD_VERSION, detail };
  }
  try {
    return plan(request, status);
  } catch (error) {
    if (!(error instanceof ReconfigFault)) throw error;
    return { kind: "refused", code: zookeeperError.BAD_ARGUMENTS, detail: error.message };
  }
}

function plan(request: ReconfigRequest, status: ConfigStatus): ReconfigPlan {
  const joining = request.joiningServers ?? "";
  const leaving = request.leavingServers ?? "";
  const newMembers = request.newMembers ?? "";
  const present: Members = new Map(listedMembers(status).map((member) => [member.id, memberOf(member)]));
  let wanted: Members;
  if (newMembers === "") {
    const servers = parseJoining(joining);
    checkClientAddresses(servers, status);
    wanted = increment(present, servers, parseLeaving(leaving));
    checkNewVoters(present, wanted);
  } else {
    if (joining !== "" || leaving !== "") {
      throw new ReconfigFault("new members and joining or leaving ones exclude each other; give one of the two");
    }
    wanted = replace(present, newMembers, status);
  }
  return difference(present, wanted);
}

function memberOf({ votingRole, peerAddress, weight, group }: ListedMember): Member {
  return { role: votingRole, peerAddress, weight, group };
}

/** As ZooKeeper: those that leave go, then those that join come or take the place of themselves. */
function increment(present: Members, joining: ReadonlyMap<number, ServerSpec>, leaving: ReadonlySet<number>): Members {
  const wanted = new Map(present);
  for (const id of leaving) wanted.delete(id);
  for (const [id, { role, peerAddress }] of joining) {
    const { weight, group } = present.get(id) ?? DEFAULT_VOTE;
    wanted.set(id, { role, peerAddress, weight, group });
  }
  return wanted;
}

/** Weights and groups are the list's, which is a whole configuration; an observer's, of which it says nothing, stay. */
function replace(present: Members, text: string, status: ConfigStatus): Members {
  const { servers, quorum } = parseServerList(text);
  checkClientAddresses(servers, status);
  const wanted = new Map<number, Member>();
  for (const [id, { role, peerAddress }] of servers) {
    const silent = role === "observer" ? (present.get(id) ?? DEFAULT_VOTE) : DEFAULT_VOTE;
    const weight = quorum?.weights.get(id) ?? silent.weight;
    const group = quorum?.groups.get(id) ?? silent.group;
    wanted.set(id, { role, peerAddress, weight, group });
  }
  return wanted;
}

function checkClientAddresses(servers: ReadonlyMap<number, ServerSpec>, status: ConfigStatus): void {
  const announcedBy = new Map(status.members.map(({ id, zookeeperAddress }) => [id, zookeeperAddress]));
  for (const [id, { clientAddress }] of servers) {
    const announced = announcedBy.get(id) ?? "";
    if (clientAddress === undefined || announced === "") continue;
    const address = parseListenAddress(announced);
    if (typeof address !== "string" && isSameClientAddress(clientAddress, address)) continue;
    const fix = `write ;${announced} or nothing, or start the member with another --zookeeper-advertise`;
    throw new ReconfigFault(`server.${id}: the member itself says where clients reach it, at ${announced}; ${fix}`);
  }
}

/** A vote in group 0 beside other groups would be a group of its own, as good as any of them: nobody asked for that. */
function checkNewVoters(present: Members, wanted: Members): void {
  const voters = [...present.values()].filter(({ role }) => role === "voter");
  if (voters.every(({ group }) => group === 0) || voters.some(({ group }) => group === 0)) return;
  for (const [id, { role, group }] of wanted) {
    if (role !== "voter" || group !== 0 || present.get(id)?.role === "voter") continue;
    const fix = "give the whole configuration, with its lines group.N";
    throw new ReconfigFault(`server.${id} would have a vote in no group of an ensemble with groups; ${fix}`);
  }
}

function difference(present: Members, wanted: Members): ReconfigPlan {
  const ids = new Set([...present.keys(), ...wanted.keys()]);
  const changes = [...ids].flatMap((id) => changeOf(id, present.get(id), wanted.get(id)) ?? []);
  const [change, ...others] = changes;
  if (change === undefined) return { kind: "nothing" };
  if (others.length === 0) return { kind: "change", change };
  const all = changes.map((each) => `${each.kind} ${each.id}`).join(", ");
  throw new ReconfigFault(`an ensemble changes by one member at a time, and this is ${all}; ask for one after another`);
}

function changeOf(id: number, is: Member | undefined, shall: Member | undefined): ConfigurationChange | undefined {
  if (shall === undefined) return { kind: "remove", id };
  const { role, peerAddress, weight, group } = shall;
  const before = is ?? DEFAULT_VOTE;
  const vote = {
    ...(weight === before.weight ? {} : { weight }),
    ...(group === before.group ? {} : { group }),
  };
  if (is === undefined) return { kind: "add", id, role, peerAddress, ...vote };
  const place = {
    ...(role === is.role ? {} : { role }),
    // Host names know no case.
    ...(peerAddress.toLowerCase() === is.peerAddress.toLowerCase() ? {} : { peerAddress }),
  };
  const changed = { ...place, ...vote };
  return Object.keys(changed).length === 0 ? undefined : { kind: "change", id, ...changed };
}
