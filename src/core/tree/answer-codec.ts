import { ByteReader, ByteWriter, FormatError } from "../base/bytes.ts";
import { OK } from "../base/errors.ts";
import type { Answer } from "./answer.ts";
import { createMode } from "./operation.ts";
import { emptyStat, type Stat } from "./stat.ts";

/**
 * Answers of commands as bytes: what `apply` makes, what the at-most-once window keeps, what a repeated request is
 * answered with. Part of the replicated state, so the encoding is deterministic and versioned with the feature level.
 */
const kindCode = { none: 0, create: 1, stat: 2, count: 3, multi: 4 } as const;

/** `apply` fills this and hands its bytes on; reused for every command. */
export class AnswerWriter {
  readonly writer = new ByteWriter(4096);
  /** Code of the answer as a whole. */
  code = OK;

  begin(zxid: number): void {
    this.writer.reset();
    this.code = OK;
    this.writer.u53(zxid);
  }

  none(code: number): void {
    this.code = code;
    this.writer.u8(kindCode.none);
    this.writer.u16(code);
  }

  stat(stat: Stat): void {
    this.writer.u8(kindCode.stat);
    this.writer.u16(OK);
    writeStat(this.writer, stat);
  }

  create(path: Uint8Array, start: number, end: number, stat: Stat): void {
    this.writer.u8(kindCode.create);
    this.writer.u16(OK);
    writeStat(this.writer, stat);
    this.writer.varint(end - start);
    this.writer.raw(path.subarray(start, end));
  }

  count(count: number): void {
    this.writer.u8(kindCode.count);
    this.writer.u16(OK);
    this.writer.u32(count);
  }

  /** The head of a multi's answer; `count` parts follow, each by one of the methods above. */
  multi(code: number, count: number): void {
    this.writer.u8(kindCode.multi);
    this.writer.u16(code);
    this.writer.varint(count);
    this.code = code;
  }

  view(): Uint8Array {
    return this.writer.view();
  }
}

function writeStat(writer: ByteWriter, stat: Stat): void {
  writer.u53(stat.czxid);
  writer.u53(stat.mzxid);
  writer.u53(stat.ctime);
  writer.u53(stat.mtime);
  writer.i32(stat.version);
  writer.i32(stat.cversion);
  writer.i32(stat.aversion);
  writer.u53(stat.ephemeralOwner);
  writer.u32(stat.dataLength);
  writer.u32(stat.numChildren);
  writer.u53(stat.pzxid);
}

function readStat(reader: ByteReader, stat: Stat): void {
  stat.czxid = reader.u53();
  stat.mzxid = reader.u53();
  stat.ctime = reader.u53();
  stat.mtime = reader.u53();
  stat.version = reader.i32();
  stat.cversion = reader.i32();
  stat.aversion = reader.i32();
  stat.ephemeralOwner = reader.u53();
  stat.dataLength = reader.u32();
  stat.numChildren = reader.u32();
  stat.pzxid = reader.u53();
}

/** Bytes of an answer that is only its zxid and its code. */
export const SHORT_ANSWER_BYTES = 11;
const KIND_AT = 8;

/** An answer reduced to its zxid and its code: what stays of a large one in a full window. */
export function shortAnswer(answer: Uint8Array): Uint8Array {
  const short = answer.slice(0, SHORT_ANSWER_BYTES);
  short[KIND_AT] = kindCode.none;
  return short;
}

const NOTHING = new Uint8Array(0);

export function emptyAnswer(): Answer {
  return {
    number: 0,
    code: OK,
    zxid: 0,
    kind: "none",
    path: "",
    stat: emptyStat(),
    data: NOTHING,
    names: [],
    cursor: NOTHING,
    acl: [],
    mode: createMode.PERSISTENT,
    ttlMs: 0,
    count: 0,
    parts: [],
  };
}

/** Decodes an answer into a reused object. */
export class AnswerReader {
  private readonly reader = new ByteReader(NOTHING);

  read(bytes: Uint8Array, into: Answer): void {
    const reader = this.reader.reset(bytes);
    into.zxid = reader.u53();
    readPart(reader, into);
    reader.expectEnd();
  }
}

function readPart(reader: ByteReader, into: Answer): void {
  const kind = reader.u8();
  into.code = reader.u16();
  switch (kind) {
    case kindCode.none:
      into.kind = "none";
      return;
    case kindCode.stat:
      into.kind = "stat";
      readStat(reader, into.stat);
      return;
    case kindCode.create:
      into.kind = "create";
      readStat(reader, into.stat);
      into.path = reader.string();
      return;
    case kindCode.count:
      into.kind = "count";
      into.count = reader.u32();
      return;
    case kindCode.multi:
      into.kind = "multi";
      into.parts = readParts(reader, into.zxid);
      return;
    default:
      throw new FormatError(`unknown answer kind ${kind}`);
  }
}

function readParts(reader: ByteReader, zxid: number): Answer[] {
  const count = reader.varint();
  const parts: Answer[] = [];
  for (let i = 0; i < count; i++) {
    const part = emptyAnswer();
    part.zxid = zxid;
    readPart(reader, part);
    parts.push(part);
  }
  return parts;
}
