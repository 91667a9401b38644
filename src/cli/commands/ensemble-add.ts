import { type Command, Option } from "commander";
import { addClientOptions, type ClientFlags } from "../client.ts";
import { change, parseMemberId } from "../ensemble-client.ts";
import type { CliIo } from "../io.ts";
import { addPlacementOptions, type PlacementFlags, placementOf } from "../placement-options.ts";

interface AddFlags extends ClientFlags, PlacementFlags {
  readonly role: "voter" | "observer";
}

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("add")
    .description("Make a member of one that runs and waits to join.")
    .argument("<id>", "its id, 1 to 255", parseMemberId)
    .addOption(
      new Option("--role <role>", "voter, whose vote counts, or observer")
        .choices(["voter", "observer"])
        .default("voter"),
    )
    .addHelpText(
      "after",
      "\nStart it first: with its own --id, an empty data directory, and --ensemble naming the members and itself.\n" +
        "It then shows as joining in ensemble status. A member that lost its data joins and is added the same way.",
    );
  addPlacementOptions(command, {
    peer: " (default: where it says itself)",
    number: (fallback) => ` (default: ${fallback}, or as it was)`,
  });
  addClientOptions(command).action(async (id: number, flags: AddFlags) => {
    const { role } = flags;
    const placement = placementOf(flags);
    const told = { words: `added member ${id} as ${role}`, asked: { added: id, role, ...placement } };
    await change(io, flags, told, (ensemble) => ensemble.addMember({ id, role, ...placement }));
  });
}
