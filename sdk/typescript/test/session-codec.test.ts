import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MusterError } from "../src/errors.ts";
import {
  EventBatch,
  type Operation,
  Result,
  ResultBatch,
  SessionClosed,
  SessionOpened,
  SessionRequest,
  SessionResponse,
} from "../src/gen/muster/coordination/v1/session.ts";
import type { CreateMode } from "../src/gen/muster/coordination/v1/znode.ts";
import { HEADER_ROOM, OperationEncoder, operationField, writeBatchHeader } from "../src/operation-encoder.ts";
import { decodeSessionResponse, type ResponseSink, type WireResult } from "../src/response-decoder.ts";
import { varintSize, writeVarint } from "../src/wire-writer.ts";

/** A slow machine is not a failure, a hang is. */
const SLOW_MS = 60_000;
const uint = fc.oneof(fc.nat(300), fc.maxSafeNat());
const int32 = fc.oneof(fc.integer(), fc.integer({ min: -2, max: 300 }));
// A byte order mark is dropped by TextDecoder, which the generated decoder uses, and kept by this one.
const text = fc
  .oneof(fc.string(), fc.string({ unit: "binary" }), fc.string({ minLength: 60, maxLength: 300 }))
  .filter((value) => !value.startsWith("\ufeff"));
const long = fc.integer({ min: 9_000, max: 20_000 }).map((length) => new Uint8Array(length).fill(length));
const bytes = fc.oneof({ weight: 9, arbitrary: fc.uint8Array() }, { weight: 1, arbitrary: long });
const version = fc.option(int32, { nil: undefined });

const pathKinds = ["get", "exists", "getAcl", "count", "ephemerals", "deleteTree"] as const;
const operationArbitrary = fc.record({
  number: uint,
  minZxid: uint,
  linearizable: fc.boolean(),
  operation: fc.oneof(
    fc.record({ $case: fc.constant("set" as const), value: fc.record({ path: text, data: bytes, version }) }),
    fc.record({ $case: fc.constant("delete" as const), value: fc.record({ path: text, version }) }),
    fc.record({ $case: fc.constantFrom(...pathKinds), value: fc.record({ path: text }) }),
    fc.record({
      $case: fc.constant("create" as const),
      value: fc.record({ path: text, data: bytes, mode: fc.constantFrom(0, 1, 2, 3, 4, 5), ifAbsent: fc.boolean() }),
    }),
  ),
});
type Arbitrary = typeof operationArbitrary extends fc.Arbitrary<infer T> ? T : never;

function encodeWith(encoder: OperationEncoder, { number, minZxid, linearizable, operation }: Arbitrary): void {
  const { $case, value } = operation;
  if ($case === "set") encoder.set(number, value.path, value.data, value.version);
  else if ($case === "delete") encoder.delete(number, value.path, value.version);
  else if ($case === "create") encoder.create(number, value.path, value.data, value.mode, value.ifAbsent);
  else encoder.path(number, operationField[$case], value.path, { minZxid, linearizable });
}

/** The same as the generated codec has it: only reads carry how fresh they must be. */
function message({ number, minZxid, linearizable, operation }: Arbitrary): Operation {
  const isRead = !["set", "delete", "create"].includes(operation.$case);
  const fresh = isRead ? { minZxid, linearizable } : { minZxid: 0, linearizable: false };
  const value = operation.$case === "create" ? { ...operation.value, acl: undefined, ttlMs: 0 } : operation.value;
  return { number, ...fresh, operation: { $case: operation.$case, value } as NonNullable<Operation["operation"]> };
}

describe("operations", () => {
  test(
    "are byte for byte what the generated codec makes of them",
    () => {
      const encoder = new OperationEncoder();
      fc.assert(
        fc.property(fc.array(operationArbitrary, { minLength: 1, maxLength: 5 }), uint, (operations, answeredBelow) => {
          const parts: Buffer[] = [];
          for (const operation of operations) {
            encodeWith(encoder, operation);
            parts.push(Buffer.from(encoder.chunk.subarray(encoder.start, encoder.end)));
          }
          encoder.seal();
          const body = Buffer.concat([Buffer.alloc(HEADER_ROOM), ...parts]);
          const start = writeBatchHeader(body, HEADER_ROOM, body.length - HEADER_ROOM, answeredBelow);
          const value = { answeredBelow, operations: operations.map(message) };
          const expected = SessionRequest.encode({ request: { $case: "operations", value } }).finish();
          expect(body.subarray(start).equals(expected)).toBe(true);
          expect(SessionRequest.decode(expected)).toEqual({ request: { $case: "operations", value } });
        }),
        { numRuns: 150 },
      );
    },
    SLOW_MS,
  );

  test("take strings as data, as UTF-8", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (data) => {
        const encoder = new OperationEncoder();
        encoder.set(1, "/a", data, undefined);
        const fromText = Buffer.from(encoder.chunk.subarray(encoder.start, encoder.end));
        encoder.set(1, "/a", Buffer.from(data, "utf8"), undefined);
        expect(encoder.chunk.subarray(encoder.start, encoder.end).equals(fromText)).toBe(true);
      }),
    );
  });

  test("stay where they are while others are encoded, so that they can be sent again", () => {
    const encoder = new OperationEncoder();
    const kept: { chunk: Buffer; start: number; end: number; copy: Buffer }[] = [];
    for (let number = 1; number <= 400; number++) {
      encoder.set(number, `/node-${number}`, new Uint8Array(number * 7).fill(number), undefined);
      const { chunk, start, end } = encoder;
      kept.push({ chunk, start, end, copy: Buffer.from(chunk.subarray(start, end)) });
      if (number % 13 === 0) encoder.seal();
    }
    for (const { chunk, start, end, copy } of kept) expect(chunk.subarray(start, end).equals(copy)).toBe(true);
  });

  test("numbers have the size that is reserved for them", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          uint,
          fc.integer({ min: 0, max: 53 }).map((bits) => Math.min(2 ** bits, 2 ** 53 - 1)),
        ),
        (n) => {
          expect(writeVarint(new Uint8Array(16), 0, n)).toBe(varintSize(n));
        },
      ),
    );
  });
});

const statArbitrary = fc.record({
  czxid: uint,
  mzxid: uint,
  createTimeMs: fc.maxSafeInteger(),
  modifyTimeMs: fc.maxSafeInteger(),
  version: int32,
  childVersion: int32,
  aclVersion: int32,
  ephemeralOwner: uint,
  dataBytes: fc.nat(),
  childCount: fc.nat(),
  pzxid: uint,
});
const failureArbitrary = fc.record({ status: fc.nat(16), reason: text, message: text });
const aclArbitrary = fc.record({
  entries: fc.array(fc.record({ permissions: fc.nat(31), scheme: text, id: text }), { maxLength: 3 }),
});
const { result: resultArbitrary } = fc.letrec<{ result: Result }>((tie) => ({
  result: fc.record({
    number: uint,
    zxid: uint,
    failure: fc.option(failureArbitrary, { nil: undefined }),
    path: text,
    stat: fc.option(statArbitrary, { nil: undefined }),
    data: bytes,
    names: fc.array(text, { maxLength: 3 }),
    nextPageToken: fc.uint8Array(),
    acl: fc.option(aclArbitrary, { nil: undefined }),
    mode: fc.integer({ min: 0, max: 7 }) as fc.Arbitrary<CreateMode>,
    ttlMs: uint,
    count: uint,
    parts: fc.oneof(
      { maxDepth: 2, depthIdentifier: "parts" },
      fc.constant([]),
      fc.array(tie("result"), { maxLength: 2 }),
    ),
  }),
}));
const responseArbitrary = fc.oneof(
  fc.record({
    $case: fc.constant("opened" as const),
    value: fc.record({
      sessionId: uint,
      secret: bytes,
      timeoutMs: fc.nat(),
      resumed: fc.boolean(),
      ensembleId: text,
      memberId: fc.nat(),
      zxid: uint,
      endpoints: fc.array(text, { maxLength: 3 }),
    }),
  }),
  fc.record({
    $case: fc.constant("results" as const),
    value: fc.record({ results: fc.array(resultArbitrary, { maxLength: 3 }) }),
  }),
  fc.record({
    $case: fc.constant("events" as const),
    value: fc.record({
      zxid: uint,
      events: fc.array(
        fc.record({
          event: fc.record({ type: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const), path: text }),
          watchIds: fc.array(fc.nat(), { maxLength: 4 }),
        }),
        { maxLength: 3 },
      ),
    }),
  }),
  fc.record({ $case: fc.constant("keepAlive" as const), value: fc.record({ token: uint, zxid: uint }) }),
  fc.record({ $case: fc.constant("progress" as const), value: fc.record({ zxid: uint }) }),
  fc.record({
    $case: fc.constant("closed" as const),
    value: fc.record({ failure: fc.option(failureArbitrary, { nil: undefined }), zxid: uint }),
  }),
);

/** Writes down what it is told, in the generated codec's words. */
class Recorder implements ResponseSink {
  readonly results: Result[] = [];
  response: SessionResponse["response"];

  onOpened(opened: Parameters<ResponseSink["onOpened"]>[0]): void {
    this.response = { $case: "opened", value: { ...opened, secret: new Uint8Array(opened.secret) } };
  }
  onResult(result: WireResult): void {
    this.results.push(generated(result));
  }
  onEvents(zxid: number, events: Parameters<ResponseSink["onEvents"]>[1]): void {
    const named = events.map(({ type, path, watchIds }) => ({ event: { type: type as 1, path }, watchIds }));
    this.response = { $case: "events", value: { zxid, events: named } };
  }
  onKeepAlive(token: number, zxid: number): void {
    this.response = { $case: "keepAlive", value: { token, zxid } };
  }
  onProgress(zxid: number): void {
    this.response = { $case: "progress", value: { zxid } };
  }
  onClosed(failure: Parameters<ResponseSink["onClosed"]>[0], zxid: number): void {
    this.response = { $case: "closed", value: { failure, zxid } };
  }
}

function generated(result: WireResult): Result {
  const { failed, failureStatus, failureReason, failureMessage, stat } = result;
  return {
    number: result.number,
    zxid: result.zxid,
    failure: failed ? { status: failureStatus, reason: failureReason, message: failureMessage } : undefined,
    path: result.path,
    stat: stat && {
      czxid: stat.czxid,
      mzxid: stat.mzxid,
      createTimeMs: stat.ctime,
      modifyTimeMs: stat.mtime,
      version: stat.version,
      childVersion: stat.cversion,
      aclVersion: stat.aversion,
      ephemeralOwner: stat.ephemeralOwner,
      dataBytes: stat.dataLength,
      childCount: stat.numChildren,
      pzxid: stat.pzxid,
    },
    data: new Uint8Array(result.data),
    names: result.names ?? [],
    nextPageToken: new Uint8Array(result.nextPageToken),
    acl: result.acl && { entries: result.acl },
    mode: result.mode as CreateMode,
    ttlMs: result.ttlMs,
    count: result.count,
    parts: (result.parts ?? []).map(generated),
  };
}

function decode(encoded: Uint8Array): SessionResponse["response"] {
  const recorder = new Recorder();
  decodeSessionResponse(Buffer.from(encoded), recorder);
  return recorder.response ?? { $case: "results", value: { results: recorder.results } };
}

describe("responses", () => {
  test(
    "are read as the generated codec reads them",
    () => {
      fc.assert(
        fc.property(responseArbitrary, (response) => {
          const encoded = SessionResponse.encode({ response }).finish();
          expect(decode(encoded)).toEqual(response);
        }),
        { numRuns: 300 },
      );
    },
    SLOW_MS,
  );

  test("with fields of a newer server are read without them", () => {
    // Field 900 in every wire type that has an end: number, 8 bytes, bytes, group, 4 bytes.
    const unknown = Buffer.from([
      ...[0xa0, 0x38, 0x85, 0x01],
      ...[0xa1, 0x38, 1, 2, 3, 4, 5, 6, 7, 8],
      ...[0xa2, 0x38, 2, 0xff, 0xff],
      ...[0xa3, 0x38, 0x08, 0x01, 0xa4, 0x38],
      ...[0xa5, 0x38, 1, 2, 3, 4],
    ]);
    const wrap = (tag: number, body: Uint8Array): Buffer => {
      const head = Buffer.alloc(16);
      head[0] = tag;
      return Buffer.concat([head.subarray(0, writeVarint(head, 1, body.length)), body]);
    };
    const stat = { czxid: 5, mzxid: 6, version: -3, createTimeMs: -1 };
    const result = Result.fromPartial({ number: 7, zxid: 9, names: ["a", "b"], stat });
    const results = ResultBatch.encode({ results: [result] }).finish();
    const mixed = Buffer.concat([unknown, wrap(0x12, Buffer.concat([unknown, results])), unknown]);
    expect(decode(mixed)).toEqual({ $case: "results", value: { results: [result] } });
    const inner = Buffer.concat([unknown, Result.encode(result).finish(), unknown]);
    expect(decode(wrap(0x12, wrap(0x0a, inner)))).toEqual({ $case: "results", value: { results: [result] } });
    const opened = SessionOpened.fromPartial({ sessionId: 4, resumed: true });
    const withOpened = wrap(0x0a, Buffer.concat([SessionOpened.encode(opened).finish(), unknown]));
    expect(decode(withOpened)).toEqual({ $case: "opened", value: opened });
    const closed = SessionClosed.fromPartial({ zxid: 4 });
    const withClosed = wrap(0x32, Buffer.concat([unknown, SessionClosed.encode(closed).finish()]));
    expect(decode(withClosed)).toEqual({ $case: "closed", value: closed });
    const events = EventBatch.fromPartial({ zxid: 3, events: [{ event: { type: 1, path: "/a" }, watchIds: [1] }] });
    const withEvents = wrap(0x1a, Buffer.concat([unknown, EventBatch.encode(events).finish()]));
    expect(decode(withEvents)).toEqual({ $case: "events", value: events });
  });

  test(
    "that are damaged are MALFORMED or read as something, never anything else",
    () => {
      let refused = 0;
      const edit = fc.record({ at: fc.nat(), value: fc.nat(255), cut: fc.boolean() });
      fc.assert(
        fc.property(responseArbitrary, fc.array(edit, { minLength: 1, maxLength: 4 }), (response, edits) => {
          let encoded = Buffer.from(SessionResponse.encode({ response }).finish());
          for (const { at, value, cut } of edits) {
            if (encoded.length === 0) break;
            if (cut) encoded = encoded.subarray(0, at % encoded.length);
            else encoded[at % encoded.length] = value;
          }
          try {
            decode(encoded);
          } catch (error) {
            refused += 1;
            expect(error).toBeInstanceOf(MusterError);
            expect((error as MusterError).reason).toBe("MALFORMED");
          }
        }),
        { numRuns: 2_000 },
      );
      expect(refused).toBeGreaterThan(100);
    },
    SLOW_MS,
  );

  test("with a number above 2^53 - 1 are MALFORMED, not rounded", () => {
    const progress = (zxid: number[]): Buffer => Buffer.from([0x2a, 1 + zxid.length, 0x08, ...zxid]);
    const largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    expect(decode(progress(largest))).toEqual({ $case: "progress", value: { zxid: Number.MAX_SAFE_INTEGER } });
    const larger = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
    expect(() => decode(progress(larger))).toThrow(/MALFORMED/);
  });

  test("nested without end are MALFORMED", () => {
    let parts: Uint8Array = Result.encode(Result.fromPartial({ number: 1 })).finish();
    for (let depth = 0; depth < 20; depth++) {
      const head = Buffer.from([0x5a, 0, 0, 0]);
      parts = Buffer.concat([head.subarray(0, writeVarint(head, 1, parts.length)), parts]);
    }
    const batch = Buffer.concat([Buffer.from([0x12, parts.length + 2, 0x0a, parts.length]), parts]);
    expect(() => decode(batch)).toThrow(/MALFORMED/);
  });
});
