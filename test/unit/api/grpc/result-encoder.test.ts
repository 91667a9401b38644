import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Result, SessionResponse } from "../../../../src/api/grpc/gen/muster/coordination/v1/session.ts";
import { CreateMode } from "../../../../src/api/grpc/gen/muster/coordination/v1/znode.ts";
import { ResultEncoder } from "../../../../src/api/grpc/result-encoder.ts";
import { errors, type Reason, reasonOf } from "../../../../src/core/base/errors.ts";
import type { Answer, AnswerKind } from "../../../../src/core/tree/answer.ts";
import type { Stat } from "../../../../src/core/tree/stat.ts";
import { blankAnswer } from "../scripted-coordination.ts";

const int32 = fc.integer();
const stat: fc.Arbitrary<Stat> = fc.record({
  czxid: fc.maxSafeNat(),
  mzxid: fc.maxSafeNat(),
  ctime: fc.maxSafeNat(),
  mtime: fc.maxSafeNat(),
  version: int32,
  cversion: int32,
  aversion: int32,
  ephemeralOwner: fc.maxSafeNat(),
  dataLength: fc.nat(),
  numChildren: fc.nat(),
  pzxid: fc.maxSafeNat(),
});
const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.constant(new Uint8Array(300).fill(5)));
const text = fc.string({ unit: "grapheme", maxLength: 20 });
const kinds: AnswerKind[] = [
  "none",
  "create",
  "stat",
  "get",
  "list",
  "ephemerals",
  "acl",
  "count",
  "multi",
  "multi-read",
];
/** How a znode can be made, by the core's number for it. */
const resultModes = {
  0: CreateMode.PERSISTENT,
  1: CreateMode.EPHEMERAL,
  4: CreateMode.CONTAINER,
  5: CreateMode.PERSISTENT_WITH_TTL,
} as const;
const acl = fc.array(fc.record({ scheme: text, id: text, permissions: fc.nat(31) }), { maxLength: 4 });

/** Every field set, whatever the kind: only those of the kind may show. */
function answer(depth: number): fc.Arbitrary<Answer> {
  return fc.record({
    number: fc.maxSafeNat(),
    code: fc.oneof(fc.constant(0), fc.constantFrom(...Object.values(errors).map(({ code }) => code))),
    zxid: fc.maxSafeNat(),
    kind: fc.constantFrom(...(depth === 0 ? kinds.slice(0, -2) : kinds)),
    path: text,
    stat,
    data: bytes,
    names: fc.array(text, { maxLength: 5 }),
    cursor: fc.uint8Array({ maxLength: 10 }),
    acl,
    mode: fc.constantFrom(0 as const, 1 as const, 4 as const, 5 as const),
    ttlMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 40 - 1 })),
    count: fc.nat(),
    parts: depth === 0 ? fc.constant([]) : fc.array(answer(depth - 1), { maxLength: 3 }),
  });
}

function expectedResult(given: Answer): Result {
  const { kind, code } = given;
  const ok = code === 0;
  const has = (...of: AnswerKind[]) => ok && of.includes(kind);
  const failure = ok ? undefined : failureOf(reasonOf(code));
  return {
    number: given.number,
    zxid: given.zxid,
    failure,
    path: has("create") ? given.path : "",
    stat: has("create", "stat", "get", "list", "acl") ? statMessage(given.stat) : undefined,
    data: has("get") ? given.data : new Uint8Array(0),
    names: has("list", "ephemerals") ? given.names : [],
    nextPageToken: has("list") ? given.cursor : new Uint8Array(0),
    acl: has("acl")
      ? { entries: given.acl.map(({ permissions, scheme, id }) => ({ permissions, scheme, id })) }
      : undefined,
    mode: has("acl") ? resultModes[given.mode as keyof typeof resultModes] : CreateMode.UNSPECIFIED,
    ttlMs: has("acl") ? given.ttlMs : 0,
    count: has("count") ? given.count : 0,
    parts: kind === "multi" || kind === "multi-read" ? given.parts.map(expectedResult) : [],
  };
}

function failureOf(reason: Reason) {
  return { status: errors[reason].grpc, reason, message: errors[reason].message };
}

function statMessage(of: Stat) {
  const { ctime, mtime, cversion, aversion, dataLength, numChildren, ...same } = of;
  return {
    ...same,
    createTimeMs: ctime,
    modifyTimeMs: mtime,
    childVersion: cversion,
    aclVersion: aversion,
    dataBytes: dataLength,
    childCount: numChildren,
  };
}

function decoded(encoder: ResultEncoder): readonly Result[] {
  const message = encoder.take();
  if (message === undefined) return [];
  const { response } = SessionResponse.decode(new Uint8Array(message));
  if (response?.$case !== "results") throw new Error("not results");
  return response.value.results;
}

describe("results", () => {
  test("the generated decoder reads what was answered, and no stale field of a scratch answer", () => {
    const encoder = new ResultEncoder(1_000_000);
    fc.assert(
      fc.property(fc.array(answer(1), { maxLength: 6 }), (answers) => {
        for (const each of answers) encoder.add(each);
        expect(decoded(encoder)).toEqual(answers.map(expectedResult));
      }),
      { numRuns: 500 },
    );
  });

  test("the longest stat there can be still fits", () => {
    const big = Number.MAX_SAFE_INTEGER;
    const longest: Stat = {
      czxid: big,
      mzxid: big,
      ctime: big,
      mtime: big,
      version: -1,
      cversion: -(2 ** 31),
      aversion: -5,
      ephemeralOwner: big,
      dataLength: 2 ** 31,
      numChildren: 2 ** 31,
      pzxid: big,
    };
    const encoder = new ResultEncoder(1_000);
    encoder.add({ ...blankAnswer(1), kind: "stat", stat: longest });
    expect(decoded(encoder)[0]?.stat).toEqual(statMessage(longest));
  });

  test("nothing collected is no message", () => {
    expect(new ResultEncoder(1_000).take()).toBeUndefined();
  });

  test("the door's own answers have a number, a zxid and at most a failure", () => {
    const encoder = new ResultEncoder(1_000);
    encoder.addShort(3, 9, 0);
    encoder.addShort(4, 9, errors.UNSUPPORTED.code);
    const [first, second] = decoded(encoder);
    expect(first).toEqual(expectedResult({ ...blankAnswer(3), zxid: 9 }));
    expect(second).toEqual(expectedResult({ ...blankAnswer(4), zxid: 9, code: errors.UNSUPPORTED.code }));
  });

  test("an answer too large is TOO_LARGE, however deep its bytes are, and leaves its neighbours alone", () => {
    const encoder = new ResultEncoder(10_000);
    const part: Answer = { ...blankAnswer(0), kind: "get", data: new Uint8Array(3_000) };
    const small: Answer = { ...part, number: 1 };
    const reads: Answer = { ...blankAnswer(2), kind: "multi-read", parts: [part, part, part, part] };
    const names: Answer = { ...blankAnswer(3), kind: "list", names: new Array<string>(3_000).fill("name") };
    for (const each of [small, reads, names, small]) encoder.add(each);
    const results = decoded(encoder);
    expect(results.map((result) => result.failure?.reason)).toEqual([undefined, "TOO_LARGE", "TOO_LARGE", undefined]);
    expect(results[1]?.parts).toEqual([]);
    expect(results[3]).toEqual(expectedResult(small));
  });

  test("an answer that cannot be encoded leaves nothing behind", () => {
    const encoder = new ResultEncoder(1_000);
    encoder.add(blankAnswer(1));
    expect(() => encoder.add({ ...blankAnswer(2), zxid: -1 })).toThrow("uint53");
    expect(decoded(encoder)).toEqual([expectedResult(blankAnswer(1))]);
  });
});
