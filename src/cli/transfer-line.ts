import type { AclEntry } from "@muster/client";
import { usageError } from "./cli-error.ts";
import { dataFromJson, dataToJson } from "./output.ts";
import { aclEntryToText, parseAclEntry } from "./znode-text.ts";

/** Kinds of znodes a file can bring: an ephemeral one would be gone with the import's own session. */
const modes = ["persistent", "container", "ttl"] as const;
export type TransferMode = (typeof modes)[number];

/** One znode in an export: one line of JSON. */
export interface TransferZnode {
  readonly path: string;
  readonly data: Uint8Array;
  readonly mode: TransferMode;
  /** undefined: open to everyone. */
  readonly acl: readonly AclEntry[] | undefined;
  /** For mode ttl, ms. */
  readonly ttlMs: number | undefined;
}

/** Largest line read: 1 MiB of data in base64 or in escapes of six characters, and room for the rest. */
export const LINE_CHARS_MAX = 8 * 1024 * 1024;
const KEYS = new Set(["path", "utf8", "base64", "mode", "acl", "ttlMs"]);
const TTL_MS_MAX = 2 ** 40 - 1;

export function formatTransferLine({ path, data, mode, acl, ttlMs }: TransferZnode): string {
  const line: Record<string, unknown> = { path, ...dataToJson(data) };
  if (mode !== "persistent") line["mode"] = mode;
  if (acl !== undefined) line["acl"] = acl.map(aclEntryToText);
  if (ttlMs !== undefined) line["ttlMs"] = ttlMs;
  return `${JSON.stringify(line)}\n`;
}

/** Reads one line; `where` (`file:line`) names it in errors. */
export function parseTransferLine(text: string, where: string): TransferZnode {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw usageError(`${where}: is not JSON: ${(error as Error).message}; write one znode a line, as export does`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw usageError(`${where}: is not a JSON object; write one znode a line, as export does`);
  }
  const line = value as Record<string, unknown>;
  for (const key of Object.keys(line)) {
    if (!KEYS.has(key)) throw usageError(`${where}: has the unknown key ${JSON.stringify(key)}; remove it`);
  }
  const path = line["path"];
  if (typeof path !== "string" || !path.startsWith("/")) {
    throw usageError(`${where}: has no path that begins with /; add "path": "/..."`);
  }
  const mode = modeOf(line["mode"], where);
  return {
    path,
    data: dataFromJson(line, where),
    mode,
    acl: aclOf(line["acl"], where),
    ttlMs: ttlOf(line["ttlMs"], mode, where),
  };
}

function modeOf(value: unknown, where: string): TransferMode {
  if (value === undefined) return "persistent";
  const mode = modes.find((known) => known === value);
  if (mode === undefined) throw usageError(`${where}: the mode is not one of ${modes.join(", ")}; write one of them`);
  return mode;
}

function aclOf(value: unknown, where: string): AclEntry[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length === 0) {
    throw usageError(`${where}: the acl is not a list of entries; write ["scheme:id:permissions"], or leave it out`);
  }
  return value.map((entry) => parseAclEntry(String(entry), where));
}

function ttlOf(value: unknown, mode: TransferMode, where: string): number | undefined {
  if (mode !== "ttl") {
    if (value === undefined) return undefined;
    throw usageError(`${where}: has ttlMs with mode ${mode}; write "mode": "ttl", or leave ttlMs out`);
  }
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= TTL_MS_MAX) return value as number;
  throw usageError(`${where}: mode ttl needs ttlMs; write a whole number of milliseconds from 1 to ${TTL_MS_MAX}`);
}
