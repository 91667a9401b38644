import { FormatError } from "../core/base/bytes.ts";
import { formatZxid } from "../core/base/zxid.ts";
import { DigestRing } from "../core/member/digest-ring.ts";
import { BatchReader } from "../core/tree/batch.ts";
import { Command, decodeCommand } from "../core/tree/command.ts";
import type { RowSink, SnapshotMeta } from "../core/tree/snapshot-row.ts";
import { Tree } from "../core/tree/tree.ts";
import type { JournalRecord } from "../core/zab/journal-record.ts";
import type { VerifiedState } from "../storage/verify.ts";

/** Nobody watches a state that is only checked. */
const noEvents = { record: () => undefined };

/**
 * The state a member would have, for `muster verify`: loads a snapshot, which checks every row and the digest, and
 * replays batches as the member does at its start, each one's digest compared at equal zxid (core.md 29).
 */
export function loadVerifiedState(load: (rows: RowSink) => SnapshotMeta | undefined): VerifiedState {
  const tree = Tree.load(0, noEvents, load);
  const digests = new DigestRing();
  // A leader that has applied nothing yet writes no digest into its batches: at zxid 0 there is none to compare.
  if (tree.zxid > 0) digests.push(tree.zxid, tree.state.digest);
  const batch = new BatchReader();
  const command = new Command();
  return {
    get zxid() {
      return tree.zxid;
    },
    get digest() {
      return tree.state.digest.lanes();
    },
    replay({ body }: JournalRecord) {
      const header = batch.open(body);
      if (!digests.agrees(header.digestZxid, header.digest0, header.digest1)) {
        throw new FormatError(`the digest at zxid ${formatZxid(header.digestZxid)} is the one the leader had there`);
      }
      tree.beginBatch(header);
      for (let index = 0; index < header.count; index++) {
        decodeCommand(batch.next(), command);
        tree.apply(header.firstZxid + index, command);
      }
      if (batch.remaining > 0) throw new FormatError("a batch ends with its last command");
      digests.push(tree.zxid, tree.state.digest);
    },
  };
}
