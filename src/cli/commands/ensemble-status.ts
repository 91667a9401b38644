import { type EnsembleStatus, readStatus } from "@muster/client";
import type { Command } from "commander";
import { addClientOptions, type ClientFlags, explainClientError, resolveEndpoints } from "../client.ts";
import { type CliIo, write } from "../io.ts";
import { formatJson, formatTable, printable } from "../output.ts";
import { hex } from "../znode-text.ts";

export function register(group: Command, io: CliIo): void {
  const command = group.command("status").description("Print the members: role, zxid and addresses.");
  addClientOptions(command).action(async (flags: ClientFlags) => {
    const endpoints = resolveEndpoints(flags.endpoints, io.env);
    const status = await readStatus({ endpoints, timeoutMs: flags.timeout, applicationName: "muster-cli" }).catch(
      (error: unknown) => Promise.reject(explainClientError(error, endpoints)),
    );
    await write(io.stdout, flags.output === "json" ? formatJson(statusToJson(status)) : statusToText(status));
  });
}

/** The members; of the one that was asked also what only itself knows. */
export function statusToJson(status: EnsembleStatus): { members: Record<string, unknown>[] } {
  const { epoch, version, notReady, counts } = status;
  return {
    members: status.members.map(({ id, role, zxid, grpcAddress, httpAddress, peerAddress }) => ({
      id,
      role,
      zxid: hex(zxid),
      grpcAddress,
      httpAddress,
      peerAddress,
      ...(id === status.memberId ? { epoch, version, notReady, counts } : {}),
    })),
  };
}

export function statusToText(status: EnsembleStatus): string {
  const heading = ["ID", "ROLE", "ZXID", "GRPC", "HTTP", "PEERS"];
  const rows = status.members.map((m) => [
    m.id,
    m.role,
    hex(m.zxid),
    m.grpcAddress || "-",
    m.httpAddress || "-",
    m.peerAddress || "-",
  ]);
  const notReady = status.notReady.map((why) => `member ${status.memberId} is not ready: ${printable(why)}\n`);
  return formatTable(heading, rows) + notReady.join("");
}
