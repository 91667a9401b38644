import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter } from "../../../../src/core/base/bytes.ts";
import { defaultLimits } from "../../../../src/core/base/limits.ts";
import type { Answer } from "../../../../src/core/tree/answer.ts";
import { AnswerReader, AnswerWriter, emptyAnswer } from "../../../../src/core/tree/answer-codec.ts";
import { parseLimits } from "../../../../src/core/tree/apply-limits.ts";
import { BatchReader, BatchWriter } from "../../../../src/core/tree/batch.ts";
import { configurationOfBatch } from "../../../../src/core/tree/batch-configuration.ts";
import { decodeIdentities, writeRaiseFeatureLevel } from "../../../../src/core/tree/command.ts";
import { Digest } from "../../../../src/core/tree/digest.ts";
import { FIRST_FEATURE_LEVEL } from "../../../../src/core/tree/feature-level.ts";
import type { WriteOperation } from "../../../../src/core/tree/operation.ts";
import { Tree } from "../../../../src/core/tree/tree.ts";
import { Window, windowMemory } from "../../../../src/core/tree/window.ts";
import { goldenHex, hex } from "../../../support/golden-hex.ts";
import { decodeWhole, operationOf, rewrite } from "./command-codec.ts";

/**
 * Bytes of format 1, kept for ever (core.md 5). They were laid out from FORMAT.md, not written by this program; a
 * change of the code that makes one of these tests fail makes journals and snapshots unreadable.
 */
const golden = goldenHex("tree/v1");
const SESSION = 0x300000007;
const SECRET = Uint8Array.from({ length: 32 }, (_, at) => at);

function bytesOf(name: string): Uint8Array {
  const bytes = golden.get(name);
  if (bytes === undefined) throw new Error(`there is no golden ${name}`);
  return bytes;
}

describe("golden commands", () => {
  const names = [...golden.keys()].filter((name) => name.startsWith("command-"));

  it("core.md 5: are there for every type", () => {
    const types = names.map((name) => decodeWhole(bytesOf(name)).type);
    expect([...new Set(types)].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
  });

  it.each(names)("core.md 5: %s is written byte for byte as it always was", (name) => {
    expect(hex(rewrite(bytesOf(name)))).toBe(hex(bytesOf(name)));
  });

  const operations: Record<string, WriteOperation> = {
    create: {
      kind: "create",
      path: "/app/é-",
      mode: 6,
      ifAbsent: true,
      ttlMs: 86_400_000,
      acl: [
        { permissions: 31, scheme: "digest", id: "alice:q1w2e3=" },
        { permissions: 1, scheme: "ip", id: "10.0.0.0/8" },
      ],
      data: Uint8Array.from([0, 255, 128, 118, 97, 108, 117, 101]),
    },
    "create-plain": {
      kind: "create",
      path: "/a",
      mode: 0,
      ifAbsent: false,
      ttlMs: 0,
      acl: undefined,
      data: new Uint8Array(0),
    },
    delete: { kind: "delete", path: "/app/n", version: 5 },
    set: { kind: "set", path: "/app/n", version: -1, data: new Uint8Array(200).fill(1) },
    "set-acl": {
      kind: "set-acl",
      path: "/app/n",
      version: 2,
      acl: [
        { permissions: 1, scheme: "world", id: "anyone" },
        { permissions: 16, scheme: "auth", id: "" },
      ],
    },
    multi: {
      kind: "multi",
      operations: [
        { kind: "check", path: "/app", version: 3 },
        {
          kind: "create",
          path: "/app/c",
          mode: 4,
          ifAbsent: false,
          ttlMs: 0,
          acl: undefined,
          data: Uint8Array.from([120]),
        },
        { kind: "set", path: "/app/c", version: 0, data: Uint8Array.from([121, 122]) },
        {
          kind: "set-acl",
          path: "/app/c",
          version: -1,
          acl: [{ permissions: 31, scheme: "ip", id: "2001:db8::/32" }],
        },
        { kind: "delete", path: "/app/c", version: -1 },
      ],
    },
    "delete-tree": { kind: "delete-tree", path: "/app/old" },
  };

  it("core.md 5: command-create-sasl says what it always said", () => {
    const command = decodeWhole(bytesOf("command-create-sasl"));
    expect(operationOf(command)).toEqual({
      ...operations["create-plain"],
      path: "/carol",
      acl: [
        { permissions: 31, scheme: "auth", id: "" },
        { permissions: 1, scheme: "sasl", id: "carol/h@HOST" },
        { permissions: 2, scheme: "x509", id: "CN=dave" },
      ],
    });
    const identities = new ByteReader(command.bytes, command.identitiesStart, command.identitiesEnd);
    expect(decodeIdentities(identities)).toEqual([
      { scheme: "sasl", id: "carol" },
      { scheme: "ip", id: "10.1.2.3" },
    ]);
  });

  it.each(Object.keys(operations))("core.md 5: command-%s says what it always said", (name) => {
    const command = decodeWhole(bytesOf(`command-${name}`));
    expect(operationOf(command)).toEqual(operations[name]);
    const identities = new ByteReader(command.bytes, command.identitiesStart, command.identitiesEnd);
    if (name === "create-plain") {
      expect([command.sessionId, command.generation, command.number, command.answeredBelow]).toEqual([0, 3, 7000, 0]);
      expect(decodeIdentities(identities)).toEqual([]);
      return;
    }
    expect([command.sessionId, command.generation, command.number, command.answeredBelow]).toEqual([
      SESSION,
      2,
      41,
      40,
    ]);
    expect(decodeIdentities(identities)).toEqual([
      { scheme: "digest", id: "alice:q1w2e3=" },
      { scheme: "ip", id: "10.1.2.3" },
    ]);
  });

  it("core.md 5: those of sessions and duties say what they always said", () => {
    const of = (name: string) => decodeWhole(bytesOf(`command-${name}`));
    expect(of("open-session")).toMatchObject({ number: 7001, secretHash: SECRET, timeoutMs: 30_000 });
    expect(of("move-session")).toMatchObject({ number: 7002, target: SESSION, secretHash: SECRET });
    expect(of("close-session")).toMatchObject({ sessionId: SESSION, number: Number.MAX_SAFE_INTEGER });
    expect(of("expire-session")).toMatchObject({ target: SESSION, targetGeneration: 2 });
    const reap = of("reap");
    expect(reap).toMatchObject({ czxid: 0x300000010, mzxid: 0x300000020 });
    expect(Buffer.from(reap.bytes.subarray(reap.leaf.pathStart, reap.leaf.pathEnd)).toString()).toBe("/queue/done");
    expect(of("raise-feature-level").featureLevel).toBe(1);
    const reconfigure = of("reconfigure");
    expect(reconfigure).toMatchObject({ sessionId: 0, generation: 2, number: 7003, expectedZxid: 0x200000009 });
    expect([...reconfigure.configuration]).toEqual([0xc0, 0xff, 0xee]);
  });

  it("core.md 5: limits set in a journal of format 1 are still limits", () => {
    const { limitsText } = decodeWhole(bytesOf("command-set-limits"));
    expect(parseLimits(limitsText, FIRST_FEATURE_LEVEL)).toEqual({ ...defaultLimits, enforceQuota: 0 });
  });
});

describe("a golden digest", () => {
  const requests = ["create", "create-plain", "delete", "delete-tree", "multi", "set", "set-acl"];
  const duties = ["raise-feature-level", "reap", "set-limits", "close-session", "expire-session"];
  const order = ["open-session", "move-session", ...requests, ...duties];

  it("core.md 5: at feature level 1, commands leave the digest they left when there was no other level", () => {
    const tree = Tree.fresh(1, { record: () => undefined });
    const lanes = (): string =>
      tree.state.digest
        .lanes()
        .map((lane) => lane.toString(16))
        .join(" ");
    const digests = [lanes()];
    tree.state.time = 1_700_000_000_123;
    order.forEach((name, at) => {
      const answer = emptyAnswer();
      new AnswerReader().read(tree.apply(SESSION + at, decodeWhole(bytesOf(`command-${name}`))).slice(), answer);
      digests.push(`${name} ${answer.code} ${lanes()}`);
    });
    expect(digests).toEqual([
      "ef0644d a010a137",
      "open-session 0 d411e25b bccd103c",
      "move-session 0 cb3158cf 4e4d8949",
      "create 1 760c7259 6bac0df8",
      "create-plain 0 e9e584bc bc6e650c",
      "delete 1 e9e584bc bc6e650c",
      "delete-tree 1 e9e584bc bc6e650c",
      "multi 1 e9e584bc bc6e650c",
      "set 1 e9e584bc bc6e650c",
      "set-acl 1 e9e584bc bc6e650c",
      "raise-feature-level 8 e9e584bc bc6e650c",
      "reap 1 e9e584bc bc6e650c",
      "set-limits 0 d614c86b fb7a15bf",
      "close-session 0 6ef8ba5f 2fdea8fe",
      "expire-session 14 6ef8ba5f 2fdea8fe",
    ]);
    expect(tree.state.featureLevel).toBe(FIRST_FEATURE_LEVEL);
  });

  it("core.md 5: the ACL schemes of level 3 leave the digests of the levels below alone", () => {
    const tree = Tree.fresh(1, { record: () => undefined });
    tree.state.time = 1_700_000_000_123;
    const digests: string[] = [];
    const apply = (name: string, bytes: Uint8Array): void => {
      const answer = emptyAnswer();
      new AnswerReader().read(tree.apply(SESSION + digests.length, decodeWhole(bytes)).slice(), answer);
      const lanes = tree.state.digest.lanes().map((lane) => lane.toString(16));
      digests.push(`${name} ${answer.code} ${lanes.join(" ")}`);
    };
    for (const level of [1, 2, 3]) {
      const raise = new ByteWriter(64);
      writeRaiseFeatureLevel(raise, { sessionId: 0, generation: 1, identities: new Uint8Array(0) }, level);
      apply(`raise to ${level}`, raise.copy());
      apply("create-sasl", bytesOf("command-create-sasl"));
    }
    expect(digests).toEqual([
      "raise to 1 8 ef0644d a010a137",
      "create-sasl 9 ef0644d a010a137",
      "raise to 2 0 4ac89308 6d3f68fa",
      "create-sasl 9 4ac89308 6d3f68fa",
      "raise to 3 0 174561c0 98fddabb",
      "create-sasl 0 a1fb8ce eea23729",
    ]);
  });
});

describe("a golden batch", () => {
  it("core.md 5: is read as it always was, and written byte for byte", () => {
    const reader = new BatchReader();
    const header = { ...reader.open(bytesOf("batch")) };
    expect(header).toEqual({
      firstZxid: 0x300000011,
      count: 2,
      time: 1_700_000_000_123,
      featureLevel: 1,
      digestZxid: 0x300000010,
      digest0: 0xdeadbeef,
      digest1: 0x01020304,
      flags: 0,
    });
    const writer = new BatchWriter();
    for (const name of ["command-create-plain", "command-close-session"]) {
      const command = reader.next();
      const bytes = command.raw(command.remaining);
      expect(hex(bytes)).toBe(hex(bytesOf(name)));
      writer.begin().raw(bytes);
      writer.end();
    }
    expect(reader.remaining).toBe(0);
    expect(hex(writer.close(header))).toBe(hex(bytesOf("batch")));
  });
});

describe("a golden batch of a reconfiguration", () => {
  it("core.md 5, 25: is read as it always was, and written byte for byte", () => {
    const bytes = bytesOf("batch-reconfigure");
    const header = { ...new BatchReader().open(bytes) };
    expect(header).toMatchObject({ firstZxid: 0x300000021, count: 1, featureLevel: 2, flags: 1 });
    expect([...(configurationOfBatch(bytes) ?? [])]).toEqual([0xc0, 0xff, 0xee]);
    const writer = new BatchWriter();
    writer.begin().raw(bytesOf("command-reconfigure"));
    writer.end();
    expect(hex(writer.close(header))).toBe(hex(bytes));
  });
});

describe("golden answers", () => {
  const names = [...golden.keys()].filter((name) => name.startsWith("answer-"));

  it("core.md 5: are there for every kind", () => {
    expect(new Set(names.map((name) => read(name).kind))).toEqual(
      new Set(["none", "create", "stat", "count", "multi"]),
    );
  });

  it.each(names)("core.md 5: %s is read, and written byte for byte", (name) => {
    const answer = read(name);
    const writer = new AnswerWriter();
    writer.begin(answer.zxid);
    write(writer, answer);
    expect(hex(writer.view())).toBe(hex(bytesOf(name)));
  });

  it("core.md 5: say what they always said", () => {
    const stat = {
      czxid: 0x300000011,
      mzxid: 0x300000012,
      ctime: 1_700_000_000_123,
      mtime: 1_700_000_000_456,
      version: -(2 ** 31),
      cversion: 7,
      aversion: -1,
      ephemeralOwner: SESSION,
      dataLength: 9,
      numChildren: 3,
      pzxid: 0x300000013,
    };
    expect(read("answer-create")).toMatchObject({ zxid: 0x300000012, code: 0, stat, path: "/app/é-0000000004" });
    expect(read("answer-stat")).toMatchObject({ zxid: 0x300000012, code: 0, stat });
    expect(read("answer-count")).toMatchObject({ code: 0, count: 12_345 });
    expect(read("answer-none")).toMatchObject({ code: 0 });
    expect(read("answer-failure")).toMatchObject({ code: 3 });
    expect(read("answer-multi").parts.map(({ kind, code }) => [kind, code])).toEqual([
      ["create", 0],
      ["stat", 0],
      ["none", 0],
    ]);
    expect(read("answer-failed-multi").parts.map(({ code }) => code)).toEqual([0, 1, 13]);
  });

  function read(name: string): Answer {
    const answer = emptyAnswer();
    new AnswerReader().read(bytesOf(name), answer);
    return answer;
  }

  function write(writer: AnswerWriter, answer: Answer): void {
    if (answer.kind === "none") writer.none(answer.code);
    else if (answer.kind === "stat") writer.stat(answer.stat);
    else if (answer.kind === "count") writer.count(answer.count);
    else if (answer.kind === "create") {
      const path = new TextEncoder().encode(answer.path);
      writer.create(path, 0, path.length, answer.stat);
    } else {
      writer.multi(answer.code, answer.parts.length);
      for (const part of answer.parts) write(writer, part);
    }
  }
});

describe("a golden window", () => {
  it("core.md 5: is read, and written byte for byte", () => {
    const window = new Window(SESSION, windowMemory(new Digest()));
    const reader = new ByteReader(bytesOf("window"));
    window.read(reader);
    reader.expectEnd();
    expect([window.floor, window.size]).toEqual([40, 2]);
    expect([39, 40, 41, 2 ** 40].map((number) => window.look(number))).toEqual([2, 0, 1, 1]);
    expect(hex(window.answer())).toBe(hex(bytesOf("answer-failure")));
    const writer = new ByteWriter(16);
    window.write(writer);
    expect(hex(writer.view())).toBe(hex(bytesOf("window")));
  });
});
