import type { Command } from "commander";
import { withTokens } from "../auth-client.ts";
import { addClientOptions, type ClientFlags } from "../client.ts";
import { type CliIo, write } from "../io.ts";
import { formatJson } from "../output.ts";

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("revoke")
    .description("End a token: it is refused from now on, and connections opened by it end within seconds.")
    .argument("<token-id>", "its public id, as token ls shows it");
  addClientOptions(command).action(async (id: string, flags: ClientFlags) => {
    await withTokens(io, flags, (admin) => admin.revokeToken(id));
    await write(io.stdout, flags.output === "json" ? formatJson({ revoked: id }) : `revoked ${id}\n`);
  });
}
