import { isSaslName } from "../../../core/base/sasl-name.ts";

export interface SaslUser {
  readonly name: string;
  readonly password: string;
}

/** Longest user name, bytes. It goes with every command, into the journal. */
const NAME_BYTES_MAX = 1024;

/** How a JAAS section begins the option that holds a user's password. */
const JAAS_PREFIX = "user_";

const QUOTED = String.raw`"((?:[^"\\]|\\.)*)"`;
const KEY = String.raw`(?:${QUOTED}|([^\s"\\=#;]+))`;
/** Nothing but blanks after a bare password: `pass #word` is a mistake, not a password and a comment. */
const VALUE = String.raw`(?:${QUOTED}\s*;?\s*(?:(?:#|//).*)?|([^\s"\\#;]+)\s*)`;
const LINE = new RegExp(String.raw`^\s*${KEY}\s*=\s*${VALUE}$`, "u");
const COMMENT = /^\s*(?:#.*|\/\/.*)?$/;
/** What surrounds the users in a JAAS file: `Server {`, the login module, `};`. */
const JAAS_FRAME = /^\s*(?:[\w.-]+\s*\{|\}\s*;?|[\w.]+\s+(?:required|requisite|sufficient|optional))/;

/**
 * One line of a users file: a user, nothing (undefined), or what is wrong with it and the fix (text). A name that
 * itself begins with `user_` is written as JAAS would: `user_user_...`. No message repeats more of the line than the
 * name, since the rest is secret.
 */
export function parseSaslUserLine(line: string): SaslUser | string | undefined {
  if (COMMENT.test(line)) return undefined;
  const match = LINE.exec(line);
  if (match === null) return faultOf(line);
  const [, quotedKey, bareKey = "", quotedValue, bareValue = ""] = match;
  const key = unquote(quotedKey) ?? bareKey;
  const password = unquote(quotedValue) ?? bareValue;
  if (hasOtherEscape(quotedKey) || hasOtherEscape(quotedValue)) {
    return 'has a backslash before something else than " or \\; double the backslash';
  }
  const name = key.startsWith(JAAS_PREFIX) ? key.slice(JAAS_PREFIX.length) : key;
  const fault = nameFault(name);
  if (fault !== undefined) return fault;
  return password === ""
    ? `user ${name} has an empty password, with which anyone could come in; give it one`
    : { name, password };
}

function faultOf(line: string): string {
  if (JAAS_FRAME.test(line)) return 'is the frame of a JAAS section; keep only its lines user_NAME="password"';
  if (!line.includes("=")) return "is not user=password; write both, or begin a comment with #";
  if (/^\s*=/.test(line)) return "has no user before the =; write user=password";
  if (/=\s*;?\s*$/.test(line)) return "has no password after the =; write user=password";
  const fix = 'put the password in double quotes, with \\" for a quote and \\\\ for a backslash';
  return `cannot be read; ${fix}`;
}

function nameFault(name: string): string | undefined {
  if (name === "") return "has no user name; write user=password";
  if (/\p{Cc}/u.test(name)) return "has a user name with a control character; remove it";
  if (Buffer.byteLength(name) > NAME_BYTES_MAX)
    return `has a user name of more than ${NAME_BYTES_MAX} bytes; shorten it`;
  if (!isSaslName(name)) {
    return `user ${name} is no name for an ACL; write a name without @, or user@realm or user/host@realm`;
  }
  return undefined;
}

function unquote(quoted: string | undefined): string | undefined {
  return quoted?.replace(/\\(.)/gu, "$1");
}

function hasOtherEscape(quoted: string | undefined): boolean {
  return quoted !== undefined && /\\[^"\\]/u.test(quoted.replaceAll("\\\\", ""));
}
