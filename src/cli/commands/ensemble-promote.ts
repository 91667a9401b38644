import type { Command } from "commander";
import { addClientOptions, type ClientFlags } from "../client.ts";
import { change, parseMemberId } from "../ensemble-client.ts";
import type { CliIo } from "../io.ts";

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("promote")
    .description("Make a voter of an observer. It must have caught up with the leader.")
    .argument("<id>", "its id", parseMemberId);
  addClientOptions(command).action(async (id: number, flags: ClientFlags) => {
    const told = { words: `member ${id} is a voter`, asked: { changed: id, role: "voter" } };
    await change(io, flags, told, (ensemble) => ensemble.changeMember(id, { role: "voter" }));
  });
}
