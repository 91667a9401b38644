import type { EnsembleStatus, MemberStatus } from "@muster/client";
import type { Command } from "commander";
import { counterOf, epochOf } from "../../core/base/zxid.ts";
import { addClientOptions, type ClientFlags } from "../client.ts";
import { withEnsemble } from "../ensemble-client.ts";
import { type CliIo, write } from "../io.ts";
import { formatJson, formatTable, printable } from "../output.ts";
import { hex } from "../znode-text.ts";

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("status")
    .description("Print the members as one of them sees them: roles, votes, zxid, lag, addresses and versions.")
    .addHelpText("after", "\nLAG is how many commands a member has yet to apply of those in the leader's journal.");
  addClientOptions(command).action(async (flags: ClientFlags) => {
    const status = await withEnsemble(io, flags, (ensemble) => ensemble.status());
    await write(io.stdout, flags.output === "json" ? formatJson(statusToJson(status)) : statusToText(status));
  });
}

/** The members; of the one that was asked also what only itself knows, and how the ensemble is in its eyes. */
export function statusToJson(status: EnsembleStatus): { members: Record<string, unknown>[] } {
  const { ensembleId, leaderId, configurationZxid, epoch, version, notReady, counts } = status;
  const sight = { ensembleId, leaderId: leaderId === 0 ? null : leaderId, configurationZxid: hex(configurationZxid) };
  const asked = { asked: true, epoch, version, notReady, counts, ...sight };
  return {
    members: status.members.map((member) => ({
      ...member,
      zxid: hex(member.zxid),
      lastZxid: hex(member.lastZxid),
      lag: lagOf(member, status) ?? null,
      ...(member.id === status.memberId ? asked : {}),
    })),
  };
}

export function statusToText(status: EnsembleStatus): string {
  const heading = ["ID", "ROLE", "VOTING", "WEIGHT", "ZXID", "LAG", "REACHABLE", "VERSION", "GRPC", "HTTP", "PEERS"];
  // The door is off unless asked for: without any, the table stays narrow.
  const hasZookeeper = status.members.some(({ zookeeperAddress }) => zookeeperAddress !== "");
  if (hasZookeeper) heading.push("ZOOKEEPER");
  const rows = status.members.map((m) => [
    m.id,
    m.isReachable ? m.role : "-",
    m.votingRole,
    m.group === 0 ? `${m.weight}` : `${m.weight} of group ${m.group}`,
    m.zxid === 0 ? "-" : hex(m.zxid),
    `${lagOf(m, status) ?? "-"}`,
    m.isReachable ? "yes" : "no",
    m.version || "-",
    m.grpcAddress || "-",
    m.httpAddress || "-",
    m.peerAddress || "-",
    ...(hasZookeeper ? [m.zookeeperAddress || "-"] : []),
  ]);
  const nobody = status.leaderId === 0 ? [`member ${status.memberId} knows no leader\n`] : [];
  const notReady = status.notReady.map((why) => `member ${status.memberId} is not ready: ${printable(why)}\n`);
  return formatTable(heading, rows) + [...nobody, ...notReady].join("");
}

/** Commands in the leader's journal that the member has not applied; undefined where that cannot be counted. */
function lagOf(member: MemberStatus, status: EnsembleStatus): number | undefined {
  const leader = status.members.find(({ id }) => id === status.leaderId);
  if (leader === undefined || !member.isReachable) return undefined;
  if (leader.lastZxid <= member.zxid) return 0;
  // A counter begins anew with each epoch: what was in the ones between is not known.
  if (epochOf(leader.lastZxid) !== epochOf(member.zxid)) return undefined;
  return counterOf(leader.lastZxid) - counterOf(member.zxid);
}
