import { createHash, timingSafeEqual } from "node:crypto";
import type { Identity } from "../../../core/tree/operation.ts";
import { parseSaslDirectives, type SaslDirectives } from "./sasl-directives.ts";
import { HASHED_SECRET_BYTES, SASL_REALM, type SaslUsers } from "./sasl-users.ts";

/** What the server answers a token with, or why it does not; the reason is for the log, never for the client. */
export type SaslStep =
  | { readonly token: Uint8Array; readonly done: false }
  | { readonly token: Uint8Array; readonly done: true; readonly identity: Identity }
  | { readonly failed: string };

/** One authentication of one connection. */
export interface SaslExchange {
  /** Never throws. After the end, good or bad, every further token fails, as in ZooKeeper. */
  step(token: Uint8Array): SaslStep;
}

/** RFC 2831, 2.1.2: a response is shorter than 4,096 bytes. */
export const SASL_TOKEN_BYTES_MAX = 4095;

/** As long as Java's: 40 characters of base64. */
const NONCE_BYTES = 30;
/** ZooKeeper's clients and servers name no host: each connects to this one. */
const DIGEST_URI = `zookeeper/${SASL_REALM}`;
/** A nonce of ours is used once: a second use would have another count. */
const NONCE_COUNT = "00000001";
const QOP = "auth";

/**
 * The server's side of SASL DIGEST-MD5 (RFC 2831) as ZooKeeper speaks it in op 102: the client's first token asks for
 * the challenge, its second holds the response, and the answer to that proves the server in turn. Protection of what
 * follows is not negotiated (qop auth). `users` are those of this moment; `random` must be fit for secrets.
 */
export function startDigestMd5(users: SaslUsers, random: (size: number) => Uint8Array): SaslExchange {
  let nonce: string | undefined;
  let isOver = false;
  return {
    step(token) {
      if (isOver) return { failed: "a token after the end" };
      if (nonce === undefined) {
        // A first token that is not empty is a response to an older challenge; the answer is a new one (RFC 2831, 2.2).
        nonce = Buffer.from(random(NONCE_BYTES)).toString("base64");
        return { token: challenge(nonce), done: false };
      }
      isOver = true;
      return evaluate(token, nonce, users, random);
    },
  };
}

/** No qop: auth is what it means to leave it out, and what ZooKeeper does. */
function challenge(nonce: string): Uint8Array {
  return Buffer.from(`realm="${SASL_REALM}",nonce="${nonce}",charset=utf-8,algorithm=md5-sess`, "latin1");
}

/** The client's response, byte strings as it sent them. */
interface Response {
  readonly username: string;
  readonly isUtf8: boolean;
  readonly nonce: string;
  readonly cnonce: string;
  readonly digestUri: string;
  readonly authorizationId: string | undefined;
  readonly proof: string;
}

function evaluate(token: Uint8Array, nonce: string, users: SaslUsers, random: (size: number) => Uint8Array): SaslStep {
  if (token.length > SASL_TOKEN_BYTES_MAX) return { failed: "a response that is too long" };
  const directives = parseSaslDirectives(Buffer.from(token).toString("latin1"));
  if (directives === undefined) return { failed: "a response that cannot be read" };
  const response = readResponse(directives, nonce);
  if (typeof response === "string") return { failed: response };
  const names = namesOf(response);
  if (names.length === 0) return { failed: "a user name that is not UTF-8" };
  const known = names.flatMap((name) => users.secretsOf(name, response.isUtf8).map((secret) => ({ name, secret })));
  // Somebody unknown takes as long as a wrong password, and is told the same.
  const tried = known.length > 0 ? known : [{ name: undefined, secret: random(HASHED_SECRET_BYTES) }];
  for (const { name, secret } of tried) {
    const session = sessionKey(secret, response);
    const isRight = equalText(response.proof, proofOf(session, response, "AUTHENTICATE:"));
    if (name !== undefined && isRight) {
      const token = Buffer.from(`rspauth=${proofOf(session, response, ":")}`, "latin1");
      return { token, done: true, identity: { scheme: "sasl", id: name } };
    }
  }
  return { failed: known.length > 0 ? "a wrong password" : "an unknown user" };
}

/** What is wrong with the directives, or what they say. */
function readResponse(directives: SaslDirectives, nonce: string): Response | string {
  const username = directives.get("username");
  const cnonce = directives.get("cnonce");
  const digestUri = directives.get("digest-uri");
  const proof = directives.get("response");
  const charset = directives.get("charset");
  const authorizationId = directives.get("authzid");
  if (username === undefined || username === "") return "no user name";
  if (directives.get("realm") !== SASL_REALM) return "another realm";
  if (directives.get("nonce") !== nonce) return "another nonce";
  if (directives.get("nc") !== NONCE_COUNT) return "a nonce count other than one";
  if (cnonce === undefined || cnonce === "") return "no nonce of the client";
  if ((directives.get("qop") ?? QOP) !== QOP) return "a quality of protection that was not offered";
  if (digestUri?.toLowerCase() !== DIGEST_URI) return "another service or host";
  if (charset !== undefined && charset !== "utf-8") return "a charset other than utf-8";
  if (proof === undefined || !/^[0-9a-f]{32}$/.test(proof)) return "no response of 32 hexadecimal digits";
  // Only oneself. ZooKeeper lets any authorization id through, and takes no notice of it.
  if (authorizationId !== undefined && authorizationId !== "" && authorizationId !== username) {
    return "the wish to act for another user";
  }
  return { username, isUtf8: charset !== undefined, nonce, cnonce, digestUri, authorizationId, proof };
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Whom the bytes of a user name may mean. Without the charset directive they are ISO 8859-1 to the RFC, but UTF-8 to
 * clients that know of no other charset (pure-sasl, so kazoo): the password decides.
 */
function namesOf({ username, isUtf8 }: Response): readonly string[] {
  let utf8: string;
  try {
    utf8 = strictUtf8.decode(Buffer.from(username, "latin1"));
  } catch {
    return isUtf8 ? [] : [username];
  }
  return isUtf8 || utf8 === username ? [utf8] : [utf8, username];
}

/** Hash of A1 (RFC 2831, 2.1.2.1), in hexadecimal digits. */
function sessionKey(secret: Uint8Array, { nonce, cnonce, authorizationId }: Response): string {
  const rest = [nonce, cnonce, ...(authorizationId === undefined ? [] : [authorizationId])];
  return createHash("md5")
    .update(secret)
    .update(`:${rest.join(":")}`, "latin1")
    .digest("hex");
}

/** The proof that one knows the secret: the client's over `AUTHENTICATE:` and the URI, the server's over `:` and it. */
function proofOf(session: string, { nonce, cnonce, digestUri }: Response, prefix: string): string {
  const a2 = md5(`${prefix}${digestUri}`);
  return md5([session, nonce, NONCE_COUNT, cnonce, QOP, a2].join(":"));
}

function md5(byteText: string): string {
  return createHash("md5").update(byteText, "latin1").digest("hex");
}

/** Both of 32 digits. */
function equalText(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a, "latin1"), Buffer.from(b, "latin1"));
}
