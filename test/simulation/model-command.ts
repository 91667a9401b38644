import { ByteReader, decodeUtf8 } from "../../src/core/base/bytes.ts";
import type { Limits } from "../../src/core/base/limits.ts";
import { type Command, commandType, decodeIdentities, decodePart } from "../../src/core/tree/command.ts";
import type { Leaf } from "../../src/core/tree/command-leaf.ts";
import type { CreateMode, LeafOperation, WriteOperation } from "../../src/core/tree/operation.ts";
import type { Issuer, ModelCommand } from "../model/expectation.ts";

/** A command of the log, as the naive model speaks. */
export function modelCommand(command: Command): ModelCommand {
  const { bytes, leaf } = command;
  switch (command.type) {
    case commandType.OPEN_SESSION:
      return { kind: "open-session", timeoutMs: command.timeoutMs, secretHash: command.secretHash.slice() };
    case commandType.MOVE_SESSION:
      return { kind: "move-session", sessionId: command.target, secretHash: command.secretHash.slice() };
    case commandType.CLOSE_SESSION:
      return { kind: "close-session", issuer: issuerOf(command) };
    case commandType.EXPIRE_SESSION:
      return { kind: "expire-session", sessionId: command.target, generation: command.targetGeneration };
    case commandType.REAP: {
      const path = decodeUtf8(bytes, leaf.pathStart, leaf.pathEnd);
      return { kind: "reap", path, czxid: command.czxid, mzxid: command.mzxid };
    }
    case commandType.SET_LIMITS:
      return { kind: "set-limits", limits: JSON.parse(command.limitsText) as Limits };
    case commandType.RAISE_FEATURE_LEVEL:
      return { kind: "raise-feature-level", level: command.featureLevel };
    case commandType.RECONFIGURE: {
      const { expectedZxid, configuration } = command;
      return { kind: "reconfigure", expectedZxid, configuration: configuration.slice() };
    }
    default:
      return { kind: "request", issuer: issuerOf(command), operation: operationOf(command) };
  }
}

function issuerOf(command: Command): Issuer {
  const { sessionId, generation, number, answeredBelow } = command;
  const reader = new ByteReader(command.bytes.subarray(command.identitiesStart, command.identitiesEnd));
  const identities = reader.remaining === 0 ? [] : decodeIdentities(reader);
  return { sessionId, generation, number, answeredBelow, identities };
}

function operationOf(command: Command): WriteOperation {
  const { bytes, leaf, type } = command;
  if (type === commandType.DELETE_TREE) {
    return { kind: "delete-tree", path: decodeUtf8(bytes, leaf.pathStart, leaf.pathEnd) };
  }
  if (type !== commandType.MULTI) return leafOf(bytes, leaf) as WriteOperation;
  const reader = new ByteReader(bytes);
  reader.position = command.partsStart;
  const operations: LeafOperation[] = [];
  for (let part = 0; part < command.partCount; part++) {
    decodePart(reader, leaf);
    operations.push(leafOf(bytes, leaf));
  }
  return { kind: "multi", operations };
}

function leafOf(bytes: Uint8Array, leaf: Leaf): LeafOperation {
  const path = decodeUtf8(bytes, leaf.pathStart, leaf.pathEnd);
  const { version } = leaf;
  switch (leaf.type) {
    case commandType.CREATE: {
      const data = bytes.slice(leaf.dataStart, leaf.dataEnd);
      const { ttlMs, ifAbsent, acl } = leaf;
      return { kind: "create", path, data, mode: leaf.mode as CreateMode, acl, ttlMs, ifAbsent };
    }
    case commandType.DELETE:
      return { kind: "delete", path, version };
    case commandType.SET:
      return { kind: "set", path, version, data: bytes.slice(leaf.dataStart, leaf.dataEnd) };
    case commandType.SET_ACL:
      return { kind: "set-acl", path, version, acl: leaf.acl ?? [] };
    default:
      return { kind: "check", path, version };
  }
}

/** An operation as text that is equal for equal operations, however their defaults are written. */
export function operationText(operation: WriteOperation): string {
  const known = texts.get(operation);
  if (known !== undefined) return known;
  const parts = operation.kind === "multi" ? operation.operations.map(leafText) : [leafText(operation)];
  const text = `${operation.kind} ${parts.join(", ")}`;
  texts.set(operation, text);
  return text;
}

const texts = new WeakMap<WriteOperation, string>();
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** As it comes back from bytes: half a surrogate pair cannot be sent. */
function sent(path: string): string {
  return /[\ud800-\udfff]/.test(path) ? decoder.decode(encoder.encode(path)) : path;
}

function leafText(operation: Exclude<WriteOperation, { kind: "multi" }> | LeafOperation): string {
  const fields: unknown[] = [operation.kind, sent(operation.path)];
  if (operation.kind === "create") fields.push(operation.mode, operation.ttlMs ?? 0, operation.ifAbsent ?? false);
  if ("version" in operation) fields.push(operation.version);
  if (operation.kind === "create" || operation.kind === "set-acl") {
    fields.push(operation.acl?.map(({ scheme, id, permissions }) => [scheme, id, permissions]) ?? null);
  }
  if ("data" in operation) fields.push(String(operation.data));
  return JSON.stringify(fields);
}
