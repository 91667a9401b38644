import path from "node:path";
import { BatchReader } from "../../../src/core/tree/batch.ts";
import { Command, decodeCommand } from "../../../src/core/tree/command.ts";
import { Tree } from "../../../src/core/tree/tree.ts";
import { readJournal } from "../../../src/storage/journal/recover-journal.ts";
import { nodeDisk } from "../../../src/storage/node-disk.ts";
import { currentSnapshot } from "../../../src/storage/snapshot/snapshot-files.ts";
import { loadSnapshot } from "../../../src/storage/snapshot/snapshot-loader.ts";
import { compareState } from "../../simulation/compare-state.ts";
import { JournalHistory, type LoggedBatch } from "../../simulation/journal-history.ts";
import { ModelReplay } from "../../simulation/model-replay.ts";
import { demand } from "../../simulation/violation.ts";

/**
 * What a stopped member has on disk, its snapshot and the journal behind it, against the naive model and a fresh tree,
 * both fed the whole history from its beginning: equal in every znode and session, and in the digest. Returns the
 * commands compared; throws at the first difference. The journal must have been kept whole.
 */
export function compareWithModel(dataDir: string): number {
  const { recovered } = readJournal(nodeDisk, path.join(dataDir, "journal"), 0);
  const batches: LoggedBatch[] = [];
  for (const { firstZxid, lastZxid, body } of recovered.batches(0)) {
    batches.push({ firstZxid, lastZxid, body: body.slice() });
  }
  const history = new JournalHistory(false);
  history.recovered({ baseZxid: 0, lastZxid: recovered.lastZxid, batches });
  const tree = treeOnDisk(dataDir, batches);
  const replay = new ModelReplay(history);
  // Compares every answer and event on the way.
  replay.advance(tree.zxid, () => {});
  const { digest } = replay.tree.state;
  demand(tree.state.digest.equals(digest.lanes()), "the digest is that of the whole history", () => `${dataDir}`);
  compareState(replay.model, tree);
  return batches.reduce((sum, { firstZxid, lastZxid }) => sum + lastZxid - firstZxid + 1, 0);
}

function treeOnDisk(dataDir: string, batches: readonly LoggedBatch[]): Tree {
  const snapshot = currentSnapshot(dataDir);
  const sink = { record(): void {} };
  const tree = Tree.load(1, sink, (rows) => (snapshot === undefined ? undefined : loadSnapshot(snapshot.file, rows)));
  const reader = new BatchReader();
  const command = new Command();
  for (const { firstZxid, body } of batches) {
    if (firstZxid <= tree.zxid) continue;
    const header = reader.open(body);
    tree.beginBatch(header);
    for (let i = 0; i < header.count; i++) {
      decodeCommand(reader.next(), command);
      tree.apply(firstZxid + i, command);
    }
  }
  return tree;
}
