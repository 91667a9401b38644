import { type MusterClient, MusterError, type Stat } from "@muster/client";
import type { Command } from "commander";
import { addClientOptions, type ClientFlags, withClient } from "../client.ts";
import { type CliIo, write } from "../io.ts";
import { formatJson, formatTable, printable } from "../output.ts";
import { childPath, hex, statToJson, time } from "../znode-text.ts";

interface LsFlags extends ClientFlags {
  readonly long?: true;
  readonly recursive?: true;
}

/** One line of a listing: the name shown, and the znode. */
export interface Listed {
  readonly name: string;
  readonly path: string;
}

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("ls")
    .description("List a znode's children in the order of their creation.")
    .argument("[path]", "absolute path of the parent", "/")
    .option("-l, --long", "with children, size, version, time and zxid of the last change")
    .option("-R, --recursive", "everything below, as whole paths");
  addClientOptions(command).action((path: string, flags: LsFlags) =>
    withClient(io, flags, async (client) => {
      const listing = flags.recursive === true ? listTree(client, path) : listChildren(client, path);
      if (flags.long === true) await printLong(io, client, listing, flags.output === "json");
      else if (flags.output === "json") await printJson(io, listing);
      else
        for await (const page of listing)
          await write(io.stdout, page.map(({ name }) => `${printable(name)}\n`).join(""));
    }),
  );
}

/** Pages of children; one page is of one zxid, the whole need not be. */
export async function* listChildren(client: MusterClient, path: string): AsyncGenerator<readonly Listed[]> {
  for await (const { names } of client.znodes.listPages(path)) {
    if (names.length > 0) yield names.map((name) => ({ name, path: childPath(path, name) }));
  }
}

/** Everything below a path, a parent before its children. A znode that goes meanwhile is left out with its children. */
export async function* listTree(client: MusterClient, path: string): AsyncGenerator<readonly Listed[]> {
  for await (const page of listChildren(client, path)) {
    const stats = await statsOf(client, page);
    for (const [index, child] of page.entries()) {
      const stat = stats[index];
      if (stat === undefined) continue;
      yield [{ name: child.path, path: child.path }];
      if (stat.numChildren > 0) yield* skipVanished(listTree(client, child.path));
    }
  }
}

async function* skipVanished(pages: AsyncGenerator<readonly Listed[]>): AsyncGenerator<readonly Listed[]> {
  try {
    yield* pages;
  } catch (error) {
    if (!(error instanceof MusterError) || error.reason !== "NODE_NOT_FOUND") throw error;
  }
}

/** Asked all at once: the client sends them as one batch. */
function statsOf(client: MusterClient, page: readonly Listed[]): Promise<(Stat | undefined)[]> {
  return Promise.all(page.map(({ path }) => client.znodes.exists(path)));
}

async function printLong(io: CliIo, client: MusterClient, listing: AsyncGenerator<readonly Listed[]>, json: boolean) {
  const rows: { name: string; stat: Stat }[] = [];
  for await (const page of listing) {
    const stats = await statsOf(client, page);
    for (const [index, { name }] of page.entries()) {
      const stat = stats[index];
      if (stat !== undefined) rows.push({ name, stat });
    }
  }
  if (json) return write(io.stdout, formatJson(rows.map(({ name, stat }) => ({ name, stat: statToJson(stat) }))));
  const heading = ["CHILDREN", "BYTES", "VERSION", "MODIFIED", "MZXID", "NAME"];
  const cells = rows.map(({ name, stat }) => [
    stat.numChildren,
    stat.dataLength,
    stat.version,
    time(stat.mtime),
    hex(stat.mzxid),
    stat.ephemeralOwner === 0 ? name : `${name} (ephemeral)`,
  ]);
  return write(io.stdout, formatTable(heading, cells));
}

async function printJson(io: CliIo, listing: AsyncGenerator<readonly Listed[]>): Promise<void> {
  const names: string[] = [];
  for await (const page of listing) for (const { name } of page) names.push(name);
  await write(io.stdout, formatJson(names));
}
