import { statSync } from "node:fs";
import Database from "better-sqlite3";
import { beforeEach, describe, expect, it } from "vitest";
import { createSnapshot } from "../../../../src/storage/snapshot/snapshot-files.ts";
import { loadSnapshot } from "../../../../src/storage/snapshot/snapshot-loader.ts";
import { RoundAbandonedError, SnapshotWriter } from "../../../../src/storage/snapshot/snapshot-writer.ts";
import { encode, meta, shown, smallMeta, smallTree, temporaryDirectory, znode } from "./snapshot-fixtures.ts";
import { content } from "./snapshot-rig.ts";

let file: string;

beforeEach(() => {
  ({ file } = createSnapshot(temporaryDirectory(), 0));
});

const load = () => content({ load: (sink) => loadSnapshot(file, sink) });
const noWait = { waitForSpace: () => expect.unreachable() };

/** Many rows of 100 bytes, beginning with the root. */
function manyZnodes(count: number, first = 1) {
  return Array.from({ length: count }, (_, i) => {
    const serial = first + i;
    return serial === 1 ? znode({}) : znode({ serial, parentSerial: 1, name: `n${serial}`, data: "x".repeat(100) });
  });
}

describe("writing rounds", () => {
  it("writes at most 3 times the file while filling it, the -wal included", () => {
    const writer = new SnapshotWriter(file, noWait);
    const perRound = 4000;
    for (let round = 0; round < 5; round++) {
      writer.write(encode({ znodes: manyZnodes(perRound, round * perRound + 1) }));
      writer.commit(meta({ zxid: round + 1, nextSerial: 100_000, nodeCount: (round + 1) * perRound }));
      expect(writer.sizes.walBytes).toBe(0);
      expect(statSync(file).size).toBe(writer.sizes.databaseBytes);
    }
    writer.close();
    expect(writer.sizes.writtenBytes).toBeLessThan(2.2 * statSync(file).size);
    expect(writer.sizes.writtenBytes).toBeGreaterThan(2 * statSync(file).size - 100_000);
  });

  it("writes each page once in a round, in whatever order its rows come", () => {
    const rows = manyZnodes(20_000);
    const stride = 7_919;
    const shuffled = rows.map((_, i) => rows[(i * stride) % rows.length] as (typeof rows)[number]);
    const written = [rows, shuffled].map((znodes) => {
      const { file: own } = createSnapshot(temporaryDirectory(), 0);
      const writer = new SnapshotWriter(own, noWait);
      for (let from = 0; from < znodes.length; from += 500) {
        writer.write(encode({ znodes: znodes.slice(from, from + 500) }));
      }
      writer.commit(meta({ zxid: 1, nextSerial: 100_000, nodeCount: rows.length }));
      writer.close();
      return writer.sizes.writtenBytes;
    });
    expect(written[1]).toBe(written[0]);
  });

  it("core.md 32: a full disk makes the round wait, with nothing lost, and go on by itself", () => {
    let free = Number.MAX_SAFE_INTEGER;
    const needs: number[] = [];
    const writer = new SnapshotWriter(file, {
      freeBytes: () => free,
      waitForSpace: (need) => {
        needs.push(need);
        if (needs.length % 3 === 0) free = need;
        return true;
      },
    });
    writer.write(encode(smallTree));
    writer.commit(smallMeta);
    free = 0;
    const znodes = manyZnodes(2000);
    writer.write(encode({ znodes, deleted: [], closed: smallTree.sessions.map(({ id }) => id) }));
    writer.commit(meta({ zxid: smallMeta.zxid + 1, nextSerial: 3000, nodeCount: 2000 }));
    writer.close();
    expect(load().rows).toEqual(shown(znodes));
    // The need grows with what the checkpoint will have to move into the database.
    expect(needs.length).toBeGreaterThan(3);
    expect(needs.at(-1)).toBeGreaterThan(needs[0] as number);
  });

  it("a store that closes while it waits gives the round up and keeps the one before", () => {
    let free = Number.MAX_SAFE_INTEGER;
    const writer = new SnapshotWriter(file, { freeBytes: () => free, waitForSpace: () => false });
    writer.write(encode(smallTree));
    writer.commit(smallMeta);
    free = 0;
    expect(() => writer.write(encode({ znodes: manyZnodes(10) }))).toThrow(RoundAbandonedError);
    writer.close();
    expect(load()).toEqual({ meta: smallMeta, rows: shown(smallTree.znodes, smallTree.sessions) });
  });

  it("names file and place of an error: rows that are none, a file taken by another program", () => {
    const writer = new SnapshotWriter(file, noWait);
    expect(() => writer.write(Uint8Array.of(9))).toThrow(`${file}: write: unknown row kind 9`);
    writer.close();
    const other = new Database(file);
    other.exec("BEGIN IMMEDIATE");
    const second = new SnapshotWriter(file, noWait);
    expect(() => second.commit(smallMeta)).toThrow(/: commit: SQLITE_BUSY.*close the other program/);
    second.close();
    other.close();
    expect(load().meta).toBeUndefined();
  });

  it("never goes back in time", () => {
    const writer = new SnapshotWriter(file, noWait);
    writer.commit(meta({ zxid: 5, nodeCount: 0 }));
    expect(() => writer.commit(meta({ zxid: 4 }))).toThrow("back in time");
    writer.close();
  });
});
