import { type ByteReader, type ByteWriter, FormatError } from "../base/bytes.ts";
import { TTL_MS_MAX } from "../base/limits.ts";
import { type CommandType, commandType } from "./command-type.ts";
import { type AclEntry, ANY_VERSION, type CreateOperation, createMode, type LeafOperation } from "./operation.ts";

/** A decoded leaf operation: one object is reused for all, like the command it belongs to. */
export class Leaf {
  type: CommandType = commandType.CHECK;
  pathStart = 0;
  pathEnd = 0;
  dataStart = 0;
  dataEnd = 0;
  version = ANY_VERSION;
  mode = 0;
  ifAbsent = false;
  ttlMs = 0;
  /** undefined: the open ACL. */
  acl: readonly AclEntry[] | undefined = undefined;
}

/** Writes an operation on one znode: a command's, or a part of a multi. */
export function writeLeaf(writer: ByteWriter, operation: LeafOperation): void {
  writer.string(operation.path);
  switch (operation.kind) {
    case "create":
      writeCreate(writer, operation);
      return;
    case "set":
      writer.i32(operation.version);
      writer.block(operation.data);
      return;
    case "set-acl":
      writer.i32(operation.version);
      writeAcl(writer, operation.acl);
      return;
    case "delete":
    case "check":
      writer.i32(operation.version);
  }
}

const FLAG_IF_ABSENT = 1;
const FLAG_ACL = 2;

function writeCreate(writer: ByteWriter, operation: CreateOperation): void {
  writer.u8(operation.mode);
  writer.u8((operation.ifAbsent === true ? FLAG_IF_ABSENT : 0) | (operation.acl === undefined ? 0 : FLAG_ACL));
  writer.u53(operation.ttlMs ?? 0);
  if (operation.acl !== undefined) writeAcl(writer, operation.acl);
  writer.block(operation.data);
}

function writeAcl(writer: ByteWriter, acl: readonly AclEntry[]): void {
  writer.varint(acl.length);
  for (const { scheme, id, permissions } of acl) {
    writer.u32(permissions >>> 0);
    writer.string(scheme);
    writer.string(id);
  }
}

function readAcl(reader: ByteReader): AclEntry[] {
  const count = reader.varint();
  if (count > reader.remaining) throw new FormatError("ACL longer than its command");
  const acl: AclEntry[] = [];
  for (let i = 0; i < count; i++) {
    acl.push({ permissions: reader.i32(), scheme: reader.string(), id: reader.string() });
  }
  return acl;
}

export function decodePath(reader: ByteReader, leaf: Leaf): void {
  const size = reader.varint();
  leaf.pathStart = reader.skip(size);
  leaf.pathEnd = leaf.pathStart + size;
}

/** Decodes what {@link writeLeaf} wrote, in place. */
export function decodeLeaf(reader: ByteReader, type: CommandType, leaf: Leaf): void {
  leaf.type = type;
  decodePath(reader, leaf);
  if (type === commandType.DELETE_TREE) return;
  if (type === commandType.CREATE) {
    decodeCreate(reader, leaf);
    return;
  }
  leaf.version = reader.i32();
  if (type === commandType.SET_ACL) leaf.acl = readAcl(reader);
  else if (type === commandType.SET) decodeData(reader, leaf);
}

function decodeCreate(reader: ByteReader, leaf: Leaf): void {
  leaf.mode = reader.u8();
  const flags = reader.u8();
  if (flags > (FLAG_IF_ABSENT | FLAG_ACL)) throw new FormatError("unknown create flags");
  leaf.ifAbsent = (flags & FLAG_IF_ABSENT) !== 0;
  leaf.ttlMs = reader.u53();
  leaf.acl = (flags & FLAG_ACL) !== 0 ? readAcl(reader) : undefined;
  decodeData(reader, leaf);
}

function decodeData(reader: ByteReader, leaf: Leaf): void {
  const size = reader.varint();
  leaf.dataStart = reader.skip(size);
  leaf.dataEnd = leaf.dataStart + size;
}

/** What is wrong with a create's mode and TTL; undefined when they go together. */
export function createFault(mode: number, ttlMs: number): string | undefined {
  if (mode < 0 || mode > createMode.PERSISTENT_SEQUENTIAL_WITH_TTL) return "the mode is unknown";
  const wantsTtl = mode >= createMode.PERSISTENT_WITH_TTL;
  if (!wantsTtl) return ttlMs === 0 ? undefined : "only the TTL modes take a TTL";
  return ttlMs >= 1 && ttlMs <= TTL_MS_MAX ? undefined : `a TTL is 1 to ${TTL_MS_MAX} ms`;
}
