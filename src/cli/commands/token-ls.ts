import type { TokenInfo } from "@muster/client";
import type { Command } from "commander";
import { withTokens } from "../auth-client.ts";
import { addClientOptions, type ClientFlags } from "../client.ts";
import { type CliIo, write } from "../io.ts";
import { formatJson, formatTable } from "../output.ts";

const HEADING = ["ID", "NAME", "MAY", "CREATED", "BY", "EXPIRES"];

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("ls")
    .description("List the tokens that the ensemble keeps, oldest first; those of a member's --auth-file are not.");
  addClientOptions(command).action(async (flags: ClientFlags) => {
    const tokens = await withTokens(io, flags, (admin) => admin.listTokens());
    await write(io.stdout, flags.output === "json" ? formatJson(tokens) : formatTable(HEADING, tokens.map(rowOf)));
  });
}

function rowOf({ id, name, grants, createdMs, createdBy, expiresMs }: TokenInfo): string[] {
  const may = grants.map(({ verbs, spaces }) => `${verbs.join(",")} on ${spaces.join(",")}`).join("; ");
  return [id, name, may, timeOf(createdMs), createdBy, expiresMs === undefined ? "never" : timeOf(expiresMs)];
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
