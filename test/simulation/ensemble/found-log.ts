import { bytesEqual } from "../../../src/core/base/bytes.ts";
import { formatZxid } from "../../../src/core/base/zxid.ts";
import { decodeEpoch, decodePromise } from "../../../src/core/zab/epoch-record.ts";
import type { JournalRecord } from "../../../src/core/zab/journal-record.ts";
import { demand } from "../violation.ts";
import { type Broadcast, MemberLog } from "./member-log.ts";

/** A record on its way to the disk. */
export interface Pending {
  readonly sequence: number;
  readonly record: JournalRecord;
  readonly broadcast: Broadcast | undefined;
}

/** What a recovery gave back. */
export interface FoundLog {
  readonly lastZxid: number;
  readonly promise: Uint8Array | undefined;
  readonly epoch: Uint8Array | undefined;
}

/** What a member may find after a crash: what was fsynced, and more and more of what was on its way behind that. */
function* survivals(
  durable: MemberLog | undefined,
  pending: readonly Pending[],
  history: readonly Broadcast[],
): Generator<{ readonly sequence: number; readonly log: MemberLog }> {
  const log = durable?.copy() ?? new MemberLog();
  yield { sequence: 0, log };
  for (const { record, broadcast, sequence } of pending) {
    log.write(record, history, broadcast);
    yield { sequence, log };
  }
}

/** The sequence up to which what was written must have survived; undefined: nothing explains what was found. */
export function survivedUpTo(
  found: FoundLog,
  ...[durable, pending, history]: Parameters<typeof survivals>
): number | undefined {
  const { accepted, current } = reignOf(found);
  let survived: number | undefined;
  for (const { sequence, log } of survivals(durable, pending, history)) {
    const isFound = log.lastZxid === found.lastZxid && log.acceptedEpoch === accepted && log.currentEpoch === current;
    if (isFound) survived = sequence;
  }
  return survived;
}

/** The beginning of what a member had, up to where it was found; undefined: it never had that. */
export function beginningOf(
  found: FoundLog,
  ...[durable, pending, history]: Parameters<typeof survivals>
): MemberLog | undefined {
  const { accepted, current } = reignOf(found);
  for (const { log } of survivals(durable, pending, history)) {
    const at = log.entries.findLastIndex(({ lastZxid }) => lastZxid <= found.lastZxid);
    if ((log.entries[at]?.lastZxid ?? 0) !== found.lastZxid) continue;
    const beginning = new MemberLog();
    beginning.entries = log.entries.slice(0, at + 1);
    beginning.acceptedEpoch = accepted;
    beginning.currentEpoch = current;
    return beginning;
  }
  return undefined;
}

/** A journal that was mended holds, behind its base, what the log held: batch by batch. */
export function compareLog({ entries }: MemberLog, baseZxid: number, batches: Iterable<JournalRecord>): void {
  let at = entries.findIndex(({ lastZxid }) => lastZxid > baseZxid);
  for (const { firstZxid, body } of batches) {
    const entry = entries[at++];
    const isSame = entry !== undefined && entry.firstZxid === firstZxid && bytesEqual(entry.body, body);
    demand(isSame, "core.md 28: a mended journal holds what the log held", () => formatZxid(firstZxid));
  }
  demand(at < 0 || at === entries.length, "core.md 28: a mended journal holds what the log held", () => {
    return `${entries.length - at} batches less`;
  });
}

export function reignOf({ promise, epoch }: FoundLog): { readonly accepted: number; readonly current: number } {
  return {
    accepted: promise === undefined ? 0 : decodePromise(promise).epoch,
    current: epoch === undefined ? 0 : decodeEpoch(epoch),
  };
}
