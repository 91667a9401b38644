import type { Connection, ReadOptions, WatchRequest } from "../../coordination/port.ts";
import type { Reason } from "../../core/base/errors.ts";
import {
  ANY_VERSION,
  type CreateOperation,
  createMode,
  type DeleteOperation,
  type DeleteTreeOperation,
  type LeafOperation,
  type SetAclOperation,
  type SetOperation,
  type WatchMode,
} from "../../core/tree/operation.ts";
import { BodyDecoder, type Mutable } from "./body-decoder.ts";
import type { Credential } from "./gen/muster/coordination/v1/session.ts";
import { DoorError } from "./status.ts";
import { WireReader } from "./wire-reader.ts";

/** Where decoded operations go: a port connection, and what the door answers itself. */
export interface OperationSink extends Pick<Connection, "submit" | "read" | "sync" | "addWatch" | "removeWatch"> {
  authenticate(number: number, credential: Credential): void;
  /** The operation is well-formed but cannot be asked: answer `reason` in its place. */
  refuse(number: number, reason: Reason): void;
}

const NO_BYTES = new Uint8Array(0);
const NO_WAIT: ReadOptions = { minZxid: 0, linearizable: false };

/** Field numbers of session.proto's Operation. */
const field = {
  NUMBER: 1,
  MIN_ZXID: 2,
  LINEARIZABLE: 3,
  CREATE: 4,
  SET: 5,
  DELETE: 6,
  DELETE_TREE: 7,
  SET_ACL: 8,
  MULTI: 9,
  GET: 10,
  EXISTS: 11,
  LIST: 12,
  GET_ACL: 13,
  COUNT: 14,
  EPHEMERALS: 15,
  MULTI_READ: 16,
  SYNC: 17,
  ADD_WATCH: 18,
  REMOVE_WATCH: 19,
  AUTHENTICATE: 20,
} as const;
const VARINT = 0;
const BYTES = 2;

/** By proto's WatchMode. */
const watchModes: readonly (WatchMode | undefined)[] = [
  undefined,
  "data",
  "exists",
  "children",
  "persistent",
  "persistent-recursive",
];

/**
 * Decodes one OperationBatch, an operation at a time, straight into calls of a sink. It can stop between two operations
 * and go on later, which is how a stream holds a client back. Writes are decoded into objects used again and again,
 * their data a view of the message: the sink must be done with both when its method returns.
 */
export class OperationDecoder {
  private readonly reader = new WireReader();
  private readonly body = new BodyDecoder(this.reader);
  private answeredBelow = 0;

  private number = 0;
  private minZxid = 0;
  private linearizable = false;

  private readonly create: Mutable<CreateOperation> = {
    kind: "create",
    path: "",
    data: NO_BYTES,
    mode: createMode.PERSISTENT,
    acl: undefined,
    ttlMs: undefined,
    ifAbsent: false,
  };
  private readonly set: Mutable<SetOperation> = { kind: "set", path: "", data: NO_BYTES, version: ANY_VERSION };
  private readonly delete: Mutable<DeleteOperation> = { kind: "delete", path: "", version: ANY_VERSION };
  private readonly deleteTree: Mutable<DeleteTreeOperation> = { kind: "delete-tree", path: "" };
  private readonly setAcl: Mutable<SetAclOperation> = { kind: "set-acl", path: "", acl: [], version: ANY_VERSION };
  private readonly multi = { kind: "multi" as const, operations: [] as readonly LeafOperation[] };

  /**
   * Takes a batch; its outline is checked at once, its operations as they come.
   *
   * @throws MalformedError; DoorError TOO_LARGE above `operationsMax` operations.
   */
  begin(bytes: Buffer, start: number, end: number, operationsMax: number): void {
    const reader = this.reader.reset(bytes, start, end);
    let count = 0;
    this.answeredBelow = 0;
    while (reader.more) {
      const tag = reader.tag();
      if (tag === ((1 << 3) | VARINT)) {
        this.answeredBelow = reader.uint53();
        continue;
      }
      if (tag === ((2 << 3) | BYTES)) count++;
      reader.skip(tag);
    }
    if (count > operationsMax)
      throw new DoorError("TOO_LARGE", { detail: "operations of a batch", limit: `${operationsMax}` });
    reader.reset(bytes, start, end);
  }

  /** Lets go of the batch, whatever is left of it. */
  release(): void {
    this.reader.reset(Buffer.alloc(0), 0, 0);
    this.create.data = NO_BYTES;
    this.set.data = NO_BYTES;
    this.multi.operations = [];
  }

  /** Decodes the next operation into `sink`. False: there was none. Throws MalformedError. */
  next(sink: OperationSink): boolean {
    const reader = this.reader;
    while (reader.more) {
      const tag = reader.tag();
      if (tag !== ((2 << 3) | BYTES)) {
        reader.skip(tag);
        continue;
      }
      const outer = reader.enter();
      const end = reader.end;
      this.operation(sink);
      // The sink may have been left in the middle of a body it refused.
      reader.end = end;
      reader.leave(outer);
      return true;
    }
    return false;
  }

  /** Fields may come in any order, and of a oneof the last wins: find all of them, then decode the body. */
  private operation(sink: OperationSink): void {
    const reader = this.reader;
    this.number = 0;
    this.minZxid = 0;
    this.linearizable = false;
    let which = 0;
    let body = 0;
    while (reader.more) {
      const tag = reader.tag();
      if (tag === ((field.NUMBER << 3) | VARINT)) this.number = reader.uint53();
      else if (tag === ((field.MIN_ZXID << 3) | VARINT)) this.minZxid = reader.uint53();
      else if (tag === ((field.LINEARIZABLE << 3) | VARINT)) this.linearizable = reader.bool();
      else {
        if ((tag & 7) === BYTES && tag >>> 3 >= field.CREATE && tag >>> 3 <= field.AUTHENTICATE) {
          which = tag >>> 3;
          body = reader.position;
        }
        reader.skip(tag);
      }
    }
    if (which === 0) {
      sink.refuse(this.number, "UNSUPPORTED");
      return;
    }
    reader.position = body;
    reader.end = reader.lengthEnd();
    this.body.begin();
    if (which <= field.MULTI) this.write(which, sink);
    else if (which <= field.MULTI_READ) this.read(which, sink);
    else this.other(which, sink);
  }

  private write(which: number, sink: OperationSink): void {
    const operation = this.writeOperation(which);
    const problem = this.body.problem;
    if (problem === undefined) sink.submit(this.number, this.answeredBelow, operation);
    else sink.refuse(this.number, problem);
  }

  private writeOperation(which: number) {
    switch (which) {
      case field.CREATE:
        return this.body.create(this.create);
      case field.SET:
        return this.body.set(this.set);
      case field.DELETE:
        return this.body.versioned<DeleteOperation>(this.delete);
      case field.DELETE_TREE:
        this.body.path(this.deleteTree);
        return this.deleteTree;
      case field.SET_ACL:
        return this.body.setAcl(this.setAcl);
      default:
        this.multi.operations = this.body.multi();
        return this.multi;
    }
  }

  private read(which: number, sink: OperationSink): void {
    const operation = this.readOperation(which);
    const problem = this.body.problem;
    if (problem === undefined) sink.read(this.number, operation, this.readOptions());
    else sink.refuse(this.number, problem);
  }

  private readOptions(): ReadOptions {
    const { minZxid, linearizable } = this;
    return minZxid === 0 && !linearizable ? NO_WAIT : { minZxid, linearizable };
  }

  /** A read is kept until it is answered, so each is a new object. */
  private readOperation(which: number) {
    switch (which) {
      case field.GET:
        return this.body.get("get");
      case field.EXISTS:
        return this.body.get("exists");
      case field.LIST:
        return this.body.list();
      case field.GET_ACL:
        return this.body.get("get-acl");
      case field.COUNT:
        return this.body.get("count");
      case field.EPHEMERALS: {
        const operation = { kind: "ephemerals" as const, path: "" };
        this.body.path(operation);
        return operation;
      }
      default:
        return { kind: "multi-read" as const, operations: this.body.multiRead() };
    }
  }

  private other(which: number, sink: OperationSink): void {
    switch (which) {
      case field.SYNC:
        while (this.reader.more) this.reader.skip(this.reader.tag());
        sink.sync(this.number);
        return;
      case field.ADD_WATCH: {
        const request = this.watchRequest();
        if (request === undefined) sink.refuse(this.number, "INVALID_ARGUMENT");
        else sink.addWatch(this.number, request);
        return;
      }
      case field.REMOVE_WATCH:
        sink.removeWatch(this.number, this.watchId());
        return;
      default:
        sink.authenticate(this.number, this.credential());
    }
  }

  private watchRequest(): WatchRequest | undefined {
    const reader = this.reader;
    let watchId = 0;
    let path = "";
    let mode = 0;
    let afterZxid = 0;
    while (reader.more) {
      const tag = reader.tag();
      if (tag === ((1 << 3) | VARINT)) watchId = reader.uint32();
      else if (tag === ((2 << 3) | BYTES)) path = reader.string();
      else if (tag === ((3 << 3) | VARINT)) mode = reader.int32();
      else if (tag === ((4 << 3) | VARINT)) afterZxid = reader.uint53();
      else reader.skip(tag);
    }
    const known = watchModes[mode];
    return known === undefined ? undefined : { watchId, path, mode: known, afterZxid };
  }

  private watchId(): number {
    const reader = this.reader;
    let watchId = 0;
    while (reader.more) {
      const tag = reader.tag();
      if (tag === ((1 << 3) | VARINT)) watchId = reader.uint32();
      else reader.skip(tag);
    }
    return watchId;
  }

  private credential(): Credential {
    const reader = this.reader;
    let scheme = "";
    let secret = "";
    while (reader.more) {
      const tag = reader.tag();
      if (tag === ((1 << 3) | BYTES)) scheme = reader.string();
      else if (tag === ((2 << 3) | BYTES)) secret = reader.string();
      else reader.skip(tag);
    }
    return { scheme, secret };
  }
}
