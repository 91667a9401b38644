import { expect, test } from "vitest";
import { type JournalRecord, recordType } from "../../../../src/core/zab/journal-record.ts";
import { type MemoryJournal, openMemoryJournal } from "../../../../src/storage/journal/memory-journal.ts";
import { MemoryDisk } from "../../../../src/storage/memory-disk.ts";

class Opened {
  readonly durable: number[] = [];
  readonly fatals: Error[] = [];
  readonly journal: MemoryJournal;
  readonly batches: JournalRecord[];
  private wake: () => void = () => undefined;

  constructor(disk: MemoryDisk, fromZxid = 0) {
    const { journal, recovered } = openMemoryJournal(
      { disk, directory: "journal", fromZxid },
      {
        onDurable: (sequence) => {
          this.durable.push(sequence);
          this.wake();
        },
        onFatal: (error) => this.fatals.push(error),
      },
    );
    this.journal = journal;
    this.batches = Array.from(recovered.batches(fromZxid), (record) => ({ ...record, body: record.body.slice() }));
  }

  async reached(sequence: number): Promise<void> {
    while ((this.durable.at(-1) ?? 0) < sequence) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

function batch(zxid: number, bytes = 100): JournalRecord {
  return { type: recordType.BATCH, firstZxid: zxid, lastZxid: zxid, body: new Uint8Array(bytes).fill(zxid) };
}

const zxids = (records: readonly JournalRecord[]) => records.map(({ lastZxid }) => lastZxid);

test("a turn's records become durable together, after it, and are there for the next one", async () => {
  const disk = new MemoryDisk();
  const opened = new Opened(disk);
  const { journal, durable } = opened;
  const record = batch(1);
  expect([journal.append(record), journal.append(batch(2))]).toEqual([1, 2]);
  record.body.fill(0xee);
  expect(durable).toEqual([]);
  await opened.reached(2);
  expect(durable).toEqual([2]);
  journal.append(batch(3));
  await journal.close();
  expect(durable).toEqual([2, 3]);
  const next = new Opened(disk);
  expect(zxids(next.batches)).toEqual([1, 2, 3]);
  expect(next.batches[0]?.body[0]).toBe(1);
  next.journal.drop();
});

test("what was dropped before it was written never was", async () => {
  const disk = new MemoryDisk();
  const first = new Opened(disk);
  first.journal.append(batch(1));
  await first.reached(1);
  first.journal.append(batch(2));
  first.journal.drop();
  const next = new Opened(disk);
  expect(zxids(next.batches)).toEqual([1]);
  expect(first.durable).toEqual([1]);
  expect(() => first.journal.append(batch(3))).toThrow("the journal is closed");
  next.journal.append(batch(2));
  await next.reached(1);
  await next.journal.close();
});

test("it takes as much as it is given, prunes behind a snapshot, and tells its history", async () => {
  const disk = new MemoryDisk();
  const opened = new Opened(disk);
  const { journal } = opened;
  const MIB = 2 ** 20;
  for (let zxid = 1; zxid <= 60; zxid++) {
    expect(journal.hasRoom(MIB)).toBe(true);
    journal.append(batch(zxid, MIB));
    if (zxid % 4 === 0) await opened.reached(zxid);
  }
  const before = journal.stats();
  expect(before.segments).toBeGreaterThan(3);
  journal.prune(50);
  expect(journal.stats().segments).toBeLessThan(before.segments);
  const { baseZxid } = journal;
  expect(baseZxid).toBeGreaterThan(20);
  expect(baseZxid).toBeLessThanOrEqual(50);
  const history = journal.history(55);
  expect(zxids((await history.next()) ?? [])).toEqual([56, 57, 58, 59, 60]);
  expect(await history.next()).toBeUndefined();
  history.close();
  await journal.close();
  const next = new Opened(disk, 50);
  expect(zxids(next.batches)).toEqual([51, 52, 53, 54, 55, 56, 57, 58, 59, 60]);
  expect(opened.fatals).toEqual([]);
  next.journal.drop();
});

test("a record of 7 MiB fits, whatever was before it; a larger one has no room, and a gap is refused", async () => {
  const opened = new Opened(new MemoryDisk());
  const { journal } = opened;
  const most = 7 * 2 ** 20;
  for (let zxid = 1; zxid <= 5; zxid++) journal.append(batch(zxid, most));
  await opened.reached(5);
  expect([journal.hasRoom(most), journal.hasRoom(most + 1)]).toEqual([true, false]);
  expect(() => journal.append(batch(6, most + 1))).toThrow("no room");
  expect(() => journal.append(batch(7))).toThrow();
  expect(opened.fatals).toEqual([]);
  await journal.close();
});
