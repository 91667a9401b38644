import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeUtf8, FormatError } from "../../../../src/core/base/bytes.ts";
import { errors, OK } from "../../../../src/core/base/errors.ts";
import type { Answer } from "../../../../src/core/tree/answer.ts";
import { AnswerReader, AnswerWriter, emptyAnswer } from "../../../../src/core/tree/answer-codec.ts";
import type { Stat } from "../../../../src/core/tree/stat.ts";
import "../../../support/fixed-seed.ts";

const u32 = fc.nat({ max: 2 ** 32 - 1 });
const stat: fc.Arbitrary<Stat> = fc.record({
  czxid: fc.maxSafeNat(),
  mzxid: fc.maxSafeNat(),
  ctime: fc.maxSafeNat(),
  mtime: fc.maxSafeNat(),
  version: fc.integer(),
  cversion: fc.integer(),
  aversion: fc.integer(),
  ephemeralOwner: fc.maxSafeNat(),
  dataLength: u32,
  numChildren: u32,
  pzxid: fc.maxSafeNat(),
});
const path = fc.string({ unit: "binary", maxLength: 300 });

type Part =
  | { readonly kind: "none"; readonly code: number }
  | { readonly kind: "stat"; readonly stat: Stat }
  | { readonly kind: "create"; readonly stat: Stat; readonly path: string }
  | { readonly kind: "count"; readonly count: number };

const part: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ kind: fc.constant("none" as const), code: fc.nat({ max: 65_535 }) }),
  fc.record({ kind: fc.constant("stat" as const), stat }),
  fc.record({ kind: fc.constant("create" as const), stat, path }),
  fc.record({ kind: fc.constant("count" as const), count: u32 }),
);
const whole = fc.oneof(
  part.map((each) => [each]),
  fc.record({ code: fc.nat({ max: 65_535 }), parts: fc.array(part, { maxLength: 6 }) }),
);

function writePart(writer: AnswerWriter, each: Part): void {
  if (each.kind === "none") writer.none(each.code);
  else if (each.kind === "stat") writer.stat(each.stat);
  else if (each.kind === "count") writer.count(each.count);
  else {
    const bytes = encodeUtf8(`<${each.path}>`);
    writer.create(bytes, 1, bytes.length - 1, each.stat);
  }
}

function encode(zxid: number, answer: typeof whole extends fc.Arbitrary<infer A> ? A : never): Uint8Array {
  const writer = new AnswerWriter();
  writer.begin(zxid);
  if (Array.isArray(answer)) writePart(writer, answer[0] as Part);
  else {
    writer.multi(answer.code, answer.parts.length);
    for (const each of answer.parts) writePart(writer, each);
  }
  return writer.view().slice();
}

function read(bytes: Uint8Array): Answer {
  const answer = emptyAnswer();
  new AnswerReader().read(bytes, answer);
  return answer;
}

function expectPart(actual: Answer, zxid: number, each: Part): void {
  expect([actual.kind, actual.code, actual.zxid]).toEqual([each.kind, each.kind === "none" ? each.code : OK, zxid]);
  if (each.kind === "stat" || each.kind === "create") expect(actual.stat).toEqual(each.stat);
  if (each.kind === "create") expect(actual.path).toBe(each.path);
  if (each.kind === "count") expect(actual.count).toBe(each.count);
}

describe("an answer", () => {
  it("of every kind comes back from its bytes", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), whole, (zxid, answer) => {
        const actual = read(encode(zxid, answer));
        if (Array.isArray(answer)) return expectPart(actual, zxid, answer[0] as Part);
        expect([actual.kind, actual.code, actual.parts.length]).toEqual(["multi", answer.code, answer.parts.length]);
        for (const [at, each] of answer.parts.entries()) expectPart(actual.parts[at] as Answer, zxid, each);
      }),
      { numRuns: 300 },
    );
  });

  it("is refused at every truncation and with every byte appended", () => {
    fc.assert(
      fc.property(whole, fc.nat(255), (answer, appended) => {
        const bytes = encode(1, answer);
        for (let end = 0; end < bytes.length; end++) {
          expect(() => read(bytes.subarray(0, end))).toThrow(FormatError);
        }
        expect(() => read(Uint8Array.from([...bytes, appended]))).toThrow(FormatError);
      }),
      { numRuns: 40 },
    );
  });

  it("of an unknown kind is refused by name", () => {
    const bytes = encode(1, [{ kind: "none", code: 0 }]);
    bytes[8] = 5;
    expect(() => read(bytes)).toThrow(new FormatError("unknown answer kind 5"));
  });
});

describe("AnswerWriter", () => {
  it("remembers the code of the whole, and forgets it at the next answer", () => {
    const writer = new AnswerWriter();
    writer.begin(1);
    writer.none(errors.NODE_EXISTS.code);
    expect(writer.code).toBe(errors.NODE_EXISTS.code);
    writer.begin(2);
    expect(writer.code).toBe(OK);
    writer.multi(errors.NOT_EMPTY.code, 0);
    expect(writer.code).toBe(errors.NOT_EMPTY.code);
  });
});
