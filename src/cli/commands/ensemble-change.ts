import type { Command } from "commander";
import { usageError } from "../cli-error.ts";
import { addClientOptions, type ClientFlags } from "../client.ts";
import { change, parseMemberId } from "../ensemble-client.ts";
import type { CliIo } from "../io.ts";
import { addPlacementOptions, type PlacementFlags, placementOf } from "../placement-options.ts";

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("change")
    .description("Change where members reach a member, what its vote weighs, or its group.")
    .argument("<id>", "its id", parseMemberId)
    .addHelpText("after", "\nWhat is not named stays as it is. Its role is changed by ensemble promote and demote.");
  addPlacementOptions(command, { peer: "", number: () => "" });
  addClientOptions(command).action(async (id: number, flags: ClientFlags & PlacementFlags) => {
    const placement = placementOf(flags);
    if (Object.keys(placement).length === 0) {
      throw usageError("ensemble change: names nothing to change; add --peer, --weight or --group");
    }
    const told = { words: `changed member ${id}`, asked: { changed: id, ...placement } };
    await change(io, flags, told, (ensemble) => ensemble.changeMember(id, placement));
  });
}
