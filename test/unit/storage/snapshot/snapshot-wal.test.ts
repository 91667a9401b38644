import { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { beforeEach, describe, expect, it } from "vitest";
import { Prng } from "../../../../src/core/base/prng.ts";
import type { ZnodeRow } from "../../../../src/core/tree/snapshot-row.ts";
import { currentSnapshot, type SnapshotFile } from "../../../../src/storage/snapshot/snapshot-files.ts";
import { loadSnapshot } from "../../../../src/storage/snapshot/snapshot-loader.ts";
import { SNAPSHOT_PAGE_BYTES } from "../../../../src/storage/snapshot/snapshot-schema.ts";
import { meta, shown, temporaryDirectory, znode } from "./snapshot-fixtures.ts";
import { content, sqliteRig } from "./snapshot-rig.ts";

const ZNODES = 400;

function round(zxid: number): ZnodeRow[] {
  return Array.from({ length: ZNODES }, (_, i) =>
    i === 0 ? znode({}) : znode({ serial: i + 1, parentSerial: 1, name: `n${i}`, data: `${zxid}`.padEnd(200) }),
  );
}

const coordinates = (zxid: number) => meta({ zxid, nodeCount: ZNODES });
const first = { meta: coordinates(1), rows: shown(round(1)) };
const second = { meta: coordinates(2), rows: shown(round(2)) };

/**
 * Round 1 in the database, round 2 in the -wal alone, because a reader held its checkpoint back; copied as a crash at
 * that moment would leave them. `finished` is the database after the checkpoint.
 */
let crashed: string;
let finished: string;

beforeEach(async () => {
  const rig = sqliteRig();
  const opened = await rig.open();
  await opened.round({ znodes: round(1) }, coordinates(1));
  const { file } = currentSnapshot(rig.directory) as SnapshotFile;
  const reader = new Database(file, { readonly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM znode").get();
  await opened.round({ znodes: round(2) }, coordinates(2));
  expect(opened.store.stats().walBytes).toBeGreaterThan(0);
  crashed = join(temporaryDirectory(), "snapshot-0000000000000000.db");
  copyFileSync(file, crashed);
  copyFileSync(`${file}-wal`, `${crashed}-wal`);
  reader.close();
  await opened.store.close();
  finished = file;
});

const load = () => content({ load: (sink) => loadSnapshot(crashed, sink) });

describe("the -wal after a crash", () => {
  it("a reader of another program holds the checkpoint back, not the commit", () => {
    expect(load()).toEqual(second);
  });

  it("core.md 34: cut anywhere, it leaves a whole round", () => {
    const wal = readFileSync(`${crashed}-wal`);
    const seen = new Set<number | undefined>();
    for (let length = wal.length; length >= 0; length -= length > wal.length - 8400 ? 601 : 4099) {
      writeFileSync(`${crashed}-wal`, wal);
      truncateSync(`${crashed}-wal`, length);
      const loaded = load();
      seen.add(loaded.meta?.zxid);
      expect(loaded).toEqual(length === wal.length ? second : first);
    }
    expect([...seen]).toEqual([2, 1]);
  });

  it("core.md 34: a checkpoint that stopped after any pages loses nothing", () => {
    const before = readFileSync(crashed);
    const after = readFileSync(finished);
    const prng = new Prng(11);
    for (let attempt = 0; attempt < 20; attempt++) {
      const mixed = Buffer.alloc(Math.max(before.length, after.length));
      before.copy(mixed);
      for (let at = 0; at < after.length; at += SNAPSHOT_PAGE_BYTES) {
        if (prng.chance(attempt / 19)) after.copy(mixed, at, at, at + SNAPSHOT_PAGE_BYTES);
      }
      writeFileSync(crashed, mixed);
      expect(load()).toEqual(second);
    }
  });

  it("the next start moves what is left into the database", async () => {
    const rig = sqliteRig(join(crashed, ".."));
    const opened = await rig.open();
    expect(opened.store.stats()).toMatchObject({ lastZxid: 2, walBytes: 0 });
    await opened.store.close();
    expect(load()).toEqual(second);
  });
});

describe("a long -wal", () => {
  const LARGE = "x".repeat(64 * 1024);
  const rows = (zxid: number): ZnodeRow[] => [
    znode({}),
    ...Array.from({ length: 320 }, (_, i) =>
      znode({ serial: i + 2, parentSerial: 1, name: `n${i}`, data: `${zxid}${LARGE}` }),
    ),
  ];

  it("is written over by the next round, and says nothing more of the last one after a crash", async () => {
    const rig = sqliteRig();
    const opened = await rig.open();
    const at = (zxid: number) => meta({ zxid, nodeCount: 321 });
    await opened.round({ znodes: rows(1) }, at(1));
    const { file } = currentSnapshot(rig.directory) as SnapshotFile;
    const { walBytes, writtenBytes } = opened.store.stats();
    expect(walBytes).toBeGreaterThan(20 * 1024 * 1024);
    const copy = join(temporaryDirectory(), "snapshot-0000000000000000.db");
    copyFileSync(file, copy);
    copyFileSync(`${file}-wal`, `${copy}-wal`);
    const database = new Database(copy);
    const [frames] = database.pragma("wal_checkpoint(PASSIVE)") as { log: number }[];
    expect(frames?.log).toBe(1);
    expect(database.prepare("SELECT count(*) FROM znode").pluck().get()).toBe(321);
    database.close();
    await opened.round({ znodes: rows(2) }, at(2));
    expect(opened.store.stats().walBytes).toBe(walBytes);
    const share = (opened.store.stats().writtenBytes - writtenBytes) / writtenBytes;
    expect(share).toBeGreaterThan(0.9);
    expect(share).toBeLessThan(1.1);
    expect(content({ load: (sink) => loadSnapshot(file, sink) })).toEqual({ meta: at(2), rows: shown(rows(2)) });
    await opened.store.close();
  });
});
