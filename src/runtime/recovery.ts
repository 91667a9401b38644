import { randomInt } from "node:crypto";
import { epochOf, formatZxid } from "../core/base/zxid.ts";
import { EventFanout } from "../core/member/event-fanout.ts";
import { type LoadedState, LocalState } from "../core/member/local-state.ts";
import { BatchReader } from "../core/tree/batch.ts";
import { configurationOfBatch } from "../core/tree/batch-configuration.ts";
import type { TreeLoader } from "../core/tree/loader.ts";
import type { SnapshotMeta } from "../core/tree/snapshot-row.ts";
import { Tree } from "../core/tree/tree.ts";
import { decodeConfiguration, type EnsembleConfiguration } from "../core/zab/ensemble-configuration.ts";
import { decodeEpoch, decodePromise } from "../core/zab/epoch-record.ts";
import type { JournalRecord } from "../core/zab/journal-record.ts";
import { encodePropose } from "../core/zab/peer-message.ts";
import type { RecoveredZab } from "../core/zab/zab-contract.ts";
import type { RecoveredJournal } from "../storage/journal/recovered-journal.ts";
import { currentSnapshot } from "../storage/snapshot/snapshot-files.ts";
import { loadSnapshot } from "../storage/snapshot/snapshot-loader.ts";

/** The data directory's parts do not fit together. Names both and what to do. */
export class RecoveryError extends Error {
  override readonly name = "RecoveryError";
}

/** A tree made of whatever `load` feeds it; a fresh one where that is no snapshot. */
export function loadState(load: (rows: TreeLoader) => SnapshotMeta | undefined): LoadedState {
  const fanout = new EventFanout();
  // Random per process, so that nobody can choose names that collide in the index.
  const hashSeed = randomInt(2 ** 32);
  let history: Uint8Array | undefined;
  const tree = Tree.load(hashSeed, fanout, (rows) => {
    const meta = load(rows);
    history = meta?.history;
    return meta;
  });
  return { tree, fanout, history };
}

/** The tree as the directory's current snapshot has it; `installed` as for {@link currentSnapshot}. */
export function loadTree(directory: string, installed?: number): LoadedState {
  const snapshot = currentSnapshot(directory, installed);
  return loadState((rows) => (snapshot === undefined ? undefined : loadSnapshot(snapshot.file, rows)));
}

export interface Recovered {
  readonly state: LocalState;
  readonly zab: RecoveredZab;
  /** Batches replayed, and the bytes of all batches read. */
  readonly batches: number;
  readonly journalBytes: number;
}

/**
 * Replays what is known to be committed - up to the highest zxid that any batch says its leader had applied - and keeps
 * the rest for a leader to decide (core.md 23). So it does from a batch on whose leader had another tree: only a quorum
 * can tell which of the two was wrong (core.md 29). Throws if journal and snapshot cannot be of one history.
 */
export function recover(loaded: LoadedState, journal: RecoveredJournal, historyBytesMax: number): Recovered {
  requireOneHistory(loaded.tree, journal);
  const state = new LocalState(loaded, historyBytesMax);
  const reader = new BatchReader();
  const waiting: JournalRecord[] = [];
  let committed = state.tree.zxid;
  let batches = 0;
  let journalBytes = 0;
  for (const { type, firstZxid, lastZxid, body } of journal.batches(state.tree.zxid)) {
    journalBytes += body.length;
    waiting.push({ type, firstZxid, lastZxid, body: new Uint8Array(body) });
    committed = Math.max(committed, reader.open(body).digestZxid);
    while (waiting[0] !== undefined && waiting[0].lastZxid <= committed && state.disagreement(waiting[0].body) === 0) {
      state.replay((waiting.shift() as JournalRecord).body);
      batches++;
    }
  }
  return { state, zab: recoverZab(state, waiting, journal), batches, journalBytes };
}

function requireOneHistory(tree: Tree, journal: RecoveredJournal): void {
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
}

/** What zab needs to know of the journal. */
function recoverZab(state: LocalState, tail: readonly JournalRecord[], journal: RecoveredJournal): RecoveredZab {
  const promise = journal.promise === undefined ? { epoch: 0, leaderId: 0 } : decodePromise(journal.promise);
  const currentEpoch = journal.epoch === undefined ? epochOf(journal.lastZxid) : decodeEpoch(journal.epoch);
  const isPromised = promise.epoch >= currentEpoch;
  return {
    acceptedEpoch: isPromised ? promise.epoch : currentEpoch,
    promisedTo: isPromised ? promise.leaderId : 0,
    currentEpoch,
    lastZxid: journal.lastZxid,
    committedZxid: state.batchEndZxid,
    tail: tail.map(({ body }) => encodePropose(body)),
    baseZxid: journal.baseZxid,
    epochEnds: journal.epochEnds().map(({ lastZxid }) => lastZxid),
    ...recoverConfigurations(state.tree, tail, journal),
  };
}

/**
 * A configuration counts from the moment its batch is journalled (core.md 25). The record behind the batch says it
 * again, but the power may have gone between the two: so the tree and the tail are asked as well.
 */
function recoverConfigurations(
  { state }: Tree,
  tail: readonly JournalRecord[],
  journal: RecoveredJournal,
): Pick<RecoveredZab, "configuration" | "configurationZxid" | "formerConfiguration"> {
  const known = new Map<number, Uint8Array>();
  if (state.configurationZxid > 0) known.set(state.configurationZxid, state.configuration);
  for (const { lastZxid, body } of tail) {
    const changed = configurationOfBatch(body);
    if (changed !== undefined) known.set(lastZxid, changed);
  }
  // Only a change that is journalled and perhaps not committed still needs the configuration before it.
  const isChanging = [...known.keys()].some((zxid) => zxid > state.zxid);
  for (const { lastZxid, body } of journal.configurations) known.set(lastZxid, body);
  const zxids = [...known.keys()].sort((one, other) => one - other);
  const at = (place: number): EnsembleConfiguration | undefined => {
    const body = known.get(zxids.at(place) ?? -1);
    return body === undefined ? undefined : decodeConfiguration(body);
  };
  return {
    configuration: at(-1),
    configurationZxid: zxids.at(-1) ?? 0,
    formerConfiguration: isChanging ? at(-2) : undefined,
  };
}
