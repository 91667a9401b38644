import type { CreateOptions, MusterClient } from "@muster/client";
import type { Command } from "commander";
import { parseDuration, ValueError } from "../../server/options-values.ts";
import { usageError } from "../cli-error.ts";
import { addClientOptions, type ClientFlags, interrupted, withClient } from "../client.ts";
import { type CliIo, write } from "../io.ts";
import { formatJson, printable } from "../output.ts";
import { dataArgument } from "../znode-data.ts";
import { hex, parseAcl, statToJson } from "../znode-text.ts";

interface CreateFlags extends ClientFlags {
  readonly sequential?: true;
  readonly ephemeral?: true;
  readonly container?: true;
  readonly ttl?: string;
  readonly acl?: string;
  readonly parents?: true;
  readonly ifAbsent?: true;
}

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("create")
    .description("Create a znode and print its path.")
    .argument("<path>", "absolute path; with -s it may end in /")
    .argument("[data]", "its data; - reads standard input", "")
    .option("-s, --sequential", "append a ten-digit number that rises")
    .option("-e, --ephemeral", "keep it only while this command runs: until Ctrl-C")
    .option("-c, --container", "let the ensemble remove it some time after its last child is gone")
    .option("--ttl <duration>", "let the ensemble remove it when childless and unchanged for this long, as 30s or 5m")
    .option("--acl <entries>", "who may do what: scheme:id:cdrwa with commas between (default: everyone everything)")
    .option("-p, --parents", "create missing parents too, empty")
    .option("--if-absent", "succeed without a change where the znode exists already");
  addClientOptions(command).action(async (path: string, argument: string, flags: CreateFlags) => {
    const options = createOptions(flags);
    const data = await dataArgument(argument, io);
    await withClient(io, flags, async (client) => {
      if (flags.parents === true) await createParents(client, path);
      const created = await client.znodes.create(path, data, options);
      const json = {
        path: created.path,
        created: created.created,
        stat: statToJson(created.stat),
        zxid: hex(created.zxid),
      };
      await write(io.stdout, flags.output === "json" ? formatJson(json) : `${printable(created.path)}\n`);
      if (flags.ephemeral === true) await interrupted(client);
    });
  });
}

function createOptions(flags: CreateFlags): CreateOptions {
  const { sequential = false, ephemeral = false, container = false } = flags;
  const ttlMs = flags.ttl === undefined ? undefined : parseTtl(flags.ttl);
  if ([ephemeral, container, ttlMs !== undefined].filter(Boolean).length > 1) {
    throw usageError("--ephemeral, --container and --ttl: a znode is one of these at most; keep one");
  }
  if (container && sequential)
    throw usageError("--sequential: a container cannot be sequential; leave out one of the two");
  const mode = container ? "container" : ephemeral ? "ephemeral" : "persistent";
  const acl = flags.acl === undefined ? undefined : parseAcl(flags.acl, "--acl");
  return { mode, sequential, acl, ttlMs, ifAbsent: flags.ifAbsent };
}

function parseTtl(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof ValueError) throw usageError(`--ttl: ${JSON.stringify(text)} ${error.message}`);
    throw error;
  }
}

/** Creates what is missing above a path. All are sent at once: a session's requests are done in order. */
export async function createParents(client: MusterClient, path: string): Promise<void> {
  const parents: string[] = [];
  for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) parents.push(path.slice(0, at));
  const results = await Promise.allSettled(
    parents.map((parent) => client.znodes.create(parent, "", { ifAbsent: true })),
  );
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
