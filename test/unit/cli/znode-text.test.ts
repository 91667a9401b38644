import type { Stat } from "@muster/client";
import { expect, test } from "vitest";
import {
  aclEntryToText,
  childPath,
  eventToJson,
  eventToText,
  isOpenAcl,
  parseAcl,
  parseVersion,
  parseZxid,
  permissionsToText,
  statToJson,
  statToText,
} from "../../../src/cli/znode-text.ts";

const stat: Stat = {
  czxid: 2 ** 32 + 1,
  mzxid: 2 ** 32 + 10,
  pzxid: 2 ** 53 - 1,
  ctime: 0,
  mtime: 1_700_000_000_123,
  version: 3,
  cversion: 4,
  aversion: 5,
  ephemeralOwner: 255,
  dataLength: 6,
  numChildren: 7,
};

test("a stat shows zxids and session ids in hex and times in UTC", () => {
  expect(statToJson(stat)).toEqual({
    czxid: "0x100000001",
    mzxid: "0x10000000a",
    pzxid: "0x1fffffffffffff",
    ctime: "1970-01-01T00:00:00.000Z",
    mtime: "2023-11-14T22:13:20.123Z",
    version: 3,
    cversion: 4,
    aversion: 5,
    ephemeralOwner: "0xff",
    dataLength: 6,
    numChildren: 7,
  });
  expect(statToText(stat).split("\n")[0]).toBe("czxid           0x100000001");
});

test("a time beyond what a date can be is shown as it is", () => {
  expect(statToJson({ ...stat, ctime: 9e15 })["ctime"]).toBe("9000000000000000");
});

test("an event is one line, its path made printable", () => {
  const event = { type: "data-changed", path: "/a\nb", zxid: 16 } as const;
  expect(eventToText(event)).toBe("0x10  data-changed      /a\\u000ab\n");
  expect(eventToJson(event)).toEqual({ type: "data-changed", path: "/a\nb", zxid: "0x10" });
});

test("a gap in a watch is said, not passed over", () => {
  expect(eventToText({ type: "compacted", path: "/a", zxid: 1 })).toContain("events may be missing");
});

test("an ACL is written as in ZooKeeper's shell, ids with colons included", () => {
  const acl = parseAcl("world:anyone:r, digest:ann:aGFzaA==:cdrwa", "--acl");
  expect(acl).toEqual([
    { scheme: "world", id: "anyone", permissions: 1 },
    { scheme: "digest", id: "ann:aGFzaA==", permissions: 31 },
  ]);
  expect(acl.map(aclEntryToText)).toEqual(["world:anyone:r", "digest:ann:aGFzaA==:cdrwa"]);
  expect(permissionsToText(2 + 16)).toBe("wa");
});

test.for(["", "world", "world:anyone", "world:anyone:", "world:anyone:x", ":a:r"])("not an ACL entry: %j", (text) => {
  expect(() => parseAcl(text, "--acl")).toThrow(/^--acl: .* is not an ACL entry; write scheme:id:permissions/);
});

test("only the ACL that everyone gets is open", () => {
  expect(isOpenAcl(parseAcl("world:anyone:cdrwa", "x"))).toBe(true);
  expect(isOpenAcl(parseAcl("world:anyone:cdrw", "x"))).toBe(false);
  expect(isOpenAcl([])).toBe(false);
});

test("a zxid is read in hex and in decimal", () => {
  expect(parseZxid("0x100000007", "--after")).toBe(2 ** 32 + 7);
  expect(parseZxid("12", "--after")).toBe(12);
  for (const text of ["", "-1", "1.5", "0x", "0x3fffffffffffff", "x"]) {
    expect(() => parseZxid(text, "--after")).toThrow("is not a zxid");
  }
});

test("a version is 32 bits; -1, which would mean any, is refused", () => {
  expect(parseVersion("0")).toBe(0);
  expect(parseVersion("-2147483648")).toBe(-(2 ** 31));
  for (const text of ["-1", "2147483648", "1.0", ""]) expect(() => parseVersion(text)).toThrow("is not a version");
});

test("a child of the root has one slash", () => {
  expect(childPath("/", "a")).toBe("/a");
  expect(childPath("/a", "b")).toBe("/a/b");
});
