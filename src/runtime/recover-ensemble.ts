import { randomBytes } from "node:crypto";
import type { ByteWriter } from "../core/base/bytes.ts";
import { EPOCH_MAX, epochOf, formatZxid, makeZxid } from "../core/base/zxid.ts";
import { DigestRing } from "../core/member/digest-ring.ts";
import { BatchReader, BatchWriter, batchFlag } from "../core/tree/batch.ts";
import { Command, decodeCommand, writeRaiseFeatureLevel, writeReconfigure } from "../core/tree/command.ts";
import { featureLevelOf } from "../core/tree/feature-level.ts";
import { Tree } from "../core/tree/tree.ts";
import {
  decodeConfiguration,
  type EnsembleConfiguration,
  encodeConfiguration,
} from "../core/zab/ensemble-configuration.ts";
import { decodeEpoch, decodePromise, encodeEpoch, encodePromise } from "../core/zab/epoch-record.ts";
import { type JournalRecord, recordType } from "../core/zab/journal-record.ts";
import { Quorum } from "../core/zab/quorum.ts";
import { changeEnsembleId, type DataDir, openDataDir, readIdentity } from "../storage/data-dir.ts";
import { describeFinding, isFatal, JournalDamagedError } from "../storage/journal/finding.ts";
import { openJournal } from "../storage/journal/journal.ts";
import { readJournal } from "../storage/journal/recover-journal.ts";
import type { RecoveredJournal } from "../storage/journal/recovered-journal.ts";
import { nodeDisk } from "../storage/node-disk.ts";
import { currentSnapshot } from "../storage/snapshot/snapshot-files.ts";
import { loadSnapshot } from "../storage/snapshot/snapshot-loader.ts";
import { RecoveryError } from "./recovery.ts";

/**
 * How far the new epoch is above every one this member knows. The members that are lost may have gone through epochs it
 * never heard of, and fencing tokens (zxids) handed out in those must stay below the ones handed out from now on.
 */
export const EPOCH_LEAP = 1_000;

/** What a forced recovery would do to a data directory. Nothing has been changed yet. */
export interface RecoveryPlan {
  readonly directory: string;
  readonly memberId: number;
  readonly ensembleId: string;
  /** Last zxid of this member's journal: everything up to here stays, committed or not. */
  readonly lastZxid: number;
  /** The epoch whose data it has, and the highest it promised to follow. */
  readonly currentEpoch: number;
  readonly acceptedEpoch: number;
  readonly newEpoch: number;
  readonly znodes: number;
  readonly sessions: number;
  /** The others of the last configuration this member knows: they are of the new ensemble no more. */
  readonly otherMembers: readonly number[];
  /** What stood at the end of the journal and may be incomplete, in words. */
  readonly findings: readonly string[];
}

/** A recovery done: the member now starts alone and leads. */
export interface RecoveredEnsemble extends RecoveryPlan {
  readonly newEnsembleId: string;
}

/**
 * Makes an ensemble of one out of a member whose quorum is lost for good (core.md 26): the same data, a new ensemble
 * id, a higher epoch, and a configuration with this member as its only voter. What the lost members had and this one
 * has not is given up, acknowledged writes among it; so this is never done without somebody's word.
 *
 * The new id goes into muster.json first and the journal follows in one run of records: after a crash in between the
 * member still lacks its quorum, and the recovery is done again.
 *
 * @param confirm sees the plan with the directory locked; false leaves everything as it is
 * @returns undefined when it was not confirmed
 * @throws DataDirError, JournalDamagedError or RecoveryError when the directory is in use, damaged, or needs no
 * recovery
 */
export async function recoverEnsemble(
  directory: string,
  confirm: (plan: RecoveryPlan) => Promise<boolean>,
): Promise<RecoveredEnsemble | undefined> {
  const identity = readIdentity(directory);
  if (identity === undefined) {
    throw new RecoveryError(`${directory} is not a member's data directory: it has no muster.json; name another one`);
  }
  const dataDir = await openDataDir(directory, { memberId: identity.memberId, lockWaitMs: 0 });
  try {
    const found = examine(dataDir);
    const { plan } = found;
    if (!(await confirm(plan))) return undefined;
    const newEnsembleId = randomBytes(16).toString("hex");
    changeEnsembleId(dataDir, newEnsembleId);
    await write(dataDir, found, newEnsembleId);
    return { ...plan, newEnsembleId };
  } finally {
    dataDir.close();
  }
}

interface Examined {
  readonly plan: RecoveryPlan;
  readonly tree: Tree;
  readonly peerAddress: string;
}

/** Loads and replays all there is, as the member would at its start, without a change. */
function examine(dataDir: DataDir): Examined {
  const { directory, identity, journalDirectory } = dataDir;
  const { memberId } = identity;
  const tree = loadQuietly(directory);
  const { recovered, findings } = readJournal(nodeDisk, journalDirectory, tree.zxid);
  if (findings.some(isFatal)) throw new JournalDamagedError(journalDirectory, findings);
  const { lastZxid, baseZxid } = recovered;
  if (tree.zxid > lastZxid || tree.zxid < baseZxid) {
    const at = `the snapshot is at ${formatZxid(tree.zxid)}`;
    const span = `the journal spans ${formatZxid(baseZxid)} to ${formatZxid(lastZxid)}`;
    throw new RecoveryError(`${at}, but ${span}: part of the data is missing; put it back, or recover another member`);
  }
  const currentEpoch = recovered.epoch === undefined ? epochOf(lastZxid) : decodeEpoch(recovered.epoch);
  const promised = recovered.promise === undefined ? 0 : decodePromise(recovered.promise).epoch;
  const acceptedEpoch = Math.max(promised, currentEpoch);
  const newEpoch = acceptedEpoch + EPOCH_LEAP;
  if (newEpoch > EPOCH_MAX) throw new RecoveryError(`no epoch is left above ${acceptedEpoch}`);
  const { configuration, peerAddress } = ownPlace(recovered.configuration, memberId, identity.incarnation);
  replay(tree, recovered);
  const plan = {
    directory,
    memberId,
    ensembleId: configuration.ensembleId,
    lastZxid,
    currentEpoch,
    acceptedEpoch,
    newEpoch,
    znodes: tree.state.table.size,
    sessions: tree.state.sessions.size,
    otherMembers: configuration.members.map(({ id }) => id).filter((id) => id !== memberId),
    findings: findings.map(describeFinding),
  };
  return { plan, tree, peerAddress };
}

/** The tree of the directory's current snapshot, whose events nobody hears. */
function loadQuietly(directory: string): Tree {
  const snapshot = currentSnapshot(directory);
  return Tree.load(0, { record: () => undefined }, (rows) => snapshot && loadSnapshot(snapshot.file, rows));
}

/** The member's place in the last configuration it knows, or why it has nothing to recover. */
function ownPlace(
  record: Uint8Array | undefined,
  memberId: number,
  incarnation: string,
): { configuration: EnsembleConfiguration; peerAddress: string } {
  if (record === undefined) {
    throw new RecoveryError(`member ${memberId} has never been of an ensemble; recover one that has the data`);
  }
  const configuration = decodeConfiguration(record);
  const own = configuration.members.find((member) => member.id === memberId && member.incarnation === incarnation);
  if (own === undefined) {
    const why = "it was removed, or never added after it lost its data";
    throw new RecoveryError(`member ${memberId} is not of the ensemble it knows (${why}); recover one that is`);
  }
  if (own.role === "voter" && own.weight > 0 && new Quorum(configuration).has([memberId])) {
    throw new RecoveryError(`member ${memberId} is a quorum by itself and needs no recovery; start it`);
  }
  return { configuration, peerAddress: own.peerAddress };
}

/** Applies what the journal has beyond the snapshot, each batch's digest compared at equal zxid (core.md 29). */
function replay(tree: Tree, journal: RecoveredJournal): void {
  const digests = new DigestRing();
  if (tree.zxid > 0) digests.push(tree.zxid, tree.state.digest);
  const reader = new BatchReader();
  for (const { body } of journal.batches(tree.zxid)) {
    const header = reader.open(body);
    if (!digests.agrees(header.digestZxid, header.digest0, header.digest1)) {
      const at = formatZxid(header.digestZxid);
      throw new RecoveryError(`the data at zxid ${at} is not what the leader had there; recover another member`);
    }
    apply(tree, body);
    digests.push(tree.zxid, tree.state.digest);
  }
}

function apply(tree: Tree, body: Uint8Array): void {
  const reader = new BatchReader();
  const command = new Command();
  const header = reader.open(body);
  tree.beginBatch(header);
  const { firstZxid, count } = header;
  for (let index = 0; index < count; index++) {
    decodeCommand(reader.next(), command);
    tree.apply(firstZxid + index, command);
  }
}

/** The records of the new reign, in zab's order: promise, epoch, then the configuration as the first thing decided. */
function records({ plan, tree, peerAddress }: Examined, incarnation: string, ensembleId: string): JournalRecord[] {
  const { memberId, lastZxid, newEpoch } = plan;
  const self = { id: memberId, role: "voter", weight: 1, group: 0, incarnation, peerAddress } as const;
  const configuration = encodeConfiguration({ ensembleId, members: [self] });
  const at = (type: JournalRecord["type"], zxid: number, body: Uint8Array): JournalRecord => {
    return { type, firstZxid: zxid, lastZxid: zxid, body };
  };
  const reign = [
    at(recordType.PROMISE, lastZxid, encodePromise({ epoch: newEpoch, leaderId: memberId })),
    at(recordType.EPOCH, lastZxid, encodeEpoch(newEpoch)),
  ];
  // A tree that does not keep the configuration yet learns nothing of it: the record alone decides.
  if (tree.state.featureLevel < featureLevelOf.RECONFIGURE) {
    return [...reign, at(recordType.CONFIGURATION, lastZxid, configuration)];
  }
  const zxid = makeZxid(newEpoch, 1);
  const { configurationZxid, featureLevel } = tree.state;
  const duty = { sessionId: 0, generation: memberId, identities: new Uint8Array([0]) };
  const changing = batchOf(tree, zxid, batchFlag.RECONFIGURE, (writer) => {
    writeReconfigure(writer, duty, 0, configurationZxid, configuration);
  });
  apply(tree, changing);
  // A batch says up to where its leader had committed: this one, which changes nothing, that the change is. Otherwise
  // the member would need the old ensemble's quorum for it, too (core.md 25).
  const witness = batchOf(tree, zxid + 1, 0, (writer) => writeRaiseFeatureLevel(writer, duty, featureLevel));
  return [
    ...reign,
    at(recordType.BATCH, zxid, changing),
    at(recordType.CONFIGURATION, zxid, configuration),
    at(recordType.BATCH, zxid + 1, witness),
  ];
}

/** A batch of one command that stands at `zxid`, from a leader that has applied what `tree` has. */
function batchOf(tree: Tree, zxid: number, flags: number, write: (writer: ByteWriter) => void): Uint8Array {
  const { state } = tree;
  const batch = new BatchWriter();
  write(batch.begin());
  batch.end();
  const [digest0, digest1] = state.zxid === 0 ? [0, 0] : state.digest.lanes();
  return batch.close({
    firstZxid: zxid,
    count: 1,
    time: Math.max(state.time, Date.now()),
    featureLevel: state.featureLevel,
    digestZxid: state.zxid,
    digest0,
    digest1,
    flags,
  });
}

/** Through the journal's own writer: it repairs what a crash tore, and everything is fsynced when this resolves. */
async function write(dataDir: DataDir, examined: Examined, ensembleId: string): Promise<void> {
  let failure: Error | undefined;
  const { journal, recovered } = await openJournal(
    { directory: dataDir.journalDirectory, fromZxid: examined.tree.zxid },
    {
      onDurable: () => undefined,
      onSpaceChange: () => undefined,
      onFatal: (error) => {
        failure = error;
      },
    },
  );
  try {
    if (recovered.lastZxid !== examined.plan.lastZxid) throw new RecoveryError("the journal changed meanwhile");
    for (const record of records(examined, dataDir.identity.incarnation, ensembleId)) journal.append(record);
  } finally {
    await journal.close();
  }
  if (failure !== undefined) throw failure;
}
