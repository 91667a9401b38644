import type { CreatedToken, Verb } from "@muster/client";
import type { Command } from "commander";
import { newListedToken } from "../../server/listed-token.ts";
import { parseDuration, ValueError } from "../../server/options-values.ts";
import { withTokens } from "../auth-client.ts";
import { usageError } from "../cli-error.ts";
import { addClientOptions, type ClientFlags } from "../client.ts";
import { type CliIo, write } from "../io.ts";
import { formatJson } from "../output.ts";

interface CreateFlags extends ClientFlags {
  readonly verbs: readonly string[];
  readonly spaces: readonly string[];
  readonly ttl?: number;
  readonly offline?: boolean;
}

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("create")
    .description("Make a token and print it, once: the ensemble keeps a hash and cannot tell it again.")
    .argument("<name>", "whose it is; ACLs know it as sasl:<name>")
    .requiredOption(
      "--verbs <list>",
      "what it may do: read, edit, publish, rollout, operate, break, reveal, admin",
      parts,
    )
    .option("--spaces <list>", "the spaces it may do that in; * is all of them, and the raw tree", parts, ["*"])
    .option("--ttl <duration>", "how long it is good for, as 12h or 90d (default: for ever)", parseTtl)
    .option("--offline", "ask no member: print the entry for the file of --auth-file, too");
  addClientOptions(command).action(async (name: string, flags: CreateFlags) => {
    if (flags.offline === true) await printListed(io, name, flags);
    else await printCreated(io, name, flags);
  });
}

async function printCreated(io: CliIo, name: string, flags: CreateFlags): Promise<void> {
  const { ttl: ttlMs, spaces } = flags;
  const created = await withTokens(io, flags, (admin) =>
    admin.createToken({ name, grants: [{ verbs: flags.verbs as Verb[], spaces }], ttlMs }),
  );
  await write(io.stderr, `muster: token ${created.id} of ${name}; keep what follows, it is not shown again\n`);
  await write(io.stdout, flags.output === "json" ? formatJson(jsonOf(created)) : `${created.secret}\n`);
}

async function printListed(io: CliIo, name: string, flags: CreateFlags): Promise<void> {
  const made = newListedToken({ name, verbs: flags.verbs, spaces: flags.spaces, ttlMs: flags.ttl });
  if ("problem" in made) throw usageError(made.problem);
  await write(io.stderr, `muster: put this into the file of --auth-file, under principals:\n\n${made.entry}\n`);
  await write(io.stderr, "muster: keep what follows, it is not shown again\n");
  await write(io.stdout, flags.output === "json" ? formatJson(made) : `${made.secret}\n`);
}

function jsonOf({ secret, ...about }: CreatedToken): Record<string, unknown> {
  return { token: secret, ...about };
}

function parts(text: string): readonly string[] {
  return text.split(",").map((part) => part.trim());
}

function parseTtl(text: string): number {
  try {
    const ms = parseDuration(text);
    if (ms > 0) return ms;
    throw new ValueError("is no time at all; write for example 12h or 90d");
  } catch (error) {
    if (error instanceof ValueError) throw usageError(`--ttl: ${JSON.stringify(text)} ${error.message}`);
    throw error;
  }
}
