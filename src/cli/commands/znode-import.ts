import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { type CreateOptions, type MusterClient, MusterError } from "@muster/client";
import type { Command } from "commander";
import { CliError, usageError } from "../cli-error.ts";
import { addClientOptions, type ClientFlags, withClient } from "../client.ts";
import type { CliIo } from "../io.ts";
import { write } from "../io.ts";
import { readLines } from "../line-reader.ts";
import { formatJson } from "../output.ts";
import { Progress } from "../progress.ts";
import { LINE_CHARS_MAX, parseTransferLine, type TransferMode, type TransferZnode } from "../transfer-line.ts";
import { aclEntryToText, isOpenAcl } from "../znode-text.ts";
import { createParents } from "./znode-create.ts";

interface ImportFlags extends ClientFlags {
  readonly dryRun?: true;
  readonly ifAbsent?: true;
  readonly parents?: true;
}

type Outcome = "created" | "changed" | "unchanged";

/** Lines under way at a time: their data is what is in memory, at most 64 MiB. */
const WINDOW = 64;

const createModes: Readonly<Record<TransferMode, CreateOptions["mode"]>> = {
  persistent: "persistent",
  container: "container",
  ttl: "persistent",
};

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("import")
    .description("Create and update znodes from the JSON lines that export writes.")
    .argument("<file>", "the file; - reads standard input")
    .option("--dry-run", "check every line and count what would be done, without a change")
    .option("--if-absent", "leave znodes that exist already as they are")
    .option("-p, --parents", "create missing parents of the first line, empty")
    .addHelpText(
      "after",
      "\nWhat is there already and equal is left alone: after a failure, run the same import again.\n" +
        "A znode that is there keeps its kind (persistent, container, TTL), which no change can alter.",
    );
  addClientOptions(command).action(async (file: string, flags: ImportFlags) => {
    const source = file === "-" ? io.stdin : await openFile(file);
    await withClient(io, flags, (client) =>
      importLines(io, client, source, file === "-" ? "standard input" : file, flags),
    );
  });
}

function openFile(file: string): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const stream = createReadStream(file);
    stream.once("open", () => resolve(stream));
    stream.once("error", (error) =>
      reject(usageError(`${file}: cannot be read: ${error.message}; write the path of an export`)),
    );
  });
}

async function importLines(io: CliIo, client: MusterClient, source: Readable, file: string, flags: ImportFlags) {
  const progress = new Progress(io, flags.dryRun === true ? "checked" : "imported");
  const counts: Record<Outcome, number> = { created: 0, changed: 0, unchanged: 0 };
  const planned = new Set<string>();
  let window: Promise<Outcome>[] = [];
  const settle = async () => {
    for (const outcome of await settleInOrder(window)) counts[outcome]++;
    progress.add(window.length);
    window = [];
  };
  let first = true;
  for await (const { text, number } of readLines(source, LINE_CHARS_MAX, file)) {
    if (text.trim() === "") continue;
    const where = `${file}:${number}`;
    const znode = parseTransferLine(text, where);
    if (first && flags.parents === true && flags.dryRun !== true) await createParents(client, znode.path);
    first = false;
    const done = flags.dryRun === true ? plan(client, znode, flags, planned) : put(client, znode, flags);
    window.push(done.catch((error: unknown) => Promise.reject(named(error, where))));
    if (window.length >= WINDOW) await settle();
  }
  await settle();
  const { created, changed, unchanged } = counts;
  const would = flags.dryRun === true ? "would be " : "";
  const closing = `${created} ${would}created, ${changed} ${would}changed, ${unchanged} left alone`;
  progress.finish(closing);
  if (flags.output === "json") await write(io.stdout, formatJson({ dryRun: flags.dryRun === true, ...counts }));
  else if (!io.stderrIsTerminal) await write(io.stdout, `${closing}\n`);
}

/** Waits for all, then throws the first failure in the order of the lines: later ones often follow from it. */
async function settleInOrder(window: readonly Promise<Outcome>[]): Promise<Outcome[]> {
  const settled = await Promise.allSettled(window);
  return settled.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

/** Names the line in an error that the server gave; reaching nobody is not the line's fault. */
function named(error: unknown, where: string): unknown {
  if (!(error instanceof MusterError) || error.maybeApplied || error.retry === "other-member") return error;
  return new CliError(`${where}: ${error.message}`);
}

/** A parent's line is before its children's and requests of a session are done in order, so nothing waits for them. */
async function put(client: MusterClient, znode: TransferZnode, flags: ImportFlags): Promise<Outcome> {
  const { path, data, mode, acl, ttlMs } = znode;
  // The root exists and cannot be created.
  if (path !== "/") {
    const result = await client.znodes.create(path, data, { mode: createModes[mode], acl, ttlMs, ifAbsent: true });
    if (result.created) return "created";
  }
  if (flags.ifAbsent === true) return "unchanged";
  const { dataDiffers, aclDiffers } = await compare(client, znode);
  if (dataDiffers) await client.znodes.set(path, data);
  if (aclDiffers && acl !== undefined) await client.znodes.setAcl(path, acl);
  return dataDiffers || aclDiffers ? "changed" : "unchanged";
}

async function plan(
  client: MusterClient,
  znode: TransferZnode,
  flags: ImportFlags,
  planned: Set<string>,
): Promise<Outcome> {
  const { path } = znode;
  const parent = path.slice(0, Math.max(1, path.lastIndexOf("/")));
  const parentKnown = planned.has(parent) || path === "/";
  planned.add(path);
  const [stat, parentStat] = await Promise.all([
    client.znodes.exists(path),
    parentKnown ? undefined : client.znodes.exists(parent),
  ]);
  if (stat === undefined) {
    if (parentKnown || parentStat !== undefined || flags.parents === true) return "created";
    throw new MusterError("NODE_NOT_FOUND", { path: parent });
  }
  if (flags.ifAbsent === true) return "unchanged";
  const { dataDiffers, aclDiffers } = await compare(client, znode);
  return dataDiffers || aclDiffers ? "changed" : "unchanged";
}

/** A line without an ACL says nothing of who may do what, except where the znode is new. */
async function compare(client: MusterClient, { path, data, acl }: TransferZnode) {
  const [existing, existingAcl] = await Promise.all([
    client.znodes.get(path),
    acl === undefined ? undefined : client.znodes.getAcl(path),
  ]);
  const wanted = acl === undefined || isOpenAcl(acl) ? undefined : acl.map(aclEntryToText).join();
  const present = existingAcl?.acl.map(aclEntryToText).join();
  return {
    dataDiffers: Buffer.compare(existing.data, data) !== 0,
    aclDiffers: wanted !== undefined && wanted !== present,
  };
}
