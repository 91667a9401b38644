import { assert } from "../../src/core/base/assert.ts";
import { Prng } from "../../src/core/base/prng.ts";
import type { EventSink } from "../../src/core/tree/event-buffer.ts";
import { readRows, type SessionRow, type SnapshotMeta, type ZnodeRow } from "../../src/core/tree/snapshot-row.ts";
import { Tree } from "../../src/core/tree/tree.ts";
import { auditTree } from "./audit.ts";
import type { ModelCommand, Outcome } from "./expectation.ts";
import { RealTree } from "./real-tree.ts";

/** What a snapshot file would hold: the rows of all rounds so far, and the last round's meta. */
export class RowStore {
  readonly znodes = new Map<number, ZnodeRow>();
  readonly sessions = new Map<number, SessionRow>();
  meta: SnapshotMeta | undefined;

  /** Applies one round, in the order its rows were captured. */
  commit(runs: readonly Uint8Array[], meta: SnapshotMeta): void {
    for (const run of runs) {
      readRows(run.slice(), {
        znode: (row) => this.znodes.set(row.serial, { ...row, name: row.name.slice(), data: row.data.slice() }),
        znodeDeleted: (serial) => this.znodes.delete(serial),
        session: (row) =>
          this.sessions.set(row.id, { ...row, secretHash: row.secretHash.slice(), window: row.window.slice() }),
        sessionDeleted: (id) => this.sessions.delete(id),
      });
    }
    this.meta = meta;
  }

  /** The tree as of the last round; throws LoadError where rows and meta do not agree. */
  load(hashSeed: number, sink: EventSink): Tree {
    return Tree.load(hashSeed, sink, (loader) => {
      for (const serial of [...this.znodes.keys()].sort((a, b) => a - b)) {
        loader.znode(this.znodes.get(serial) as ZnodeRow);
      }
      for (const row of this.sessions.values()) loader.session(row);
      return this.meta;
    });
  }
}

interface Applied {
  readonly zxid: number;
  readonly timeMs: number;
  readonly command: ModelCommand;
  readonly outcome: string;
}

/**
 * The real tree with snapshot rounds running under its feet: frozen at any command, captured a few rows at a time
 * between commands, loaded again, and the commands since the freeze replayed, as a restart does. Half of the time the
 * comparison then goes on with the loaded tree.
 */
export class SnapshottingTree extends RealTree {
  rounds = 0;
  private readonly random: Prng;
  private readonly store = new RowStore();
  private frozen: SnapshotMeta | undefined;
  private since: Applied[] = [];

  constructor(seed: number) {
    super();
    this.random = new Prng(seed);
  }

  override apply(zxid: number, timeMs: number, command: ModelCommand): Outcome {
    this.advance();
    const outcome = super.apply(zxid, timeMs, command);
    this.since.push({ zxid, timeMs, command, outcome: JSON.stringify(outcome) });
    return outcome;
  }

  private advance(): void {
    const { capture } = this.tree.state;
    if (this.frozen === undefined) {
      if (!this.random.chance(0.2)) return;
      this.frozen = this.tree.snapshotMeta();
      this.since = [];
      capture.freeze();
    }
    if (!capture.capture(1 + this.random.below(4))) return;
    this.store.commit(capture.takeRuns(), this.frozen);
    this.frozen = undefined;
    this.rounds++;
    this.restart();
  }

  /** Loads the round, replays what came since, and compares with the tree that went on. */
  private restart(): void {
    const { tree } = this;
    this.replaceTree((sink) => this.store.load(this.random.uint32(), sink));
    auditTree(this.tree);
    for (const { zxid, timeMs, command, outcome } of this.since) {
      assert(JSON.stringify(super.apply(zxid, timeMs, command)) === outcome, "replay answers as the first time");
    }
    assert(this.tree.state.digest.equals(tree.state.digest.lanes()), "replay ends in the same state");
    auditTree(this.tree);
    if (this.random.chance(0.5)) this.tree = tree;
  }
}
