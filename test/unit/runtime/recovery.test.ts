import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../src/core/base/bytes.ts";
import { makeZxid } from "../../../src/core/base/zxid.ts";
import { EventFanout } from "../../../src/core/member/event-fanout.ts";
import { type LoadedState, LocalState } from "../../../src/core/member/local-state.ts";
import { BatchWriter, batchFlag } from "../../../src/core/tree/batch.ts";
import { writeOperation, writeRaiseFeatureLevel, writeReconfigure } from "../../../src/core/tree/command.ts";
import { FEATURE_LEVEL } from "../../../src/core/tree/feature-level.ts";
import { Tree } from "../../../src/core/tree/tree.ts";
import { type EnsembleConfiguration, encodeConfiguration } from "../../../src/core/zab/ensemble-configuration.ts";
import { encodeEpoch, encodePromise } from "../../../src/core/zab/epoch-record.ts";
import { type JournalRecord, recordType } from "../../../src/core/zab/journal-record.ts";
import { encodePropose } from "../../../src/core/zab/peer-message.ts";
import { loadTree, type Recovered, RecoveryError, recover } from "../../../src/runtime/recovery.ts";
import { currentSnapshot, type SnapshotFile } from "../../../src/storage/snapshot/snapshot-files.ts";
import { emptyDisk, recover as openJournal, openWriter, write } from "../storage/journal/journal-rig.ts";
import { temporaryDirectory } from "../storage/snapshot/snapshot-fixtures.ts";
import { sqliteRig } from "../storage/snapshot/snapshot-rig.ts";

const silent = { record: () => undefined };
const FIRST = makeZxid(3, 1);
const HISTORY_BYTES = 64 * 1024;
const ISSUER = { sessionId: 0, generation: 1, identities: new Uint8Array([0]) };

function ensembleOf(...ids: number[]): EnsembleConfiguration {
  const rest = { role: "voter", weight: 1, group: 0, incarnation: "cd".repeat(16) } as const;
  return { ensembleId: "ab".repeat(16), members: ids.map((id) => ({ id, peerAddress: `10.0.0.${id}:7402`, ...rest })) };
}

const configuration = ensembleOf(1);

/** A tree as a snapshot at this zxid makes it. */
function treeAt(zxid: number): Tree {
  const tree = Tree.fresh(1, silent);
  tree.state.zxid = zxid;
  return tree;
}

function loadedAt(zxid: number): LoadedState {
  const fanout = new EventFanout();
  const tree = Tree.fresh(1, fanout);
  tree.state.zxid = zxid;
  return { tree, fanout };
}

/**
 * The batches of a leader, as it closes them: each knows the digest of what the leader had applied by then.
 */
class Leader {
  private readonly state = new LocalState(loadedAt(0), HISTORY_BYTES);
  private next = FIRST;
  readonly batches: JournalRecord[] = [];

  get digest(): readonly [number, number] {
    return this.state.tree.state.digest.lanes();
  }

  /** A batch of `count` creates, applied at once or left in flight. */
  creates(count: number, isApplied: boolean): JournalRecord {
    const writer = new BatchWriter();
    for (let i = 0; i < count; i++) {
      const operation = { kind: "create", path: `/n${this.next + i}`, data: new Uint8Array(3), mode: 0 } as const;
      writeOperation(writer.begin(), ISSUER, i + 1, 0, operation);
      writer.end();
    }
    return this.close(writer, isApplied);
  }

  raise(): JournalRecord {
    const writer = new BatchWriter();
    writeRaiseFeatureLevel(writer.begin(), ISSUER, FEATURE_LEVEL);
    writer.end();
    return this.close(writer, true);
  }

  reconfigure(next: EnsembleConfiguration, isApplied: boolean): JournalRecord {
    const writer = new BatchWriter();
    const { configurationZxid } = this.state.tree.state;
    writeReconfigure(writer.begin(), ISSUER, 1, configurationZxid, encodeConfiguration(next));
    writer.end();
    return this.close(writer, isApplied, batchFlag.RECONFIGURE);
  }

  private close(writer: BatchWriter, isApplied: boolean, flags = 0): JournalRecord {
    const { digests, tree } = this.state;
    const firstZxid = this.next;
    const { count } = writer;
    this.next += count;
    const header = { firstZxid, count, flags, time: 1_000, featureLevel: tree.state.featureLevel };
    const digest = { digestZxid: digests.zxid, digest0: digests.lane0, digest1: digests.lane1 };
    const body = writer.close({ ...header, ...digest }).slice();
    if (isApplied) this.state.replay(body);
    const record = { type: recordType.BATCH, firstZxid, lastZxid: this.next - 1, body };
    this.batches.push(record);
    return record;
  }
}

function journalOf(...records: JournalRecord[]) {
  const disk = emptyDisk();
  write(openWriter(disk, { segmentBytes: 64 * 1024 }).writer, ...records);
  return openJournal(disk);
}

function recovered(loaded: LoadedState, ...records: JournalRecord[]): Recovered {
  return recover(loaded, journalOf(...records), HISTORY_BYTES);
}

function sticky(type: JournalRecord["type"], body: Uint8Array, zxid = 0): JournalRecord {
  return { type, firstZxid: zxid, lastZxid: zxid, body };
}

describe("what is recovered from journal and snapshot", () => {
  test("an empty one: nothing", () => {
    const { state, zab, batches, journalBytes } = recovered(loadedAt(0));
    expect(zab).toEqual({
      acceptedEpoch: 0,
      promisedTo: 0,
      currentEpoch: 0,
      lastZxid: 0,
      committedZxid: 0,
      tail: [],
      baseZxid: 0,
      epochEnds: [],
      configuration: undefined,
      configurationZxid: 0,
      formerConfiguration: undefined,
    });
    expect([state.tree.zxid, batches, journalBytes]).toEqual([0, 0, 0]);
  });

  test("core.md 19: the promise and to whom, the epoch and the configuration it holds", () => {
    const leader = new Leader();
    const { zab } = recovered(
      loadedAt(0),
      sticky(recordType.CONFIGURATION, encodeConfiguration(configuration)),
      sticky(recordType.PROMISE, encodePromise({ epoch: 3, leaderId: 1 })),
      sticky(recordType.EPOCH, encodeEpoch(3)),
      leader.creates(6, true),
      sticky(recordType.PROMISE, encodePromise({ epoch: 4, leaderId: 2 }), FIRST + 5),
    );
    expect(zab).toMatchObject({
      acceptedEpoch: 4,
      promisedTo: 2,
      currentEpoch: 3,
      lastZxid: FIRST + 5,
      baseZxid: 0,
      epochEnds: [FIRST + 5],
      configuration,
      configurationZxid: 0,
      formerConfiguration: undefined,
    });
  });

  test("core.md 23: replays up to the highest zxid any batch says was applied, and keeps the tail for a leader", () => {
    const leader = new Leader();
    const journal = [
      leader.creates(3, true),
      leader.creates(2, true),
      leader.creates(4, false),
      leader.creates(1, false),
    ];
    const { state, zab, batches, journalBytes } = recovered(loadedAt(0), ...journal);
    // The third batch was closed when the second was applied, and so was the fourth.
    expect([state.tree.zxid, state.batchEndZxid, zab.committedZxid, batches]).toEqual([
      FIRST + 4,
      FIRST + 4,
      FIRST + 4,
      2,
    ]);
    expect(state.tree.state.digest.lanes()).toEqual(leader.digest);
    expect(zab.lastZxid).toBe(FIRST + 9);
    expect(zab.tail).toEqual(journal.slice(2).map(({ body }) => encodePropose(body)));
    expect(journalBytes).toBe(journal.reduce((sum, { body }) => sum + body.length, 0));
  });

  test("core.md 23: a snapshot knows more to be committed than the journal says; the rest is the tail", () => {
    const leader = new Leader();
    const journal = [leader.creates(3, false), leader.creates(2, false), leader.creates(1, false)];
    const { state, zab, batches } = recovered(loadedAt(FIRST + 4), ...journal);
    expect([state.tree.zxid, zab.committedZxid, zab.tail.length, batches]).toEqual([FIRST + 4, FIRST + 4, 1, 0]);
  });

  test("core.md 29: a batch whose digest contradicts what was replayed before it is left to a quorum", () => {
    const leader = new Leader();
    const journal = [leader.creates(3, true), leader.creates(2, true), leader.creates(1, true)];
    const body = (journal[2] as JournalRecord).body;
    // The first lane of its digest.
    body[2 + 2 + 4 + 8 + 8 + 8] = (body[36 - 4] as number) ^ 1;
    journal.push(leader.creates(1, true));
    const { state, zab, batches } = recovered(loadedAt(0), ...journal);
    expect([state.tree.zxid, zab.committedZxid, zab.tail.length, batches]).toEqual([FIRST + 4, FIRST + 4, 2, 2]);
  });

  test("core.md 25: a change that may not be committed stands, with the one before it", () => {
    const leader = new Leader();
    const next = ensembleOf(1, 2);
    const before = [
      sticky(recordType.CONFIGURATION, encodeConfiguration(configuration)),
      leader.raise(),
      leader.creates(1, true),
    ];
    const change = leader.reconfigure(next, false);
    const { lastZxid } = change;
    const changed = sticky(recordType.CONFIGURATION, encodeConfiguration(next), lastZxid);
    expect(recovered(loadedAt(0), ...before, change, changed).zab).toMatchObject({
      configuration: next,
      configurationZxid: lastZxid,
      formerConfiguration: configuration,
      committedZxid: lastZxid - 1,
    });
  });

  test("core.md 25: a committed one stands alone", () => {
    const leader = new Leader();
    const next = ensembleOf(1, 2);
    const initial = sticky(recordType.CONFIGURATION, encodeConfiguration(configuration));
    const [raise, change] = [leader.raise(), leader.reconfigure(next, true)];
    const changed = sticky(recordType.CONFIGURATION, encodeConfiguration(next), change.lastZxid);
    expect(recovered(loadedAt(0), initial, raise, change, changed, leader.creates(1, true)).zab).toMatchObject({
      configuration: next,
      configurationZxid: change.lastZxid,
      formerConfiguration: undefined,
      committedZxid: change.lastZxid,
    });
  });

  test("core.md 25: a change whose configuration record was lost with the power stands by its batch", () => {
    const next = ensembleOf(1, 2);
    const initial = sticky(recordType.CONFIGURATION, encodeConfiguration(configuration));
    const leader = new Leader();
    const raise = leader.raise();
    const change = leader.reconfigure(next, true);
    const standing = { configuration: next, configurationZxid: change.lastZxid };
    expect(recovered(loadedAt(0), initial, raise, change).zab).toMatchObject({
      ...standing,
      formerConfiguration: configuration,
    });
    expect(recovered(loadedAt(0), initial, raise, change, leader.creates(1, true)).zab).toMatchObject({
      ...standing,
      formerConfiguration: undefined,
    });
  });

  test("core.md 23: a snapshot ahead of the journal is refused, with both places and what to do", () => {
    const batch = new Leader().creates(6, false);
    expect(() => recovered(loadedAt(FIRST + 5), batch)).not.toThrow();
    expect(() => recovered(loadedAt(FIRST + 6), batch)).toThrow(RecoveryError);
    expect(() => recovered(loadedAt(FIRST + 6), batch)).toThrow(
      "the snapshot is at 0x300000007, but the journal ends at 0x300000006: part of the journal is missing; put its " +
        "files back, or restore the whole data directory from a backup",
    );
  });

  test("a journal that does not reach back to the snapshot is refused, with both places and what to do", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    const leader = new Leader();
    for (let i = 0; i < 8; i++) write(writer, leader.creates(20, true));
    writer.prune(FIRST + 159);
    while (writer.pruneOne());
    const journal = openJournal(disk);
    const { baseZxid } = journal;
    expect(baseZxid).toBeGreaterThanOrEqual(FIRST);
    const recoverAt = (zxid: number): Recovered => recover(loadedAt(zxid), journal, HISTORY_BYTES);
    expect(() => recoverAt(baseZxid - 1)).toThrow(RecoveryError);
    expect(() => recoverAt(0)).toThrow(
      `the journal begins after 0x${baseZxid.toString(16)}, but the snapshot is only at 0x0: the snapshot is missing ` +
        "or too old; put it back, or restore the whole data directory from a backup",
    );
    expect(recoverAt(FIRST + 159).zab).toMatchObject({ baseZxid, committedZxid: FIRST + 159, tail: [] });
  });
});

describe("the tree of a data directory", () => {
  test("without a snapshot: a fresh one, without a history", () => {
    const { tree, history } = loadTree(temporaryDirectory());
    expect(tree.zxid).toBe(0);
    expect(tree.state.digest.lanes()).toEqual(Tree.fresh(9, silent).state.digest.lanes());
    expect(history).toBeUndefined();
  });

  test("with one: its tree and its history; damage is named", async () => {
    const rig = sqliteRig();
    const opened = await rig.open();
    const source = treeAt(FIRST);
    const { capture } = source.state;
    capture.freeze();
    while (!capture.capture(100));
    for (const run of capture.takeRuns()) opened.store.write(run);
    const kept = new Uint8Array(13);
    new DataView(kept.buffer).setUint32(4, 3, true);
    await opened.commit(source.snapshotMeta(kept));
    const { tree, history } = loadTree(rig.directory);
    expect(tree.zxid).toBe(FIRST);
    expect(tree.state.digest.lanes()).toEqual(source.state.digest.lanes());
    expect(history).toEqual(kept);

    await opened.commit({ ...source.snapshotMeta(encodeUtf8("no history")), zxid: FIRST + 1 });
    await opened.store.close();
    expect((currentSnapshot(rig.directory) as SnapshotFile).began).toBe(0);
    expect(() => loadTree(rig.directory)).toThrow(/meta: its history cannot be read/);
  });
});
