import { describe, expect, test } from "vitest";
import { JuteError, JuteReader } from "../../../../src/api/zookeeper/jute-reader.ts";
import { opCode } from "../../../../src/api/zookeeper/op-code.ts";
import { readCreate, readDelete, readMulti, readSet, readSetAcl } from "../../../../src/api/zookeeper/write-decoder.ts";
import { createFault } from "../../../../src/core/tree/command-leaf.ts";
import type { CreateOperation } from "../../../../src/core/tree/operation.ts";
import { JuteWriter } from "../../../conformance/differential/jute.ts";

const DATA = Uint8Array.of(1, 2, 3);

function readerOf(writer: JuteWriter): JuteReader {
  const bytes = writer.done();
  return new JuteReader().reset(bytes, 0, bytes.length);
}

function openAcl(writer: JuteWriter): JuteWriter {
  return writer.int(1).int(31).string("world").string("anyone");
}

function createBody(flags: number, path = "/a"): JuteWriter {
  return openAcl(new JuteWriter().string(path).buffer(DATA)).int(flags);
}

/** What `apply` answers BadArguments, in its place of a transaction, too. */
function isRefused({ mode, ttlMs = 0 }: CreateOperation): boolean {
  return createFault(mode, ttlMs) !== undefined;
}

describe("create", () => {
  test.each([0, 1, 2, 3, 4])("reference 1.2: mode %i has no time to live", (mode) => {
    const expected = { kind: "create", path: "/a", data: DATA, mode, ttlMs: 0, acl: undefined };
    expect(readCreate(readerOf(createBody(mode)), false)).toEqual(expected);
    expect(readCreate(readerOf(createBody(mode).long(-1n)), true)).toEqual(expected);
  });

  test.each([5, 6])("reference 1.2: mode %i takes a time to live from createTTL alone", (mode) => {
    expect(readCreate(readerOf(createBody(mode).long(60_000n)), true)).toMatchObject({ mode, ttlMs: 60_000 });
    expect(isRefused(readCreate(readerOf(createBody(mode)), false))).toBe(true);
  });

  test.each([-1, 7, 100, 2 ** 31 - 1, -(2 ** 31)])("flags %i are no mode", (flags) => {
    expect(isRefused(readCreate(readerOf(createBody(flags)), false))).toBe(true);
  });

  test("a time to live must be one: from 1 ms, and none for what has none", () => {
    for (const ttl of [0n, -1n, -(2n ** 63n), 2n ** 63n - 1n]) {
      expect(isRefused(readCreate(readerOf(createBody(5).long(ttl)), true)), `${ttl}`).toBe(true);
    }
    for (const ttl of [0n, 1n]) {
      expect(isRefused(readCreate(readerOf(createBody(0).long(ttl)), true)), `${ttl}`).toBe(true);
    }
    expect(readCreate(readerOf(createBody(0).long(-5n)), true)).toMatchObject({ ttlMs: 0 });
  });

  test("an ACL that says something goes along, and does not stay for the next create", () => {
    const writer = new JuteWriter().string("/a").buffer(null).int(1).int(1).string("ip").string("::1").int(0);
    expect(readCreate(readerOf(writer), false)).toMatchObject({
      data: new Uint8Array(0),
      acl: [{ permissions: 1, scheme: "ip", id: "::1" }],
    });
    expect(readCreate(readerOf(createBody(0)), false).acl).toBeUndefined();
  });
});

test("delete, setData and setACL carry their versions", () => {
  expect(readDelete(readerOf(new JuteWriter().string("/a").int(7)))).toEqual({
    kind: "delete",
    path: "/a",
    version: 7,
  });
  expect(readSet(readerOf(new JuteWriter().string("/a").buffer(DATA).int(-1)))).toEqual({
    kind: "set",
    path: "/a",
    data: DATA,
    version: -1,
  });
  expect(readSetAcl(readerOf(openAcl(new JuteWriter().string("/a")).int(3)))).toEqual({
    kind: "set-acl",
    path: "/a",
    acl: [{ permissions: 31, scheme: "world", id: "anyone" }],
    version: 3,
  });
  expect(readSetAcl(readerOf(new JuteWriter().string("/a").int(-1).int(3)))).toMatchObject({ acl: [] });
});

test("a record cut anywhere is refused", () => {
  const bytes = createBody(5).long(9n).done();
  for (let end = 0; end < bytes.length; end++) {
    const read = () => readCreate(new JuteReader().reset(bytes, 0, end), true);
    expect(read, `${end}`).toThrow(JuteError);
  }
});

describe("multi", () => {
  const part = (writer: JuteWriter, type: number) => writer.int(type).boolean(false).int(-1);
  const end = (writer: JuteWriter) => writer.int(-1).boolean(true).int(-1);

  test("reference 2.5: every kind of part, each with its own content although decoders reuse theirs", () => {
    const writer = new JuteWriter();
    for (const [index, type] of [opCode.CREATE, opCode.CREATE2, opCode.CREATE_CONTAINER].entries()) {
      part(writer, type).raw(createBody(type === opCode.CREATE_CONTAINER ? 4 : 0, `/c${index}`).done());
    }
    part(writer, opCode.CREATE_TTL).raw(createBody(6, "/t").long(5n).done());
    part(writer, opCode.DELETE).string("/d1").int(1);
    part(writer, opCode.DELETE).string("/d2").int(2);
    part(writer, opCode.SET_DATA).string("/s1").buffer(DATA).int(3);
    part(writer, opCode.SET_DATA).string("/s2").buffer(DATA).int(4);
    part(writer, opCode.CHECK).string("/k").int(5);
    const { operation, types } = readMulti(readerOf(end(writer)));
    // Containers and TTL znodes have results of create2 (ZooKeeper; the Java client knows no others).
    expect(types).toEqual([1, 15, 15, 15, 2, 2, 5, 5, 13]);
    expect(operation.operations).toMatchObject([
      { kind: "create", path: "/c0", mode: 0 },
      { kind: "create", path: "/c1", mode: 0 },
      { kind: "create", path: "/c2", mode: 4 },
      { kind: "create", path: "/t", mode: 6, ttlMs: 5 },
      { kind: "delete", path: "/d1", version: 1 },
      { kind: "delete", path: "/d2", version: 2 },
      { kind: "set", path: "/s1", version: 3 },
      { kind: "set", path: "/s2", version: 4 },
      { kind: "check", path: "/k", version: 5 },
    ]);
  });

  test("an empty one is one", () => {
    expect(readMulti(readerOf(end(new JuteWriter())))).toEqual({
      operation: { kind: "multi", operations: [] },
      types: [],
    });
  });

  test("what cannot be part of one is refused, and so is one without an end", () => {
    for (const type of [opCode.GET_DATA, opCode.MULTI, opCode.SET_ACL, opCode.DELETE_CONTAINER, 99]) {
      const writer = part(new JuteWriter(), type).string("/a").int(0).int(0);
      expect(() => readMulti(readerOf(writer)), `${type}`).toThrow(JuteError);
    }
    const open = part(new JuteWriter(), opCode.DELETE).string("/a").int(1);
    expect(() => readMulti(readerOf(open))).toThrow("the frame ends too early");
  });
});
