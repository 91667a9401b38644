import { ByteReader, ByteWriter, FormatError } from "../core/base/bytes.ts";
import { errors, OK, type Reason, reasonOf } from "../core/base/errors.ts";
import { ASK_ANSWER_BYTES_MAX, ASK_BYTES_MAX } from "../core/base/limits.ts";
import { ASK_DETAIL_LENGTH_MAX, ASK_TOPIC_LENGTH_MAX } from "./ask-limits.ts";

/** What members say to each other beside the log. Its first byte is the type; part of the wire format. */
const askMessage = { QUESTION: 1, ANSWER: 2 } as const;

/** A question, under a number of the asker's. */
export interface QuestionWord {
  readonly kind: "question";
  readonly number: number;
  readonly topic: string;
  readonly bytes: Uint8Array;
}

export interface AnswerWord extends AnswerBody {
  readonly kind: "answer";
  readonly number: number;
}

/** One member's answer. */
export interface AnswerBody {
  readonly reason: Reason | undefined;
  readonly detail: string;
  readonly bytes: Uint8Array;
}

const NUMBERS_BYTES = 32;

export function encodeQuestion(number: number, topic: string, bytes: Uint8Array): Uint8Array {
  const writer = new ByteWriter(NUMBERS_BYTES + topic.length * 3 + bytes.length);
  writer.u8(askMessage.QUESTION);
  writer.u53(number);
  writer.string(topic);
  writer.raw(bytes);
  return writer.view();
}

export function encodeAnswer(number: number, { reason, detail, bytes }: AnswerBody): Uint8Array {
  const writer = new ByteWriter(NUMBERS_BYTES + detail.length * 3 + bytes.length);
  writer.u8(askMessage.ANSWER);
  writer.u53(number);
  writer.u16(reason === undefined ? OK : errors[reason].code);
  writer.string(detail);
  writer.raw(bytes);
  return writer.view();
}

/** Copies: the message's bytes do not outlive it. Throws FormatError on what no member says. */
export function decodeAskMessage(message: Uint8Array): QuestionWord | AnswerWord {
  const reader = new ByteReader(message);
  const type = reader.u8();
  if (type === askMessage.QUESTION) {
    const number = reader.u53();
    const topic = text(reader, ASK_TOPIC_LENGTH_MAX);
    return { kind: "question", number, topic, bytes: rest(reader, ASK_BYTES_MAX) };
  }
  if (type === askMessage.ANSWER) {
    const number = reader.u53();
    const code = reader.u16();
    const detail = text(reader, ASK_DETAIL_LENGTH_MAX);
    const bytes = rest(reader, ASK_ANSWER_BYTES_MAX);
    return { kind: "answer", number, reason: code === OK ? undefined : reasonOf(code), detail, bytes };
  }
  throw new FormatError(`type ${type} is not known to this program`);
}

function text(reader: ByteReader, lengthMax: number): string {
  const value = reader.string();
  if (value.length > lengthMax) throw new FormatError(`a text of ${value.length} where ${lengthMax} are allowed`);
  return value;
}

function rest(reader: ByteReader, bytesMax: number): Uint8Array {
  const { remaining } = reader;
  if (remaining > bytesMax) throw new FormatError(`${remaining} bytes where ${bytesMax} are allowed`);
  return reader.raw(remaining).slice();
}
