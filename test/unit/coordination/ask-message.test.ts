import fc from "fast-check";
import { expect, test } from "vitest";
import { ASK_DETAIL_LENGTH_MAX, ASK_TOPIC_LENGTH_MAX } from "../../../src/coordination/ask-limits.ts";
import { decodeAskMessage, encodeAnswer, encodeQuestion } from "../../../src/coordination/ask-message.ts";
import { FormatError } from "../../../src/core/base/bytes.ts";
import { errors, type Reason } from "../../../src/core/base/errors.ts";
import "../../support/fixed-seed.ts";

const number = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const text = (maxLength: number) =>
  fc.string({ maxLength, unit: "grapheme-composite" }).filter((t) => t.length <= maxLength);
const bytes = fc.uint8Array({ maxLength: 300 });

test("questions and answers come back as they went", () => {
  fc.assert(
    fc.property(number, text(ASK_TOPIC_LENGTH_MAX), bytes, (of, topic, asked) => {
      const word = decodeAskMessage(encodeQuestion(of, topic, asked));
      expect(word).toEqual({ kind: "question", number: of, topic, bytes: asked });
    }),
  );
  const reason = fc.option(fc.constantFrom(...(Object.keys(errors) as Reason[])), { nil: undefined });
  const body = fc.record({ reason, detail: text(ASK_DETAIL_LENGTH_MAX), bytes });
  fc.assert(
    fc.property(number, body, (of, answer) => {
      expect(decodeAskMessage(encodeAnswer(of, answer))).toEqual({ kind: "answer", number: of, ...answer });
    }),
  );
});

test("whatever the bytes, only FormatError is thrown, and what is read does not share them", () => {
  fc.assert(
    fc.property(fc.constantFrom(0, 1, 2, 3), bytes, (type, rest) => {
      const message = Uint8Array.from([type, ...rest]);
      try {
        const word = decodeAskMessage(message);
        expect(word.bytes.buffer).not.toBe(message.buffer);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }),
  );
});
