import type { AclEntry, Stat, WatchEvent } from "@muster/client";
import { usageError } from "./cli-error.ts";
import { formatPairs, printable } from "./output.ts";

/** zxids and session ids as people and ZooKeeper's tools write them. */
export function hex(id: number): string {
  return `0x${id.toString(16)}`;
}

/** The value of an option that is a zxid: `0x...` or decimal. */
export function parseZxid(text: string, name: string): number {
  const value = /^(0x[0-9A-Fa-f]+|\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw usageError(
    `${name}: ${JSON.stringify(text)} is not a zxid; write it as shown by stat, for example 0x100000007`,
  );
}

/** The value of an option that is a version: a whole number of 32 bits. */
export function parseVersion(text: string): number {
  const value = /^-?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value === (value | 0) && value !== -1) return value;
  throw usageError(`--version: ${JSON.stringify(text)} is not a version; write the number that stat shows`);
}

export function statToJson(stat: Stat): Record<string, string | number> {
  return {
    czxid: hex(stat.czxid),
    mzxid: hex(stat.mzxid),
    pzxid: hex(stat.pzxid),
    ctime: time(stat.ctime),
    mtime: time(stat.mtime),
    version: stat.version,
    cversion: stat.cversion,
    aversion: stat.aversion,
    ephemeralOwner: hex(stat.ephemeralOwner),
    dataLength: stat.dataLength,
    numChildren: stat.numChildren,
  };
}

export function statToText(stat: Stat): string {
  return formatPairs(Object.entries(statToJson(stat)));
}

/** ISO 8601, UTC. A clock beyond what a date can be is shown as it is. */
export function time(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);
}

export function eventToJson(event: WatchEvent): Record<string, string> {
  return { type: event.type, path: event.path, zxid: hex(event.zxid) };
}

export function eventToText(event: WatchEvent): string {
  const note = event.type === "compacted" ? "  (events may be missing before this: read again)" : "";
  return `${hex(event.zxid)}  ${event.type.padEnd(16)}  ${printable(event.path)}${note}\n`;
}

/** Letters of the permissions, as in ZooKeeper's own shell. */
const LETTERS = [
  ["c", 4],
  ["d", 8],
  ["r", 1],
  ["w", 2],
  ["a", 16],
] as const;

export function permissionsToText(permissions: number): string {
  return LETTERS.map(([letter, bit]) => ((permissions & bit) === 0 ? "" : letter)).join("");
}

function permissionsFromText(text: string): number | undefined {
  let permissions = 0;
  for (const char of text) {
    const bit = LETTERS.find(([letter]) => letter === char)?.[1];
    if (bit === undefined) return undefined;
    permissions |= bit;
  }
  return permissions === 0 ? undefined : permissions;
}

/** An entry as `scheme:id:permissions`; the id may itself contain colons. */
export function aclEntryToText(entry: AclEntry): string {
  return `${entry.scheme}:${entry.id}:${permissionsToText(entry.permissions)}`;
}

/** An ACL as ZooKeeper's shell takes it: entries `scheme:id:permissions` with commas between. */
export function parseAcl(text: string, where: string): AclEntry[] {
  return text.split(",").map((part) => parseAclEntry(part.trim(), where));
}

export function parseAclEntry(text: string, where: string): AclEntry {
  const match = /^([^:]+):(.*):([^:]*)$/.exec(text);
  const permissions = permissionsFromText(match?.[3] ?? "");
  if (match === null || permissions === undefined) {
    const fix = "write scheme:id:permissions with letters of cdrwa, for example world:anyone:r";
    throw usageError(`${where}: ${JSON.stringify(text)} is not an ACL entry; ${fix}`);
  }
  return { scheme: match[1] as string, id: match[2] as string, permissions };
}

/** True for the ACL that a znode gets when nobody says otherwise. */
export function isOpenAcl(acl: readonly AclEntry[]): boolean {
  const only = acl.length === 1 ? acl[0] : undefined;
  return only?.scheme === "world" && only.id === "anyone" && only.permissions === 31;
}

/** A child's path. */
export function childPath(parent: string, name: string): string {
  return parent === "/" ? `/${name}` : `${parent}/${name}`;
}
