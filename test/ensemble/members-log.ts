import path from "node:path";
import { bytesEqual } from "../../src/core/base/bytes.ts";
import { formatZxid } from "../../src/core/base/zxid.ts";
import { BatchReader } from "../../src/core/tree/batch.ts";
import { Command, decodeCommand } from "../../src/core/tree/command.ts";
import { Tree } from "../../src/core/tree/tree.ts";
import { readJournal } from "../../src/storage/journal/recover-journal.ts";
import { nodeDisk } from "../../src/storage/node-disk.ts";
import { currentSnapshot } from "../../src/storage/snapshot/snapshot-files.ts";
import { loadSnapshot } from "../../src/storage/snapshot/snapshot-loader.ts";
import { compareState } from "../simulation/compare-state.ts";
import { JournalHistory, type LoggedBatch } from "../simulation/journal-history.ts";
import type { ModelReplay } from "../simulation/model-replay.ts";
import { demand } from "../simulation/violation.ts";
import type { MemberUnderTest } from "./member-under-test.ts";

interface FoundLog {
  readonly id: number;
  readonly dataDir: string;
  readonly baseZxid: number;
  /** In force and committed, oldest first. */
  readonly batches: readonly LoggedBatch[];
}

/**
 * The log that all stopped members agree on up to `endZxid`, which every one of them had applied; one of them must have
 * kept all of it. Throws a Violation where two members differ, or one lacks something.
 */
export function commonLog(members: readonly MemberUnderTest[], endZxid: number): JournalHistory {
  const logs = members.map((member) => readLog(member, endZxid));
  const whole = logs.find(({ baseZxid }) => baseZxid === 0);
  if (whole === undefined) throw new Error("no member kept its journal from the beginning");
  for (const log of logs) compareLogs(whole, log, endZxid);
  const history = new JournalHistory(false);
  const lastZxid = whole.batches.at(-1)?.lastZxid ?? 0;
  demand(lastZxid === endZxid, "nothing committed is lost", () => {
    return `member ${whole.id} ends at ${formatZxid(lastZxid)}, not at ${formatZxid(endZxid)}`;
  });
  history.recovered({ baseZxid: 0, lastZxid, batches: whole.batches });
  return history;
}

/** What each stopped member has on disk is the naive model's tree at that zxid, digest and all. */
export function compareDisks(members: readonly MemberUnderTest[], replay: ModelReplay): void {
  const { zxid: endZxid } = replay;
  const { digest } = replay.tree.state;
  for (const { id, dataDir } of members) {
    const tree = treeOnDisk(dataDir, endZxid);
    demand(tree.zxid === endZxid, "nothing committed is lost", () => `member ${id}: ${formatZxid(tree.zxid)}`);
    demand(tree.state.digest.equals(digest.lanes()), "all digests are equal", () => `member ${id} differs`);
    compareState(replay.model, tree);
  }
}

function readLog({ id, dataDir }: MemberUnderTest, endZxid: number): FoundLog {
  const { recovered, findings } = readJournal(nodeDisk, path.join(dataDir, "journal"), 0);
  demand(findings.length === 0, "a stopped member's journal is sound", () => `${id}: ${JSON.stringify(findings)}`);
  const batches: LoggedBatch[] = [];
  for (const { firstZxid, lastZxid, body } of recovered.batches(recovered.baseZxid)) {
    if (firstZxid <= endZxid) batches.push({ firstZxid, lastZxid, body: body.slice() });
  }
  return { id, dataDir, baseZxid: recovered.baseZxid, batches };
}

function compareLogs(whole: FoundLog, log: FoundLog, endZxid: number): void {
  let at = whole.batches.findIndex(({ lastZxid }) => lastZxid > log.baseZxid);
  if (at < 0) at = whole.batches.length;
  for (const batch of log.batches) {
    const known = whole.batches[at++];
    const same = known !== undefined && known.firstZxid === batch.firstZxid && bytesEqual(known.body, batch.body);
    demand(same, "all members have one log", () => {
      return `members ${whole.id} and ${log.id} differ at ${formatZxid(batch.firstZxid)}`;
    });
  }
  const end = log.batches.at(-1)?.lastZxid ?? log.baseZxid;
  demand(end >= endZxid, "nothing committed is lost", () => `member ${log.id} ends at ${formatZxid(end)}`);
}

function treeOnDisk(dataDir: string, endZxid: number): Tree {
  const snapshot = currentSnapshot(dataDir);
  const tree = Tree.load(1, { record: () => undefined }, (rows) => {
    return snapshot === undefined ? undefined : loadSnapshot(snapshot.file, rows);
  });
  const { recovered } = readJournal(nodeDisk, path.join(dataDir, "journal"), tree.zxid);
  const reader = new BatchReader();
  const command = new Command();
  for (const { firstZxid, body } of recovered.batches(tree.zxid)) {
    if (firstZxid > endZxid) break;
    const header = reader.open(body);
    tree.beginBatch(header);
    for (let index = 0; index < header.count; index++) {
      decodeCommand(reader.next(), command);
      tree.apply(firstZxid + index, command);
    }
  }
  return tree;
}
