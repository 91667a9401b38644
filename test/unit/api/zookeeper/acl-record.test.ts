import { expect, test } from "vitest";
import { OPEN, readAcl, writeAcl } from "../../../../src/api/zookeeper/acl-record.ts";
import { BufferPool } from "../../../../src/api/zookeeper/buffer-pool.ts";
import { JuteError, JuteReader } from "../../../../src/api/zookeeper/jute-reader.ts";
import { ReplyWriter } from "../../../../src/api/zookeeper/reply-writer.ts";
import type { AclEntry } from "../../../../src/core/tree/operation.ts";
import { JuteWriter } from "../../../conformance/differential/jute.ts";

function encoded(acl: readonly AclEntry[] | null): Uint8Array {
  const writer = new JuteWriter();
  return writer.vector(acl, ({ permissions, scheme, id }) => writer.int(permissions).string(scheme).string(id)).done();
}

function read(bytes: Uint8Array): readonly AclEntry[] | undefined {
  return readAcl(new JuteReader().reset(bytes, 0, bytes.length));
}

const ann: AclEntry = { permissions: 3, scheme: "digest", id: "ann:x" };
const anyone: AclEntry = { permissions: 31, scheme: "world", id: "anyone" };

test("reference 2.7: entries are read and written as permissions, scheme and id", () => {
  const acl = [ann, { ...anyone, permissions: 1 }];
  expect(read(encoded(acl))).toEqual(acl);
  const writer = new ReplyWriter(new BufferPool());
  writeAcl(writer, acl);
  expect(Buffer.from(writer.bytes.subarray(0, writer.length))).toEqual(Buffer.from(encoded(acl)));
});

test("the ACL that is open to everybody is none, and no other is taken for it", () => {
  expect(read(encoded(OPEN))).toBeUndefined();
  const others = [
    [],
    [anyone, anyone],
    [{ ...anyone, permissions: 30 }],
    [{ ...anyone, scheme: "ip" }],
    [{ ...anyone, id: "somebody" }],
  ];
  for (const acl of others) expect(read(encoded(acl))).toEqual(acl);
});

test("reference 1.2: null is an empty ACL, which is for the tree to refuse", () => {
  expect(read(encoded(null))).toEqual([]);
});

test("more entries than there are bytes for are refused at once", () => {
  expect(() => read(new JuteWriter().int(1_000_000).raw(new Uint8Array(100)).done())).toThrow(JuteError);
  const cut = encoded([ann]);
  expect(() => read(cut.subarray(0, cut.length - 1))).toThrow(JuteError);
});
