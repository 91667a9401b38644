import type { Command } from "commander";
import { MEMBER_ID_MAX } from "../../core/base/limits.ts";
import { addClientOptions, type ClientFlags } from "../client.ts";
import { change, parseWhole } from "../ensemble-client.ts";
import type { CliIo } from "../io.ts";

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("transfer-leadership")
    .description("Let another voter lead, without an election: before maintenance of the leader, say.")
    .option(
      "--to <id>",
      "the voter that shall lead; by default whichever is best",
      parseWhole("--to", 1, MEMBER_ID_MAX),
    );
  addClientOptions(command).action(async (flags: ClientFlags & { readonly to?: number }) => {
    const { to } = flags;
    const words = to === undefined ? "another member leads" : `member ${to} leads`;
    const told = { words, asked: { transferred: true, to: to ?? null } };
    await change(io, flags, told, (ensemble) => ensemble.transferLeadership(to));
  });
}
