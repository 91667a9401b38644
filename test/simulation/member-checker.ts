import { formatZxid } from "../../src/core/base/zxid.ts";
import type { Identity } from "../../src/core/tree/operation.ts";
import type { Tree } from "../../src/core/tree/tree.ts";
import type { ClientBook } from "./client-book.ts";
import { compareState } from "./compare-state.ts";
import { ConnectionChecker } from "./connection-checker.ts";
import type { Applied, BatchSource } from "./model-replay.ts";
import { ReplayCursor } from "./replay-cursor.ts";
import { demand } from "./violation.ts";

/** What the checker has to know of the member a connection is to. */
export interface MemberView {
  /** Last applied. */
  readonly zxid: number;
  /** Takes writes: leads or follows, and is not being stopped. */
  readonly serves: boolean;
  /** How often it has begun to serve. */
  readonly services: number;
  /** Events after this zxid have to be kept for watches that resume. */
  readonly historyFromZxid: number;
}

/**
 * Judges one run of one member by what its clients are told: everything must be what the naive model says at that very
 * zxid of the history. Throws a Violation at the first difference. Knows nothing of how the member works.
 */
export class MemberChecker {
  readonly replay: ReplayCursor;
  readonly book: ClientBook;
  /** Its tree is wrong, as the world made it: what it reads may be, */
  isTainted = false;
  /** Its tree may be right again by now; what it remembers of events is not. */
  wasTainted = false;
  /** until it has noticed that there is a difference. */
  isWarned = false;
  private readonly connections = new Set<ConnectionChecker>();
  private comparedZxid = -1;

  constructor(book: ClientBook, history: BatchSource) {
    this.book = book;
    this.replay = new ReplayCursor(book.replay, history);
  }

  connect(view: MemberView, identities: readonly Identity[]): ConnectionChecker {
    const connection = new ConnectionChecker(this, view, identities);
    this.connections.add(connection);
    return connection;
  }

  forget(connection: ConnectionChecker): void {
    this.connections.delete(connection);
  }

  /** The whole state: at each recovery, and at the end. */
  compareAll(tree: Tree): void {
    this.advance(tree.zxid);
    if (this.isTainted) return;
    this.compareDigest(tree);
    compareState(this.replay.model, tree);
  }

  /** The member is between two events. */
  settled(tree: Tree): void {
    this.advance(tree.zxid);
    if (tree.zxid !== this.comparedZxid) this.compareDigest(tree);
    this.comparedZxid = tree.zxid;
    for (const connection of this.connections) connection.settled();
  }

  /** The member has applied everything up to this zxid: the model follows. */
  advance(zxid: number): void {
    demand(zxid >= this.replay.zxid, "reads never go back", () => `to ${formatZxid(zxid)}`);
    this.book.reveal(zxid);
    if (zxid > this.replay.zxid) this.replay.advance(zxid, this.first, this.follow);
  }

  private readonly first = (applied: Applied): void => this.book.applied(applied);

  private readonly follow = (applied: Applied): void => {
    for (const connection of this.connections) connection.applied(applied);
  };

  /** Its digest is that of the history. */
  isRight(tree: Tree): boolean {
    this.advance(tree.zxid);
    return tree.zxid === this.replay.zxid && tree.state.digest.equals(this.replay.digest);
  }

  private compareDigest(tree: Tree): void {
    demand(
      this.isTainted || this.isRight(tree),
      "the digest is that of the whole history",
      () => `at ${formatZxid(tree.zxid)}: ${tree.state.digest.lanes()}, not ${this.replay.digest}`,
    );
  }
}
