import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { beforeEach, describe, expect, it } from "vitest";
import {
  createSnapshot,
  currentSnapshot,
  removeLeftovers,
  snapshotFileName,
} from "../../../../src/storage/snapshot/snapshot-files.ts";
import { type InstallStep, SnapshotInstaller } from "../../../../src/storage/snapshot/snapshot-installer.ts";
import { loadSnapshot } from "../../../../src/storage/snapshot/snapshot-loader.ts";
import { SnapshotWriter } from "../../../../src/storage/snapshot/snapshot-writer.ts";
import { verifySnapshot } from "../../../../src/storage/snapshot/verify-snapshot.ts";
import { encode, temporaryDirectory } from "./snapshot-fixtures.ts";
import { chunksOf, expected, largeRound, ROUND_ZXID, received, smallRound } from "./transfer-fixtures.ts";

const OLD = snapshotFileName(0);
const NEW = snapshotFileName(ROUND_ZXID);
const before = largeRound(5, 100);
let directory: string;

/** A member with a round of its own, whose process is gone. */
beforeEach(() => {
  directory = temporaryDirectory();
  const { file } = createSnapshot(directory, 0);
  const writer = new SnapshotWriter(file, { waitForSpace: () => expect.unreachable() });
  writer.write(encode(before));
  writer.commit(before.meta);
  writer.close();
});

const load = (from: string, installed?: number) =>
  received({
    load: (sink) => {
      const current = currentSnapshot(from, installed);
      return current && loadSnapshot(current.file, sink);
    },
  });

/** What a process that stopped at each step would have left: a copy of the directory. */
function installStopping(): Map<InstallStep | "receiving" | "named" | "cleaned", string> {
  const copies = new Map<InstallStep | "receiving" | "named" | "cleaned", string>();
  const stop = (step: InstallStep | "receiving" | "named" | "cleaned"): void => {
    const copy = temporaryDirectory();
    cpSync(directory, copy, { recursive: true });
    copies.set(step, copy);
  };
  const installer = new SnapshotInstaller({ directory, afterStep: stop });
  for (const chunk of chunksOf(smallRound)) {
    installer.write(chunk);
    stop("receiving");
  }
  expect(installer.finish()).toEqual({ zxid: ROUND_ZXID, file: join(directory, NEW) });
  stop("named");
  removeLeftovers(directory, ROUND_ZXID);
  stop("cleaned");
  return copies;
}

describe("installing a snapshot", () => {
  it("core.md 35: stopped after any step before the journal names it, the old one is current and the rest goes", () => {
    const copies = installStopping();
    expect([...copies.keys()]).toEqual([
      "created",
      "receiving",
      "written",
      "verified",
      "closed",
      "synced",
      "renamed",
      "durable",
      "named",
      "cleaned",
    ]);
    for (const [step, copy] of copies) {
      if (step === "cleaned") continue;
      expect(currentSnapshot(copy)?.began, step).toBe(0);
      const leftover = step === "renamed" || step === "durable" || step === "named" ? NEW : `${NEW}.tmp`;
      expect(readdirSync(copy), step).toEqual(expect.arrayContaining([OLD, leftover]));
      removeLeftovers(copy);
      expect(readdirSync(copy), step).toEqual([OLD]);
      expect(load(copy), step).toEqual(expected(before));
    }
  });

  it("core.md 35: from the moment the journal may name it, the new one is whole under its name", () => {
    for (const [step, copy] of installStopping()) {
      if (!["durable", "named", "cleaned"].includes(step)) continue;
      removeLeftovers(copy, ROUND_ZXID);
      expect(readdirSync(copy), step).toEqual([NEW]);
      expect(load(copy, ROUND_ZXID), step).toEqual(expected(smallRound));
    }
  });

  it("core.md 35: is closed without -wal before it is renamed", () => {
    const copies = installStopping();
    for (const step of ["closed", "synced", "renamed", "durable"] as const) {
      const beside = readdirSync(copies.get(step) as string).filter((name) => name.startsWith(NEW));
      expect(beside, step).toEqual([step === "closed" || step === "synced" ? `${NEW}.tmp` : NEW]);
    }
  });

  it("the file is as a member writes it: in WAL mode, of the present format, and every rule of the rows holds", () => {
    installStopping();
    const file = join(directory, NEW);
    const database = new Database(file, { readonly: true });
    const pragma = (name: string) => database.pragma(name, { simple: true });
    expect([pragma("journal_mode"), pragma("page_size"), pragma("user_version")]).toEqual(["wal", 8192, 2]);
    database.close();
    // The fixture's ephemeral znode belongs to an open session, and its zxids are not above the round's.
    expect(verifySnapshot(file)).toEqual({ meta: smallRound.meta, findings: [] });
  });

  it("a -wal of an earlier install under the same name never meets the new file", () => {
    const other = createSnapshot(directory, ROUND_ZXID).file;
    const writer = new SnapshotWriter(other, { waitForSpace: () => true, isPinned: () => true });
    const reader = new Database(other, { readonly: true });
    reader.exec("BEGIN");
    reader.prepare("SELECT count(*) FROM znode").get();
    writer.write(encode(largeRound(ROUND_ZXID, 50)));
    writer.commit(largeRound(ROUND_ZXID, 50).meta);
    const wal = readFileSync(`${other}-wal`);
    expect(wal.length).toBeGreaterThan(0);
    reader.close();
    writer.close();
    writeFileSync(`${other}-wal`, wal);
    installStopping();
    expect(load(directory, ROUND_ZXID)).toEqual(expected(smallRound));
  });

  it("starts over where an install was interrupted", () => {
    writeFileSync(join(directory, `${NEW}.tmp`), "half a file");
    writeFileSync(join(directory, `${NEW}.tmp-journal`), "and more");
    installStopping();
    expect(readdirSync(directory)).toEqual([NEW]);
  });

  it("refuses to fill the disk, and takes its file away again", () => {
    let free = 2 ** 40;
    const installer = new SnapshotInstaller({ directory, freeBytes: () => free });
    const [first, second] = chunksOf(smallRound) as [Uint8Array, Uint8Array];
    installer.write(first);
    expect(readdirSync(directory)).toEqual([OLD, `${NEW}.tmp`]);
    free = 1024 * 1024;
    expect(() => installer.write(second)).toThrow(/NO_SPACE: 1048576 bytes are free in /);
    installer.abort();
    expect(readdirSync(directory)).toEqual([OLD]);
  });

  it("names the file it could not write", () => {
    const installer = new SnapshotInstaller({ directory: join(directory, "missing"), freeBytes: () => 2 ** 40 });
    expect(() => installer.write(chunksOf(smallRound)[0] as Uint8Array)).toThrow(/missing.*: write: /);
    installer.abort();
  });
});
