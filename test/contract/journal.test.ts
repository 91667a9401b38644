import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Prng } from "../../src/core/base/prng.ts";
import { type JournalRecord, recordType } from "../../src/core/zab/journal-record.ts";
import type { Disk } from "../../src/storage/disk.ts";
import { inspectJournal } from "../../src/storage/journal/inspect-journal.ts";
import { JournalWriter } from "../../src/storage/journal/journal-writer.ts";
import { recoverJournal } from "../../src/storage/journal/recover-journal.ts";
import { nodeDisk } from "../../src/storage/node-disk.ts";
import { SimulatedDisk } from "../support/simulated-disk.ts";

const SEGMENT_BYTES = 16 * 1024;

/** The same journal on either disk: what holds in the simulator holds on the machine. */
describe.each<[string, () => Disk]>([
  ["the real disk", () => nodeDisk],
  ["the simulated disk", () => new SimulatedDisk()],
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
});
