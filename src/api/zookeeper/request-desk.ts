import type { Connection, ReadOptions } from "../../coordination/port.ts";
import { OK } from "../../core/base/errors.ts";
import type { Answer } from "../../core/tree/answer.ts";
import type { LeafRead, ReadOperation, WriteOperation } from "../../core/tree/operation.ts";
import { breaksGuard } from "../../products/floor/guarded-subtrees.ts";
import { type ClientStanding, ForbiddenError } from "./client-standing.ts";
import { CONFIG_PATH } from "./ensemble/config-text.ts";
import { type EnsembleDesk, readReconfig } from "./ensemble-desk.ts";
import { JuteError, type JuteReader } from "./jute-reader.ts";
import { opCode } from "./op-code.ts";
import type { PendingDetail } from "./pending-line.ts";
import { writeFailedParts } from "./reply-encoder.ts";
import type { ReplyLine } from "./reply-line.ts";
import { modeOfKind, type WatchBook, type WatchKind, watchKind } from "./watch-book.ts";
import { WatchRequests } from "./watch-requests.ts";
import {
  BadArgumentsError,
  readCreate,
  readDelete,
  readMulti,
  readPartHeader,
  readSet,
  readSetAcl,
} from "./write-decoder.ts";
import { zookeeperError } from "./zookeeper-error.ts";

/** What the desk needs of its connection. */
export interface DeskContext {
  readonly line: ReplyLine;
  readonly book: WatchBook;
  /** Who the client is by now. */
  readonly standing: ClientStanding;
  /** The next number of a write, and below which all have been answered. */
  readonly nextNumber: () => number;
  readonly answeredBelow: () => number;
  /** Last applied by this member. */
  readonly zxid: () => number;
  /** The member has no quorum: it only reads. */
  readonly isReadOnly: boolean;
  /** Nothing further is read from the connection until `false` comes. */
  readonly hold: (isHeld: boolean) => void;
  readonly ensemble: EnsembleDesk;
  /** Ends the connection, not its session. */
  readonly end: (why: string) => void;
}

const PLAIN: ReadOptions = { minZxid: 0, linearizable: false };
const NO_CURSOR = new Uint8Array(0);
/** What a read-only member refuses, as ZooKeeper's does. */
const writes: ReadonlySet<number> = new Set<number>([
  opCode.CREATE,
  opCode.CREATE2,
  opCode.CREATE_CONTAINER,
  opCode.CREATE_TTL,
  opCode.DELETE,
  opCode.DELETE_CONTAINER,
  opCode.SET_DATA,
  opCode.SET_ACL,
  opCode.MULTI,
  opCode.CHECK,
  opCode.RECONFIG,
  opCode.SYNC,
]);

/** Decodes requests into calls of the port, each with a place in the line for its reply. */
export class RequestDesk {
  private readonly connection: Connection;
  private readonly context: DeskContext;
  private readonly watches: WatchRequests;

  constructor(connection: Connection, context: DeskContext) {
    this.connection = connection;
    this.context = context;
    this.watches = new WatchRequests(connection, context);
  }

  /** A request of the session, its header read already. What is wrong with it is answered in its place. */
  handle(reader: JuteReader, xid: number, operation: number, now: number): void {
    if (!this.context.standing.allowsOperation(operation)) {
      this.refuse(xid, operation, now, zookeeperError.NO_AUTH);
      return;
    }
    if (this.context.isReadOnly && writes.has(operation)) {
      this.refuse(xid, operation, now, zookeeperError.NOT_READ_ONLY);
      return;
    }
    try {
      this.dispatch(reader, xid, operation, now);
    } catch (error) {
      if (error instanceof ForbiddenError) this.refuse(xid, operation, now, zookeeperError.NO_AUTH);
      else if (error instanceof BadArgumentsError) this.refuse(xid, operation, now, zookeeperError.BAD_ARGUMENTS);
      else if (error instanceof JuteError) this.refuse(xid, operation, now, zookeeperError.MARSHALLING);
      else throw error;
    }
  }

  private dispatch(reader: JuteReader, xid: number, operation: number, now: number): void {
    switch (operation) {
      case opCode.GET_DATA:
        this.getData(reader, xid, now);
        return;
      case opCode.SET_DATA:
        this.submit(xid, operation, now, readSet(reader));
        return;
      case opCode.EXISTS:
        this.exists(reader, xid, now);
        return;
      case opCode.GET_CHILDREN:
      case opCode.GET_CHILDREN2:
        this.getChildren(reader, xid, operation, now);
        return;
      case opCode.CREATE:
      case opCode.CREATE2:
      case opCode.CREATE_CONTAINER:
        this.submit(xid, operation, now, readCreate(reader, false));
        return;
      case opCode.CREATE_TTL:
        this.submit(xid, operation, now, readCreate(reader, true));
        return;
      case opCode.DELETE:
        this.submit(xid, operation, now, readDelete(reader));
        return;
      case opCode.SET_ACL:
        this.submit(xid, operation, now, readSetAcl(reader));
        return;
      case opCode.MULTI:
        this.multi(reader, xid, now);
        return;
      case opCode.MULTI_READ:
        this.multiRead(reader, xid, now);
        return;
      default:
        this.dispatchRare(reader, xid, operation, now);
    }
  }

  private dispatchRare(reader: JuteReader, xid: number, operation: number, now: number): void {
    const { line } = this.context;
    switch (operation) {
      case opCode.SYNC:
        line.expect(xid, operation, now, { path: reader.string() });
        this.connection.sync(0);
        return;
      case opCode.GET_ACL:
        this.readPath(xid, operation, now, { kind: "get-acl", path: reader.string() });
        return;
      case opCode.GET_ALL_CHILDREN_NUMBER:
        this.read(xid, operation, now, { kind: "count", path: reader.string() });
        return;
      case opCode.GET_EPHEMERALS:
        this.getEphemerals(reader, xid, now);
        return;
      case opCode.ADD_WATCH:
        this.watches.add(reader, xid, now);
        return;
      case opCode.CHECK_WATCHES:
        this.watches.check(reader, xid, now);
        return;
      case opCode.REMOVE_WATCHES:
        this.watches.remove(reader, xid, now);
        return;
      case opCode.SET_WATCHES:
      case opCode.SET_WATCHES2:
        this.watches.setAgain(reader, xid, operation, now, this.context.hold);
        return;
      case opCode.WHO_AM_I:
        this.whoAmI(xid, now);
        return;
      case opCode.RECONFIG:
        this.reconfigure(reader, xid, now);
        return;
      case opCode.CHECK:
      case opCode.DELETE_CONTAINER:
        // A check by itself is none, and a container's end is the leader's alone to ask.
        this.refuse(xid, operation, now, zookeeperError.UNIMPLEMENTED);
        return;
      default:
        this.refuseUnknown(xid, operation, now);
    }
  }

  /** A reply that is only an error, in its place. */
  refuse(xid: number, operation: number, now: number, error: number): void {
    const { line, zxid } = this.context;
    line.local(xid, operation, now, () => line.complete(error, zxid()));
  }

  /** What nobody knows: ZooKeeper ends the connection, too. */
  private refuseUnknown(xid: number, operation: number, now: number): void {
    const { line, zxid, end } = this.context;
    line.local(xid, operation, now, () => {
      line.complete(zookeeperError.UNIMPLEMENTED, zxid());
      end(`operation ${operation} is not known`);
    });
  }

  private submit(xid: number, operation: number, now: number, write: WriteOperation, detail?: PendingDetail): void {
    const { line, nextNumber, answeredBelow, standing } = this.context;
    standing.checkReach(write);
    if (breaksGuard(write, standing.identities)) {
      this.refuseGuarded(xid, operation, now, write);
      return;
    }
    line.expect(xid, operation, now, detail);
    this.connection.submit(nextNumber(), answeredBelow(), write);
  }

  /** What products alone may write. A transaction fails as if the tree had refused the first such part. */
  private refuseGuarded(xid: number, operation: number, now: number, write: WriteOperation): void {
    const { line, zxid } = this.context;
    if (write.kind !== "multi") {
      this.refuse(xid, operation, now, zookeeperError.NO_AUTH);
      return;
    }
    const { length } = write.operations;
    const failed = write.operations.findIndex((part) => breaksGuard(part, []));
    line.local(xid, operation, now, () => {
      line.complete(zookeeperError.OK, zxid(), (writer) =>
        writeFailedParts(writer, length, failed, zookeeperError.NO_AUTH),
      );
    });
  }

  private read(xid: number, operation: number, now: number, read: ReadOperation, detail?: PendingDetail): void {
    this.context.standing.checkReach(read);
    this.context.line.expect(xid, operation, now, detail);
    this.connection.read(0, read, PLAIN);
  }

  /** A read of one path, which may be the configuration's. */
  private readPath(xid: number, operation: number, now: number, read: LeafRead): void {
    this.read(xid, operation, now, read, read.path === CONFIG_PATH ? { adjust: this.showConfiguration } : undefined);
  }

  private readAndWatch(xid: number, operation: number, now: number, read: LeafRead, kind: WatchKind): void {
    this.context.standing.checkReach(read);
    const watchId = this.context.book.ask(read.path, kind);
    const adjust = read.path === CONFIG_PATH ? this.showConfiguration : undefined;
    this.context.line.expect(xid, operation, now, { watchId, adjust });
    this.connection.read(0, read, { ...PLAIN, watch: { watchId, mode: modeOfKind[kind] } });
  }

  private getData(reader: JuteReader, xid: number, now: number): void {
    const path = reader.string();
    const wantsWatch = reader.bool();
    if (wantsWatch) this.readAndWatch(xid, opCode.GET_DATA, now, { kind: "get", path }, watchKind.DATA);
    else this.readPath(xid, opCode.GET_DATA, now, { kind: "get", path });
  }

  /** The znode is there for its ACL, its children and its watches; the ensemble has content and stat. */
  private readonly showConfiguration = (answer: Answer): void => {
    if (answer.code !== OK) return;
    const { data, stat } = this.context.ensemble.configuration();
    answer.data = data;
    answer.stat = { ...stat, numChildren: answer.stat.numChildren };
  };

  /** Answered with the new configuration, once it is in force. */
  private reconfigure(reader: JuteReader, xid: number, now: number): void {
    const { context } = this;
    const { line, hold } = context;
    const request = readReconfig(reader);
    hold(true);
    line.deferred(xid, opCode.RECONFIG, now, () => {
      context.ensemble.reconfigure(request, context.standing.identities, (reply, zxid) => {
        if (reply === "end the connection") {
          context.end("what became of a reconfig is not known here");
          return;
        }
        if (reply !== OK) {
          line.complete(reply, context.zxid());
        } else {
          line.replace({ adjust: this.showConfiguration });
          // This member may have the new configuration a moment after the leader.
          this.connection.read(0, { kind: "get", path: CONFIG_PATH }, { ...PLAIN, minZxid: zxid });
        }
        hold(false);
      });
    });
  }

  private exists(reader: JuteReader, xid: number, now: number): void {
    const path = reader.string();
    if (reader.bool()) this.readAndWatch(xid, opCode.EXISTS, now, { kind: "exists", path }, watchKind.DATA);
    else this.readPath(xid, opCode.EXISTS, now, { kind: "exists", path });
  }

  private getChildren(reader: JuteReader, xid: number, operation: number, now: number): void {
    const list = wholeList(reader.string());
    if (reader.bool()) this.readAndWatch(xid, operation, now, list, watchKind.CHILD);
    else this.readPath(xid, operation, now, list);
  }

  private multi(reader: JuteReader, xid: number, now: number): void {
    const { operation, types } = readMulti(reader);
    this.submit(xid, opCode.MULTI, now, operation, { types });
  }

  private multiRead(reader: JuteReader, xid: number, now: number): void {
    const operations: LeafRead[] = [];
    const types: number[] = [];
    for (let type = readPartHeader(reader); type !== undefined; type = readPartHeader(reader)) {
      if (type !== opCode.GET_DATA && type !== opCode.GET_CHILDREN) {
        throw new JuteError(`operation ${type} cannot be part of a multiRead`);
      }
      const path = reader.string();
      reader.bool();
      operations.push(type === opCode.GET_DATA ? { kind: "get", path } : wholeList(path));
      types.push(type);
    }
    const adjust = ({ parts }: Answer): void => {
      for (const [index, { path }] of operations.entries()) {
        if (path === CONFIG_PATH) this.showConfiguration(parts[index] as Answer);
      }
    };
    this.read(xid, opCode.MULTI_READ, now, { kind: "multi-read", operations }, { types, adjust });
  }

  /** ZooKeeper compares the paths with the prefix as text, whether or not it ends where a name does. */
  private getEphemerals(reader: JuteReader, xid: number, now: number): void {
    const { line } = this.context;
    const prefix = reader.string();
    const onAnswer = (answer: Answer): void => {
      const paths = answer.kind === "ephemerals" ? answer.names.filter((path) => path.startsWith(prefix)) : [];
      line.outOfLine(xid, answer.zxid, zookeeperError.OK, (writer) => writer.strings(paths));
    };
    this.read(xid, opCode.GET_EPHEMERALS, now, { kind: "ephemerals", path: "/" }, { onAnswer });
  }

  private whoAmI(xid: number, now: number): void {
    const { line, zxid } = this.context;
    const identities = this.context.standing.identities;
    line.local(xid, opCode.WHO_AM_I, now, () => {
      line.complete(zookeeperError.OK, zxid(), (writer) => {
        writer.i32(identities.length);
        for (const { scheme, id } of identities) {
          writer.string(scheme);
          // Of a digest, the user alone is told.
          writer.string(scheme === "digest" ? (id.split(":")[0] as string) : id);
        }
      });
    });
  }
}

function wholeList(path: string): LeafRead {
  return { kind: "list", path, limit: 0, cursor: NO_CURSOR, whole: true };
}
