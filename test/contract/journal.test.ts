import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Prng } from "../../src/core/base/prng.ts";
import { type JournalRecord, recordType } from "../../src/core/zab/journal-record.ts";
import type { Disk } from "../../src/storage/disk.ts";
import type { DamagedJournal } from "../../src/storage/journal/damaged-journal.ts";
import { JournalDamagedError } from "../../src/storage/journal/finding.ts";
import { inspectJournal } from "../../src/storage/journal/inspect-journal.ts";
import { JournalRepair } from "../../src/storage/journal/journal-repair.ts";
import { JournalWriter } from "../../src/storage/journal/journal-writer.ts";
import { readHistory } from "../../src/storage/journal/read-history.ts";
import { recoverJournal } from "../../src/storage/journal/recover-journal.ts";
import { MemoryDisk } from "../../src/storage/memory-disk.ts";
import { nodeDisk } from "../../src/storage/node-disk.ts";
import { SimulatedDisk } from "../support/simulated-disk.ts";

const SEGMENT_BYTES = 16 * 1024;

/** The same journal on either disk: what holds in the simulator holds on the machine. */
describe.each<[string, () => Disk]>([
  ["the real disk", () => nodeDisk],
  ["the simulated disk", () => new SimulatedDisk()],
  ["the disk in memory", () => new MemoryDisk()],
])("contract of the journal: %s", (_name, make) => {
  let disk: Disk;
  let root: string;
  let directory: string;

  beforeEach(() => {
    disk = make();
    root = mkdtempSync(join(tmpdir(), "muster-journal-"));
    directory = join(root, "journal");
    disk.makeDirectory(directory);
  });
  afterEach(() => {
    expect([...inspectJournal(directory, disk).records()].length).toBeGreaterThan(0);
    expect(inspectJournal(directory, disk).findings).toEqual([]);
    rmSync(root, { recursive: true });
  });

  function open() {
    const { position, recovered } = recoverJournal(disk, directory, 0);
    const salts = new Prng(position.lastZxid);
    const options = { segmentBytes: SEGMENT_BYTES, keepCommands: 5, keepBytes: 1e9, random32: () => salts.uint32() };
    return { writer: new JournalWriter(disk, directory, position, options), recovered };
  }

  function batch(zxid: number, bytes: number): JournalRecord {
    return { type: recordType.BATCH, firstZxid: zxid, lastZxid: zxid, body: new Uint8Array(bytes).fill(zxid) };
  }

  function write(writer: JournalWriter, record: JournalRecord): void {
    while (writer.wantsClaim && writer.claimSlice());
    expect(writer.add(record)).toBe(true);
    writer.flush();
  }

  it("keeps every flushed record through restarts, clean and not, and through pruning", () => {
    let zxid = 0;
    for (let round = 0; round < 8; round++) {
      const { writer, recovered } = open();
      expect(recovered.lastZxid).toBe(zxid);
      expect(recovered.findings).toEqual([]);
      expect(recovered.cleanStop).toBe(round % 2 === 1);
      let expected = recovered.baseZxid;
      for (const { firstZxid, body } of recovered.batches(recovered.baseZxid)) {
        expect(firstZxid).toBe(++expected);
        expect(body.every((byte) => byte === (firstZxid & 0xff))).toBe(true);
      }
      expect(expected).toBe(zxid);
      for (let count = 0; count < 20; count++) write(writer, batch(++zxid, 100 + ((zxid * 331) % 4000)));
      const epoch = new TextEncoder().encode(`epoch ${round}`);
      write(writer, { type: recordType.EPOCH, firstZxid: zxid, lastZxid: zxid, body: epoch });
      writer.prune(zxid);
      while (writer.pruneOne());
      if (round % 2 === 0) writer.close();
      else writer.release();
    }
    const { recovered, writer } = open();
    expect(new TextDecoder().decode(recovered.epoch)).toBe("epoch 7");
    expect(recovered.baseZxid).toBeGreaterThan(100);
    expect(writer.segmentCount).toBeLessThan(6);
    expect(disk.list(directory).length).toBeLessThan(10);
    writer.release();
  });

  it("core.md 28: a damaged one is told, left alone, and put right with what others have", () => {
    const { writer } = open();
    for (let zxid = 1; zxid <= 60; zxid++) write(writer, batch(zxid, 1000));
    const [, second] = writer.ledger.segments;
    writer.close();
    const file = disk.open(join(directory, second?.name as string), "write");
    file.write(1024, new Uint8Array(5000));
    file.close();
    expect(() => open()).toThrow(JournalDamagedError);

    const from = 5;
    const { damage } = recoverJournal(disk, directory, from, { tolerateDamage: true });
    const [hole, ...more] = damage?.report.holes ?? [];
    expect(more).toEqual([]);
    expect(damage?.report).toMatchObject({ lastZxid: 60, uncertain: undefined });
    const { afterZxid, throughZxid } = hole as { afterZxid: number; throughZxid: number };
    const good = Array.from(damage?.batches(from) ?? [], ({ lastZxid }) => lastZxid);
    expect(good.length + throughZxid - afterZxid).toBe(60 - from);

    const salts = new Prng(60);
    const options = { segmentBytes: SEGMENT_BYTES, random32: () => salts.uint32() };
    const repair = new JournalRepair(disk, directory, damage as DamagedJournal, options);
    for (let zxid = afterZxid + 1; zxid <= throughZxid; zxid++) repair.add(batch(zxid, 1000));
    repair.finish(60);
    const { recovered, writer: next } = open();
    expect([recovered.baseZxid, recovered.lastZxid, recovered.findings.length]).toEqual([from, 60, 0]);
    expect([...recovered.batches(from)]).toHaveLength(60 - from);
    write(next, batch(61, 1000));
    const { ledger, place } = next;
    const history = readHistory(disk, directory, ledger.source(50, place), 50);
    expect(Array.from(history, ({ lastZxid }) => lastZxid)).toEqual([51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61]);
    next.release();
  });
});
