import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Credential,
  type MultiOperation,
  type MultiReadOperation,
  type Operation,
  OperationBatch,
  SessionRequest,
} from "../../../../src/api/grpc/gen/muster/coordination/v1/session.ts";
import type { CreateOperation as CreateMessage } from "../../../../src/api/grpc/gen/muster/coordination/v1/znode.ts";
import { OperationDecoder, type OperationSink } from "../../../../src/api/grpc/operation-decoder.ts";
import { enterSessionRequest, requestKind } from "../../../../src/api/grpc/session-request.ts";
import { DoorError } from "../../../../src/api/grpc/status.ts";
import { MalformedError, WireReader } from "../../../../src/api/grpc/wire-reader.ts";
import { operationSchema, wireField } from "./wire-arbitraries.ts";

/** What a sink was told, with every view copied. */
type Call = readonly [method: string, ...rest: unknown[]];

class RecordingSink implements OperationSink {
  readonly calls: Call[] = [];

  submit(number: number, answeredBelow: number, operation: unknown): void {
    this.calls.push(["submit", number, answeredBelow, plain(operation)]);
  }
  read(number: number, operation: unknown, options: unknown): void {
    this.calls.push(["read", number, plain(operation), options]);
  }
  sync(number: number): void {
    this.calls.push(["sync", number]);
  }
  addWatch(number: number, request: unknown): void {
    this.calls.push(["addWatch", number, request]);
  }
  removeWatch(number: number, watchId: number): void {
    this.calls.push(["removeWatch", number, watchId]);
  }
  authenticate(number: number, credential: Credential): void {
    this.calls.push(["authenticate", number, credential]);
  }
  refuse(number: number, reason: string): void {
    this.calls.push(["refuse", number, reason]);
  }
}

/** A copy with bytes as hex and absent fields left out. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(entries.map(([name, field]) => [name, plain(field)]));
}

function decodeAll(bytes: Uint8Array, operationsMax = 10_000): Call[] {
  const decoder = new OperationDecoder();
  const sink = new RecordingSink();
  const buffer = Buffer.from(bytes);
  decoder.begin(buffer, 0, buffer.length, operationsMax);
  while (decoder.next(sink));
  return sink.calls;
}

// The same, by the generated decoder.

class Refused extends Error {}

function expectedCall(operation: Operation, answeredBelow: number): Call {
  const { number } = operation;
  try {
    return expectedOf(operation, answeredBelow);
  } catch (error) {
    if (error instanceof Refused) return ["refuse", number, error.message];
    throw error;
  }
}

function expectedOf({ number, minZxid, linearizable, operation }: Operation, answeredBelow: number): Call {
  if (operation === undefined) throw new Refused("UNSUPPORTED");
  const submit = (what: object): Call => ["submit", number, answeredBelow, plain(what)];
  const read = (what: object): Call => ["read", number, plain(what), { minZxid, linearizable }];
  switch (operation.$case) {
    case "create":
    case "set":
    case "delete":
    case "setAcl":
      return submit(expectedLeaf(operation));
    case "deleteTree":
      return submit({ kind: "delete-tree", path: operation.value.path });
    case "multi":
      return submit({ kind: "multi", operations: expectedParts(operation.value) });
    case "get":
    case "exists":
    case "count":
    case "ephemerals":
      return read({ kind: operation.$case, path: operation.value.path });
    case "getAcl":
      return read({ kind: "get-acl", path: operation.value.path });
    case "list":
      return read(expectedList(operation.value));
    case "multiRead":
      return read({ kind: "multi-read", operations: expectedReads(operation.value) });
    case "sync":
      return ["sync", number];
    case "addWatch": {
      const modes = [undefined, "data", "exists", "children", "persistent", "persistent-recursive"];
      const mode = modes[operation.value.mode as number];
      if (mode === undefined) throw new Refused("INVALID_ARGUMENT");
      return ["addWatch", number, { ...operation.value, mode }];
    }
    case "removeWatch":
      return ["removeWatch", number, operation.value.watchId];
    case "authenticate":
      return ["authenticate", number, operation.value];
  }
}

type Leaf = NonNullable<MultiOperation["parts"][number]["operation"]>;

function expectedLeaf(leaf: Leaf): object {
  const version = "version" in leaf.value ? (leaf.value.version ?? -1) : -1;
  switch (leaf.$case) {
    case "create":
      return expectedCreate(leaf.value);
    case "set":
      return { kind: "set", path: leaf.value.path, data: leaf.value.data, version };
    case "setAcl":
      return { kind: "set-acl", path: leaf.value.path, acl: leaf.value.acl?.entries ?? [], version };
    default:
      return { kind: leaf.$case, path: leaf.value.path, version };
  }
}

function expectedCreate({ path, data, mode, acl, ttlMs, ifAbsent }: CreateMessage): object {
  const number = mode as number;
  if (number < 0 || number > 7) throw new Refused("INVALID_ARGUMENT");
  return {
    kind: "create",
    path,
    data,
    mode: Math.max(number, 1) - 1,
    acl: acl?.entries,
    ttlMs: ttlMs || undefined,
    ifAbsent,
  };
}

function expectedList({
  path,
  pageSize,
  pageToken,
}: {
  path: string;
  pageSize: number;
  pageToken: Uint8Array;
}): object {
  return { kind: "list", path, limit: Math.min(pageSize, 10_000), cursor: pageToken };
}

function expectedParts({ parts }: MultiOperation): object[] {
  return parts.map(({ operation }) => {
    if (operation === undefined) throw new Refused("UNSUPPORTED");
    return expectedLeaf(operation);
  });
}

function expectedReads({ parts }: MultiReadOperation): object[] {
  return parts.map(({ operation }) => {
    if (operation === undefined) throw new Refused("UNSUPPORTED");
    if (operation.$case === "list") return expectedList(operation.value);
    return { kind: operation.$case === "getAcl" ? "get-acl" : operation.$case, path: operation.value.path };
  });
}

function generated(bytes: Uint8Array): Call[] | undefined {
  let batch: OperationBatch;
  try {
    batch = OperationBatch.decode(bytes);
  } catch {
    return undefined;
  }
  return batch.operations.map((operation) => expectedCall(operation, batch.answeredBelow));
}

const batchBytes = fc
  .array(
    fc.oneof({ weight: 5, arbitrary: wireField(2, operationSchema) }, { weight: 1, arbitrary: wireField(1, "uint64") }),
    {
      maxLength: 5,
    },
  )
  .map((fields) => Buffer.concat(fields));

describe("operations", () => {
  test("whatever the generated decoder accepts is decoded to the same", () => {
    let compared = 0;
    fc.assert(
      fc.property(batchBytes, (bytes) => {
        const expected = generated(bytes);
        if (expected === undefined) return;
        compared += expected.length;
        expect(decodeAll(bytes).map(plain)).toEqual(expected.map(plain));
      }),
      { numRuns: 2_000 },
    );
    expect(compared).toBeGreaterThan(1_000);
  });

  test("every prefix of a batch, and every mutation, is decoded or MALFORMED, nothing else", () => {
    const mutation = fc.tuple(fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(batchBytes, fc.array(mutation, { maxLength: 4 }), fc.nat(), (bytes, mutations, cut) => {
        const mutated = Buffer.from(bytes.subarray(0, bytes.length - (cut % (bytes.length + 1))));
        for (const [at, value] of mutations) if (mutated.length > 0) mutated[at % mutated.length] = value;
        expectOnlyMalformed(() => decodeAll(mutated));
      }),
      { numRuns: 5_000 },
    );
  });

  test("random bytes as a session request are decoded or MALFORMED, nothing else", () => {
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      batchBytes.map((bytes) => new BinaryWriter().tag(3, 2).bytes(bytes).finish()),
    );
    fc.assert(
      fc.property(frame, fc.nat(), fc.nat(255), (bytes, at, value) => {
        const message = Buffer.from(bytes);
        if (message.length > 0) message[at % message.length] = value;
        const reader = new WireReader();
        expectOnlyMalformed(() => {
          if (enterSessionRequest(reader, message) !== requestKind.OPERATIONS) return;
          decodeAll(message.subarray(reader.position, reader.end));
        });
      }),
      { numRuns: 5_000 },
    );
  });

  test("answered_below counts for every operation of its batch, wherever it stands", () => {
    const operation = new BinaryWriter()
      .tag(2, 2)
      .bytes(Uint8Array.of(0x08, 5, 0x2a, 0))
      .finish();
    const answeredBelow = new BinaryWriter().tag(1, 0).uint64(4).finish();
    const set = { kind: "set", path: "", data: "", version: -1 };
    expect(decodeAll(Buffer.concat([operation, answeredBelow]))).toEqual([["submit", 5, 4, set]]);
  });

  test("a number above 2^53 - 1 is MALFORMED", () => {
    const number = new BinaryWriter()
      .tag(1, 0)
      .uint64(2n ** 53n)
      .finish();
    expect(() => decodeAll(new BinaryWriter().tag(2, 2).bytes(number).finish())).toThrow(MalformedError);
  });

  test("a batch above its limit is TOO_LARGE before anything of it is decoded", () => {
    const batch = Buffer.alloc(8, Uint8Array.of(0x12, 0));
    expect(decodeAll(batch, 4)).toHaveLength(4);
    expect(() => decodeAll(batch, 3)).toThrow(DoorError);
  });

  test.for([
    { name: "parts of a multi", field: 9, count: 10_000, reason: "TOO_LARGE" },
    { name: "parts of a multi-read", field: 16, count: 1_000, reason: "TOO_LARGE" },
  ])("too many $name are refused without being kept", ({ field, count, reason }) => {
    // A part with an empty first operation: create, or get.
    const part = Uint8Array.of(0x0a, 2, 0x0a, 0);
    const operation = (parts: number) => {
      const body = Buffer.alloc(parts * part.length, part);
      return new BinaryWriter().tag(2, 2).bytes(new BinaryWriter().tag(field, 2).bytes(body).finish()).finish();
    };
    expect(decodeAll(operation(count))[0]?.[0]).not.toBe("refuse");
    expect(decodeAll(operation(count + 1))).toEqual([["refuse", 0, reason]]);
  });

  test("an ACL of thousands of entries is refused as INVALID_ACL", () => {
    const acl = Buffer.alloc(2 * 1025, Uint8Array.of(0x0a, 0));
    const create = new BinaryWriter().tag(4, 2).bytes(acl).finish();
    const operation = new BinaryWriter().tag(4, 2).bytes(create).finish();
    const batch = new BinaryWriter().tag(2, 2).bytes(operation).finish();
    expect(decodeAll(batch)).toEqual([["refuse", 0, "INVALID_ACL"]]);
  });

  test("decoding stops between operations and goes on later", () => {
    const request = SessionRequest.encode({
      request: {
        $case: "operations",
        value: {
          answeredBelow: 1,
          operations: [1, 2].map((number) => ({
            number,
            minZxid: 0,
            linearizable: false,
            operation: { $case: "get" as const, value: { path: `/${number}` } },
          })),
        },
      },
    }).finish();
    const message = Buffer.from(request);
    const reader = new WireReader();
    enterSessionRequest(reader, message);
    const decoder = new OperationDecoder();
    const sink = new RecordingSink();
    decoder.begin(message, reader.position, reader.end, 10);
    expect(decoder.next(sink)).toBe(true);
    expect(sink.calls).toHaveLength(1);
    expect(decoder.next(sink)).toBe(true);
    expect(decoder.next(sink)).toBe(false);
    expect(sink.calls.map(([, number]) => number)).toEqual([1, 2]);
  });
});

function expectOnlyMalformed(action: () => void): void {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedError);
  }
}
