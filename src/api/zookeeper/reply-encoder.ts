import { OK } from "../../core/base/errors.ts";
import type { Answer } from "../../core/tree/answer.ts";
import { writeAcl } from "./acl-record.ts";
import { opCode } from "./op-code.ts";
import type { ReplyWriter } from "./reply-writer.ts";
import { zookeeperCode, zookeeperError } from "./zookeeper-error.ts";

/** The body of a successful reply, as its operation has it (reference 1.1). */
export function writeBody(writer: ReplyWriter, operation: number, answer: Answer): void {
  switch (operation) {
    case opCode.CREATE:
      writer.string(answer.path);
      return;
    case opCode.CREATE2:
    case opCode.CREATE_CONTAINER:
    case opCode.CREATE_TTL:
      writer.string(answer.path);
      writer.stat(answer.stat);
      return;
    case opCode.SET_DATA:
    case opCode.SET_ACL:
    case opCode.EXISTS:
      writer.stat(answer.stat);
      return;
    case opCode.GET_DATA:
      writer.buffer(answer.data);
      writer.stat(answer.stat);
      return;
    case opCode.GET_CHILDREN:
      writer.strings(answer.names);
      return;
    case opCode.GET_CHILDREN2:
      writer.strings(answer.names);
      writer.stat(answer.stat);
      return;
    case opCode.GET_ACL:
      writeAcl(writer, answer.acl);
      writer.stat(answer.stat);
      return;
    case opCode.GET_ALL_CHILDREN_NUMBER:
      writer.i32(answer.count);
      return;
    case opCode.ADD_WATCH:
      writer.i32(OK);
      return;
    // delete, check, removeWatches, checkWatches, closeSession: no body.
  }
}

/** The parts of a transaction or of a multiRead: each with a header that says its type, or that it failed. */
export function writeParts(
  writer: ReplyWriter,
  types: readonly number[],
  parts: readonly Answer[],
  hasFailed: boolean,
): void {
  for (const [index, part] of parts.entries()) {
    const error = zookeeperCode(part.code);
    // Of a transaction that failed all parts are errors, those that went well before too.
    if (hasFailed || error !== OK) {
      writeError(writer, error);
    } else {
      const type = types[index] as number;
      writePartHeader(writer, type, false, OK);
      writeBody(writer, type, part);
    }
  }
  writePartHeader(writer, opCode.ERROR, true, -1);
}

/** The parts of a transaction that the door refuses for its part `failed`: what ZooKeeper says of a failure there. */
export function writeFailedParts(writer: ReplyWriter, count: number, failed: number, error: number): void {
  for (let part = 0; part < count; part++) {
    writeError(writer, part < failed ? OK : part === failed ? error : zookeeperError.RUNTIME_INCONSISTENCY);
  }
  writePartHeader(writer, opCode.ERROR, true, -1);
}

function writeError(writer: ReplyWriter, error: number): void {
  writePartHeader(writer, opCode.ERROR, false, error);
  writer.i32(error);
}

function writePartHeader(writer: ReplyWriter, type: number, isDone: boolean, error: number): void {
  writer.i32(type);
  writer.bool(isDone);
  writer.i32(error);
}
