import { beforeEach, describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import type { SessionRow, ZnodeRow } from "../../../../src/core/tree/snapshot-row.ts";
import { RowChecker } from "../../../../src/storage/snapshot/row-checker.ts";
import { meta, session, znode } from "./snapshot-fixtures.ts";
import { sealedSession, sealedZnode, smallRound, windowOf } from "./transfer-fixtures.ts";

let checker: RowChecker;

beforeEach(() => {
  checker = new RowChecker(meta({ nextSerial: 10 }));
});

const root = sealedZnode(znode({}));
const child = znode({ serial: 3, parentSerial: 1, name: "a" });

describe("checking the rows of a transfer", () => {
  it("accepts rows in order", () => {
    for (const row of smallRound.znodes) checker.znode(row);
    for (const row of smallRound.sessions) checker.session(row);
  });

  it.for([
    ["another first znode", [sealedZnode(child)], "znode 3: it comes first"],
    ["a znode twice", [root, root], "znode 1: serials do not rise"],
    ["a serial not given yet", [root, sealedZnode({ ...child, serial: 10 })], "znode 10: .* next serial"],
    ["a parent after its child", [root, sealedZnode({ ...child, parentSerial: 4 })], "znode 3: .* parent"],
    ["a second root", [root, sealedZnode({ ...child, parentSerial: 0 })], "znode 3: .* parent"],
    ["an unknown kind", [root, sealedZnode({ ...child, kind: 4 as 0 })], "znode 3: kind 4"],
  ] as const)("refuses %s", ([, rows, rule]) => {
    expect(() => {
      for (const row of rows) checker.znode(row);
    }).toThrow(new RegExp(rule));
  });

  const fields: Partial<ZnodeRow>[] = [
    { serial: 4 },
    { parentSerial: 2 },
    { name: encodeUtf8("b") },
    { name: encodeUtf8("a\u0000") },
    { data: encodeUtf8("x") },
    { data: new Uint8Array(1) },
    { kind: 1 },
    { czxid: 1 },
    { mzxid: 1 },
    { pzxid: 2 ** 40 },
    { ctime: 1 },
    { mtime: 1 },
    { version: 1 },
    { creations: 1 },
    { aversion: -1 },
    { owner: 1 },
    { ttlMs: 1 },
    { acl: '[["world","anyone",1]]' },
  ];

  it.for(fields)("core.md 34: a znode's checksum covers %j", (field) => {
    const row = { ...sealedZnode(child), ...field };
    checker.znode(root);
    expect(() => checker.znode(row)).toThrow(/does not match its checksum/);
  });

  const owner = session({ id: 7, window: windowOf(3, [[4, "one"]]) });
  const sessions: Partial<SessionRow>[] = [
    { id: 8 },
    { secretHash: new Uint8Array(32).fill(1) },
    { timeoutMs: 1 },
    { generation: 1 },
    { window: windowOf(2, [[4, "one"]]) },
    { window: windowOf(3, [[5, "one"]]) },
    { window: windowOf(3, [[4, "two"]]) },
  ];

  it.for(sessions)("core.md 34: a session's checksum covers %j", (field) => {
    expect(() => checker.session({ ...sealedSession(owner), ...field })).toThrow(/session \d: .* its checksum/);
  });

  it("accepts a session's checksum from before format 2, which leaves its answers out", () => {
    const [, older] = checker.sessionChecksums(owner);
    checker.session({ ...owner, checksum: older });
    expect(() => checker.session({ ...owner, id: 8, checksum: older })).toThrow(/checksum/);
  });

  it("refuses sessions out of order, and windows that are none", () => {
    checker.session(sealedSession(owner));
    expect(() => checker.session(sealedSession(owner))).toThrow(/session 7: session ids do not rise/);
    expect(() => checker.session({ ...owner, id: 9, window: new Uint8Array(3) })).toThrow(
      /session 9: its window ends too early/,
    );
  });

  it("remembers the hashes of few ACLs, and is right about any number", () => {
    checker = new RowChecker(meta({ nextSerial: 1e6 }));
    checker.znode(root);
    for (let serial = 2; serial < 3000; serial++) {
      checker.znode(sealedZnode({ ...child, serial, acl: `[["digest","user-${serial % 1500}",1]]` }));
    }
  });
});
