import {
  ANY_VERSION,
  type CheckOperation,
  type CreateMode,
  type CreateOperation,
  createMode,
  type DeleteOperation,
  type LeafOperation,
  type MultiOperation,
  type SetAclOperation,
  type SetOperation,
} from "../../core/tree/operation.ts";
import { OPEN, readAcl } from "./acl-record.ts";
import { CONFIG_PATH } from "./ensemble/config-text.ts";
import { JuteError, type JuteReader } from "./jute-reader.ts";
import { opCode } from "./op-code.ts";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A request that is well-formed and asks for what cannot be: it is answered, not applied. */
export class BadArgumentsError extends Error {
  override readonly name = "BadArgumentsError";
}

const NOTHING = new Uint8Array(0);
/** One that no znode gets to. */
const NO_VERSION = 2 ** 31 - 1;

/** Reused, because the port encodes an operation before it returns. */
const create: Mutable<CreateOperation> = { kind: "create", path: "", data: NOTHING, mode: createMode.PERSISTENT };
const remove: Mutable<DeleteOperation> = { kind: "delete", path: "", version: ANY_VERSION };
const set: Mutable<SetOperation> = { kind: "set", path: "", data: NOTHING, version: ANY_VERSION };

/** create, create2, createContainer; with `hasTtl` createTTL. Valid until the next call. */
export function readCreate(reader: JuteReader, hasTtl: boolean): CreateOperation {
  create.path = reader.string();
  create.data = reader.buffer();
  create.acl = readAcl(reader);
  create.mode = modeOf(reader.i32());
  create.ttlMs = ttlOf(create.mode, hasTtl ? reader.i64() : -1);
  return create;
}

export function readDelete(reader: JuteReader): DeleteOperation {
  remove.path = reader.string();
  remove.version = reader.i32();
  return remove;
}

export function readSet(reader: JuteReader): SetOperation {
  set.path = reader.string();
  set.data = reader.buffer();
  set.version = reader.i32();
  return set;
}

export function readSetAcl(reader: JuteReader): SetAclOperation {
  const path = reader.string();
  const acl = readAcl(reader) ?? OPEN;
  return { kind: "set-acl", path, acl, version: reader.i32() };
}

function readCheck(reader: JuteReader): CheckOperation {
  const path = reader.string();
  const version = reader.i32();
  // The configuration's version is -1 to clients: no other one is right.
  return { kind: "check", path, version: path === CONFIG_PATH && version !== ANY_VERSION ? NO_VERSION : version };
}

/** Parts of one multi at most that are decoded: more cannot fit the largest frame with paths that exist. */
const PARTS_MAX = 100_000;

export interface MultiRequest {
  readonly operation: MultiOperation;
  /** What each part's result is a result of: an op code. */
  readonly types: readonly number[];
}

/** A transaction: headers and records in turn, up to the header that says it is the last. */
export function readMulti(reader: JuteReader): MultiRequest {
  const operations: LeafOperation[] = [];
  const types: number[] = [];
  for (let type = readPartHeader(reader); type !== undefined; type = readPartHeader(reader)) {
    if (operations.length === PARTS_MAX) throw new JuteError(`a transaction of more than ${PARTS_MAX} operations`);
    const part = readPart(reader, type);
    operations.push(part);
    types.push(resultType(part, type));
  }
  return { operation: { kind: "multi", operations }, types };
}

/** Creates have results of two types: with a stat where the op is newer, or the mode, of containers and TTL znodes. */
function resultType(part: LeafOperation, type: number): number {
  if (part.kind !== "create") return type;
  return type === opCode.CREATE2 || part.mode >= createMode.CONTAINER ? opCode.CREATE2 : opCode.CREATE;
}

/** The type of the part that follows; undefined behind the last. */
export function readPartHeader(reader: JuteReader): number | undefined {
  const type = reader.i32();
  const isDone = reader.bool();
  reader.i32();
  return isDone ? undefined : type;
}

function readPart(reader: JuteReader, type: number): LeafOperation {
  switch (type) {
    case opCode.CREATE:
    case opCode.CREATE2:
    case opCode.CREATE_CONTAINER:
      return { ...readCreate(reader, false) };
    case opCode.CREATE_TTL:
      return { ...readCreate(reader, true) };
    case opCode.DELETE:
      return { ...readDelete(reader) };
    case opCode.SET_DATA:
      return { ...readSet(reader) };
    case opCode.CHECK:
      return readCheck(reader);
    default:
      throw new JuteError(`operation ${type} cannot be part of a transaction`);
  }
}

/** No mode: `apply` refuses it in its place, which in a transaction is the part's alone. */
const NO_MODE = 0xff as CreateMode;

function modeOf(flags: number): CreateMode {
  const isMode = flags >= createMode.PERSISTENT && flags <= createMode.PERSISTENT_SEQUENTIAL_WITH_TTL;
  return isMode ? (flags as CreateMode) : NO_MODE;
}

/** What `apply` refuses, too, where mode and TTL do not go together (ZooKeeper's EphemeralType.validateTTL). */
function ttlOf(mode: CreateMode, ttl: number): number {
  const wantsTtl = mode >= createMode.PERSISTENT_WITH_TTL;
  // A TTL of 0 or more is refused on what has none, and a negative one is none.
  if (!wantsTtl) return ttl >= 0 ? 1 : 0;
  return ttl >= 1 && Number.isSafeInteger(ttl) ? ttl : 0;
}
