import type { Reason } from "../../src/core/base/errors.ts";
import type { AclEntry, Identity } from "../../src/core/tree/operation.ts";

/**
 * The rules of single values - paths, ACLs, quota limits, suffixes - as ZooKeeper states them, written as plainly as
 * they can be said. Nothing here is shared with the implementation it judges.
 */

/** How the model refuses: carries the reason of the answer. */
export class Refusal extends Error {
  readonly reason: Reason;
  constructor(reason: Reason) {
    // Nobody asks where it was refused, and finding that out would take longer than the command.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(reason);
    Error.stackTraceLimit = stackTraceLimit;
    this.reason = reason;
  }
}

export function utf8Length(text: string): number {
  return Buffer.byteLength(text);
}

/** Absolute, no trailing slash, no empty, `.` or `..` segment, none of the characters ZooKeeper refuses. */
export function isValidPath(path: string, bytesMax: number): boolean {
  if (!path.startsWith("/")) return false;
  if (utf8Length(path) > bytesMax) return false;
  if (path === "/") return true;
  for (const segment of path.slice(1).split("/")) {
    if (segment === "" || segment === "." || segment === "..") return false;
  }
  for (let i = 0; i < path.length; i++) {
    const unit = path.charCodeAt(i);
    if (unit <= 0x1f) return false;
    if (unit >= 0x7f && unit <= 0x9f) return false;
    if (unit >= 0xd800 && unit <= 0xf8ff) return false;
    if (unit >= 0xfff0) return false;
  }
  return true;
}

export function parentOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at <= 0 ? "/" : path.slice(0, at);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** True for the path itself and everything below it. */
export function isAtOrBelow(path: string, root: string): boolean {
  return path === root || root === "/" || path.startsWith(`${root}/`);
}

/** Java's `%010d` of an int32: ten characters with the sign, more where they do not fit. */
export function suffixOf(creations: number): string {
  const number = creations | 0;
  if (number >= 0) return String(number).padStart(10, "0");
  return `-${String(-number).padStart(9, "0")}`;
}

/** The version after one: 32 bits, and never -1, which means "any" to clients. */
export function versionAfter(version: number): number {
  return version === -2 ? 0 : version === 2 ** 31 - 1 ? -(2 ** 31) : version + 1;
}

/** The permission bits an ACL grants somebody. */
export function granted(acl: readonly AclEntry[], identities: readonly Identity[]): number {
  if (identities.some((identity) => identity.scheme === "super")) return 31;
  let permissions = 0;
  for (const entry of acl) {
    const applies =
      (entry.scheme === "world" && entry.id === "anyone") ||
      identities.some((identity) => identity.scheme === entry.scheme && matches(entry, identity.id));
    if (applies) permissions |= entry.permissions;
  }
  return permissions;
}

function matches(entry: AclEntry, id: string): boolean {
  if (entry.scheme === "digest" || entry.scheme === "x509") return entry.id === id;
  if (entry.scheme === "sasl") return entry.id === id || id === "super";
  if (entry.scheme !== "ip") return false;
  const address = addressBits(id);
  const [network = "", bits] = entry.id.split("/");
  const prefix = addressBits(network);
  if (address === undefined || prefix === undefined || address.length !== prefix.length) return false;
  const length = bits === undefined ? prefix.length : Number(bits);
  return address.slice(0, length) === prefix.slice(0, length);
}

/** An address as a text of 32 or 128 binary digits, or undefined where it is none. */
export function addressBits(address: string): string | undefined {
  const binary = (value: number, width: number): string => value.toString(2).padStart(width, "0");
  if (!address.includes(":")) {
    const parts = address.split(".");
    if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return undefined;
    return parts.map((part) => binary(Number(part), 8)).join("");
  }
  const halves = address.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const all = groups.flat();
  if (!all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  if (halves.length === 1 ? all.length !== 8 : all.length > 7) return undefined;
  const zeros = new Array<string>(8 - all.length).fill("0");
  const full = [...(groups[0] as string[]), ...zeros, ...(groups[1] ?? [])];
  return full.map((group) => binary(Number.parseInt(group, 16), 16)).join("");
}

/** What the ACL asked for becomes at a feature level: `auth` expanded, duplicates removed; or INVALID_ACL. */
export function fixAcl(
  asked: readonly AclEntry[],
  identities: readonly Identity[],
  entriesMax: number,
  level: number,
): readonly AclEntry[] {
  if (asked.length === 0) throw new Refusal("INVALID_ACL");
  const fixed: AclEntry[] = [];
  for (const entry of asked) {
    const { permissions } = entry;
    if (!Number.isInteger(permissions) || permissions < 0 || permissions > 31) throw new Refusal("INVALID_ACL");
    if (entry.scheme === "auth") {
      const standsFor = level < 3 ? ["digest"] : ["digest", "sasl", "x509"];
      const proved = identities.filter((identity) => standsFor.includes(identity.scheme));
      if (proved.length === 0) throw new Refusal("INVALID_ACL");
      for (const { scheme, id } of proved) fixed.push({ scheme, id, permissions });
    } else if (isValidEntry(entry, level)) {
      fixed.push({ scheme: entry.scheme, id: entry.id, permissions });
    } else {
      throw new Refusal("INVALID_ACL");
    }
  }
  const key = (entry: AclEntry): string => JSON.stringify([entry.scheme, entry.id, entry.permissions]);
  const distinct = fixed.filter((entry, at) => fixed.findIndex((other) => key(other) === key(entry)) === at);
  if (distinct.length > entriesMax) throw new Refusal("INVALID_ACL");
  return distinct;
}

function isValidEntry({ scheme, id }: AclEntry, level: number): boolean {
  if (scheme === "world") return id === "anyone";
  if (scheme === "digest") return (level < 3 ? id.split(":") : splitAsJava(id)).length === 2;
  if (level >= 3 && scheme === "x509") return id.length > 0;
  if (level >= 3 && scheme === "sasl") {
    const [name = "", realm, more] = id.split("@");
    if (realm === undefined) return id.length > 0;
    return more === undefined && !realm.includes("/") && name.split("/").length <= 2;
  }
  if (scheme !== "ip") return false;
  const [network = "", bits, more] = id.split("/");
  const address = addressBits(network);
  if (address === undefined || more !== undefined) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= address.length);
}

/** Java's `String.split`: empty parts at the end are none. */
function splitAsJava(text: string): string[] {
  const parts = text.split(":");
  while (parts.at(-1) === "") parts.pop();
  return parts;
}

/** How an ACL is shown to somebody without ADMIN: the hash of a digest entry stays hidden. */
export function maskAcl(acl: readonly AclEntry[]): readonly AclEntry[] {
  return acl.map((entry) =>
    entry.scheme === "digest" ? { ...entry, id: `${entry.id.slice(0, entry.id.indexOf(":"))}:x` } : entry,
  );
}
