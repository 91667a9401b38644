import type { MemberInfo, Status } from "../../../coordination/port.ts";
import { formatServerSpec } from "./server-spec.ts";

/** Its content and stat are the ensemble's, not those of the znode. */
export const CONFIG_PATH = "/zookeeper/config";

/** What of the status `/zookeeper/config` shows. */
export type ConfigStatus = Pick<Status, "members" | "configurationZxid">;

/** A member of the configuration: one that waits to join is not in the list. */
export type ListedMember = MemberInfo & { readonly votingRole: "voter" | "observer" };

export function listedMembers(status: ConfigStatus): ListedMember[] {
  return status.members.filter((member): member is ListedMember => member.votingRole !== "joining");
}

/**
 * The data of `/zookeeper/config`, as ZooKeeper 3.8 prints a configuration: a line for each member, for each group and
 * weight where those are used, and at last the zxid that brought it, in hex and without a newline.
 *
 * Group 0 is printed as one like any other: that is how it counts as soon as there is another (core.md 24). The client
 * address is what a member announces while it is linked, and is left out while it is not known.
 */
export function configText(status: ConfigStatus): string {
  const members = listedMembers(status);
  const servers = members.map(({ id, votingRole, peerAddress, zookeeperAddress }) => {
    return `server.${id}=${formatServerSpec(votingRole, peerAddress, zookeeperAddress)}`;
  });
  const voters = members.filter(({ votingRole }) => votingRole === "voter");
  const isPlain = voters.every(({ weight, group }) => weight === 1 && group === 0);
  const version = `version=${status.configurationZxid.toString(16)}`;
  return [...servers, ...(isPlain ? [] : quorumLines(voters)), version].join("\n");
}

function quorumLines(voters: readonly ListedMember[]): string[] {
  const groups = new Map<number, number[]>();
  for (const { id, group } of voters) groups.set(group, [...(groups.get(group) ?? []), id]);
  const byGroup = [...groups].sort(([one], [other]) => one - other);
  return [
    ...byGroup.map(([group, ids]) => `group.${group}=${ids.join(":")}`),
    ...voters.map(({ id, weight }) => `weight.${id}=${weight}`),
  ];
}
