import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../../src/core/base/assert.ts";
import { ByteReader, ByteWriter, FormatError } from "../../../../src/core/base/bytes.ts";
import { CONFIGURATION_BYTES_MAX, defaultLimits, TTL_MS_MAX } from "../../../../src/core/base/limits.ts";
import {
  Command,
  commandType,
  decodeCommand,
  decodeIdentities,
  encodeIdentities,
  writeCloseSession,
  writeExpireSession,
  writeHead,
  writeMoveSession,
  writeOpenSession,
  writeOperation,
  writeRaiseFeatureLevel,
  writeReap,
  writeReconfigure,
  writeSetLimits,
} from "../../../../src/core/tree/command.ts";
import { createFault } from "../../../../src/core/tree/command-leaf.ts";
import { FEATURE_LEVEL, FeatureLevelError } from "../../../../src/core/tree/feature-level.ts";
import type { Identity, LeafOperation, WriteOperation } from "../../../../src/core/tree/operation.ts";
import "../../../support/fixed-seed.ts";
import { decodeWhole, issuerOf, operationOf, rewrite } from "./command-codec.ts";

const text = fc.string({ unit: "binary", maxLength: 40 });
const u32 = fc.nat({ max: 2 ** 32 - 1 });
const version = fc.integer();
const data = fc.uint8Array({ maxLength: 300 });
const acl = fc.array(fc.record({ scheme: text, id: text, permissions: fc.integer() }), { maxLength: 4 });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const identities = fc.array(fc.record({ scheme: text, id: text }), { maxLength: 4 });

const create = fc.record({
  kind: fc.constant("create" as const),
  path: text,
  mode: fc.constantFrom(0, 1, 2, 3, 4, 5, 6),
  data,
  acl: fc.option(acl, { nil: undefined }),
  ifAbsent: fc.boolean(),
  ttlMs: fc.maxSafeNat(),
});
const set = fc.record({ kind: fc.constant("set" as const), path: text, data, version });
const setAcl = fc.record({ kind: fc.constant("set-acl" as const), path: text, acl, version });
const remove = fc.record({ kind: fc.constant("delete" as const), path: text, version });
const check = fc.record({ kind: fc.constant("check" as const), path: text, version });
const deleteTree = fc.record({ kind: fc.constant("delete-tree" as const), path: text });
const leaf: fc.Arbitrary<LeafOperation> = fc.oneof(create, set, setAcl, remove, check);
const multi = fc.record({ kind: fc.constant("multi" as const), operations: fc.array(leaf, { maxLength: 8 }) });
const operation: fc.Arbitrary<WriteOperation> = fc.oneof(create, set, setAcl, remove, deleteTree, multi);

const issuer = fc.record({ sessionId: fc.maxSafeNat(), generation: u32, identities: identities.map(encoded) });

function encoded(list: readonly Identity[]): Uint8Array {
  return bytesOf((writer) => encodeIdentities(list, writer));
}

function bytesOf(encode: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(1);
  encode(writer);
  return writer.copy();
}

/** A command of any type, as bytes. */
const anyCommand: fc.Arbitrary<Uint8Array> = fc
  .tuple(issuer, fc.maxSafeNat(), fc.maxSafeNat(), fc.maxSafeNat(), u32, hash, operation, fc.nat(9))
  .map(([from, number, below, large, small, secretHash, request, kind]) =>
    bytesOf((writer) => {
      const write: (() => void)[] = [
        () => writeOpenSession(writer, from, number, { secretHash, timeoutMs: large }),
        () => writeMoveSession(writer, from, number, large, secretHash),
        () => writeCloseSession(writer, from, number, below),
        () => writeExpireSession(writer, from, large, small),
        () => writeReap(writer, from, secretHash, large, number),
        () => writeSetLimits(writer, from, number, { ...defaultLimits, sessionsMax: large }, FEATURE_LEVEL),
        () => writeRaiseFeatureLevel(writer, from, small % (FEATURE_LEVEL + 1)),
        () => writeReconfigure(writer, from, number, large, secretHash.subarray(0, 1 + (small % 32))),
      ];
      (write[kind] ?? (() => writeOperation(writer, from, number, below, request)))();
    }),
  );

describe("a command", () => {
  it("core.md 1: carries session, generation, identities, numbers and operation through its bytes", () => {
    fc.assert(
      fc.property(issuer, fc.maxSafeNat(), fc.maxSafeNat(), operation, (from, number, below, request) => {
        const bytes = bytesOf((writer) => writeOperation(writer, from, number, below, request));
        const command = decodeWhole(bytes);
        expect([command.number, command.answeredBelow]).toEqual([number, below]);
        expect(issuerOf(command)).toEqual(from);
        expect(operationOf(command)).toEqual(request);
      }),
      { numRuns: 300 },
    );
  });

  it("of every type is written anew, from what was decoded, to the same bytes", () => {
    const types = new Set<number>();
    fc.assert(
      fc.property(anyCommand, (bytes) => {
        types.add(bytes[0] as number);
        expect(rewrite(bytes)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
    const all: Set<number> = new Set(Object.values(commandType));
    all.delete(commandType.CHECK);
    expect(types).toEqual(all);
  });

  it("core.md 2: is refused at every truncation and with every byte appended", () => {
    fc.assert(
      fc.property(anyCommand, fc.nat(255), (bytes, appended) => {
        for (let end = 0; end < bytes.length; end++) {
          expect(() => decodeCommand(new ByteReader(bytes, 0, end), new Command())).toThrow(FormatError);
        }
        const longer = Uint8Array.from([...bytes, appended]);
        expect(() => decodeCommand(new ByteReader(longer), new Command())).toThrow(FormatError);
      }),
      { numRuns: 60 },
    );
  });

  it("core.md 2: of a type this program does not know is refused by name", () => {
    const known: Set<number> = new Set(Object.values(commandType));
    known.delete(commandType.CHECK);
    const from = { sessionId: 0, generation: 1, identities: new Uint8Array(0) };
    for (let type = 0; type < 256; type++) {
      if (known.has(type)) continue;
      const bytes = bytesOf((writer) => writeHead(writer, type as 1, from, 0, 0));
      expect(() => decodeWhole(bytes)).toThrow(new FormatError(`unknown command type ${type}`));
    }
  });

  it("core.md 2: refuses in a multi what is no leaf operation", () => {
    const from = { sessionId: 0, generation: 1, identities: new Uint8Array(0) };
    for (const type of [0, commandType.MULTI, commandType.DELETE_TREE, commandType.OPEN_SESSION, 255]) {
      const bytes = bytesOf((writer) => {
        writeHead(writer, commandType.MULTI, from, 0, 0);
        writer.varint(1);
        writer.u8(type);
        writer.string("/a");
      });
      expect(() => decodeWhole(bytes)).toThrow(FormatError);
    }
  });

  it("core.md 2: refuses unknown flags of a create, and counts larger than what follows", () => {
    const from = { sessionId: 0, generation: 1, identities: new Uint8Array(0) };
    const withFlags = (flags: number): Uint8Array =>
      bytesOf((writer) => {
        writeHead(writer, commandType.CREATE, from, 0, 0);
        writer.string("/a");
        writer.u8(0);
        writer.u8(flags);
        writer.u53(0);
        writer.block(new Uint8Array(0));
      });
    expect(decodeWhole(withFlags(1)).leaf.ifAbsent).toBe(true);
    for (const flags of [4, 8, 128]) expect(() => decodeWhole(withFlags(flags))).toThrow(FormatError);
    const parts = bytesOf((writer) => {
      writeHead(writer, commandType.MULTI, from, 0, 0);
      writer.varint(2 ** 32 - 1);
    });
    expect(() => decodeWhole(parts)).toThrow(FormatError);
    const entries = bytesOf((writer) => {
      writeHead(writer, commandType.SET_ACL, from, 0, 0);
      writer.string("/a");
      writer.i32(0);
      writer.varint(2 ** 32 - 1);
    });
    expect(() => decodeWhole(entries)).toThrow(FormatError);
  });

  it("core.md 2: that raises the feature level above this program's is refused by name", () => {
    const from = { sessionId: 0, generation: 1, identities: new Uint8Array(0) };
    const raise = (level: number): Uint8Array => bytesOf((writer) => writeRaiseFeatureLevel(writer, from, level));
    expect(decodeWhole(raise(FEATURE_LEVEL)).featureLevel).toBe(FEATURE_LEVEL);
    for (const level of [FEATURE_LEVEL + 1, 0xffff]) {
      expect(() => decodeWhole(raise(level))).toThrow(new FeatureLevelError(level));
    }
  });

  it("core.md 25: carries a configuration of 1 byte to 64 KiB, and is refused with another", () => {
    const from = { sessionId: 0, generation: 1, identities: new Uint8Array(0) };
    const reconfigure = (size: number): Uint8Array =>
      bytesOf((writer) => {
        writeHead(writer, commandType.RECONFIGURE, from, 0, 0);
        writer.u53(7);
        writer.block(new Uint8Array(size).fill(size));
      });
    for (const size of [1, CONFIGURATION_BYTES_MAX]) {
      const command = decodeWhole(reconfigure(size));
      expect(command.expectedZxid).toBe(7);
      expect(command.configuration).toEqual(new Uint8Array(size).fill(size));
      const written = bytesOf((writer) => writeReconfigure(writer, from, 0, 7, command.configuration.slice()));
      expect(written).toEqual(reconfigure(size));
    }
    for (const size of [0, CONFIGURATION_BYTES_MAX + 1]) {
      expect(() => decodeWhole(reconfigure(size))).toThrow(new FormatError(`a configuration of ${size} bytes`));
      const write = (): Uint8Array => bytesOf((writer) => writeReconfigure(writer, from, 0, 7, new Uint8Array(size)));
      expect(write).toThrow(InvariantError);
    }
  });

  it("core.md 38: is decoded as positions in the batch's bytes, into one object for all", () => {
    const command = new Command();
    const request: WriteOperation = { kind: "set", path: "/a", data: new Uint8Array([1, 2, 3]), version: -1 };
    const from = { sessionId: 5, generation: 1, identities: encoded([{ scheme: "digest", id: "a:b" }]) };
    const bytes = bytesOf((writer) => writeOperation(writer, from, 1, 1, request));
    decodeCommand(new ByteReader(bytes), command);
    expect(command.bytes).toBe(bytes);
    const { dataStart, dataEnd } = command.leaf;
    expect([...bytes.subarray(dataStart, dataEnd)]).toEqual([1, 2, 3]);
  });
});

describe("identities", () => {
  it("are read back, and refused above a thousand", () => {
    fc.assert(
      fc.property(identities, (list) => {
        expect(decodeIdentities(new ByteReader(encoded(list)))).toEqual(list);
      }),
    );
    const many = encoded(Array.from({ length: 1_001 }, () => ({ scheme: "ip", id: "::1" })));
    expect(() => decodeIdentities(new ByteReader(many))).toThrow(FormatError);
    const from = { sessionId: 0, generation: 1, identities: many };
    expect(() => decodeWhole(bytesOf((writer) => writeCloseSession(writer, from, 0, 0)))).toThrow(FormatError);
  });

  it("core.md 4: are checked where the command is decoded, for apply finds nothing wrong later", () => {
    const good = encoded([{ scheme: "digest", id: "a:b" }]);
    for (let end = 1; end < good.length; end++) {
      const from = { sessionId: 0, generation: 1, identities: good.slice(0, end) };
      expect(() => decodeWhole(bytesOf((writer) => writeCloseSession(writer, from, 0, 0)))).toThrow(FormatError);
    }
    const longer = { sessionId: 0, generation: 1, identities: Uint8Array.from([...good, 0]) };
    expect(() => decodeWhole(bytesOf((writer) => writeCloseSession(writer, longer, 0, 0)))).toThrow(FormatError);
  });
});

describe("createFault", () => {
  it("lets only the TTL modes have a TTL, of 1 to 2^40 - 1 ms, and knows no mode above 6", () => {
    for (let mode = 0; mode <= 4; mode++) {
      expect([createFault(mode, 0), createFault(mode, 1)]).toEqual([undefined, "only the TTL modes take a TTL"]);
    }
    for (const mode of [5, 6]) {
      const faults = [0, 1, TTL_MS_MAX, TTL_MS_MAX + 1].map((ttlMs) => createFault(mode, ttlMs) === undefined);
      expect(faults).toEqual([false, true, true, false]);
    }
    for (const mode of [-1, 7, 255]) expect(createFault(mode, 0)).toBe("the mode is unknown");
  });
});
