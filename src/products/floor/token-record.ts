import { EVERYWHERE, type Grant, isVerb, verbs } from "./rights.ts";
import { isTokenHash, isTokenId } from "./token.ts";

/** What is kept of a token. */
export interface TokenRecord {
  readonly id: string;
  /** Whose it is: also the name that ACLs know it by, as `sasl:<name>`. */
  readonly name: string;
  /** SHA-256 of its text, in hex. */
  readonly sha256: string;
  readonly grants: readonly Grant[];
  /** ms since 1970. */
  readonly createdMs: number;
  /** The principal that made it. */
  readonly createdBy: string;
  /** ms since 1970, from then on it is refused; undefined: never. */
  readonly expiresMs: number | undefined;
}

/** A name of a principal: at most 64 of letters, digits and `._-`, which no path, log or ACL needs to escape. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** A space's name is a segment (products.md 5). */
const SPACE = /^[A-Za-z0-9._-]{1,128}$/;
/** Spaces of one token at most. */
const SPACES_MAX = 64;
/** Every sasl entry of an ACL lets this user in, as in ZooKeeper: it is no name for a token. */
const RESERVED_NAME = "super";

/** What is wrong with the name of a token or certificate, as a clause; undefined when nothing is. */
export function nameProblem(name: unknown): string | undefined {
  if (typeof name !== "string" || !NAME.test(name)) {
    return "is no name; write at most 64 letters, digits, dots, dashes and underscores, a letter or digit first";
  }
  return name === RESERVED_NAME
    ? "is reserved: ZooKeeper's ACLs let that user in everywhere; choose another"
    : undefined;
}

/** What is wrong with verbs, as a clause; undefined when nothing is. */
export function verbsProblem(list: unknown): string | undefined {
  const fix = `write one or more of ${verbs.join(", ")}`;
  if (!Array.isArray(list) || list.length === 0) return `is an empty list; ${fix}`;
  const strange = list.find((verb) => !isVerb(verb));
  if (strange !== undefined) return `has ${JSON.stringify(strange)}, which is no verb; ${fix}`;
  return new Set(list).size === list.length ? undefined : "has a verb twice; write each once";
}

/** What is wrong with spaces, as a clause; undefined when nothing is. */
export function spacesProblem(list: unknown): string | undefined {
  const fix = "write names of spaces, or * for all";
  if (!Array.isArray(list) || list.length === 0) return `is an empty list; ${fix}`;
  if (list.length > SPACES_MAX) return `has more than ${SPACES_MAX} spaces; give the token fewer, or *`;
  const strange = list.find((space) => space !== EVERYWHERE && (typeof space !== "string" || !SPACE.test(space)));
  return strange === undefined ? undefined : `has ${JSON.stringify(strange)}, which is no space; ${fix}`;
}

/** As JSON, so that any tool shows a person what is there; the id is the znode's name. */
export function encodeTokenRecord({ name, sha256, grants, createdMs, createdBy, expiresMs }: TokenRecord): Uint8Array {
  return Buffer.from(JSON.stringify({ name, sha256, grants, createdMs, createdBy, expiresMs }), "utf8");
}

/** The record in a znode's data; undefined for what this was never written as (products.md 6). */
export function decodeTokenRecord(id: string, data: Uint8Array): TokenRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8"));
  } catch {
    return undefined;
  }
  if (!isTokenId(id) || typeof value !== "object" || value === null) return undefined;
  const { name, sha256, grants, createdMs, createdBy, expiresMs } = value as Record<string, unknown>;
  if (nameProblem(name) !== undefined || !isTokenHash(sha256) || !isGrants(grants)) return undefined;
  if (typeof createdBy !== "string" || !isTime(createdMs)) return undefined;
  if (expiresMs !== undefined && !isTime(expiresMs)) return undefined;
  return { id, name: name as string, sha256, grants, createdMs, createdBy, expiresMs };
}

function isGrants(value: unknown): value is readonly Grant[] {
  if (!Array.isArray(value)) return false;
  return value.every((grant: unknown) => {
    if (typeof grant !== "object" || grant === null) return false;
    const { verbs: ofGrant, spaces } = grant as Partial<Grant>;
    return verbsProblem(ofGrant) === undefined && spacesProblem(spaces) === undefined;
  });
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
