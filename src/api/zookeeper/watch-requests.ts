import type { Connection } from "../../coordination/port.ts";
import { errors, OK } from "../../core/base/errors.ts";
import type { Answer } from "../../core/tree/answer.ts";
import { eventType, type ReadOperation } from "../../core/tree/operation.ts";
import type { ClientStanding } from "./client-standing.ts";
import { notification } from "./event-frames.ts";
import type { JuteReader } from "./jute-reader.ts";
import { opCode } from "./op-code.ts";
import type { ReplyLine } from "./reply-line.ts";
import { modeOfKind, type WatchBook, type WatchKind, watchKind } from "./watch-book.ts";
import { BadArgumentsError } from "./write-decoder.ts";
import { zookeeperError } from "./zookeeper-error.ts";

/** Watches set again per turn of the door: so many reads wait at the port at most, for all of a client's watches. */
const REWATCHED_AT_ONCE = 1_000;

/** Number of what the door asks for itself: its answer is nobody's, and has no place in the line. */
export const UNASKED = -1;

/** ZooKeeper's WatcherType numbers: which watches a check or a removal is about. */
const watcherType = { CHILDREN: 1, DATA: 2, ANY: 3, PERSISTENT: 4, PERSISTENT_RECURSIVE: 5 } as const;

const kindsOfType = new Map<number, readonly WatchKind[]>([
  [watcherType.CHILDREN, [watchKind.CHILD]],
  [watcherType.DATA, [watchKind.DATA]],
  [watcherType.ANY, [watchKind.CHILD, watchKind.DATA, watchKind.PERSISTENT, watchKind.RECURSIVE]],
  [watcherType.PERSISTENT, [watchKind.PERSISTENT]],
  [watcherType.PERSISTENT_RECURSIVE, [watchKind.RECURSIVE]],
]);

/** What a client that was away asks about one path it watches. */
interface Rewatch {
  readonly path: string;
  readonly kind: WatchKind;
  /** The event it has missed, if any; undefined: the watch goes on. */
  readonly missed: (answer: Answer) => number | undefined;
}

/** What they need of their connection. */
export interface WatchContext {
  readonly line: ReplyLine;
  readonly book: WatchBook;
  readonly zxid: () => number;
  readonly standing: ClientStanding;
}

/** addWatch, removeWatches, checkWatches, setWatches: the requests of a connection that are about watches alone. */
export class WatchRequests {
  private readonly connection: Connection;
  private readonly line: ReplyLine;
  private readonly book: WatchBook;
  private readonly zxid: () => number;
  private readonly standing: ClientStanding;

  constructor(connection: Connection, { line, book, zxid, standing }: WatchContext) {
    this.connection = connection;
    this.line = line;
    this.book = book;
    this.zxid = zxid;
    this.standing = standing;
  }

  add(reader: JuteReader, xid: number, now: number): void {
    const path = reader.string();
    const mode = reader.i32();
    if (mode !== 0 && mode !== 1) throw new BadArgumentsError(`watch mode ${mode} is neither 0 nor 1`);
    const kind = mode === 0 ? watchKind.PERSISTENT : watchKind.RECURSIVE;
    this.standing.checkPath(path);
    const watchId = this.book.ask(path, kind);
    this.line.expect(xid, opCode.ADD_WATCH, now, { watchId });
    this.connection.addWatch(0, { watchId, path, mode: modeOfKind[kind], afterZxid: 0 });
  }

  check(reader: JuteReader, xid: number, now: number): void {
    const { path, kinds } = readWatchQuery(reader);
    this.line.local(xid, opCode.CHECK_WATCHES, now, () => {
      const isThere = kinds.some((kind) => this.book.has(path, kind));
      this.line.complete(isThere ? zookeeperError.OK : zookeeperError.NO_WATCHER, this.zxid());
    });
  }

  remove(reader: JuteReader, xid: number, now: number): void {
    const { path, kinds } = readWatchQuery(reader);
    this.line.local(xid, opCode.REMOVE_WATCHES, now, () => {
      const ids = kinds.map((kind) => this.book.disarm(path, kind)).filter((id) => id !== undefined);
      this.line.complete(ids.length > 0 ? zookeeperError.OK : zookeeperError.NO_WATCHER, this.zxid());
      for (const id of ids) this.letGo(id);
    });
  }

  /**
   * A client that reconnects asks for its watches again: of each, it is told what it has missed since `zxid`, or the
   * watch goes on (ZooKeeper's DataTree.setWatches; reference 1.5).
   *
   * @param hold from `true` to `false`, which is when the reply has its place, nothing of the connection is read
   */
  setAgain(reader: JuteReader, xid: number, operation: number, now: number, hold: (isHeld: boolean) => void): void {
    const zxid = reader.i64();
    const data = reader.strings();
    const exist = reader.strings();
    const child = reader.strings();
    const hasPersistent = operation === opCode.SET_WATCHES2;
    const persistent = hasPersistent ? reader.strings() : [];
    const recursive = hasPersistent ? reader.strings() : [];
    for (const path of [...data, ...exist, ...child, ...persistent, ...recursive]) this.standing.checkPath(path);
    // Only now: what cannot be read must not hold the connection.
    hold(true);
    const rewatches = [
      ...data.map((path) => ({ path, kind: watchKind.DATA, missed: (answer: Answer) => missedOfData(answer, zxid) })),
      ...exist.map((path) => ({ path, kind: watchKind.DATA, missed: missedOfMissing })),
      ...child.map((path) => ({
        path,
        kind: watchKind.CHILD,
        missed: (answer: Answer) => missedOfChild(answer, zxid),
      })),
    ];
    const lasting: [string, WatchKind][] = [
      ...persistent.map((path): [string, WatchKind] => [path, watchKind.PERSISTENT]),
      ...recursive.map((path): [string, WatchKind] => [path, watchKind.RECURSIVE]),
    ];
    this.rewatch(rewatches, 0, now, () =>
      this.addLasting(lasting, 0, now, () => {
        this.line.local(xid, operation, now, () => this.line.complete(zookeeperError.OK, this.zxid()));
        hold(false);
      }),
    );
  }

  private rewatch(rewatches: readonly Rewatch[], from: number, now: number, done: () => void): void {
    const slice = rewatches.slice(from, from + REWATCHED_AT_ONCE);
    if (slice.length === 0) {
      done();
      return;
    }
    let left = slice.length;
    for (const each of slice) {
      const watchId = this.book.ask(each.path, each.kind);
      const onAnswer = (answer: Answer): void => {
        const wasThere = this.book.has(each.path, each.kind);
        this.book.answered(watchId, answer.code === OK || answer.code === errors.NODE_NOT_FOUND.code);
        this.settle(each, answer, wasThere);
        if (--left === 0) this.rewatch(rewatches, from + REWATCHED_AT_ONCE, now, done);
      };
      this.line.expect(0, opCode.SET_WATCHES, now, { onAnswer });
      const operation: ReadOperation = { kind: "exists", path: each.path };
      const watch = { watchId, mode: modeOfKind[each.kind] };
      this.connection.read(0, operation, { minZxid: 0, linearizable: false, watch });
    }
  }

  /** Tells the client of what it has missed, which is all the watch was for - but not one it had set here before. */
  private settle({ path, kind, missed }: Rewatch, answer: Answer, wasThere: boolean): void {
    const event = missed(answer);
    if (event === undefined) return;
    const id = wasThere ? undefined : this.book.disarm(path, kind);
    if (id !== undefined) this.letGo(id);
    this.line.notify(notification(event, path, -1));
  }

  private addLasting(watches: readonly [string, WatchKind][], from: number, now: number, done: () => void): void {
    const slice = watches.slice(from, from + REWATCHED_AT_ONCE);
    if (slice.length === 0) {
      done();
      return;
    }
    let left = slice.length;
    for (const [path, kind] of slice) {
      const watchId = this.book.ask(path, kind);
      const onAnswer = (answer: Answer): void => {
        this.book.answered(watchId, answer.code === OK);
        if (--left === 0) this.addLasting(watches, from + REWATCHED_AT_ONCE, now, done);
      };
      this.line.expect(0, opCode.ADD_WATCH, now, { onAnswer });
      this.connection.addWatch(0, { watchId, path, mode: modeOfKind[kind], afterZxid: 0 });
    }
  }

  /** The port forgets a watch; if an event of it comes before that, the book knows that it is for nobody. */
  private letGo(watchId: number): void {
    this.connection.removeWatch(UNASKED, watchId);
  }
}

function readWatchQuery(reader: JuteReader): { path: string; kinds: readonly WatchKind[] } {
  const path = reader.string();
  const type = reader.i32();
  const kinds = kindsOfType.get(type);
  if (kinds === undefined) throw new BadArgumentsError(`watcher type ${type} is none of 1 to 5`);
  return { path, kinds };
}

function missedOfData({ code, stat }: Answer, zxid: number): number | undefined {
  if (code === errors.NODE_NOT_FOUND.code) return eventType.DELETED;
  return code === OK && stat.mzxid > zxid ? eventType.DATA_CHANGED : undefined;
}

/** The client has seen that there was nothing. */
function missedOfMissing({ code }: Answer): number | undefined {
  return code === OK ? eventType.CREATED : undefined;
}

function missedOfChild({ code, stat }: Answer, zxid: number): number | undefined {
  if (code === errors.NODE_NOT_FOUND.code) return eventType.DELETED;
  return code === OK && stat.pzxid > zxid ? eventType.CHILDREN_CHANGED : undefined;
}
