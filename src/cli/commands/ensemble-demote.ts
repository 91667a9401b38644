import type { Command } from "commander";
import { addClientOptions, type ClientFlags } from "../client.ts";
import { change, parseMemberId } from "../ensemble-client.ts";
import type { CliIo } from "../io.ts";

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("demote")
    .description("Make an observer of a voter: it serves on, without a vote.")
    .argument("<id>", "its id", parseMemberId);
  addClientOptions(command).action(async (id: number, flags: ClientFlags) => {
    const told = { words: `member ${id} is an observer`, asked: { changed: id, role: "observer" } };
    await change(io, flags, told, (ensemble) => ensemble.changeMember(id, { role: "observer" }));
  });
}
