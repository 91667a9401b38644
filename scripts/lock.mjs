// A lock between processes, held by a file that names its owner. The kernel does not free it, so an owner that is gone
// is told by its process id.
import * as fs from "node:fs";
import os from "node:os";
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 100;

/**
 * Runs `work` while no other process runs its own under the same file; waits as long as its owner lives.
 * @template T
 * @param {string} file
 * @param {(message: string) => void} say
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, say, work) {
  const mine = JSON.stringify({ pid: process.pid, host: os.hostname() });
  let told = false;
  while (!tryTake(file, mine)) {
    const holder = read(file);
    if (holder === undefined) continue;
    if (isGone(holder)) {
      removeExactly(file, holder);
      continue;
    }
    if (!told) say(`waiting for another process that prepares this checkout (${file})`);
    told = true;
    await delay(POLL_MS);
  }
  try {
    return await work();
  } finally {
    fs.rmSync(file, { force: true });
  }
}

/** Written aside and linked into place: nobody ever reads a lock that does not name its owner yet. */
function tryTake(/** @type {string} */ file, /** @type {string} */ owner) {
  const aside = `${file}.${process.pid}`;
  fs.writeFileSync(aside, owner);
  try {
    fs.linkSync(aside, file);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false;
    throw error;
  } finally {
    fs.rmSync(aside, { force: true });
  }
}

function read(/** @type {string} */ file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** An owner on another host (a shared file system) cannot be looked up and counts as alive. */
function isGone(/** @type {string} */ holder) {
  /** @type {{ pid?: unknown, host?: unknown }} */
  let owner;
  try {
    owner = JSON.parse(holder);
  } catch {
    return true;
  }
  if (owner.host !== os.hostname()) return false;
  // Process ids come round: a lock of our own id that we do not hold is left over from before.
  if (owner.pid === process.pid) return true;
  try {
    process.kill(Number(owner.pid), 0);
    return false;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "ESRCH";
  }
}

/** Two waiters may both see a dead owner; the slower one must not remove the lock the faster one has taken since. */
function removeExactly(/** @type {string} */ file, /** @type {string} */ holder) {
  const aside = `${file}.${process.pid}.old`;
  try {
    fs.renameSync(file, aside);
  } catch {
    return;
  }
  if (read(aside) !== holder) fs.linkSync(aside, file);
  fs.rmSync(aside, { force: true });
}
