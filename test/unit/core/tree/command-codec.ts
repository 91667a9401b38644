import { ByteReader, ByteWriter, decodeUtf8 } from "../../../../src/core/base/bytes.ts";
import {
  Command,
  commandType,
  decodeCommand,
  decodePart,
  type Issuer,
  writeCloseSession,
  writeExpireSession,
  writeMoveSession,
  writeOpenSession,
  writeOperation,
  writeRaiseFeatureLevel,
  writeReap,
  writeReconfigure,
  writeSetLimits,
} from "../../../../src/core/tree/command.ts";
import type { Leaf } from "../../../../src/core/tree/command-leaf.ts";
import { FEATURE_LEVEL } from "../../../../src/core/tree/feature-level.ts";
import type { CreateMode, LeafOperation, WriteOperation } from "../../../../src/core/tree/operation.ts";

/** What a decoded command says, as plain data: the other direction of the `write...` functions. */

/** Decodes the command that fills `bytes`, and lets nothing be seen of what stood there before. */
export function decodeWhole(bytes: Uint8Array): Command {
  const around = new Uint8Array(bytes.length + 7).fill(0xff);
  around.set(bytes, 3);
  const command = new Command();
  decodeCommand(new ByteReader(around, 3, 3 + bytes.length), command);
  return command;
}

/** The operation of a client's request. */
export function operationOf(command: Command): WriteOperation {
  const { bytes, leaf } = command;
  if (command.type === commandType.DELETE_TREE) return { kind: "delete-tree", path: pathOf(bytes, leaf) };
  if (command.type !== commandType.MULTI) return leafOf(bytes, leaf) as WriteOperation;
  const reader = new ByteReader(bytes, command.partsStart);
  const operations: LeafOperation[] = [];
  for (let i = 0; i < command.partCount; i++) {
    decodePart(reader, leaf);
    operations.push(leafOf(bytes, leaf));
  }
  return { kind: "multi", operations };
}

function pathOf(bytes: Uint8Array, leaf: Leaf): string {
  return decodeUtf8(bytes, leaf.pathStart, leaf.pathEnd);
}

function leafOf(bytes: Uint8Array, leaf: Leaf): LeafOperation {
  const path = pathOf(bytes, leaf);
  const data = bytes.slice(leaf.dataStart, leaf.dataEnd);
  const { version } = leaf;
  switch (leaf.type) {
    case commandType.CREATE: {
      const { acl, ifAbsent, ttlMs } = leaf;
      return { kind: "create", path, mode: leaf.mode as CreateMode, data, acl, ifAbsent, ttlMs };
    }
    case commandType.SET:
      return { kind: "set", path, data, version };
    case commandType.SET_ACL:
      return { kind: "set-acl", path, acl: leaf.acl ?? [], version };
    case commandType.DELETE:
      return { kind: "delete", path, version };
    case commandType.CHECK:
      return { kind: "check", path, version };
    default:
      throw new Error(`no leaf operation has type ${leaf.type}`);
  }
}

export function issuerOf(command: Command): Issuer {
  const { sessionId, generation, bytes } = command;
  return { sessionId, generation, identities: bytes.slice(command.identitiesStart, command.identitiesEnd) };
}

/** Decodes a command and writes it anew from its fields. */
export function rewrite(bytes: Uint8Array): Uint8Array {
  const command = decodeWhole(bytes);
  const writer = new ByteWriter(16);
  const issuer = issuerOf(command);
  const { number, answeredBelow, secretHash, timeoutMs, target, leaf } = command;
  switch (command.type) {
    case commandType.OPEN_SESSION:
      writeOpenSession(writer, issuer, number, { secretHash, timeoutMs });
      break;
    case commandType.MOVE_SESSION:
      writeMoveSession(writer, issuer, number, target, secretHash);
      break;
    case commandType.CLOSE_SESSION:
      writeCloseSession(writer, issuer, number, answeredBelow);
      break;
    case commandType.EXPIRE_SESSION:
      writeExpireSession(writer, issuer, target, command.targetGeneration);
      break;
    case commandType.REAP: {
      const path = command.bytes.slice(leaf.pathStart, leaf.pathEnd);
      writeReap(writer, issuer, path, command.czxid, command.mzxid);
      break;
    }
    case commandType.SET_LIMITS:
      writeSetLimits(writer, issuer, number, JSON.parse(command.limitsText), FEATURE_LEVEL);
      break;
    case commandType.RAISE_FEATURE_LEVEL:
      writeRaiseFeatureLevel(writer, issuer, command.featureLevel);
      break;
    case commandType.RECONFIGURE:
      writeReconfigure(writer, issuer, number, command.expectedZxid, command.configuration.slice());
      break;
    default:
      writeOperation(writer, issuer, number, answeredBelow, operationOf(command));
  }
  return writer.copy();
}
