import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { InvariantError } from "../core/base/assert.ts";
import { LoadError } from "../core/tree/loader.ts";
import { JOURNAL_FOLDER } from "../storage/data-dir.ts";
import { JournalDamagedError } from "../storage/journal/finding.ts";
import { SnapshotError } from "../storage/snapshot/snapshot-error.ts";
import { syncDirectory, writeFileAtomically } from "../storage/sync-file.ts";
import { RecoveryError } from "./recovery.ts";

/**
 * While this file is there, what the member once acknowledged or promised may be lost: its word counts for nothing
 * until it has a leader's whole history again (core.md 28).
 */
export const DAMAGE_MARKER = "damaged";
const ASIDE_PREFIX = "damaged-";
const SNAPSHOT_PREFIX = "snapshot-";

/** True for what makes a data directory unusable by itself, though other members may have what it lost. */
export function isDamage(error: unknown): error is Error {
  return [JournalDamagedError, SnapshotError, LoadError, RecoveryError, InvariantError].some(
    (kind) => error instanceof kind,
  );
}

export function isMarkedDamaged(directory: string): boolean {
  return existsSync(join(directory, DAMAGE_MARKER));
}

/** Its word counts for nothing from now on, until it is said otherwise. */
export function markDamaged(directory: string, why: string): void {
  writeFileAtomically(join(directory, DAMAGE_MARKER), `${why}\n`, 0o600);
}

/** The member has everything again. */
export function clearDamage(directory: string): void {
  rmSync(join(directory, DAMAGE_MARKER), { force: true });
  syncDirectory(directory);
}

/**
 * Puts journal and snapshot aside, byte for byte as they are, for people; the member begins with nothing. The marker
 * comes first: after a crash at any step the member is marked, and this is done again with what is left.
 *
 * @returns where they are, relative to the directory
 */
export function setAside(directory: string, why: Error): string {
  markDamaged(directory, why.message);
  const names = readdirSync(directory);
  const taken = names.filter((name) => name.startsWith(ASIDE_PREFIX)).map((name) => Number(name.slice(8)) || 0);
  const aside = `${ASIDE_PREFIX}${Math.max(0, ...taken) + 1}`;
  mkdirSync(join(directory, aside), { mode: 0o700 });
  for (const name of names) {
    if (name !== JOURNAL_FOLDER && !name.startsWith(SNAPSHOT_PREFIX)) continue;
    renameSync(join(directory, name), join(directory, aside, name));
  }
  mkdirSync(join(directory, JOURNAL_FOLDER), { mode: 0o700 });
  syncDirectory(join(directory, aside));
  syncDirectory(directory);
  return aside;
}
