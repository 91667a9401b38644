import type { Connection, ConnectionListener, Coordination } from "../../coordination/port.ts";
import { errors, OK, type Reason } from "../../core/base/errors.ts";
import type { Answer } from "../../core/tree/answer.ts";
import { eventType, type Identity } from "../../core/tree/operation.ts";
import type { Stat } from "../../core/tree/stat.ts";
import type { WatchEvent } from "../../core/tree/watch-event.ts";
import { type BacklogItem, ReadBacklog, readOf } from "./read-backlog.ts";

/** What reading may take of one turn of the loop, ms; looked at after every read (products.md 15). */
const TURN_MS = 5;
/** Znodes of one read. */
const READ_ZNODES = 32;
/** A member that does not serve is asked again after this, ms. */
const RETRY_MS = 200;
const WATCH_ID = 1;

/** A znode as it was read: valid during the call that tells of it, its data a view. */
export interface Znode {
  readonly path: string;
  readonly data: Uint8Array;
  readonly stat: Readonly<Stat>;
}

/** Who is told of a subtree's znodes. */
export interface FeedListener {
  /** Everything is told from the beginning: nothing that was told since the last `whole` counts. */
  restarted(): void;
  /** It is there, and so. */
  found(znode: Znode): void;
  gone(path: string): void;
  /** What was told is all there is to tell up to this zxid. */
  whole(zxid: number): void;
}

export interface FeedOptions {
  /** Need not exist. */
  readonly root: string;
  /** Whom the reads are made as; what these may not read is taken for gone. */
  readonly identities: readonly Identity[];
  /** False for a path at which nothing is to be read, nor below it: it is false for all paths below as well. */
  covers(path: string): boolean;
}

/**
 * Tells a listener of every znode of a subtree as it is now, then of every change. Events say which znodes have to be
 * read; a read shows them at its own zxid, and every event up to that has been told by then. So whenever nothing is
 * left to be read, what was told is the subtree at the zxid of the last word.
 *
 * Read is at most once per turn of the loop and for a bounded time: what changes meanwhile is read once.
 */
export class SubtreeFeed implements ConnectionListener {
  private readonly coordination: Pick<Coordination, "connect">;
  private readonly options: FeedOptions;
  private readonly listener: FeedListener;
  private readonly backlog = new ReadBacklog();
  private connection: Connection | undefined;
  private isFollowing = false;
  /** The next watch begins with a walk of the subtree. */
  private mustWalk = true;
  private nextNumber = 1;
  private watchNumber = 0;
  /** The read under way, 0 for none, and what of the backlog it reads. */
  private readNumber = 0;
  private reading: readonly BacklogItem[] = [];
  /** All events up to here were told. */
  private seenZxid = 0;
  private hasNews = false;
  /** Who waits for a read that begins after they asked; whose read has begun. */
  private asking: (() => void)[] = [];
  private asked: (() => void)[] = [];
  private turn: NodeJS.Immediate | undefined;
  private retry: NodeJS.Timeout | undefined;

  constructor(coordination: Pick<Coordination, "connect">, options: FeedOptions, listener: FeedListener) {
    this.coordination = coordination;
    this.options = options;
    this.listener = listener;
  }

  start(): void {
    this.connect();
  }

  /** Nothing more is told. */
  stop(): void {
    this.leave();
    clearImmediate(this.turn);
    clearTimeout(this.retry);
    this.turn = undefined;
  }

  /** Calls back after the `whole` that covers everything the member has applied now. */
  whenCurrent(done: () => void): void {
    this.asking.push(done);
    this.work();
  }

  onOpened(): void {}
  onTouched(): void {}
  onTurnEnd(): void {}

  onEvents(events: readonly WatchEvent[], zxid: number): void {
    this.seenZxid = zxid;
    for (const { event } of events) {
      const { path } = event;
      if (!this.options.covers(path)) continue;
      if (event.type !== eventType.DELETED) {
        this.backlog.addZnode(path, false);
        continue;
      }
      this.backlog.drop(path);
      this.listener.gone(path);
    }
    this.hasNews = true;
    this.work();
  }

  onAnswer(answer: Answer): void {
    if (answer.number === this.watchNumber) this.onWatch(answer);
    else if (answer.number === this.readNumber) this.onRead(answer);
  }

  onClosed(reason: Reason | undefined): void {
    // The member has given its tree up, maybe because it was wrong: then no event corrects what was read of it.
    if (reason === "NOT_READY") this.mustWalk = true;
    this.leave();
    this.connectLater();
  }

  private connect(): void {
    const { root, identities } = this.options;
    this.connection = this.coordination.connect(this, identities);
    this.watchNumber = this.nextNumber++;
    const afterZxid = this.mustWalk ? 0 : this.seenZxid;
    const request = { watchId: WATCH_ID, path: root, mode: "persistent-recursive", afterZxid } as const;
    this.connection.addWatch(this.watchNumber, request);
  }

  private connectLater(): void {
    this.later(() => this.connect());
  }

  /** Until then, nothing is read. */
  private later(call: () => void): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      this.retry = undefined;
      call();
    }, RETRY_MS).unref();
  }

  private leave(): void {
    this.connection?.detach();
    this.connection = undefined;
    this.isFollowing = false;
    this.failRead();
  }

  private onWatch(answer: Answer): void {
    if (answer.code !== OK) {
      if (answer.code === errors.COMPACTED.code) this.mustWalk = true;
      this.leave();
      this.connectLater();
      return;
    }
    this.isFollowing = true;
    if (this.mustWalk) {
      this.mustWalk = false;
      this.backlog.clear();
      this.backlog.addZnode(this.options.root, true);
      this.listener.restarted();
    }
    this.seenZxid = answer.zxid;
    this.hasNews = true;
    this.work();
  }

  private onRead(answer: Answer): void {
    if (answer.code !== OK) {
      this.failRead();
      this.later(() => this.work());
      return;
    }
    const items = this.reading;
    this.readNumber = 0;
    this.reading = [];
    for (const [index, item] of items.entries()) {
      const part = answer.parts[index];
      if (part !== undefined) this.take(item, part);
    }
    this.seenZxid = answer.zxid;
    this.hasNews = true;
    this.work();
  }

  private take(item: BacklogItem, part: Answer): void {
    const { path } = item;
    if (item.kind === "znode") {
      if (part.code !== OK) {
        this.listener.gone(path);
        return;
      }
      this.listener.found({ path, data: part.data, stat: part.stat });
      if (item.below && part.stat.numChildren > 0) this.backlog.addPage(path);
      return;
    }
    // Where the parent is gone, its event or a read of it says so.
    if (part.code !== OK) return;
    if (part.cursor.length > 0) this.backlog.addPage(path, part.cursor.slice());
    for (const name of part.names) {
      const child = path === "/" ? `/${name}` : `${path}/${name}`;
      if (this.options.covers(child)) this.backlog.addZnode(child, true);
    }
  }

  private failRead(): void {
    if (this.readNumber === 0) return;
    this.readNumber = 0;
    this.backlog.putBack(this.reading);
    this.reading = [];
    this.asking.unshift(...this.asked.splice(0));
  }

  /** Goes on when the turn is over, so that all that comes in one turn is read at once. */
  private work(): void {
    this.turn ??= setImmediate(() => {
      this.turn = undefined;
      this.pump();
    });
  }

  private pump(): void {
    const until = performance.now() + TURN_MS;
    while (this.isFollowing && this.readNumber === 0 && this.retry === undefined) {
      if (this.backlog.isEmpty && this.asking.length === 0) {
        this.finish();
        return;
      }
      this.readMore();
      // What is left is the next turn's: the answer has asked for it.
      if (performance.now() >= until) return;
    }
  }

  private readMore(): void {
    this.reading = this.backlog.take(READ_ZNODES);
    if (this.reading.length === 0) this.asked.push(...this.asking.splice(0));
    this.readNumber = this.nextNumber++;
    // Of nothing left to be read, only the zxid is asked.
    const operations =
      this.reading.length === 0 ? [{ kind: "exists", path: this.options.root } as const] : this.reading.map(readOf);
    this.connection?.read(this.readNumber, { kind: "multi-read", operations }, { minZxid: 0, linearizable: false });
  }

  private finish(): void {
    if (!this.hasNews) return;
    this.hasNews = false;
    this.listener.whole(this.seenZxid);
    for (const done of this.asked.splice(0)) done();
  }
}
