import fc from "fast-check";
import { expect, test } from "vitest";
import { formatTransferLine, parseTransferLine, type TransferZnode } from "../../../src/cli/transfer-line.ts";

test("a plain znode is its path and its data", () => {
  const znode: TransferZnode = {
    path: "/a",
    data: Buffer.from("x"),
    mode: "persistent",
    acl: undefined,
    ttlMs: undefined,
  };
  expect(formatTransferLine(znode)).toBe('{"path":"/a","utf8":"x"}\n');
});

test("property: what is exported is imported as it was", () => {
  const entry = fc.record({
    scheme: fc.constantFrom("world", "digest", "ip"),
    id: fc.string(),
    permissions: fc.integer({ min: 1, max: 31 }),
  });
  const mode = fc.oneof(
    fc.record({ mode: fc.constantFrom("persistent" as const, "container" as const), ttlMs: fc.constant(undefined) }),
    fc.record({ mode: fc.constant("ttl" as const), ttlMs: fc.integer({ min: 1, max: 2 ** 40 - 1 }) }),
  );
  const rest = fc.record({
    path: fc.string({ unit: "grapheme" }).map((text) => `/${text}`),
    data: fc.uint8Array(),
    acl: fc.option(fc.array(entry, { minLength: 1, maxLength: 3 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(rest, mode, (znode, kind) => {
      const line = formatTransferLine({ ...znode, ...kind });
      expect(line.slice(0, -1)).not.toContain("\n");
      const read = parseTransferLine(line, "f:1");
      expect({ ...read, data: [...read.data] }).toEqual({ ...znode, ...kind, data: [...znode.data] });
    }),
  );
});

test.for<[string, string]>([
  ["nonsense", "f:7: is not JSON: "],
  ["[]", "f:7: is not a JSON object"],
  ["null", "f:7: is not a JSON object"],
  ['{"utf8":""}', "f:7: has no path that begins with /"],
  ['{"path":"a","utf8":""}', "f:7: has no path that begins with /"],
  ['{"path":"/a"}', "f:7: has no data"],
  ['{"path":"/a","utf8":"","data":1}', 'f:7: has the unknown key "data"; remove it'],
  ['{"path":"/a","utf8":"","mode":"ephemeral"}', "f:7: the mode is not one of persistent, container, ttl"],
  ['{"path":"/a","utf8":"","acl":[]}', "f:7: the acl is not a list of entries"],
  ['{"path":"/a","utf8":"","acl":["x"]}', 'f:7: "x" is not an ACL entry'],
  ['{"path":"/a","utf8":"","ttlMs":5}', "f:7: has ttlMs with mode persistent"],
  ['{"path":"/a","utf8":"","mode":"ttl"}', "f:7: mode ttl needs ttlMs"],
  ['{"path":"/a","utf8":"","mode":"ttl","ttlMs":0}', "f:7: mode ttl needs ttlMs"],
])("a line that is refused: %s", ([text, message]) => {
  expect(() => parseTransferLine(text, "f:7")).toThrow(message);
});
