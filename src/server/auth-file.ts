import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { ListedCertificate, ListedPrincipals } from "../products/floor/listed-principals.ts";
import { EVERYWHERE, type Grant } from "../products/floor/rights.ts";
import { isTokenHash, isTokenId } from "../products/floor/token.ts";
import { nameProblem, spacesProblem, type TokenRecord, verbsProblem } from "../products/floor/token-record.ts";

const load = createRequire(import.meta.url);

/** Largest file, bytes. */
const FILE_BYTES_MAX = 1024 * 1024;
/** Most principals in it. */
const PRINCIPALS_MAX = 1_000;
const KEYS = ["name", "token", "sha256", "certificate", "verbs", "spaces", "expires"];

/** A file of principals that cannot be used. The message names file, entry, rule and fix. */
export class AuthFileError extends Error {
  override readonly name = "AuthFileError";
}

/** Reads `--auth-file`; throws AuthFileError. */
export function readAuthFile(file: string): ListedPrincipals {
  return parseAuthFile(readText(file), file);
}

/**
 * The principals of a text. Each has a `name`, `verbs`, perhaps `spaces` (all by default) and `expires`, and either
 * `token` (the public id) with `sha256`, or `certificate`.
 *
 * @param file for the messages of AuthFileError
 */
export function parseAuthFile(text: string, file: string): ListedPrincipals {
  const tokens = new Map<string, TokenRecord>();
  const certificates = new Map<string, ListedCertificate>();
  for (const [index, entry] of entriesOf(text, file).entries()) {
    const where = `${file}: principals[${index}]`;
    const fields = fieldsOf(entry, where);
    const { name, grants } = fields;
    if (fields.certificate !== undefined) {
      if (certificates.has(fields.certificate)) throw new AuthFileError(`${where}: lists a certificate twice`);
      certificates.set(fields.certificate, { name, grants });
    } else {
      const { id, sha256, expiresMs } = fields;
      if (tokens.has(id)) throw new AuthFileError(`${where}: lists the token ${id} twice; remove one of them`);
      tokens.set(id, { id, name, sha256, grants, createdMs: 0, createdBy: file, expiresMs });
    }
  }
  return { tokens, certificates };
}

function entriesOf(text: string, file: string): readonly unknown[] {
  // Loaded when there is a file: most members have none, and their start does not wait for it.
  const { parseDocument } = load("yaml") as typeof import("yaml");
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  if (error !== undefined) throw new AuthFileError(`${file}: is not valid YAML: ${error.message}`);
  const fix = "write a line `principals:` and under it a list";
  let content: { principals?: unknown } | null;
  try {
    content = document.toJS({ maxAliasCount: 0 });
  } catch (thrown) {
    throw new AuthFileError(`${file}: cannot be used: ${(thrown as Error).message}`, { cause: thrown });
  }
  const list = content?.principals;
  if (!Array.isArray(list)) throw new AuthFileError(`${file}: has no list of principals; ${fix}`);
  if (list.length > PRINCIPALS_MAX) throw new AuthFileError(`${file}: lists more than ${PRINCIPALS_MAX} principals`);
  return list;
}

type Fields = { readonly name: string; readonly grants: readonly Grant[] } & (
  | { readonly certificate: string }
  | {
      readonly certificate: undefined;
      readonly id: string;
      readonly sha256: string;
      readonly expiresMs: number | undefined;
    }
);

function fieldsOf(entry: unknown, where: string): Fields {
  const refuse = (fault: string): AuthFileError => new AuthFileError(`${where}: ${fault}`);
  if (typeof entry !== "object" || entry === null) throw refuse("is not a mapping; write name, verbs and the like");
  const strange = Object.keys(entry).find((key) => !KEYS.includes(key));
  if (strange !== undefined) throw refuse(`${strange}: is not known; the keys are ${KEYS.join(", ")}`);
  const { name, verbs, spaces = [EVERYWHERE], ...rest } = entry as Record<string, unknown>;
  const checks = [
    ["name", nameProblem(name)],
    ["verbs", verbsProblem(verbs)],
    ["spaces", spacesProblem(spaces)],
  ] as const;
  for (const [key, problem] of checks) if (problem !== undefined) throw refuse(`${key}: ${problem}`);
  const about = { name: name as string, grants: [{ verbs, spaces } as Grant] };
  return { ...about, ...proofOf(rest, refuse) };
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

function proofOf(
  { token, sha256, certificate, expires }: Record<string, unknown>,
  refuse: (fault: string) => AuthFileError,
): DistributiveOmit<Fields, "name" | "grants"> {
  if (certificate !== undefined) {
    if (token !== undefined || sha256 !== undefined) throw refuse("has a certificate and a token; make two of it");
    if (expires !== undefined) throw refuse("expires: is for tokens; a certificate has an end of its own");
    if (typeof certificate !== "string" || certificate === "") {
      throw refuse("certificate: is no text; write its subject, CN=ops,O=Example, or a name, URI:spiffe://example/ops");
    }
    return { certificate };
  }
  const fix = "`muster token create --offline` prints an entry";
  if (!isTokenId(token)) throw refuse(`token: is not the public id of a token; ${fix}`);
  if (!isTokenHash(sha256)) throw refuse(`sha256: is not a hash in 64 hex digits; ${fix}`);
  const expiresMs = expires === undefined ? undefined : Date.parse(String(expires));
  if (Number.isNaN(expiresMs)) throw refuse("expires: is no date; write for example 2030-01-31T00:00:00Z");
  return { certificate: undefined, id: token, sha256, expiresMs };
}

const readFailures: Readonly<Record<string, string>> = {
  ENOENT: "does not exist; create it, or leave the option out",
  EACCES: "may not be read by this process; give it to the user that runs it",
};

/** The file as text, if nobody but its owner may change it: hashes may be seen, rights must not be added. */
function readText(file: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw new AuthFileError(`${file}: ${readFailures[code] ?? `cannot be opened: ${message}`}`, { cause: error });
  }
  try {
    // Of what was opened, not of the name, which may be another file by now.
    const { mode, size } = fstatSync(descriptor);
    if ((mode & 0o022) !== 0)
      throw new AuthFileError(`${file}: can be changed by other users; run: chmod go-w ${file}`);
    if (size > FILE_BYTES_MAX) throw new AuthFileError(`${file}: is larger than ${FILE_BYTES_MAX} bytes; shorten it`);
    return readFileSync(descriptor, "utf8");
  } catch (error) {
    if (error instanceof AuthFileError) throw error;
    throw new AuthFileError(`${file}: cannot be read: ${(error as Error).message}`, { cause: error });
  } finally {
    closeSync(descriptor);
  }
}
