import { MusterError } from "@muster/client";
import type { GetStatusResponse } from "@muster/client/internal";
import type { Command } from "commander";
import { addClientOptions, type ClientFlags, explainClientError, resolveEndpoints } from "../client.ts";
import { type CliIo, write } from "../io.ts";
import { formatJson, formatTable, printable } from "../output.ts";
import { callStatus } from "../status-call.ts";
import { hex } from "../znode-text.ts";

export function register(group: Command, io: CliIo): void {
  const command = group.command("status").description("Print the members: role, zxid and addresses.");
  addClientOptions(command).action(async (flags: ClientFlags) => {
    const endpoints = resolveEndpoints(flags.endpoints, io.env);
    const status = await firstAnswer(endpoints, flags.timeout);
    await write(io.stdout, flags.output === "json" ? formatJson(statusToJson(status)) : statusToText(status));
  });
}

/** The first member in the list that answers: asking in order makes the answer one's own choice. */
async function firstAnswer(endpoints: readonly string[], timeoutMs: number): Promise<GetStatusResponse> {
  let last: unknown;
  for (const endpoint of endpoints) {
    try {
      return await callStatus(endpoint, timeoutMs);
    } catch (error) {
      last = error;
      // What a member answers, another one would too.
      if (!(error instanceof MusterError) || !["other-member", "same-request"].includes(error.retry)) break;
    }
  }
  throw explainClientError(last, endpoints);
}

/** The members; of the one that was asked also what only itself knows. */
export function statusToJson(status: GetStatusResponse): { members: Record<string, unknown>[] } {
  const asked = status.header?.memberId;
  const own = { epoch: status.epoch, version: status.version, notReady: status.notReady };
  return {
    members: status.members.map(({ id, role, zxid, grpcAddress, httpAddress, peerAddress }) => ({
      id,
      role,
      zxid: hex(zxid),
      grpcAddress,
      httpAddress,
      peerAddress,
      ...(id === asked ? { ...own, counts: Object.fromEntries(status.counts) } : {}),
    })),
  };
}

export function statusToText(status: GetStatusResponse): string {
  const heading = ["ID", "ROLE", "ZXID", "GRPC", "HTTP", "PEERS"];
  const rows = status.members.map((m) => [
    m.id,
    m.role,
    hex(m.zxid),
    m.grpcAddress || "-",
    m.httpAddress || "-",
    m.peerAddress || "-",
  ]);
  const notReady = status.notReady.map((why) => `member ${status.header?.memberId} is not ready: ${printable(why)}\n`);
  return formatTable(heading, rows) + notReady.join("");
}
