import { assert } from "../base/assert.ts";
import { type ByteReader, ByteWriter, FormatError } from "../base/bytes.ts";
import type { Limits } from "../base/limits.ts";
import { CONFIGURATION_BYTES_MAX } from "../base/limits.ts";
import { limitsText } from "./apply-limits.ts";
import { decodeLeaf, decodePath, Leaf, writeLeaf } from "./command-leaf.ts";
import { type CommandType, commandType, typeOfKind } from "./command-type.ts";
import { FEATURE_LEVEL, FeatureLevelError } from "./feature-level.ts";
import type { Identity, WriteOperation } from "./operation.ts";

export { type CommandType, commandType } from "./command-type.ts";

/*
 * A command: one replicated request as bytes (core.md 1). FORMAT.md draws it. Encoded once, by the door's connection,
 * straight into the open batch; decoded by `apply` on every member. Decoding is strict: bytes the writers here did not
 * write are refused before they are journalled.
 */

/** Who asks, in the form commands carry. */
export interface Issuer {
  /** 0: no session - a unary call, or a system duty of the leader. */
  readonly sessionId: number;
  /** The session's owner generation; without a session, the id of the member that took the request. */
  readonly generation: number;
  /** {@link encodeIdentities}. */
  readonly identities: Uint8Array;
}

/** Most identities of one issuer. */
const IDENTITIES_MAX = 1000;

/** Bytes of the identities a request is checked with. */
export function encodeIdentities(identities: readonly Identity[], writer: ByteWriter): void {
  writer.varint(identities.length);
  for (const { scheme, id } of identities) {
    writer.string(scheme);
    writer.string(id);
  }
}

/** The same by themselves. */
export function identityBytes(identities: readonly Identity[]): Uint8Array {
  const writer = new ByteWriter(64);
  encodeIdentities(identities, writer);
  return writer.copy();
}

export function decodeIdentities(reader: ByteReader): Identity[] {
  const count = reader.varint();
  if (count > IDENTITIES_MAX) throw new FormatError("too many identities");
  const identities: Identity[] = [];
  for (let i = 0; i < count; i++) identities.push({ scheme: reader.string(), id: reader.string() });
  return identities;
}

export function writeHead(
  writer: ByteWriter,
  type: CommandType,
  issuer: Issuer,
  number: number,
  answeredBelow: number,
): void {
  writer.u8(type);
  writer.u53(issuer.sessionId);
  writer.u32(issuer.generation);
  writer.u53(number);
  writer.u53(answeredBelow);
  writer.block(issuer.identities);
}

/** Writes a client's request as a command. */
export function writeOperation(
  writer: ByteWriter,
  issuer: Issuer,
  number: number,
  answeredBelow: number,
  operation: WriteOperation,
): void {
  writeHead(writer, typeOfKind[operation.kind], issuer, number, answeredBelow);
  if (operation.kind === "multi") {
    writer.varint(operation.operations.length);
    for (const part of operation.operations) {
      writer.u8(typeOfKind[part.kind]);
      writeLeaf(writer, part);
    }
  } else if (operation.kind === "delete-tree") {
    writer.string(operation.path);
  } else {
    writeLeaf(writer, operation);
  }
}

export function writeOpenSession(writer: ByteWriter, issuer: Issuer, number: number, open: OpenSessionFields): void {
  writeHead(writer, commandType.OPEN_SESSION, issuer, number, 0);
  writer.raw(open.secretHash);
  writer.u53(open.timeoutMs);
}

export interface OpenSessionFields {
  /** 32 bytes. */
  readonly secretHash: Uint8Array;
  readonly timeoutMs: number;
}

/** Moves `target` to a new connection; its secret is compared again by `apply`. */
export function writeMoveSession(
  writer: ByteWriter,
  issuer: Issuer,
  number: number,
  target: number,
  secretHash: Uint8Array,
): void {
  writeHead(writer, commandType.MOVE_SESSION, issuer, number, 0);
  writer.u53(target);
  writer.raw(secretHash);
}

export function writeCloseSession(writer: ByteWriter, issuer: Issuer, number: number, answeredBelow: number): void {
  writeHead(writer, commandType.CLOSE_SESSION, issuer, number, answeredBelow);
}

/** The leader's duty: ends `target` unless it was moved since `generation`. */
export function writeExpireSession(writer: ByteWriter, issuer: Issuer, target: number, generation: number): void {
  writeHead(writer, commandType.EXPIRE_SESSION, issuer, 0, 0);
  writer.u53(target);
  writer.u32(generation);
}

/** The leader's duty: removes a container or TTL znode, if it is still the one seen. */
export function writeReap(writer: ByteWriter, issuer: Issuer, path: Uint8Array, czxid: number, mzxid: number): void {
  writeHead(writer, commandType.REAP, issuer, 0, 0);
  writer.block(path);
  writer.u53(czxid);
  writer.u53(mzxid);
}

/** Sets the limits that the tree's feature level knows; any other stands at its usual value. */
export function writeSetLimits(
  writer: ByteWriter,
  issuer: Issuer,
  number: number,
  limits: Limits,
  featureLevel: number,
): void {
  writeHead(writer, commandType.SET_LIMITS, issuer, number, 0);
  writer.string(limitsText(limits, featureLevel));
}

export function writeRaiseFeatureLevel(writer: ByteWriter, issuer: Issuer, level: number): void {
  writeHead(writer, commandType.RAISE_FEATURE_LEVEL, issuer, 0, 0);
  writer.u16(level);
}

/**
 * The leader's duty: the ensemble's next configuration, 1 to {@link CONFIGURATION_BYTES_MAX} bytes the tree does not
 * look into, in place of the one that `expectedZxid` set (0: the first one). Needs a batch of its own (core.md 25).
 */
export function writeReconfigure(
  writer: ByteWriter,
  issuer: Issuer,
  number: number,
  expectedZxid: number,
  configuration: Uint8Array,
): void {
  assert(isConfigurationSize(configuration.length), "size of a configuration");
  writeHead(writer, commandType.RECONFIGURE, issuer, number, 0);
  writer.u53(expectedZxid);
  writer.block(configuration);
}

/** An empty configuration would read as none at all. */
function isConfigurationSize(size: number): boolean {
  return size > 0 && size <= CONFIGURATION_BYTES_MAX;
}

/**
 * A decoded command. One object is reused for all: byte fields are positions in `bytes`, and only the fields of its
 * type mean anything.
 */
export class Command {
  bytes: Uint8Array = new Uint8Array(0);
  type: CommandType = commandType.CHECK;
  sessionId = 0;
  generation = 0;
  number = 0;
  answeredBelow = 0;
  identitiesStart = 0;
  identitiesEnd = 0;
  readonly leaf = new Leaf();
  /** multi: where its parts begin, and how many there are. */
  partsStart = 0;
  partCount = 0;
  secretHash: Uint8Array = new Uint8Array(0);
  timeoutMs = 0;
  /** move, expire: the session. */
  target = 0;
  targetGeneration = 0;
  czxid = 0;
  mzxid = 0;
  limitsText = "";
  featureLevel = 0;
  /** reconfigure: zxid of the configuration it replaces. */
  expectedZxid = 0;
  configurationStart = 0;
  configurationEnd = 0;

  /** reconfigure: a view of the new configuration, valid as long as `bytes` are. */
  get configuration(): Uint8Array {
    return this.bytes.subarray(this.configurationStart, this.configurationEnd);
  }
}

/** Decodes the command that fills `[reader.position, reader.end)`; throws FormatError on anything else. */
export function decodeCommand(reader: ByteReader, into: Command): void {
  into.bytes = reader.bytes;
  into.type = reader.u8() as CommandType;
  into.sessionId = reader.u53();
  into.generation = reader.u32();
  into.number = reader.u53();
  into.answeredBelow = reader.u53();
  const identities = reader.varint();
  into.identitiesStart = reader.skip(identities);
  into.identitiesEnd = into.identitiesStart + identities;
  if (identities > 0) checkIdentities(reader, into.identitiesStart, into.identitiesEnd);
  decodeBody(reader, into);
  reader.expectEnd();
}

/** `apply` decodes identities only where it needs them, and must find nothing wrong then. */
function checkIdentities(reader: ByteReader, start: number, end: number): void {
  const commandEnd = reader.end;
  reader.position = start;
  reader.end = end;
  const count = reader.varint();
  if (count > IDENTITIES_MAX) throw new FormatError("too many identities");
  for (let i = 0; i < count; i++) {
    reader.skip(reader.varint());
    reader.skip(reader.varint());
  }
  reader.expectEnd();
  reader.end = commandEnd;
}

function decodeBody(reader: ByteReader, into: Command): void {
  switch (into.type) {
    case commandType.CREATE:
    case commandType.DELETE:
    case commandType.SET:
    case commandType.SET_ACL:
    case commandType.DELETE_TREE:
      decodeLeaf(reader, into.type, into.leaf);
      return;
    case commandType.MULTI:
      decodeParts(reader, into);
      return;
    case commandType.OPEN_SESSION:
      into.secretHash = reader.raw(32);
      into.timeoutMs = reader.u53();
      return;
    case commandType.MOVE_SESSION:
      into.target = reader.u53();
      into.secretHash = reader.raw(32);
      return;
    case commandType.CLOSE_SESSION:
      return;
    case commandType.EXPIRE_SESSION:
      into.target = reader.u53();
      into.targetGeneration = reader.u32();
      return;
    case commandType.REAP:
      decodePath(reader, into.leaf);
      into.czxid = reader.u53();
      into.mzxid = reader.u53();
      return;
    case commandType.SET_LIMITS:
      into.limitsText = reader.string();
      return;
    case commandType.RAISE_FEATURE_LEVEL:
      into.featureLevel = reader.u16();
      // Answering instead would leave members that know the level in another state than this one (core.md 2).
      if (into.featureLevel > FEATURE_LEVEL) throw new FeatureLevelError(into.featureLevel);
      return;
    case commandType.RECONFIGURE:
      decodeReconfigure(reader, into);
      return;
    default:
      throw new FormatError(`unknown command type ${into.type}`);
  }
}

function decodeReconfigure(reader: ByteReader, into: Command): void {
  into.expectedZxid = reader.u53();
  const size = reader.varint();
  if (!isConfigurationSize(size)) throw new FormatError(`a configuration of ${size} bytes`);
  into.configurationStart = reader.skip(size);
  into.configurationEnd = into.configurationStart + size;
}

function decodeParts(reader: ByteReader, into: Command): void {
  into.partCount = reader.varint();
  if (into.partCount > reader.remaining) throw new FormatError("more parts than bytes");
  into.partsStart = reader.position;
  for (let i = 0; i < into.partCount; i++) decodePart(reader, into.leaf);
}

/** Decodes the next part of a multi. */
export function decodePart(reader: ByteReader, leaf: Leaf): void {
  const type = reader.u8();
  if (type < commandType.CREATE || type > commandType.CHECK) throw new FormatError(`a multi cannot hold type ${type}`);
  decodeLeaf(reader, type as CommandType, leaf);
}
