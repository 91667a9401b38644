import { type MusterClient, MusterError } from "@muster/client";
import type { Command } from "commander";
import { usageError } from "../cli-error.ts";
import { addClientOptions, type ClientFlags, withClient } from "../client.ts";
import { type CliIo, write } from "../io.ts";
import { formatJson } from "../output.ts";
import { childPath, parseVersion } from "../znode-text.ts";

interface DeleteFlags extends ClientFlags {
  readonly version?: number;
  readonly recursive?: true;
}

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("delete")
    .description("Delete a znode, with -r also everything below it.")
    .argument("<path>", "absolute path of the znode")
    .option("--version <number>", "only if the znode is at this version", parseVersion)
    .option("-r, --recursive", "with everything below it; above 10,000 znodes in several steps, each all or nothing");
  addClientOptions(command).action(async (path: string, flags: DeleteFlags) => {
    if (flags.recursive === true && flags.version !== undefined) {
      throw usageError("--version: says nothing of what is below the znode; leave out --version or --recursive");
    }
    await withClient(io, flags, async (client) => {
      let deleted = 1;
      if (flags.recursive === true) deleted = await deleteTree(client, path);
      else await client.znodes.delete(path, { version: flags.version });
      const people = flags.recursive === true ? `deleted ${deleted} znode${deleted === 1 ? "" : "s"}\n` : "";
      await write(io.stdout, flags.output === "json" ? formatJson({ path, deleted }) : people);
    });
  });
}

/** Children asked for at a time: enough to keep the member busy, few enough to need no thought of memory. */
const PAGE_SIZE = 500;

/** Deletes a subtree of any size: what is too large for one command is done child by child. Returns how many went. */
async function deleteTree(client: MusterClient, path: string): Promise<number> {
  const whole = await tryDeleteTree(client, path);
  if (whole !== "too large") return whole;
  let deleted = 0;
  for (;;) {
    const names = await firstPage(client, path);
    if (names.length === 0) break;
    const children = names.map((name) => childPath(path, name));
    const counts = await Promise.all(children.map((child) => deleteChild(client, child)));
    for (const [index, count] of counts.entries()) {
      deleted += count === "too large" ? await deleteTree(client, children[index] as string) : count;
    }
  }
  return deleted + (await deleteTree(client, path));
}

/** Always the first page: the one before is gone. */
async function firstPage(client: MusterClient, path: string): Promise<readonly string[]> {
  for await (const { names } of client.znodes.listPages(path, { pageSize: PAGE_SIZE })) return names;
  return [];
}

async function tryDeleteTree(client: MusterClient, path: string): Promise<number | "too large"> {
  try {
    return (await client.znodes.deleteTree(path)).count;
  } catch (error) {
    if (error instanceof MusterError && error.reason === "TOO_LARGE") return "too large";
    throw error;
  }
}

/** A child that somebody else deletes meanwhile is gone all the same. */
async function deleteChild(client: MusterClient, path: string): Promise<number | "too large"> {
  try {
    return await tryDeleteTree(client, path);
  } catch (error) {
    if (error instanceof MusterError && error.reason === "NODE_NOT_FOUND") return 0;
    throw error;
  }
}
