import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { beforeEach, describe, expect, it } from "vitest";
import { SnapshotError } from "../../../../src/storage/snapshot/snapshot-error.ts";
import {
  chooseSnapshot,
  createSnapshot,
  currentSnapshot,
  removeLeftovers,
  SnapshotChoiceError,
  selectSnapshot,
  snapshotFileName,
} from "../../../../src/storage/snapshot/snapshot-files.ts";
import { loadSnapshot } from "../../../../src/storage/snapshot/snapshot-loader.ts";
import { SNAPSHOT_PAGE_BYTES } from "../../../../src/storage/snapshot/snapshot-schema.ts";
import { Collector, temporaryDirectory } from "./snapshot-fixtures.ts";

let directory: string;

beforeEach(() => {
  directory = temporaryDirectory();
});

const touch = (...names: string[]) => {
  for (const name of names) writeFileSync(join(directory, name), name);
};

const OLD = "snapshot-0000000000000000.db";
const NEW = "snapshot-0000000100000005.db";

describe("the files of a snapshot", () => {
  it("is named after the zxid it began at", () => {
    expect(snapshotFileName(0)).toBe(OLD);
    expect(snapshotFileName(2 ** 32 + 5)).toBe(NEW);
    expect(snapshotFileName(Number.MAX_SAFE_INTEGER)).toBe("snapshot-001fffffffffffff.db");
  });

  it("is created whole, under its name alone", () => {
    const { file } = createSnapshot(directory, 0);
    expect(readdirSync(directory)).toEqual([OLD]);
    expect(statSync(file).size).toBe(4 * SNAPSHOT_PAGE_BYTES);
    expect(loadSnapshot(file, new Collector())).toBeUndefined();
    expect(currentSnapshot(directory)).toEqual({ file, began: 0 });
  });

  it("is none in an empty or a missing directory", () => {
    expect(selectSnapshot(directory)).toEqual({ current: undefined, leftovers: [] });
    expect(currentSnapshot(join(directory, "missing"))).toBeUndefined();
  });

  it("core.md 35: an interrupted creation is a leftover, and the next one starts over", () => {
    touch(`${OLD}.tmp`, `${OLD}.tmp-wal`, `${OLD}.tmp-shm`, `${OLD}.tmp-journal`);
    expect(currentSnapshot(directory)).toBeUndefined();
    expect(removeLeftovers(directory)).toHaveLength(4);
    touch(`${OLD}.tmp`, `${OLD}.tmp-wal`);
    createSnapshot(directory, 0);
    expect(readdirSync(directory)).toEqual([OLD]);
  });

  it("core.md 35: a received file is not current until the journal names it", () => {
    touch(OLD, `${OLD}-wal`, `${OLD}-shm`, NEW);
    expect(currentSnapshot(directory)?.began).toBe(0);
    expect(removeLeftovers(directory)).toEqual([join(directory, NEW)]);
    expect(readdirSync(directory)).toEqual([OLD, `${OLD}-shm`, `${OLD}-wal`]);
  });

  it("core.md 35: once the journal names it, the older file is the leftover", () => {
    touch(OLD, `${OLD}-wal`, `${OLD}-shm`, NEW);
    const installed = 2 ** 32 + 5;
    expect(currentSnapshot(directory, installed)).toEqual({ file: join(directory, NEW), began: installed });
    removeLeftovers(directory, installed);
    expect(readdirSync(directory)).toEqual([NEW]);
    expect(removeLeftovers(directory, installed)).toEqual([]);
  });

  it("core.md 35: a named file that is missing is an error, never the older file", () => {
    touch(OLD);
    expect(() => currentSnapshot(directory, 2 ** 32 + 5)).toThrow(
      /snapshot-0000000100000005\.db: file: the journal names .* 0x100000005 .* missing/,
    );
    expect(() => removeLeftovers(directory, 2 ** 32 + 5)).toThrow(/missing/);
    expect(readdirSync(directory)).toEqual([OLD]);
  });

  it.for([
    [[], undefined, undefined],
    [[0], undefined, 0],
    // Never named: the member's own first file, whatever was received beside it.
    [[0, 5], undefined, 0],
    [[9, 0, 5], undefined, 0],
    // Named: exactly that one, whether it began before or after the one it replaces, and whatever else was received.
    [[0, 5], 5, 5],
    [[5, 9], 5, 5],
    [[5, 9], 9, 9],
    [[0, 5, 9], 9, 9],
    [[0, 5, 9], 0, 0],
    // The record went with a pruned segment: the only one there is.
    [[5], undefined, 5],
  ] as const)("core.md 35: of files that began at %j, with %s named, %s is current", ([began, installed, current]) => {
    expect(chooseSnapshot(began, installed)).toBe(current);
  });

  it("core.md 35: no choice is made between installed files of which none is named", () => {
    touch("snapshot-0000000000000005.db", "snapshot-0000000000000009.db");
    expect(() => chooseSnapshot([5, 9])).toThrow(SnapshotChoiceError);
    expect(() => currentSnapshot(directory)).toThrow(/file: the journal names none .* 0x5, 0x9 as current/);
    expect(() => removeLeftovers(directory)).toThrow(SnapshotError);
    expect(readdirSync(directory)).toHaveLength(2);
  });

  it("core.md 35: an interrupted install is a leftover", () => {
    touch(OLD, `${NEW}.tmp`, `${NEW}.tmp-journal`);
    expect(currentSnapshot(directory)?.began).toBe(0);
    removeLeftovers(directory);
    expect(readdirSync(directory)).toEqual([OLD]);
  });

  it("leaves files of other names alone", () => {
    touch("snapshot-1.db", "snapshot-0000000000000000.db.bak", "notes.txt", "lock");
    expect(removeLeftovers(directory)).toEqual([]);
    expect(readdirSync(directory)).toHaveLength(4);
  });

  it("has 8 KiB pages, a -wal, and Muster's mark", () => {
    const database = new Database(createSnapshot(directory, 7).file, { readonly: true });
    const pragma = (name: string) => database.pragma(name, { simple: true });
    expect([pragma("page_size"), pragma("journal_mode"), pragma("application_id"), pragma("user_version")]).toEqual([
      8192,
      "wal",
      0x4d737472,
      2,
    ]);
    database.close();
  });
});
