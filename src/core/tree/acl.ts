import { isSaslName } from "../base/sasl-name.ts";
import { featureLevelOf } from "./feature-level.ts";
import type { AclEntry, Identity } from "./operation.ts";
import { permission } from "./operation.ts";

/**
 * Whether an ACL lets somebody do something, and whether an ACL may be set: ZooKeeper's rules (1.7), schemes world,
 * auth, digest, ip; from the level of PROVED_ACL on sasl and x509 too.
 */

/** The one identity that passes every check; proved at the door, never an ACL entry. */
export const SUPER_SCHEME = "super";

/** The one SASL user whom every sasl entry lets in, as in ZooKeeper's SASLAuthenticationProvider. */
const SASL_SUPER_USER = "super";

export function allows(acl: readonly AclEntry[], wanted: number, identities: readonly Identity[]): boolean {
  for (const identity of identities) if (identity.scheme === SUPER_SCHEME) return true;
  for (const entry of acl) {
    if ((entry.permissions & wanted) === 0) continue;
    if (entry.scheme === "world") return true;
    for (const identity of identities) if (matches(entry, identity)) return true;
  }
  return false;
}

function matches(entry: AclEntry, identity: Identity): boolean {
  if (entry.scheme !== identity.scheme) return false;
  if (entry.scheme === "ip") return addressMatches(identity.id, entry.id);
  // No feature level is asked for: below its own there is no sasl entry.
  if (entry.scheme === "sasl" && identity.id === SASL_SUPER_USER) return true;
  return entry.id === identity.id;
}

/**
 * The ACL as it will be kept: `auth` expanded, duplicates removed; undefined when it is not valid. `featureLevel` is
 * the tree's: below that of PROVED_ACL the answer stays what it was (core.md 5).
 */
export function resolveAcl(
  acl: readonly AclEntry[],
  identities: readonly Identity[],
  entriesMax: number,
  featureLevel: number,
): readonly AclEntry[] | undefined {
  const knowsProved = featureLevel >= featureLevelOf.PROVED_ACL;
  const resolved: AclEntry[] = [];
  const keep = (entry: AclEntry): void => {
    const same = (other: AclEntry): boolean =>
      other.scheme === entry.scheme && other.id === entry.id && other.permissions === entry.permissions;
    if (!resolved.some(same)) resolved.push(entry);
  };
  for (const entry of acl) {
    if (entry.permissions < 0 || entry.permissions > permission.ALL) return undefined;
    if (entry.scheme === "auth") {
      const proved = identities.filter(({ scheme }) => scheme === "digest" || (knowsProved && isProved(scheme)));
      if (proved.length === 0) return undefined;
      for (const { scheme, id } of proved) keep({ scheme, id, permissions: entry.permissions });
    } else if (knowsProved ? isValidEntry(entry) : isValidFirstEntry(entry)) {
      keep({ scheme: entry.scheme, id: entry.id, permissions: entry.permissions });
    } else {
      return undefined;
    }
    if (resolved.length > entriesMax) return undefined;
  }
  return resolved.length === 0 ? undefined : resolved;
}

/** Of the schemes beside digest, those that say who somebody is and not only where: what `auth` stands for. */
function isProved(scheme: string): boolean {
  return scheme === "sasl" || scheme === "x509";
}

function isValidEntry(entry: AclEntry): boolean {
  if (entry.scheme === "sasl") return isSaslName(entry.id);
  if (entry.scheme === "x509") return entry.id !== "";
  if (entry.scheme === "digest") return isDigestId(entry.id);
  return isValidFirstEntry(entry);
}

/** The rules of the first feature level. */
function isValidFirstEntry(entry: AclEntry): boolean {
  if (entry.scheme === "world") return entry.id === "anyone";
  if (entry.scheme === "digest") return entry.id.split(":").length === 2;
  return entry.scheme === "ip" && parseRange(entry.id) !== undefined;
}

/** ZooKeeper wants two parts, split as Java does it, which drops empty ones at the end: `a:b:` has two and `a:` one. */
function isDigestId(id: string): boolean {
  return /^[^:]*:[^:]+:*$/.test(id);
}

/** What somebody without ADMIN sees of an ACL: the digests' users, not their hashes. */
export function maskAcl(acl: readonly AclEntry[]): readonly AclEntry[] {
  return acl.map((entry) =>
    entry.scheme === "digest" ? { ...entry, id: `${entry.id.slice(0, entry.id.indexOf(":"))}:x` } : entry,
  );
}

interface AddressRange {
  readonly bytes: readonly number[];
  readonly bits: number;
}

function addressMatches(address: string, range: string): boolean {
  const bytes = parseAddress(address);
  const parsed = parseRange(range);
  if (bytes === undefined || parsed === undefined || bytes.length !== parsed.bytes.length) return false;
  let bits = parsed.bits;
  for (let i = 0; bits > 0; i++, bits -= 8) {
    const mask = bits >= 8 ? 0xff : 0xff << (8 - bits);
    if ((((bytes[i] as number) ^ (parsed.bytes[i] as number)) & mask & 0xff) !== 0) return false;
  }
  return true;
}

function parseRange(text: string): AddressRange | undefined {
  const slash = text.indexOf("/");
  const bytes = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (bytes === undefined) return undefined;
  const bitsMax = bytes.length * 8;
  if (slash < 0) return { bytes, bits: bitsMax };
  const digits = text.slice(slash + 1);
  if (!/^[0-9]{1,3}$/.test(digits)) return undefined;
  const bits = Number(digits);
  return bits <= bitsMax ? { bytes, bits } : undefined;
}

function parseAddress(text: string): readonly number[] | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): readonly number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^[0-9]{1,3}$/.test(part) && Number(part) < 256)) return undefined;
  return parts.map(Number);
}

function parseIpv6(text: string): readonly number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] as string, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] as string, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** An IPv4 address may stand in place of the last two groups of the whole, and only there. */
function parseGroups(text: string, endsAddress: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [i, group] of groups.entries()) {
    const isLast = endsAddress && i === groups.length - 1;
    if (isLast && group.includes(".")) {
      const four = parseIpv4(group);
      if (four === undefined) return undefined;
      bytes.push(...four);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}
