import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { decodeUtf8 } from "../../../../src/core/base/bytes.ts";
import type { RowSink } from "../../../../src/core/tree/snapshot-row.ts";
import { SnapshotError } from "../../../../src/storage/snapshot/snapshot-error.ts";
import {
  createSnapshot,
  currentSnapshot,
  removeLeftovers,
  type SnapshotFile,
  snapshotFileName,
} from "../../../../src/storage/snapshot/snapshot-files.ts";
import { loadSnapshot } from "../../../../src/storage/snapshot/snapshot-loader.ts";
import { compiledModule } from "../../../../src/storage/worker-file.ts";
import { encode, meta, shown, smallMeta, smallTree, temporaryDirectory } from "./snapshot-fixtures.ts";
import { content, sqliteRig } from "./snapshot-rig.ts";

const SOURCE = new URL("../../../../src/", import.meta.url);
const compiled = (paths: readonly string[]) => paths.map((path) => compiledModule(new URL(path, SOURCE)).href);
const modules = compiled(["storage/snapshot/snapshot-store.ts", "core/tree/snapshot-row.ts", "core/base/bytes.ts"]);
const installModules = compiled([
  "storage/snapshot/install-snapshot.ts",
  "storage/snapshot/snapshot-files.ts",
  "storage/snapshot/transfer-encoder.ts",
  "storage/snapshot/row-checker.ts",
  "core/tree/snapshot-row.ts",
  "core/base/bytes.ts",
]);
const CHILD = fileURLToPath(new URL("snapshot-child.mjs", import.meta.url));
const INSTALL_CHILD = fileURLToPath(new URL("snapshot-install-child.mjs", import.meta.url));

function start(directory: string, prefix: string[] = []): ChildProcess {
  const [command, ...rest] = [...prefix, process.execPath, CHILD, ...modules, directory];
  return spawn(command as string, rest, { stdio: ["ignore", "pipe", "inherit"] });
}

/** The round in the directory's snapshot; fails unless every znode is of that very round. */
function loadedRound(directory: string, installed?: number): number {
  const values = new Set<string>();
  const sink: RowSink = {
    znode: (row) => void values.add(decodeUtf8(row.data, 0, row.data.length).trim()),
    znodeDeleted: () => expect.unreachable(),
    session: () => expect.unreachable(),
    sessionDeleted: () => expect.unreachable(),
  };
  const current = currentSnapshot(directory, installed);
  const loaded = current && loadSnapshot(current.file, sink);
  const zxid = loaded?.zxid ?? 0;
  expect([...values]).toEqual(zxid === 0 ? [] : [String(zxid)]);
  return zxid;
}

describe("a process that dies while it writes rounds", () => {
  it("core.md 34: after kill -9 the file holds one whole round, not older than the last one reported", async () => {
    const directory = temporaryDirectory();
    let reached = 0;
    for (let kill = 0; kill < 8; kill++) {
      const child = start(directory);
      let reported = reached;
      let seen = 0;
      for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
        reported = Number(line);
        // Each turn lets another number of rounds pass; the kill then falls somewhere into the next one.
        if (seen++ === kill) child.kill("SIGKILL");
      }
      reached = loadedRound(directory);
      expect(reached).toBeGreaterThanOrEqual(reported);
    }
    expect(reached).toBeGreaterThan(8);
  });

  it("a write error is fatal by name, and the last committed round stays", async () => {
    const directory = temporaryDirectory();
    const healthy = start(directory);
    healthy.stdout?.once("data", () => healthy.kill("SIGKILL"));
    await once(healthy, "close");
    // What the kill left in the -wal goes into the file now: opening it under the limit is not what is tested.
    const database = new Database((currentSnapshot(directory) as SnapshotFile).file);
    database.pragma("wal_checkpoint(TRUNCATE)");
    database.close();
    const before = loadedRound(directory);
    expect(before).toBeGreaterThan(0);

    // No file may grow beyond 512 KiB: writes fail in the middle of a round, as on a broken disk.
    const child = start(directory, ["bash", "-c", 'ulimit -f 512; trap "" XFSZ; exec "$@"', "limited"]);
    const lines: string[] = [];
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => lines.push(line));
    const [code] = await once(child, "close");
    expect(code).toBe(3);
    expect(lines.at(-1)).toMatch(/^fatal .*snapshot-0000000000000000\.db: (write|commit): SQLITE_(IOERR|FULL)/);
    expect(loadedRound(directory)).toBe(before);
  });
});

describe("a process that dies while it installs snapshots", () => {
  it("core.md 35: after kill -9 at any step the one the journal names is there, whole, and the rest goes", async () => {
    const directory = temporaryDirectory();
    createSnapshot(directory, 0);
    const named = join(directory, "named");
    let steps = 0;
    // One install takes eight steps; each turn dies one later than the last.
    for (let kill = 0; kill < 12; kill++) {
      const child = spawn(process.execPath, [INSTALL_CHILD, ...installModules, directory], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let seen = 0;
      for await (const _line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
        if (seen++ === kill) child.kill("SIGKILL");
      }
      steps += seen;
      const installed = existsSync(named) ? Number(readFileSync(named, "utf8")) : undefined;
      expect(loadedRound(directory, installed)).toBe(installed ?? 0);
      removeLeftovers(directory, installed);
      const current = snapshotFileName(installed ?? 0);
      const others = readdirSync(directory).filter((name) => name.startsWith("snapshot-") && !name.startsWith(current));
      expect(others).toEqual([]);
    }
    expect(steps).toBeGreaterThan(70);
    expect(Number(readFileSync(named, "utf8"))).toBeGreaterThan(4);
  });
});

describe("a worker that fails", () => {
  it("is fatal once, by name; the round is gone, the one before stays, and close still ends", async () => {
    const rig = sqliteRig();
    const opened = await rig.open();
    await opened.round(smallTree, smallMeta);
    opened.store.write(encode({ deleted: [4, 5] }));
    opened.store.write(Uint8Array.of(9));
    const error = await opened.failure();
    expect(error).toBeInstanceOf(SnapshotError);
    expect(error.message).toMatch(/snapshot-0000000000000000\.db: write: unknown row kind 9/);
    opened.store.write(encode({ deleted: [4] }));
    opened.store.commit(meta({ zxid: smallMeta.zxid + 1 }));
    await opened.store.close();
    expect(opened.committed).toEqual([smallMeta.zxid]);
    expect(content(rig)).toEqual({ meta: smallMeta, rows: shown(smallTree.znodes, smallTree.sessions) });
  });
});
