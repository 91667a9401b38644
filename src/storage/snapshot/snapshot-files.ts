import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { formatZxid } from "../../core/base/zxid.ts";
import { syncDirectory, syncFile } from "../sync-file.ts";
import { SnapshotError } from "./snapshot-error.ts";
import { SNAPSHOT_APPLICATION_ID, SNAPSHOT_FORMAT, SNAPSHOT_PAGE_BYTES, snapshotTables } from "./snapshot-schema.ts";

const FILE_PATTERN = /^snapshot-([0-9a-f]{16})\.db$/;
/** What SQLite keeps beside a database while it is open, or after a crash. */
const COMPANIONS = ["-wal", "-shm", "-journal"] as const;
const ANY_PATTERN = /^snapshot-[0-9a-f]{16}\.db(?:\.tmp)?(?:-wal|-shm|-journal)?$/;
/** Of a file that is not whole yet. */
export const TEMPORARY_SUFFIX = ".tmp";

/** A snapshot file in a data directory. */
export interface SnapshotFile {
  readonly file: string;
  /** Where the file began, from its name; the round it holds is in its meta row. */
  readonly began: number;
}

export interface SnapshotSelection {
  readonly current: SnapshotFile | undefined;
  /** Files of unfinished creations and of snapshots that are not, or no longer, current. */
  readonly leftovers: readonly string[];
}

export function snapshotFileName(began: number): string {
  return `snapshot-${began.toString(16).padStart(16, "0")}.db`;
}

/**
 * Which of the snapshots that began at these zxids is current (core.md 35): the one that the journal's last SNAPSHOT
 * record names, whether it began before or after the others. Without such a record the member's own first file, which
 * began at 0; a received one never did, and so none can be mistaken for it.
 *
 * Where that one is missing and the record too, the only one left is taken: the record may have gone with a pruned
 * segment. Of several, none: any choice could be the one that was received and never installed.
 *
 * @returns undefined where there is no snapshot
 * @throws SnapshotChoiceError
 */
export function chooseSnapshot(began: readonly number[], installed?: number): number | undefined {
  if (installed !== undefined) {
    if (began.includes(installed)) return installed;
    throw new SnapshotChoiceError(
      installed,
      `the journal names the snapshot installed at ${formatZxid(installed)} as current, and it is missing`,
    );
  }
  if (began.length <= 1 || began.includes(0)) return began.includes(0) ? 0 : began[0];
  const list = began.map(formatZxid).join(", ");
  throw new SnapshotChoiceError(undefined, `the journal names none of the snapshots installed at ${list} as current`);
}

/** No snapshot can be said to be current. */
export class SnapshotChoiceError extends Error {
  override readonly name = "SnapshotChoiceError";
  /** The one that should be there, if any is named. */
  readonly missing: number | undefined;

  constructor(missing: number | undefined, rule: string) {
    super(rule);
    this.missing = missing;
  }
}

/**
 * Decides which snapshot is current; see {@link chooseSnapshot}. Changes nothing.
 *
 * @param installed zxid of the journal's last record that names an installed snapshot, if any
 * @throws SnapshotError when the named file is missing, or none can be said to be current
 */
export function selectSnapshot(directory: string, installed?: number): SnapshotSelection {
  const names = existsSync(directory) ? readdirSync(directory).filter((name) => ANY_PATTERN.test(name)) : [];
  const files = names
    .flatMap((name) => {
      const match = FILE_PATTERN.exec(name);
      return match ? [{ file: join(directory, name), began: Number.parseInt(match[1] as string, 16) }] : [];
    })
    .sort((a, b) => a.began - b.began);
  const chosen = choose(directory, files, installed);
  const current = files.find((file) => file.began === chosen);
  const kept = current && snapshotFileName(current.began);
  const leftovers = names.filter((name) => kept === undefined || !belongsTo(name, kept));
  return { current, leftovers: leftovers.map((name) => join(directory, name)) };
}

function choose(directory: string, files: readonly SnapshotFile[], installed: number | undefined): number | undefined {
  try {
    const began = files.map((file) => file.began);
    return chooseSnapshot(began, installed);
  } catch (error) {
    if (!(error instanceof SnapshotChoiceError)) throw error;
    const { missing, message } = error;
    throw new SnapshotError({
      file: missing === undefined ? directory : join(directory, snapshotFileName(missing)),
      where: "file",
      rule: message,
      fix: "put the file back, or empty the data directory and let the member join its ensemble anew",
    });
  }
}

/** How many snapshots there are: more than one after a crash while one was installed. */
export function snapshotCount(directory: string): number {
  return existsSync(directory) ? readdirSync(directory).filter((name) => FILE_PATTERN.test(name)).length : 0;
}

/** The current snapshot's file; see {@link selectSnapshot}. */
export function currentSnapshot(directory: string, installed?: number): SnapshotFile | undefined {
  return selectSnapshot(directory, installed).current;
}

/** Removes what is not the current snapshot; called once the current one is certain, with the directory's lock held. */
export function removeLeftovers(directory: string, installed?: number): readonly string[] {
  const { leftovers } = selectSnapshot(directory, installed);
  for (const file of leftovers) rmSync(file, { force: true });
  if (leftovers.length > 0) syncDirectory(directory);
  return leftovers;
}

/**
 * Creates an empty snapshot that begins at `began`. Built under a temporary name, closed without -wal, fsynced,
 * renamed, and its directory fsynced: after a crash at any step there is either no file of that name or a whole one.
 */
export function createSnapshot(directory: string, began: number): SnapshotFile {
  const file = join(directory, snapshotFileName(began));
  const temporary = `${file}${TEMPORARY_SUFFIX}`;
  removeDatabase(temporary);
  const database = new Database(temporary);
  try {
    createTables(database);
    database.pragma("journal_mode = WAL");
  } finally {
    database.close();
  }
  syncFile(temporary);
  renameSync(temporary, file);
  syncDirectory(directory);
  return { file, began };
}

/** Makes a new database an empty snapshot of the present format. */
export function createTables(database: Database.Database): void {
  database.pragma(`page_size = ${SNAPSHOT_PAGE_BYTES}`);
  database.pragma("auto_vacuum = NONE");
  database.pragma(`application_id = ${SNAPSHOT_APPLICATION_ID}`);
  for (const table of Object.values(snapshotTables(SNAPSHOT_FORMAT))) database.exec(table);
  database.pragma(`user_version = ${SNAPSHOT_FORMAT}`);
}

/** Removes a database with all that SQLite keeps beside it, if any of it is there. */
export function removeDatabase(file: string): void {
  for (const name of [file, ...COMPANIONS.map((suffix) => file + suffix)]) rmSync(name, { force: true });
}

function belongsTo(name: string, kept: string): boolean {
  return name === kept || COMPANIONS.some((suffix) => name === kept + suffix);
}
