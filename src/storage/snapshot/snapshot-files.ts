import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { formatZxid } from "../../core/base/zxid.ts";
import { syncDirectory, syncFile } from "../sync-file.ts";
import { SnapshotError } from "./snapshot-error.ts";
import { SNAPSHOT_APPLICATION_ID, SNAPSHOT_FORMAT, SNAPSHOT_PAGE_BYTES, SNAPSHOT_TABLES } from "./snapshot-schema.ts";

const FILE_PATTERN = /^snapshot-([0-9a-f]{16})\.db$/;
/** What SQLite keeps beside a database while it is open, or after a crash. */
const COMPANIONS = ["-wal", "-shm", "-journal"] as const;
const ANY_PATTERN = /^snapshot-[0-9a-f]{16}\.db(?:\.tmp)?(?:-wal|-shm|-journal)?$/;
const TEMPORARY_SUFFIX = ".tmp";

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
 * Decides which snapshot is current; changes nothing. A received snapshot becomes current by a journal record that
 * names its zxid (core.md 35): until then the older file stays current, from then on only the named one is.
 *
 * @param installed zxid of the journal's last record that names an installed snapshot, if any
 * @throws SnapshotError when the named file is missing
 */
export function selectSnapshot(directory: string, installed?: number): SnapshotSelection {
  const names = existsSync(directory) ? readdirSync(directory).filter((name) => ANY_PATTERN.test(name)) : [];
  const files = names
    .flatMap((name) => {
      const match = FILE_PATTERN.exec(name);
      return match ? [{ file: join(directory, name), began: Number.parseInt(match[1] as string, 16) }] : [];
    })
    .sort((a, b) => a.began - b.began);
  const current = installed === undefined ? files[0] : files.find((file) => file.began === installed);
  if (installed !== undefined && current === undefined) {
    throw new SnapshotError({
      file: join(directory, snapshotFileName(installed)),
      where: "file",
      rule: `the journal names the snapshot installed at ${formatZxid(installed)} as current, and it is missing`,
      fix: "put the file back, or empty the data directory and let the member join its ensemble anew",
    });
  }
  const kept = current && snapshotFileName(current.began);
  const leftovers = names.filter((name) => kept === undefined || !belongsTo(name, kept));
  return { current, leftovers: leftovers.map((name) => join(directory, name)) };
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
  for (const name of [temporary, ...COMPANIONS.map((suffix) => temporary + suffix)]) rmSync(name, { force: true });
  const database = new Database(temporary);
  try {
    database.pragma(`page_size = ${SNAPSHOT_PAGE_BYTES}`);
    database.pragma("auto_vacuum = NONE");
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.pragma(`application_id = ${SNAPSHOT_APPLICATION_ID}`);
    for (const table of Object.values(SNAPSHOT_TABLES)) database.exec(table);
    database.pragma(`user_version = ${SNAPSHOT_FORMAT}`);
  } finally {
    database.close();
  }
  syncFile(temporary);
  renameSync(temporary, file);
  syncDirectory(directory);
  return { file, began };
}

function belongsTo(name: string, kept: string): boolean {
  return name === kept || COMPANIONS.some((suffix) => name === kept + suffix);
}
