import { createHash, timingSafeEqual } from "node:crypto";
import type { Identity } from "../../../core/tree/operation.ts";

/** What an authentication is judged by beside its bytes. */
export interface AuthContext {
  /** The client's address, as ACLs name it. */
  readonly address: string;
  /** ZooKeeper's superDigest, checked with {@link superDigestFault}: who proves it may do everything. */
  readonly superDigest?: string | undefined;
}

/** Longest user an auth packet may prove, bytes. Its identity goes with every command, into the journal. */
export const DIGEST_USER_BYTES_MAX = 1024;

/** SHA-1 in base64. */
const DIGEST_CHARACTERS = 28;

const SUPER: Identity = { scheme: "super", id: "" };

/**
 * What an auth packet (op 100) proves, as in ZooKeeper 3.8. All but `digest` and `ip` fails there: the reply is
 * AuthFailed, and the connection ends without another. `sasl` has an op of its own; `ip` repeats what the connection
 * says anyway, whatever its bytes.
 */
export function authenticate(
  scheme: string | undefined,
  bytes: Uint8Array,
  context: AuthContext,
): { readonly identities: readonly Identity[] } | "failed" {
  if (scheme === "ip") return { identities: [{ scheme, id: context.address }] };
  if (scheme !== "digest") return "failed";
  const identity = digestIdentity(bytes);
  if (Buffer.byteLength(identity.id) > DIGEST_USER_BYTES_MAX + DIGEST_CHARACTERS + 1) return "failed";
  return { identities: isSuper(identity, context.superDigest) ? [identity, SUPER] : [identity] };
}

/**
 * `user:password` as `user:base64(sha1(user:password))`. Nothing is malformed: the user is what is before the first
 * colon, or all of it, and may be empty.
 */
export function digestIdentity(bytes: Uint8Array): Identity {
  const text = decodeAsJava(bytes);
  const digest = createHash("sha1").update(text, "utf8").digest("base64");
  return { scheme: "digest", id: `${text.split(":", 1)[0]}:${digest}` };
}

/**
 * What is wrong with a super digest, as a clause that follows the option's value; undefined when nothing is. The value
 * itself is as good as the password to whoever can try many, so no message repeats it.
 */
export function superDigestFault(text: string): string | undefined {
  const fix =
    "write user:digest, where the digest is what " +
    "`printf %s user:password | openssl dgst -sha1 -binary | openssl base64` prints";
  const colon = text.indexOf(":");
  if (colon < 0) return `has no colon; ${fix}`;
  if (colon === 0) return `has no user before its colon; ${fix}`;
  const digest = Buffer.from(text.slice(colon + 1), "base64");
  // Comparing with what Node writes refuses all that it reads generously: line ends, missing "=", the URL alphabet.
  if (digest.length !== 20 || digest.toString("base64") !== text.slice(colon + 1)) {
    return `has no SHA-1 digest in base64 after its colon (a password, perhaps); ${fix}`;
  }
  return undefined;
}

function isSuper({ id }: Identity, superDigest: string | undefined): boolean {
  if (superDigest === undefined) return false;
  const [given, wanted] = [Buffer.from(id), Buffer.from(superDigest)];
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** A byte order mark is a character like others. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Half of a surrogate pair in UTF-8's form: one malformed character to Java, and two or three to TextDecoder. */
const ENCODED_SURROGATE = /\xed[\xa0-\xbf][\x80-\xbf]?/g;

/**
 * As ZooKeeper, in Java with UTF-8 as its charset, reads bytes: each malformed piece becomes U+FFFD, and that is what
 * is hashed. Credentials in another charset thus prove the same identity here as there.
 */
function decodeAsJava(bytes: Uint8Array): string {
  const byteText = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  return decoder.decode(Buffer.from(byteText.replace(ENCODED_SURROGATE, "\xef\xbf\xbd"), "latin1"));
}
