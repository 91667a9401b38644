import type { Coordination } from "../../coordination/port.ts";
import type { Identity } from "../../core/tree/operation.ts";
import { type FeedListener, SubtreeFeed, type Znode } from "./subtree-feed.ts";

/** What became of one znode. */
export interface IndexChange<T> {
  readonly path: string;
  /** Undefined: it was not in the index. */
  readonly before: T | undefined;
  /** Undefined: it is not in the index any more. */
  readonly after: T | undefined;
}

export interface SubtreeIndexOptions<T> {
  /** Of the subtree; it is indexed as well, and need not exist. */
  readonly root: string;
  /** Whom the reads are made as; what these may not read is not in the index. */
  readonly identities: readonly Identity[];
  /**
   * What the index keeps of a znode; undefined: nothing, be it of no interest or not to be read (products.md 6). Copies
   * what it keeps. Something new each time: what it returned before may be in use.
   */
  decode(znode: Znode): T | undefined;
  /** Default: everything. False for a path that is not even read, and for all paths below it. */
  covers?(path: string): boolean;
  /**
   * The index is now the subtree at `zxid`: all of the changes since the last call, however many zxids they came in.
   * The first call may be without changes. After the tree had to be walked again, a znode may be told that has not
   * changed.
   */
  onChange(changes: readonly IndexChange<T>[], zxid: number): void;
  /** For the log: a defect of `decode` or `onChange`, which is passed over. */
  onNotice(level: "error", message: string, details: object): void;
}

/**
 * A subtree's znodes in memory, as a product reads them (products.md 15, 20, 24), kept by the tree's events alone. It
 * is at each moment the subtree at one zxid, `zxid`: a change of many znodes shows whole or not at all. It survives the
 * connection to the tree, from the events missed or, where these are not kept, by another walk, during which it shows
 * what it had.
 */
export class SubtreeIndex<T> implements FeedListener {
  private readonly options: SubtreeIndexOptions<T>;
  private readonly feed: SubtreeFeed;
  private readonly values = new Map<string, T>();
  /** What has been told and is not shown yet; undefined: gone. */
  private staged = new Map<string, T | undefined>();
  private hasRestarted = false;
  private shownZxid = 0;
  private ready = false;

  constructor(coordination: Pick<Coordination, "connect">, options: SubtreeIndexOptions<T>) {
    this.options = options;
    const { root, identities } = options;
    const covers = options.covers?.bind(options) ?? (() => true);
    this.feed = new SubtreeFeed(coordination, { root, identities, covers }, this);
  }

  /** Begins; `onChange` says when it is ready. */
  start(): void {
    this.feed.start();
  }

  /** Ends it; what it has stays to be read. */
  stop(): void {
    this.feed.stop();
  }

  get isReady(): boolean {
    return this.ready;
  }

  /** The index is the subtree at this zxid; 0 until it is ready. Where nothing changes, it stays behind the tree's. */
  get zxid(): number {
    return this.shownZxid;
  }

  get size(): number {
    return this.values.size;
  }

  get(path: string): T | undefined {
    return this.values.get(path);
  }

  /** All of it, in no order; to be read through before the next change. */
  entries(): IterableIterator<[string, T]> {
    return this.values.entries();
  }

  /**
   * Calls back once the index shows everything that the member has applied at the moment of this call: for whoever has
   * just written, or has read a zxid. While the member does not serve, that is not before it does.
   */
  whenCurrent(done: () => void): void {
    this.feed.whenCurrent(() => this.guard("whoever waited for the index", done));
  }

  restarted(): void {
    this.hasRestarted = true;
    this.staged.clear();
  }

  found(znode: Znode): void {
    const value = this.guard(`the decoder of ${znode.path}`, () => this.options.decode(znode));
    this.staged.set(znode.path, value);
  }

  gone(path: string): void {
    this.staged.set(path, undefined);
  }

  whole(zxid: number): void {
    const isFirst = !this.ready;
    this.ready = true;
    if (this.hasRestarted) for (const path of this.values.keys()) if (!this.staged.has(path)) this.gone(path);
    this.hasRestarted = false;
    const changes = this.show();
    this.shownZxid = zxid;
    if (changes.length === 0 && !isFirst) return;
    this.guard(`whoever follows ${this.options.root}`, () => this.options.onChange(changes, zxid));
  }

  private show(): IndexChange<T>[] {
    const changes: IndexChange<T>[] = [];
    for (const [path, after] of this.staged) {
      const before = this.values.get(path);
      if (before === undefined && after === undefined) continue;
      if (after === undefined) this.values.delete(path);
      else this.values.set(path, after);
      changes.push({ path, before, after });
    }
    this.staged = new Map();
    return changes;
  }

  private guard<R>(who: string, call: () => R): R | undefined {
    try {
      return call();
    } catch (error) {
      this.options.onNotice("error", `${who} threw an error; this is a defect`, { err: error });
      return undefined;
    }
  }
}
