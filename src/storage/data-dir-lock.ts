import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import Database from "better-sqlite3";
import { DataDirError } from "./data-dir-error.ts";

/** How long a start waits for a predecessor that is just exiting, ms. */
const LOCK_WAIT_MS = 3_000;
const LOCK_POLL_MS = 50;

export const LOCK_FILE = "lock";
export const PID_FILE = "muster.pid";

/** The exclusive right to a data directory, held until released or until the process ends, however it ends. */
export interface DataDirLock {
  release(): void;
}

/**
 * Takes the lock of a data directory. Node has no flock: the lock is SQLite's exclusive file lock (fcntl) on the empty
 * file `lock`, which the kernel drops with the process, kill -9 included. SQLite also keeps the connections of one
 * process apart, which fcntl alone would not. Trap: nobody in this process may open and close that file by other means,
 * as that drops the lock.
 *
 * @throws DataDirError naming the pid of the holder when the lock is not free within `waitMs`
 */
export async function lockDataDir(directory: string, waitMs: number = LOCK_WAIT_MS): Promise<DataDirLock> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const lock = tryLock(directory);
    if (lock !== undefined) return lock;
    if (performance.now() >= deadline) break;
    await delay(LOCK_POLL_MS);
  }
  const pid = readPid(directory);
  const holder = pid === undefined ? "another process" : `the process with pid ${pid}`;
  throw new DataDirError(
    directory,
    `the data directory is in use by ${holder}`,
    "stop that member first, or give this one a data directory of its own",
  );
}

/** The lock, or undefined when somebody holds it. Creates the lock file where there is none. */
export function tryLock(directory: string): DataDirLock | undefined {
  const file = join(directory, LOCK_FILE);
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { timeout: 0 });
    // Nothing is ever written; a journal file would only be a second name in the directory.
    database.pragma("journal_mode = MEMORY");
    database.exec("BEGIN EXCLUSIVE");
    const held = database;
    return { release: () => void held.close() };
  } catch (error) {
    database?.close();
    const code = String((error as { code?: unknown }).code);
    if (code.startsWith("SQLITE_BUSY")) return undefined;
    throw new DataDirError(file, `the lock file cannot be used: ${(error as Error).message}`, LOCK_FIX, error);
  }
}

const LOCK_FIX = "check the directory's owner and permissions; if the file has content, remove it";

/** What `muster.pid` says, or undefined when it is missing or no number. */
export function readPid(directory: string): number | undefined {
  try {
    const text = readFileSync(join(directory, PID_FILE), "utf8").trim();
    return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}
