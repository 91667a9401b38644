import { randomInt } from "node:crypto";
import { assert } from "../core/base/assert.ts";
import { EventFanout } from "../core/member/event-fanout.ts";
import type { LoadedState } from "../core/member/local-state.ts";
import type { SessionRow, SnapshotMeta, ZnodeRow } from "../core/tree/snapshot-row.ts";
import { Tree } from "../core/tree/tree.ts";
import { installSnapshot } from "../storage/snapshot/install-snapshot.ts";
import type { InstalledSnapshot } from "../storage/snapshot/snapshot-transfer.ts";
import { TransferDecoder, type TransferSink } from "../storage/snapshot/transfer-decoder.ts";
import type { BulkReceiver } from "../transport/peer-transport.ts";

/** A snapshot that has come whole: on disk under its name, not current yet, and as a tree in memory. */
export interface ArrivedSnapshot {
  readonly loaded: LoadedState;
  readonly installed: InstalledSnapshot;
}

/**
 * Receives a snapshot: each chunk goes into the file being installed and into a tree, so that nothing is read twice and
 * the loop is never held up by a whole tree. The digest over everything is checked at the end.
 *
 * @param installed as for `installSnapshot`
 */
export async function receiveSnapshot(
  stream: BulkReceiver,
  directory: string,
  installed: number | undefined,
): Promise<ArrivedSnapshot> {
  const install = installSnapshot({ directory, installed });
  try {
    const builder = new StateBuilder();
    const decoder = new TransferDecoder(builder);
    for await (const chunk of stream) {
      decoder.push(chunk);
      await install.write(chunk);
    }
    decoder.expectComplete();
    return { loaded: builder.finish(), installed: await install.finish() };
  } catch (error) {
    await install.abort();
    throw error;
  }
}

/** A tree made of a transfer. */
class StateBuilder implements TransferSink {
  private readonly fanout = new EventFanout();
  private readonly loading = Tree.loading(randomInt(2 ** 32), this.fanout);
  private meta: SnapshotMeta | undefined;

  begin(meta: SnapshotMeta): void {
    this.meta = meta;
  }

  znode(row: ZnodeRow): void {
    this.loading.rows.znode(row);
  }

  session(row: SessionRow): void {
    this.loading.rows.session(row);
  }

  finish(): LoadedState {
    const { meta } = this;
    assert(meta !== undefined, "a complete transfer has a meta");
    return { tree: this.loading.finish(meta), fanout: this.fanout, history: meta.history };
  }
}
