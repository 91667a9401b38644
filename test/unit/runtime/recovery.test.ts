import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../src/core/base/bytes.ts";
import { makeZxid } from "../../../src/core/base/zxid.ts";
import { Tree } from "../../../src/core/tree/tree.ts";
import { type EnsembleConfiguration, encodeConfiguration } from "../../../src/core/zab/ensemble-configuration.ts";
import { encodeEpoch, encodePromise } from "../../../src/core/zab/epoch-record.ts";
import { type JournalRecord, recordType } from "../../../src/core/zab/journal-record.ts";
import { loadTree, RecoveryError, recoverZab } from "../../../src/runtime/recovery.ts";
import { currentSnapshot, type SnapshotFile } from "../../../src/storage/snapshot/snapshot-files.ts";
import { batch, emptyDisk, openWriter, recover, write } from "../storage/journal/journal-rig.ts";
import { temporaryDirectory } from "../storage/snapshot/snapshot-fixtures.ts";
import { sqliteRig } from "../storage/snapshot/snapshot-rig.ts";

const silent = { record: () => undefined };
const FIRST = makeZxid(3, 1);
const configuration: EnsembleConfiguration = {
  ensembleId: "ab".repeat(16),
  members: [{ id: 1, role: "voter", weight: 1, incarnation: "cd".repeat(16), peerAddress: "127.0.0.1:7402" }],
};

/** A tree as a snapshot at this zxid makes it. */
function treeAt(zxid: number): Tree {
  const tree = Tree.fresh(1, silent);
  tree.state.zxid = zxid;
  return tree;
}

function journalOf(...records: JournalRecord[]) {
  const disk = emptyDisk();
  write(openWriter(disk).writer, ...records);
  return recover(disk);
}

describe("what zab is told of the journal", () => {
  test("an empty one: nothing", () => {
    expect(recoverZab(treeAt(0), journalOf())).toEqual({
      acceptedEpoch: 0,
      currentEpoch: 0,
      lastZxid: 0,
      configuration: undefined,
    });
  });

  test("core.md 19: the promise, the epoch and the configuration it holds", () => {
    const sticky = (type: JournalRecord["type"], body: Uint8Array): JournalRecord => ({
      type,
      firstZxid: 0,
      lastZxid: 0,
      body,
    });
    const journal = journalOf(
      sticky(recordType.CONFIGURATION, encodeConfiguration(configuration)),
      sticky(recordType.PROMISE, encodePromise({ epoch: 4, leaderId: 1 })),
      sticky(recordType.EPOCH, encodeEpoch(3)),
      batch(FIRST, FIRST + 5),
    );
    expect(recoverZab(treeAt(FIRST + 2), journal)).toEqual({
      acceptedEpoch: 4,
      currentEpoch: 3,
      lastZxid: FIRST + 5,
      configuration,
    });
  });

  test("core.md 23: a snapshot ahead of the journal is refused, with both places and what to do", () => {
    const journal = journalOf(batch(FIRST, FIRST + 5));
    expect(() => recoverZab(treeAt(FIRST + 5), journal)).not.toThrow();
    expect(() => recoverZab(treeAt(FIRST + 6), journal)).toThrow(RecoveryError);
    expect(() => recoverZab(treeAt(FIRST + 6), journal)).toThrow(
      "the snapshot is at 0x300000007, but the journal ends at 0x300000006: part of the journal is missing; put its " +
        "files back, or restore the whole data directory from a backup",
    );
  });

  test("a journal that does not reach back to the snapshot is refused, with both places and what to do", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    for (let i = 0; i < 8; i++) write(writer, batch(FIRST + i, FIRST + i, 2000));
    writer.prune(FIRST + 7);
    while (writer.pruneOne());
    const journal = recover(disk);
    const { baseZxid } = journal;
    expect(baseZxid).toBeGreaterThanOrEqual(FIRST);
    expect(() => recoverZab(treeAt(baseZxid), journal)).not.toThrow();
    expect(() => recoverZab(treeAt(baseZxid - 1), journal)).toThrow(RecoveryError);
    expect(() => recoverZab(treeAt(0), journal)).toThrow(
      `the journal begins after 0x${baseZxid.toString(16)}, but the snapshot is only at 0x0: the snapshot is missing ` +
        "or too old; put it back, or restore the whole data directory from a backup",
    );
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
