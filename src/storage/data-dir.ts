import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { assert } from "../core/base/assert.ts";
import { DataDirError } from "./data-dir-error.ts";
import { DATA_DIR_FORMAT, type DataDirIdentity, identityProblem } from "./data-dir-identity.ts";
import { type DataDirLock, lockDataDir, PID_FILE } from "./data-dir-lock.ts";
import { syncDirectory, writeFileAtomically } from "./sync-file.ts";

export const IDENTITY_FILE = "muster.json";
export const JOURNAL_FOLDER = "journal";

export interface DataDirOptions {
  readonly memberId: number;
  /** The ensemble a new directory joins; a random id by default, which founds one. */
  readonly ensembleId?: string;
  /** How long to wait for a predecessor's lock, ms; default 3,000. */
  readonly lockWaitMs?: number;
}

/** An open data directory: locked for this process, its identity checked. */
export interface DataDir {
  readonly directory: string;
  readonly journalDirectory: string;
  readonly identity: DataDirIdentity;
  /** True when this call made the directory's identity. */
  readonly created: boolean;
  /** Removes `muster.pid` and gives the lock back. Call it last, with every file of the directory closed. */
  close(): void;
}

/**
 * Creates or opens a member's data directory (mode 0700), takes its lock and writes `muster.pid`.
 *
 * @throws DataDirError when another process holds it, when it is another member's, or of an unknown format
 */
export async function openDataDir(directory: string, options: DataDirOptions): Promise<DataDir> {
  const root = resolve(directory);
  makeDirectory(root);
  const lock = await lockDataDir(root, options.lockWaitMs);
  try {
    return open(root, options, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

function open(root: string, options: DataDirOptions, lock: DataDirLock): DataDir {
  const existing = readIdentity(root);
  if (existing === undefined) requireEmpty(root);
  const identity = existing ?? createIdentity(root, options);
  requireMember(root, identity, options);
  const journalDirectory = join(root, JOURNAL_FOLDER);
  if (!existsSync(journalDirectory)) {
    mkdirSync(journalDirectory, { mode: 0o700 });
    syncDirectory(root);
  }
  const pidFile = join(root, PID_FILE);
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o644 });
  // The umask may have taken the group's and others' right to read it.
  chmodSync(pidFile, 0o644);
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    rmSync(pidFile, { force: true });
    lock.release();
  };
  return { directory: root, journalDirectory, identity, created: existing === undefined, close };
}

function makeDirectory(root: string): void {
  try {
    const first = mkdirSync(root, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    // Each new name lives in its parent, from the deepest up to the one that was there.
    for (let made = root; made.length >= first.length; made = dirname(made)) syncDirectory(dirname(made));
  } catch (error) {
    const rule = `the data directory cannot be created: ${(error as Error).message}`;
    throw new DataDirError(root, rule, "choose a directory this user may write to", error);
  }
}

/**
 * The identity in `muster.json`, or undefined when there is none. Changes nothing.
 *
 * @throws DataDirError when the file is damaged or of an unknown format
 */
export function readIdentity(directory: string): DataDirIdentity | undefined {
  const file = join(directory, IDENTITY_FILE);
  if (!existsSync(file)) return undefined;
  const fix = "restore the file from a backup, or empty the directory and let the member join its ensemble anew";
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new DataDirError(file, `the file is not readable JSON: ${(error as Error).message}`, fix, error);
  }
  const format = (json as { format?: unknown } | null)?.format;
  if (typeof format === "number" && format > DATA_DIR_FORMAT) {
    const rule = `the data directory has format ${format}; this version of Muster knows format ${DATA_DIR_FORMAT}`;
    throw new DataDirError(file, rule, "run the version of Muster that wrote it, or a later one");
  }
  const problem = identityProblem(json);
  if (problem !== undefined) throw new DataDirError(file, problem, fix);
  return json as DataDirIdentity;
}

/** A directory with data but without identity has lost its file: founding a new ensemble over it would hide that. */
function requireEmpty(root: string): void {
  const data = readdirSync(root).find((name) => name.startsWith("snapshot-") || name.endsWith(".journal"));
  const journal = join(root, JOURNAL_FOLDER);
  const found = data ?? (existsSync(journal) ? readdirSync(journal)[0] : undefined);
  if (found === undefined) return;
  throw new DataDirError(
    join(root, IDENTITY_FILE),
    `the file is missing although the directory holds data (${found})`,
    "restore the file from a backup, or empty the directory and let the member join its ensemble anew",
  );
}

function createIdentity(root: string, options: DataDirOptions): DataDirIdentity {
  const identity = {
    format: DATA_DIR_FORMAT,
    ensembleId: options.ensembleId ?? randomBytes(16).toString("hex"),
    memberId: options.memberId,
    incarnation: randomBytes(16).toString("hex"),
    createdTime: new Date().toISOString(),
  };
  const problem = identityProblem(identity);
  if (problem !== undefined) throw new DataDirError(root, problem, "give the member another id");
  writeIdentity(root, identity);
  return identity;
}

/**
 * Makes the directory another ensemble's, as a forced recovery does; the member and its incarnation stay. The
 * `identity` of `dataDir` is the old one.
 */
export function changeEnsembleId(dataDir: DataDir, ensembleId: string): void {
  const identity = { ...dataDir.identity, ensembleId };
  const problem = identityProblem(identity);
  assert(problem === undefined, `an identity that was checked stays one: ${problem}`);
  writeIdentity(dataDir.directory, identity);
}

function writeIdentity(root: string, identity: DataDirIdentity): void {
  writeFileAtomically(join(root, IDENTITY_FILE), `${JSON.stringify(identity, null, 2)}\n`, 0o600);
}

function requireMember(root: string, identity: DataDirIdentity, options: DataDirOptions): void {
  const file = join(root, IDENTITY_FILE);
  if (identity.memberId !== options.memberId) {
    const rule = `the data directory belongs to member ${identity.memberId}, not to member ${options.memberId}`;
    throw new DataDirError(file, rule, `start it with --id ${identity.memberId}, or choose another --data-dir`);
  }
  if (options.ensembleId !== undefined && identity.ensembleId !== options.ensembleId) {
    const rule = `the data directory belongs to ensemble ${identity.ensembleId}, not to ${options.ensembleId}`;
    throw new DataDirError(file, rule, "choose another --data-dir");
  }
}
