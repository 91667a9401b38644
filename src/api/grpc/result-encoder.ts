import { errors, OK, reasonOf } from "../../core/base/errors.ts";
import type { Answer } from "../../core/tree/answer.ts";
import type { AclEntry } from "../../core/tree/operation.ts";
import type { Stat } from "../../core/tree/stat.ts";
import { Failure } from "./gen/muster/coordination/v1/session.ts";
import { varintSize, WireWriter } from "./wire-writer.ts";

/** Room before the results for the heads of SessionResponse and ResultBatch: a tag and a length. */
const HEAD_BYTES = 6;
/** SessionResponse.results, ResultBatch.results. */
const TAG_RESULTS = 0x12;
const TAG_RESULT = 0x0a;
/** Typical bytes of a result without its data. */
const RESULT_GUESS = 80;
const FAILURE_GUESS = 150;

/**
 * Collects the answers of a turn as one SessionResponse{results}. An answer is a scratch object full of views: each
 * byte of it is copied once, into the message that leaves.
 */
export class ResultEncoder {
  private readonly writer = new WireWriter();
  private readonly resultBytesMax: number;
  /** Results collected since {@link take}. */
  count = 0;

  constructor(resultBytesMax: number) {
    this.resultBytesMax = resultBytesMax;
  }

  get bytes(): number {
    return this.writer.length;
  }

  /** Adds an answer; one larger than the limit is answered TOO_LARGE in its place. */
  add(answer: Answer): void {
    const start = this.open();
    try {
      if (writeResult(this.writer, TAG_RESULT, answer, start + this.resultBytesMax)) return;
    } catch (error) {
      // Half a result must not reach the client with the whole ones before it.
      this.writer.length = start;
      this.count--;
      throw error;
    }
    this.writer.length = start;
    this.writeShort(answer.number, answer.zxid, errors.TOO_LARGE.code);
  }

  /** Adds a success without content (code 0) or a failure. */
  addShort(number: number, zxid: number, code: number): void {
    this.open();
    this.writeShort(number, zxid, code);
  }

  /** The message, or undefined when nothing was added. */
  take(): Buffer | undefined {
    if (this.count === 0) return undefined;
    const { writer } = this;
    const length = writer.length - HEAD_BYTES;
    const start = HEAD_BYTES - 1 - varintSize(length);
    writer.bytes[start] = TAG_RESULTS;
    writer.putUint32(start + 1, length);
    this.count = 0;
    return writer.take(start);
  }

  private open(): number {
    if (this.count++ === 0) {
      this.writer.ensure(HEAD_BYTES);
      this.writer.length = HEAD_BYTES;
    }
    return this.writer.length;
  }

  private writeShort(number: number, zxid: number, code: number): void {
    const { writer } = this;
    const guess = code === OK ? RESULT_GUESS : FAILURE_GUESS;
    writer.u8(TAG_RESULT);
    const start = writer.begin(guess);
    writeHead(writer, number, zxid, code);
    writer.end(start, guess);
  }
}

/** False when the result grew beyond `limit`; what was written is then to be dropped. */
function writeResult(writer: WireWriter, tag: number, answer: Answer, limit: number): boolean {
  const guess = guessOf(answer);
  writer.u8(tag);
  const start = writer.begin(guess);
  writeHead(writer, answer.number, answer.zxid, answer.code);
  const complete =
    answer.code === OK || answer.kind === "multi" || answer.kind === "multi-read"
      ? writeContent(writer, answer, limit)
      : true;
  if (!complete || writer.length > limit) return false;
  writer.end(start, guess);
  return true;
}

function guessOf(answer: Answer): number {
  if (answer.code !== OK) return FAILURE_GUESS;
  if (answer.kind === "get") return RESULT_GUESS + answer.data.length;
  return RESULT_GUESS + answer.names.length * 16 + answer.parts.length * RESULT_GUESS;
}

function writeHead(writer: WireWriter, number: number, zxid: number, code: number): void {
  if (number !== 0) {
    writer.u8(0x08);
    writer.uint53(number);
  }
  if (zxid !== 0) {
    writer.u8(0x10);
    writer.uint53(zxid);
  }
  if (code !== OK) writer.field(0x1a, failureBytes(code));
}

/** The fields an answer of its kind has, and no stale ones of the scratch object's earlier lives. */
function writeContent(writer: WireWriter, answer: Answer, limit: number): boolean {
  switch (answer.kind) {
    case "none":
      return true;
    case "create":
      if (answer.path !== "") writer.text(0x22, answer.path);
      writeStat(writer, answer.stat);
      return true;
    case "stat":
      writeStat(writer, answer.stat);
      return true;
    case "get":
      writeStat(writer, answer.stat);
      if (answer.data.length > 0) writer.field(0x32, answer.data);
      return true;
    case "list":
      writeStat(writer, answer.stat);
      if (!writeNames(writer, answer.names, limit)) return false;
      if (answer.cursor.length > 0) writer.field(0x42, answer.cursor);
      return true;
    case "ephemerals":
      return writeNames(writer, answer.names, limit);
    case "acl":
      writeStat(writer, answer.stat);
      writeAcl(writer, answer.acl);
      // The proto's numbers are the core's, above UNSPECIFIED.
      writer.u8(0x60);
      writer.uint53(answer.mode + 1);
      writeNumber(writer, 0x68, answer.ttlMs);
      return true;
    case "count":
      if (answer.count !== 0) {
        writer.u8(0x50);
        writer.uint53(answer.count);
      }
      return true;
    case "multi":
    case "multi-read":
      for (const part of answer.parts) if (!writeResult(writer, 0x5a, part, limit)) return false;
      return true;
  }
}

function writeNames(writer: WireWriter, names: readonly string[], limit: number): boolean {
  for (const name of names) {
    writer.text(0x3a, name);
    if (writer.length > limit) return false;
  }
  return true;
}

/** At most 103 bytes, so its length takes one. */
function writeStat(writer: WireWriter, stat: Stat): void {
  writer.u8(0x2a);
  const start = writer.begin(0);
  writeNumber(writer, 0x08, stat.czxid);
  writeNumber(writer, 0x10, stat.mzxid);
  writeNumber(writer, 0x18, stat.ctime);
  writeNumber(writer, 0x20, stat.mtime);
  writeSigned(writer, 0x28, stat.version);
  writeSigned(writer, 0x30, stat.cversion);
  writeSigned(writer, 0x38, stat.aversion);
  writeNumber(writer, 0x40, stat.ephemeralOwner);
  writeNumber(writer, 0x48, stat.dataLength);
  writeNumber(writer, 0x50, stat.numChildren);
  writeNumber(writer, 0x58, stat.pzxid);
  writer.end(start, 0);
}

function writeNumber(writer: WireWriter, tag: number, value: number): void {
  if (value === 0) return;
  writer.u8(tag);
  writer.uint53(value);
}

function writeSigned(writer: WireWriter, tag: number, value: number): void {
  if (value === 0) return;
  writer.u8(tag);
  writer.int32(value);
}

function writeAcl(writer: WireWriter, acl: readonly AclEntry[]): void {
  const guess = acl.length * 48;
  writer.u8(0x4a);
  const start = writer.begin(guess);
  for (const { permissions, scheme, id } of acl) {
    writer.u8(0x0a);
    const entry = writer.begin(0);
    if (permissions !== 0) {
      writer.u8(0x08);
      writer.uint32(permissions);
    }
    if (scheme !== "") writer.text(0x12, scheme);
    if (id !== "") writer.text(0x1a, id);
    writer.end(entry, 0);
  }
  writer.end(start, guess);
}

const failures = new Map<number, Uint8Array>();

/** The Failure message of a code, encoded once. */
function failureBytes(code: number): Uint8Array {
  let bytes = failures.get(code);
  if (bytes === undefined) {
    const reason = reasonOf(code);
    const { grpc, message } = errors[reason];
    bytes = Failure.encode({ status: grpc, reason, message }).finish();
    failures.set(code, bytes);
  }
  return bytes;
}
