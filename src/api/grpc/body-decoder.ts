import type { Reason } from "../../core/base/errors.ts";
import {
  type AclEntry,
  ANY_VERSION,
  type CheckOperation,
  type CreateMode,
  type CreateOperation,
  createMode,
  type DeleteOperation,
  type DeleteTreeOperation,
  type GetOperation,
  type LeafOperation,
  type LeafRead,
  type ListOperation,
  type SetAclOperation,
  type SetOperation,
} from "../../core/tree/operation.ts";
import type { WireReader } from "./wire-reader.ts";

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Entries of one ACL that are decoded; `apply` has its own, lower limit (`aclEntriesMax`). */
export const ACL_ENTRIES_DECODED_MAX = 1024;
/** Parts of one multi and of one multi-read, as session.proto promises. */
export const MULTI_PARTS_MAX = 10_000;
export const MULTI_READ_PARTS_MAX = 1_000;
/** Names in one page of a list. */
export const PAGE_SIZE_MAX = 10_000;

const NO_BYTES = new Uint8Array(0);
/** Tags of length-delimited fields 1 to 5. */
const bytes1 = 0x0a;
const bytes2 = 0x12;
const bytes3 = 0x1a;
const bytes4 = 0x22;
const bytes5 = 0x2a;
/** Tags of varint fields. */
const varint1 = 0x08;
const varint2 = 0x10;
const varint3 = 0x18;
const varint5 = 0x28;
const varint6 = 0x30;

/** proto's CreateMode is the core's plus one; its 0, unspecified, is persistent. */
const CREATE_MODE_LAST = createMode.PERSISTENT_SEQUENTIAL_WITH_TTL + 1;

/**
 * Decodes the bodies of operations (znode.proto and the multis of session.proto) from a {@link WireReader} standing in
 * them into the core's operations. Two kinds of wrong: bytes that are not protobuf throw MalformedError; a well-formed
 * body that cannot be asked sets {@link problem}, the answer to that one operation.
 */
export class BodyDecoder {
  readonly reader: WireReader;
  /** The first thing wrong since {@link begin}. */
  problem: Reason | undefined;

  constructor(reader: WireReader) {
    this.reader = reader;
  }

  begin(): this {
    this.problem = undefined;
    return this;
  }

  private wrong(reason: Reason): void {
    this.problem ??= reason;
  }

  create(into: Mutable<CreateOperation>): CreateOperation {
    const reader = this.reader;
    into.path = "";
    into.data = NO_BYTES;
    into.acl = undefined;
    into.ttlMs = undefined;
    into.ifAbsent = false;
    let mode = 0;
    while (reader.more) {
      const tag = reader.tag();
      if (tag === bytes1) into.path = reader.string();
      else if (tag === bytes2) into.data = reader.view();
      else if (tag === varint3) mode = reader.int32();
      else if (tag === bytes4) into.acl = this.acl();
      else if (tag === varint5) into.ttlMs = reader.uint53() || undefined;
      else if (tag === varint6) into.ifAbsent = reader.bool();
      else reader.skip(tag);
    }
    if (mode < 0 || mode > CREATE_MODE_LAST) this.wrong("INVALID_ARGUMENT");
    else into.mode = (mode === 0 ? createMode.PERSISTENT : mode - 1) as CreateMode;
    return into;
  }

  set(into: Mutable<SetOperation>): SetOperation {
    const reader = this.reader;
    into.path = "";
    into.data = NO_BYTES;
    into.version = ANY_VERSION;
    while (reader.more) {
      const tag = reader.tag();
      if (tag === bytes1) into.path = reader.string();
      else if (tag === bytes2) into.data = reader.view();
      else if (tag === varint3) into.version = reader.int32();
      else reader.skip(tag);
    }
    return into;
  }

  /** DeleteOperation and CheckOperation have the same fields. */
  versioned<T extends DeleteOperation | CheckOperation>(into: Mutable<T>): T {
    const reader = this.reader;
    into.path = "";
    into.version = ANY_VERSION;
    while (reader.more) {
      const tag = reader.tag();
      if (tag === bytes1) into.path = reader.string();
      else if (tag === varint2) into.version = reader.int32();
      else reader.skip(tag);
    }
    return into;
  }

  setAcl(into: Mutable<SetAclOperation>): SetAclOperation {
    const reader = this.reader;
    into.path = "";
    into.acl = [];
    into.version = ANY_VERSION;
    while (reader.more) {
      const tag = reader.tag();
      if (tag === bytes1) into.path = reader.string();
      else if (tag === bytes2) into.acl = this.acl();
      else if (tag === varint3) into.version = reader.int32();
      else reader.skip(tag);
    }
    return into;
  }

  /** DeleteTreeOperation and PathOperation. */
  path(into: Mutable<DeleteTreeOperation | GetOperation> | { path: string }): void {
    const reader = this.reader;
    into.path = "";
    while (reader.more) {
      const tag = reader.tag();
      if (tag === bytes1) into.path = reader.string();
      else reader.skip(tag);
    }
  }

  list(): ListOperation {
    const reader = this.reader;
    let path = "";
    let limit = 0;
    let cursor: Uint8Array = NO_BYTES;
    while (reader.more) {
      const tag = reader.tag();
      if (tag === bytes1) path = reader.string();
      else if (tag === varint2) limit = reader.uint32();
      // A read is kept until it is answered: a copy does not hold on to the message.
      else if (tag === bytes3) cursor = Uint8Array.from(reader.view());
      else reader.skip(tag);
    }
    return { kind: "list", path, limit: Math.min(limit, PAGE_SIZE_MAX), cursor };
  }

  multi(): LeafOperation[] {
    const reader = this.reader;
    const operations: LeafOperation[] = [];
    while (reader.more) {
      const tag = reader.tag();
      if (tag !== bytes1) {
        reader.skip(tag);
        continue;
      }
      const outer = reader.enter();
      if (operations.length === MULTI_PARTS_MAX) this.wrong("TOO_LARGE");
      else {
        const part = this.multiPart();
        if (part === undefined) this.wrong("UNSUPPORTED");
        else operations.push(part);
      }
      reader.leave(outer);
    }
    return operations;
  }

  private multiPart(): LeafOperation | undefined {
    const field = this.lastOf(bytes1, bytes5);
    if (field === 0) return undefined;
    const outer = this.reader.enter();
    const operation = this.leafOperation(field);
    this.reader.leave(outer);
    return operation;
  }

  private leafOperation(field: number): LeafOperation {
    switch (field) {
      case bytes1:
        return this.create({ kind: "create", path: "", data: NO_BYTES, mode: createMode.PERSISTENT });
      case bytes2:
        return this.set({ kind: "set", path: "", data: NO_BYTES, version: ANY_VERSION });
      case bytes3:
        return this.versioned<DeleteOperation>({ kind: "delete", path: "", version: ANY_VERSION });
      case bytes4:
        return this.versioned<CheckOperation>({ kind: "check", path: "", version: ANY_VERSION });
      default:
        return this.setAcl({ kind: "set-acl", path: "", acl: [], version: ANY_VERSION });
    }
  }

  multiRead(): LeafRead[] {
    const reader = this.reader;
    const operations: LeafRead[] = [];
    while (reader.more) {
      const tag = reader.tag();
      if (tag !== bytes1) {
        reader.skip(tag);
        continue;
      }
      const outer = reader.enter();
      if (operations.length === MULTI_READ_PARTS_MAX) this.wrong("TOO_LARGE");
      else {
        const part = this.multiReadPart();
        if (part === undefined) this.wrong("UNSUPPORTED");
        else operations.push(part);
      }
      reader.leave(outer);
    }
    return operations;
  }

  private multiReadPart(): LeafRead | undefined {
    const field = this.lastOf(bytes1, bytes4);
    if (field === 0) return undefined;
    const outer = this.reader.enter();
    const operation = field === bytes3 ? this.list() : this.get(readKind(field));
    this.reader.leave(outer);
    return operation;
  }

  get(kind: GetOperation["kind"]): GetOperation {
    const operation = { kind, path: "" };
    this.path(operation);
    return operation;
  }

  /**
   * Finds which member of a oneof stands last, of length-delimited tags `first` to `last`, and puts the reader before
   * its length. 0: none of them.
   */
  private lastOf(first: number, last: number): number {
    const reader = this.reader;
    let found = 0;
    let at = reader.position;
    while (reader.more) {
      const tag = reader.tag();
      if (tag >= first && tag <= last && (tag & 7) === 2) {
        found = tag;
        at = reader.position;
      }
      reader.skip(tag);
    }
    if (found !== 0) reader.position = at;
    return found;
  }

  /** An Acl, or INVALID_ACL beyond {@link ACL_ENTRIES_DECODED_MAX} entries. */
  private acl(): AclEntry[] {
    const reader = this.reader;
    const entries: AclEntry[] = [];
    const outer = reader.enter();
    while (reader.more) {
      const tag = reader.tag();
      if (tag !== bytes1) reader.skip(tag);
      else if (entries.length < ACL_ENTRIES_DECODED_MAX) entries.push(this.aclEntry());
      else {
        this.wrong("INVALID_ACL");
        reader.skip(tag);
      }
    }
    reader.leave(outer);
    return entries;
  }

  private aclEntry(): AclEntry {
    const reader = this.reader;
    let permissions = 0;
    let scheme = "";
    let id = "";
    const outer = reader.enter();
    while (reader.more) {
      const tag = reader.tag();
      if (tag === varint1) permissions = reader.uint32();
      else if (tag === bytes2) scheme = reader.string();
      else if (tag === bytes3) id = reader.string();
      else reader.skip(tag);
    }
    reader.leave(outer);
    return { scheme, id, permissions };
  }
}

function readKind(field: number): GetOperation["kind"] {
  return field === bytes1 ? "get" : field === bytes2 ? "exists" : "get-acl";
}
