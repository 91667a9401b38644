import { randomInt } from "node:crypto";
import { epochOf, formatZxid } from "../core/base/zxid.ts";
import { EventFanout } from "../core/member/event-fanout.ts";
import { Tree } from "../core/tree/tree.ts";
import { decodeConfiguration } from "../core/zab/ensemble-configuration.ts";
import { decodeEpoch, decodePromise } from "../core/zab/epoch-record.ts";
import type { RecoveredZab } from "../core/zab/zab.ts";
import type { RecoveredJournal } from "../storage/journal/recovered-journal.ts";
import { currentSnapshot } from "../storage/snapshot/snapshot-files.ts";
import { loadSnapshot } from "../storage/snapshot/snapshot-loader.ts";

/** The data directory's parts do not fit together. Names both and what to do. */
export class RecoveryError extends Error {
  override readonly name = "RecoveryError";
}

export interface LoadedTree {
  readonly tree: Tree;
  readonly fanout: EventFanout;
  /** The events the snapshot has kept, for {@link Member}. */
  readonly history: Uint8Array | undefined;
}

/** The tree as the directory's current snapshot has it; a fresh one where there is none. */
export function loadTree(directory: string): LoadedTree {
  const fanout = new EventFanout();
  const snapshot = currentSnapshot(directory);
  // Random per process, so that nobody can choose names that collide in the index.
  const hashSeed = randomInt(2 ** 32);
  let history: Uint8Array | undefined;
  const tree = Tree.load(hashSeed, fanout, (rows) => {
    const meta = snapshot === undefined ? undefined : loadSnapshot(snapshot.file, rows);
    history = meta?.history;
    return meta;
  });
  return { tree, fanout, history };
}

/** What zab needs to know of the journal; throws if journal and snapshot cannot be of one history. */
export function recoverZab(tree: Tree, journal: RecoveredJournal): RecoveredZab {
  if (tree.zxid > journal.lastZxid) {
    throw new RecoveryError(
      `the snapshot is at ${formatZxid(tree.zxid)}, but the journal ends at ${formatZxid(journal.lastZxid)}: ` +
        "part of the journal is missing; put its files back, or restore the whole data directory from a backup",
    );
  }
  if (tree.zxid < journal.baseZxid) {
    throw new RecoveryError(
      `the journal begins after ${formatZxid(journal.baseZxid)}, but the snapshot is only at ` +
        `${formatZxid(tree.zxid)}: the snapshot is missing or too old; put it back, or restore the whole data ` +
        "directory from a backup",
    );
  }
  const promised = journal.promise === undefined ? 0 : decodePromise(journal.promise).epoch;
  const current = journal.epoch === undefined ? epochOf(journal.lastZxid) : decodeEpoch(journal.epoch);
  return {
    acceptedEpoch: Math.max(promised, current),
    currentEpoch: current,
    lastZxid: journal.lastZxid,
    configuration: journal.configuration === undefined ? undefined : decodeConfiguration(journal.configuration),
  };
}
