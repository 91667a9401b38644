import {
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { beforeEach, describe, expect, it } from "vitest";
import { SnapshotError } from "../../../../src/storage/snapshot/snapshot-error.ts";
import { currentSnapshot, type SnapshotFile } from "../../../../src/storage/snapshot/snapshot-files.ts";
import { loadSnapshot, loadSnapshotMeta } from "../../../../src/storage/snapshot/snapshot-loader.ts";
import { SNAPSHOT_PAGE_BYTES } from "../../../../src/storage/snapshot/snapshot-schema.ts";
import { Collector, shown, smallMeta, smallTree, temporaryDirectory, znode } from "./snapshot-fixtures.ts";
import { sqliteRig } from "./snapshot-rig.ts";
import { expected, received, smallRound } from "./transfer-fixtures.ts";

let file: string;

beforeEach(async () => {
  const rig = sqliteRig();
  const opened = await rig.open();
  await opened.round(smallTree, smallMeta);
  await opened.store.close();
  ({ file } = currentSnapshot(rig.directory) as SnapshotFile);
});

function load() {
  const collector = new Collector();
  return { meta: loadSnapshot(file, collector), rows: collector.rows };
}

/** Changes the file as no member would. */
function tamper(sql: string): void {
  const database = new Database(file);
  database.unsafeMode(true);
  database.pragma("writable_schema = ON");
  database.exec(sql);
  database.close();
}

function fault(): Record<string, unknown> {
  try {
    load();
  } catch (error) {
    expect(error).toBeInstanceOf(SnapshotError);
    expect((error as Error).message).toContain(file);
    return { ...(error as SnapshotError).fault };
  }
  return expect.unreachable("the damage was not named");
}

describe("loading a snapshot", () => {
  it("reads the meta alone", () => {
    expect(loadSnapshotMeta(file)).toEqual(smallMeta);
  });

  it("core.md 34: one bit flipped at every byte is named, or the same rows are loaded", () => {
    const original = { meta: smallMeta, rows: shown(smallTree.znodes, smallTree.sessions) };
    const bytes = readFileSync(file);
    const descriptor = openSync(file, "r+");
    let named = 0;
    try {
      for (let at = 0; at < bytes.length; at++) {
        const byte = bytes[at] as number;
        writeSync(descriptor, Uint8Array.of(byte ^ (1 << (at % 8))), 0, 1, at);
        try {
          expect(load(), `byte ${at}`).toEqual(original);
        } catch (error) {
          // Storage's own checks, or a row's checksum, which the sink verifies as the core does.
          if (!(error instanceof SnapshotError) && !/^(znode|session) \d+: checksum$/.test((error as Error).message))
            throw error;
          named++;
        }
        writeSync(descriptor, Uint8Array.of(byte), 0, 1, at);
      }
    } finally {
      closeSync(descriptor);
    }
    expect(load()).toEqual(original);
    expect(named).toBeGreaterThan(1500);
  });

  it("core.md 5: a newer format is refused by name", () => {
    tamper("PRAGMA user_version = 3");
    expect(fault()).toMatchObject({
      where: "header",
      rule: "the file has snapshot format 3; this version of Muster knows formats 1 to 2",
      fix: "run the version of Muster that wrote the file, or a later one",
    });
    expect(() => loadSnapshotMeta(file)).toThrow(/snapshot format 3/);
  });

  it("a store does not open a file of a newer format", async () => {
    tamper("PRAGMA user_version = 3");
    await expect(sqliteRig(join(file, "..")).open()).rejects.toThrow(/snapshot format 3/);
  });

  it.for([
    ["another program's database", "PRAGMA application_id = 7", "header", /application_id/],
    ["an index more", "CREATE INDEX i ON znode (name)", "schema", /tables/],
    ["another schema", "DROP TABLE session", "schema", /tables/],
    ["a changed meta row", "UPDATE meta SET time = time + 1", "meta 1", /checksum/],
    ["a changed history", "UPDATE meta SET history = CAST('the oldest events' AS BLOB)", "meta 1", /checksum/],
    ["a lost history", "UPDATE meta SET history = x''", "meta 1", /checksum/],
    ["a meta row that is no number", "UPDATE meta SET zxid = -1", "meta 1", /column 1/],
    ["a lost meta row", "DELETE FROM meta", "meta 1", /missing/],
    ["a lost meta row with sessions only", "DELETE FROM meta; DELETE FROM znode", "meta 1", /missing/],
    ["a lost znode", "DELETE FROM znode WHERE serial = 9", "znode", /5 rows, and the meta row counts 6/],
    ["a lost session", "DELETE FROM session WHERE id = 4294967299", "session", /1 rows, and the meta row counts 2/],
    ["an unknown kind", "UPDATE znode SET kind = 4 WHERE serial = 3", "znode 3", /kind 4/],
    ["a parent after its child", "UPDATE znode SET parent = 9 WHERE serial = 3", "znode 3", /parent/],
    ["a second root", "UPDATE znode SET parent = 0 WHERE serial = 3", "znode 3", /parent/],
    ["a serial not given yet", "UPDATE znode SET serial = 10 WHERE serial = 9", "znode 10", /next_serial/],
    ["a number above 2^53", "UPDATE znode SET mzxid = 9007199254740992 WHERE serial = 3", "znode 3", /column 5/],
    ["a negative zxid", "UPDATE znode SET czxid = -1 WHERE serial = 4", "znode 4", /column 4/],
    ["a version above 2^31", "UPDATE znode SET version = 2147483648 WHERE serial = 4", "znode 4", /column 9/],
    ["a checksum above 2^32", "UPDATE znode SET checksum = 4294967296 WHERE serial = 4", "znode 4", /column 14/],
    ["a short secret hash", "UPDATE session SET secret_hash = x'00' WHERE id = 4294967298", "session 4294967298", /32/],
    ["a session id of zero", "UPDATE session SET id = 0 WHERE id = 4294967298", "session 0", /rise/],
    ["a serial of zero", "UPDATE znode SET serial = 0 WHERE serial = 9", "znode 0", /rise/],
  ] as const)("names %s", ([, sql, where, rule]) => {
    tamper(sql);
    expect(fault()).toMatchObject({ file, where, rule: expect.stringMatching(rule) });
  });

  it("names a file that is no database, is cut, or is missing", () => {
    const whole = readFileSync(file);
    writeFileSync(file, "not a database, but long enough to have a header".repeat(100));
    expect(fault()).toMatchObject({ rule: expect.stringMatching(/SQLITE_NOTADB/) });
    writeFileSync(file, whole);
    truncateSync(file, whole.length - SNAPSHOT_PAGE_BYTES);
    expect(fault()).toMatchObject({ rule: expect.stringMatching(/malformed|SQLITE_CORRUPT|quick_check/) });
    rmSync(file);
    expect(fault()).toMatchObject({
      rule: expect.stringMatching(/SQLITE_CANTOPEN/),
      fix: expect.stringContaining("check that the file is there"),
    });
  });

  it("passes the sink's own exception through", () => {
    const own = new RangeError("out of serials");
    const sink = new Collector();
    sink.znode = (row) => {
      if (row.serial === 3) throw own;
    };
    expect(() => loadSnapshot(file, sink)).toThrow(own);
  });

  it("pages through many znodes with values of every size, in order", async () => {
    const znodes = [znode({})];
    for (let i = 2; i < 1300; i++) {
      const data = new Uint8Array(i % 400 === 0 ? 700_000 : (i * 37) % 3000).fill(i);
      znodes.push(znode({ serial: i * 3, parentSerial: i < 10 ? 1 : 6, name: `n${i}`, data }));
    }
    const rig = sqliteRig(temporaryDirectory());
    const opened = await rig.open();
    await opened.round({ znodes }, { ...smallMeta, nextSerial: 3900, nodeCount: znodes.length, sessionCount: 0 });
    await opened.store.close();
    const collector = new Collector();
    rig.load(collector);
    expect(collector.rows).toEqual(shown(znodes));
  });
});

describe("golden snapshots", () => {
  beforeEach(() => {
    file = join(temporaryDirectory(), "snapshot-0000000000000000.db");
  });

  const take = (name: string) => copyFileSync(new URL(`../../../golden/snapshot/${name}`, import.meta.url), file);
  const old = { meta: smallMeta, rows: shown(smallTree.znodes, smallTree.sessions) };

  it("core.md 5: format 1 is read as it was written, with no configuration", () => {
    take("format-1.db");
    expect(load()).toEqual(old);
    expect(loadSnapshotMeta(file)).toMatchObject({ configuration: new Uint8Array(0), configurationZxid: 0 });
  });

  it("core.md 5: format 1 opened for writing becomes format 2, with nothing lost and rounds going on", async () => {
    take("format-1.db");
    const rig = sqliteRig(join(file, ".."));
    const opened = await rig.open();
    expect(load()).toEqual(old);
    const configuration = Uint8Array.of(1, 2, 3);
    const meta = { ...smallMeta, zxid: smallMeta.zxid + 1, configuration, configurationZxid: smallMeta.zxid + 1 };
    await opened.round({}, meta);
    await opened.store.close();
    expect(load()).toEqual({ ...old, meta });
    const database = new Database(file, { readonly: true });
    expect(database.pragma("user_version", { simple: true })).toBe(2);
    database.close();
  });

  it("core.md 5: a file of format 1 that holds no round yet becomes format 2, too", async () => {
    take("format-1.db");
    tamper("DELETE FROM meta; DELETE FROM znode; DELETE FROM session");
    const opened = await sqliteRig(join(file, "..")).open();
    expect(opened.store.lastZxid).toBe(0);
    await opened.round(smallTree, smallMeta);
    await opened.store.close();
    expect(load()).toEqual(old);
  });

  it("core.md 5: format 2 is read as it was written", () => {
    take("format-2.db");
    expect(received({ load: (sink) => loadSnapshot(file, sink) })).toEqual(expected(smallRound));
  });
});
