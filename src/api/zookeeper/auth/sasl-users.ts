import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { parseSaslUserLine } from "./sasl-user-line.ts";

/** Server name and realm of every ZooKeeper: its clients know them by heart. */
export const SASL_REALM = "zk-sasl-md5";

/** MD5 of `user:realm:password` (RFC 2831): all that is kept of a password. Who has it can prove it is that user. */
export const HASHED_SECRET_BYTES = 16;

/** Largest users file, bytes. */
const FILE_BYTES_MAX = 1024 * 1024;
/** Most users in it. */
const USERS_MAX = 10_000;

/** A users file that cannot be used. The message names file, line, rule and fix, and never a password. */
export class SaslUsersError extends Error {
  override readonly name = "SaslUsersError";
}

/** Who may authenticate by SASL. Immutable: a reload makes others. */
export interface SaslUsers {
  readonly count: number;
  /**
   * The hashed secrets that prove to be this user: none for somebody unknown. Two only where name or password are not
   * ASCII and the client did not say in which charset it hashed them.
   */
  secretsOf(name: string, knowsCharset: boolean): readonly Uint8Array[];
}

/** The users of a file, read again on demand. */
export interface SaslUsersFile {
  /** Those of the last reading that was good. */
  readonly users: SaslUsers;
  /** Throws SaslUsersError, and stays as it was, where the file cannot be used. */
  reload(): void;
}

/** Opens `--zookeeper-sasl-users`; throws SaslUsersError. */
export function openSaslUsers(file: string): SaslUsersFile {
  let users = parseSaslUsers(readSecretFile(file), file);
  return {
    get users() {
      return users;
    },
    reload() {
      users = parseSaslUsers(readSecretFile(file), file);
    },
  };
}

/**
 * The users of a text: a line each, `user=password`, or `user_NAME="password"` as a JAAS section has it; `#` and `//`
 * begin comments. `file` is for the messages of SaslUsersError.
 */
export function parseSaslUsers(text: string, file: string): SaslUsers {
  const secrets = new Map<string, readonly Uint8Array[]>();
  const lineOf = new Map<string, number>();
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    const number = at + 1;
    const user = parseSaslUserLine(line);
    if (user === undefined) continue;
    const refuse = (fault: string): SaslUsersError => new SaslUsersError(`${file}, line ${number}: ${fault}`);
    if (typeof user === "string") throw refuse(user);
    const earlier = lineOf.get(user.name);
    if (earlier !== undefined) throw refuse(`user ${user.name} is in line ${earlier} already; remove one of them`);
    if (secrets.size === USERS_MAX) throw refuse(`is beyond ${USERS_MAX} users; remove those that are not needed`);
    lineOf.set(user.name, number);
    secrets.set(user.name, hashSecrets(user.name, user.password));
  }
  if (secrets.size === 0) {
    throw new SaslUsersError(`${file}: has no user; write a line user=password, or leave the option out`);
  }
  return {
    count: secrets.size,
    secretsOf(name, knowsCharset) {
      const both = secrets.get(name) ?? [];
      return knowsCharset ? both.slice(0, 1) : both;
    },
  };
}

/** First as the RFC hashes, then, if that is something else, all in UTF-8. */
function hashSecrets(name: string, password: string): readonly Uint8Array[] {
  const hash = (bytesOf: (text: string) => Buffer): Buffer => {
    const digest = createHash("md5").update(bytesOf(name)).update(`:${SASL_REALM}:`).update(bytesOf(password));
    return digest.digest();
  };
  const first = hash(bytesOfRfc);
  const second = hash((text) => Buffer.from(text, "utf8"));
  return first.equals(second) ? [first] : [first, second];
}

/** RFC 2831, 2.1.2.1: in ISO 8859-1 what can be, for the sake of HTTP's older digests, and in UTF-8 the rest. */
function bytesOfRfc(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return bytes.toString("latin1") === text ? bytes : Buffer.from(text, "utf8");
}

const readFailures: Readonly<Record<string, string>> = {
  ENOENT: "does not exist; create it with mode 0600, a line user=password for each user",
  EACCES: "may not be read by this process; give it to the user that runs it",
};

/** The file as text, if nobody but its owner may read or change it. */
function readSecretFile(file: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw new SaslUsersError(`${file}: ${readFailures[code] ?? `cannot be opened: ${message}`}`, { cause: error });
  }
  try {
    // Of what was opened, not of the name, which may be another file by now.
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new SaslUsersError(`${file}: is not a file; name a text file with a user per line`);
    if ((stat.mode & 0o077) !== 0) {
      const octal = (stat.mode & 0o777).toString(8).padStart(4, "0");
      throw new SaslUsersError(`${file}: is open to other users (mode ${octal}); run: chmod 600 ${file}`);
    }
    if (stat.size > FILE_BYTES_MAX)
      throw new SaslUsersError(`${file}: is larger than ${FILE_BYTES_MAX} bytes; shorten it`);
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(descriptor));
  } catch (error) {
    if (error instanceof SaslUsersError) throw error;
    if (error instanceof TypeError) {
      throw new SaslUsersError(`${file}: is not UTF-8; save it as UTF-8`, { cause: error });
    }
    throw new SaslUsersError(`${file}: cannot be read: ${(error as Error).message}`, { cause: error });
  } finally {
    closeSync(descriptor);
  }
}
