import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * A token is `muster_<id>_<secret>`: the id is public and finds the record, so that nothing is ever searched; the
 * secret has 256 bits, so that one round of SHA-256 keeps it as well as many would.
 */
const TOKEN = /^muster_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/;
const ID_BYTES = 8;
const SECRET_BYTES = 32;
const HASH = /^[0-9a-f]{64}$/;

/** A token that was just made: the only moment its text exists outside its owner's hands. */
export interface NewToken {
  readonly id: string;
  /** The secret itself. */
  readonly text: string;
  /** What is kept of it. */
  readonly sha256: string;
}

export function newToken(): NewToken {
  const id = randomBytes(ID_BYTES).toString("hex");
  const text = `muster_${id}_${randomBytes(SECRET_BYTES).toString("base64url")}`;
  return { id, text, sha256: hashOf(text).toString("hex") };
}

/** The public id in a token's text; undefined where it is no token. */
export function tokenIdOf(text: string): string | undefined {
  return TOKEN.exec(text)?.[1];
}

export function isTokenId(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-f]{16}$/.test(text);
}

/** SHA-256 in lower-case hex. */
export function isTokenHash(text: unknown): text is string {
  return typeof text === "string" && HASH.test(text);
}

/** Whether a text is the token whose hash was kept; takes the same time for every wrong one. */
export function provesToken(text: string, sha256: string): boolean {
  return timingSafeEqual(hashOf(text), Buffer.from(sha256, "hex"));
}

function hashOf(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}
