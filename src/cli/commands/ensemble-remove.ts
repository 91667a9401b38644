import type { Command } from "commander";
import { addClientOptions, type ClientFlags } from "../client.ts";
import { change, parseMemberId } from "../ensemble-client.ts";
import type { CliIo } from "../io.ts";

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("remove")
    .description("Take a member out of the ensemble, running or not. Its data directory stays as it is.")
    .argument("<id>", "its id", parseMemberId)
    .addHelpText("after", "\nStop a removed member and remove its data directory; it can come back with ensemble add.");
  addClientOptions(command).action(async (id: number, flags: ClientFlags) => {
    const told = { words: `removed member ${id}`, asked: { removed: id } };
    await change(io, flags, told, (ensemble) => ensemble.removeMember(id));
  });
}
