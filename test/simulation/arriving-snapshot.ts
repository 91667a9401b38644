import { ByteWriter } from "../../src/core/base/bytes.ts";
import { EventFanout } from "../../src/core/member/event-fanout.ts";
import type { LoadedState } from "../../src/core/member/local-state.ts";
import {
  type SessionRow,
  type SnapshotMeta,
  writeSessionRow,
  writeZnodeRow,
  type ZnodeRow,
} from "../../src/core/tree/snapshot-row.ts";
import { Tree } from "../../src/core/tree/tree.ts";
import { MemorySnapshot } from "../../src/storage/snapshot/memory-snapshot-store.ts";
import { TransferDecoder, type TransferSink } from "../../src/storage/snapshot/transfer-decoder.ts";

/** A snapshot on its way in, as `runtime/snapshot-arrival.ts` takes it: onto a medium of its own, and as a tree. */
export class ArrivingSnapshot implements TransferSink {
  readonly medium = new MemorySnapshot();
  private readonly fanout: EventFanout;
  private readonly loading: ReturnType<typeof Tree.loading>;
  private readonly decoder = new TransferDecoder(this);
  private readonly writer = new ByteWriter(4096);
  private meta: SnapshotMeta | undefined;

  constructor(hashSeed: number, fanout = new EventFanout()) {
    this.fanout = fanout;
    this.loading = Tree.loading(hashSeed, this.fanout);
  }

  push(chunk: Uint8Array): void {
    this.decoder.push(chunk);
  }

  finish(): LoadedState {
    this.decoder.expectComplete();
    const meta = this.meta as SnapshotMeta;
    this.medium.meta = meta;
    return { tree: this.loading.finish(meta), fanout: this.fanout, history: meta.history };
  }

  // ---- TransferSink ----

  begin(meta: SnapshotMeta): void {
    this.meta = meta;
  }

  znode(row: ZnodeRow): void {
    this.writer.reset();
    writeZnodeRow(this.writer, row);
    this.medium.znodes.set(row.serial, this.writer.copy());
    this.loading.rows.znode(row);
  }

  session(row: SessionRow): void {
    this.writer.reset();
    writeSessionRow(this.writer, row);
    this.medium.sessions.set(row.id, this.writer.copy());
    this.loading.rows.session(row);
  }
}
