import type { Answer } from "./answer.ts";
import { Applier } from "./apply.ts";
import { limitsText } from "./apply-limits.ts";
import type { BatchHeader } from "./batch.ts";
import type { Command } from "./command.ts";
import type { EventSink } from "./event-buffer.ts";
import { FEATURE_LEVEL, FeatureLevelError } from "./feature-level.ts";
import { plantSystemZnodes, TreeLoader } from "./loader.ts";
import type { ReadOperation } from "./operation.ts";
import { Reader, type ReadIssuer } from "./reader.ts";
import type { SnapshotMeta } from "./snapshot-row.ts";
import { TreeState } from "./tree-state.ts";

/**
 * The replicated tree: committed commands in, answers and events out, reads at the last applied zxid. Deterministic:
 * two trees that applied the same commands have the same digest.
 */
export class Tree {
  readonly state: TreeState;
  private readonly applier: Applier;
  private readonly reader: Reader;

  private constructor(state: TreeState, sink: EventSink) {
    this.state = state;
    this.applier = new Applier(state, sink);
    this.reader = new Reader(state);
  }

  /** The tree every ensemble begins with. `hashSeed` is local; see NodeTable. */
  static fresh(hashSeed: number, sink: EventSink): Tree {
    const state = new TreeState(hashSeed);
    plantSystemZnodes(state);
    return new Tree(state, sink);
  }

  /** As {@link load}, for rows that come bit by bit: feed the loader, then finish with the meta. */
  static loading(hashSeed: number, sink: EventSink): { readonly rows: TreeLoader; finish(meta: SnapshotMeta): Tree } {
    const state = new TreeState(hashSeed);
    const rows = new TreeLoader(state);
    return {
      rows,
      finish: (meta) => {
        rows.finish(meta);
        return new Tree(state, sink);
      },
    };
  }

  /** A tree from a snapshot: `load` feeds the rows and returns the meta, or undefined when there is no snapshot. */
  static load(hashSeed: number, sink: EventSink, load: (rows: TreeLoader) => SnapshotMeta | undefined): Tree {
    const state = new TreeState(hashSeed);
    const loader = new TreeLoader(state);
    const meta = load(loader);
    if (meta === undefined) return Tree.fresh(hashSeed, sink);
    loader.finish(meta);
    return new Tree(state, sink);
  }

  get zxid(): number {
    return this.state.zxid;
  }

  /** Before a batch's commands: its time and flags, and whether this program knows its feature level (core.md 2). */
  beginBatch(header: BatchHeader): void {
    if (header.featureLevel > FEATURE_LEVEL) {
      throw new FeatureLevelError(header.featureLevel);
    }
    this.state.time = Math.max(this.state.time, header.time);
    this.applier.beginBatch(header.flags ?? 0);
  }

  /** Applies a committed command; the answer's bytes are valid until the next call. */
  apply(zxid: number, command: Command): Uint8Array {
    return this.applier.apply(zxid, command);
  }

  read(issuer: ReadIssuer, operation: ReadOperation, answer: Answer): void {
    this.reader.read(issuer, operation, answer);
  }

  /** OK, or INVALID_PATH. */
  pathFault(path: string): number {
    return this.reader.pathFault(path);
  }

  /** The coordinates a snapshot round commits; taken at its freeze, with the tail of the event history. */
  snapshotMeta(history: Uint8Array = new Uint8Array(0)): SnapshotMeta {
    const { state } = this;
    return {
      zxid: state.zxid,
      digest: state.digest.lanes(),
      featureLevel: state.featureLevel,
      nextSerial: state.nextSerial,
      time: state.time,
      configuration: state.configuration,
      configurationZxid: state.configurationZxid,
      limits: limitsText(state.limits, state.featureLevel),
      quotas: state.quotas.toText(),
      nodeCount: state.table.size,
      sessionCount: state.sessions.size,
      history,
    };
  }
}
