import { type MusterClient, MusterError } from "@muster/client";
import type { Command } from "commander";
import { addClientOptions, type ClientFlags, withClient } from "../client.ts";
import { type CliIo, write } from "../io.ts";
import { Progress } from "../progress.ts";
import { formatTransferLine } from "../transfer-line.ts";
import { isOpenAcl } from "../znode-text.ts";
import { type Listed, listTree } from "./znode-ls.ts";

/** Znodes read at a time; their data is what is in memory, at most 64 MiB. */
const READ_AHEAD = 64;

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("export")
    .description("Write a znode and everything below it as JSON lines, a parent before its children.")
    .argument("[path]", "absolute path of the top", "/")
    .addHelpText("after", "\nEphemeral znodes and /zookeeper are left out. Each line is one znode as of its own zxid.");
  addClientOptions(command).action((path: string, flags: ClientFlags) =>
    withClient(io, flags, (client) => exportTree(io, client, path)),
  );
}

async function exportTree(io: CliIo, client: MusterClient, top: string): Promise<void> {
  const progress = new Progress(io, "exported");
  const counts = { exported: 0, ephemeral: 0 };
  const flush = async (paths: readonly string[], must: boolean) => {
    const lines = await Promise.all(paths.map((path) => readLine(client, path, must)));
    for (const line of lines) {
      if (line === "ephemeral") counts.ephemeral++;
      else if (line !== undefined) {
        await write(io.stdout, line);
        counts.exported++;
      }
    }
    progress.add(paths.length);
  };
  // The top must exist; what is below may go while it is read.
  await flush([top], true);
  let waiting: string[] = [];
  for await (const page of listTree(client, top)) {
    waiting.push(...page.filter(isOurs).map(({ path }) => path));
    if (waiting.length < READ_AHEAD) continue;
    const ready = waiting;
    waiting = [];
    for (let at = 0; at < ready.length; at += READ_AHEAD) await flush(ready.slice(at, at + READ_AHEAD), false);
  }
  await flush(waiting, false);
  const skipped = counts.ephemeral === 0 ? "" : `; ${counts.ephemeral} ephemeral left out`;
  progress.finish(`exported ${counts.exported} znodes${skipped}`);
}

/** /zookeeper holds the ensemble's own settings, which another one must not take over. */
function isOurs({ path }: Listed): boolean {
  return path !== "/zookeeper" && !path.startsWith("/zookeeper/");
}

async function readLine(client: MusterClient, path: string, must: boolean): Promise<string | "ephemeral" | undefined> {
  try {
    const [{ data }, { acl, mode, ttlMs }] = await Promise.all([client.znodes.get(path), client.znodes.getAcl(path)]);
    if (mode === "ephemeral") return mode;
    const ownAcl = isOpenAcl(acl) ? undefined : acl;
    return formatTransferLine({ path, data, mode: ttlMs === undefined ? mode : "ttl", acl: ownAcl, ttlMs });
  } catch (error) {
    if (!must && error instanceof MusterError && error.reason === "NODE_NOT_FOUND") return undefined;
    throw error;
  }
}
