import { connect, readStatus } from "@muster/client";
import type { Command } from "commander";
import { resolveEndpoints } from "../client.ts";
import { findCompletion } from "../complete.ts";
import { connectionOptions } from "../connection-options.ts";
import type { CliIo } from "../io.ts";
import { childPath } from "../znode-text.ts";

/** A shell waits for this at every Tab, ms. */
const COMPLETION_TIMEOUT_MS = 1_000;
const NAMES_MAX = 200;

export function register(program: Command, io: CliIo, build: () => Promise<Command>): void {
  program
    .command("__complete", { hidden: true })
    .description("Print what the last word may become, one candidate a line; for completion scripts.")
    .argument("[words...]", "the words after muster, the last one unfinished")
    .allowUnknownOption()
    .action(async (words: readonly string[]) => {
      const { command, candidates, value, options } = findCompletion(await build(), words);
      const group = command.parent?.name();
      const word = words.at(-1) ?? "";
      let found = candidates;
      if (value === "path" && group === "znode") found = await paths(word, options, io);
      // The id of a member to be added is nobody's yet, unless it is that of one that waits to join.
      if ((value === "id" || value === "to") && group === "ensemble") {
        found = await memberIds(word, command.name() === "add", options, io);
      }
      io.stdout.write(found.map((candidate) => `${candidate}\n`).join(""));
    });
}

/** Options in the words before, as far as they can be told. */
type Flags = Readonly<Record<string, string>>;

/** Ids of members, or of those that wait to join; none when no member answers in time. */
async function memberIds(word: string, joining: boolean, options: Flags, io: CliIo): Promise<readonly string[]> {
  try {
    const status = await readStatus({
      endpoints: resolveEndpoints(options["endpoints"], io.env),
      ...connectionOptions(options, io),
      timeoutMs: COMPLETION_TIMEOUT_MS,
    });
    const wanted = status.members.filter(({ votingRole }) => (votingRole === "joining") === joining);
    return wanted.map(({ id }) => `${id}`).filter((id) => id.startsWith(word));
  } catch {
    return [];
  }
}

/** Children of the path typed so far; nothing at all when no member answers in time. */
async function paths(word: string, options: Flags, io: CliIo): Promise<string[]> {
  if (word === "") return ["/"];
  if (!word.startsWith("/")) return [];
  const parent = word.slice(0, Math.max(1, word.lastIndexOf("/")));
  try {
    const client = await connect({
      endpoints: resolveEndpoints(options["endpoints"], io.env),
      ...connectionOptions(options, io),
      connectTimeoutMs: COMPLETION_TIMEOUT_MS,
      requestTimeoutMs: COMPLETION_TIMEOUT_MS,
    });
    try {
      const names = await firstNames(client.znodes.listPages(parent));
      const matching = names.map((name) => childPath(parent, name)).filter((path) => path.startsWith(word));
      const shown = matching.slice(0, NAMES_MAX);
      const stats = await Promise.all(shown.map((path) => client.znodes.exists(path)));
      // A slash invites to go on, where there is somewhere to go.
      return shown.map((path, index) => ((stats[index]?.numChildren ?? 0) > 0 ? `${path}/` : path));
    } finally {
      await client.close();
    }
  } catch {
    return [];
  }
}

async function firstNames(pages: AsyncIterable<{ readonly names: readonly string[] }>): Promise<readonly string[]> {
  for await (const { names } of pages) return names;
  return [];
}
