import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { recordType } from "../../../../src/core/zab/journal-record.ts";
import { DamagedJournal } from "../../../../src/storage/journal/damaged-journal.ts";
import { JournalDamagedError } from "../../../../src/storage/journal/finding.ts";
import { inspectJournal } from "../../../../src/storage/journal/inspect-journal.ts";
import {
  type Journal,
  type JournalOptions,
  openJournal,
  openJournalOrDamaged,
  repairJournal,
} from "../../../../src/storage/journal/journal.ts";
import { batch, batchesOf, sticky } from "./journal-rig.ts";

describe("openJournal, with its real worker", () => {
  let directory: string;
  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), "muster-journal-")), "journal");
  });
  afterEach(() => rmSync(join(directory, ".."), { recursive: true }));

  /** A journal whose durable sequence can be waited for. */
  async function open(options: Partial<JournalOptions> = {}) {
    const waiting: { sequence: number; resolve: () => void }[] = [];
    const fsyncs: number[] = [];
    const failures: Error[] = [];
    let durable = 0;
    const settle = (): void => {
      while (waiting[0] !== undefined && waiting[0].sequence <= durable) waiting.shift()?.resolve();
    };
    const { journal, recovered } = await openJournal(
      { directory, segmentBytes: 256 * 1024, ringBytes: 64 * 1024, ...options },
      {
        onDurable(sequence) {
          expect(sequence).toBeGreaterThan(durable);
          durable = sequence;
          settle();
        },
        onSpaceChange: () => {},
        onFatal: (error) => failures.push(error),
        onFsync: (ms) => fsyncs.push(ms),
      },
    );
    const until = (sequence: number): Promise<void> =>
      new Promise((resolve) => {
        waiting.push({ sequence, resolve });
        settle();
      });
    return { journal, recovered, until, fsyncs, failures };
  }

  /** Appends batches first to last, waiting for room where there is none. */
  async function fill(journal: Journal, first: number, last: number, size: number): Promise<number> {
    let sequence = 0;
    for (let zxid = first; zxid <= last; zxid++) {
      const next = batch(zxid, zxid, size);
      while (!journal.hasRoom(next.body.length)) await new Promise((resolve) => setImmediate(resolve));
      sequence = journal.append(next);
    }
    return sequence;
  }

  it("makes records durable in order, over many segments, and gives them back", async () => {
    const { journal, recovered, until, fsyncs } = await open();
    expect(recovered.lastZxid).toBe(0);
    expect(journal.append(sticky(recordType.PROMISE, 0, "promise"))).toBe(1);
    const sequence = await fill(journal, 1, 300, 5000);
    expect(sequence).toBe(301);
    await until(sequence);
    const stats = journal.stats();
    expect(stats.segments).toBeGreaterThan(4);
    expect(stats.bytesWritten).toBeGreaterThan(1_500_000);
    expect(stats.diskBytes).toBeGreaterThanOrEqual(stats.segments * 256 * 1024);
    expect(fsyncs.length).toBe(stats.fsyncs);
    expect(fsyncs.every((ms) => ms >= 0)).toBe(true);
    await journal.close();
    await journal.close();
    expect(() => journal.append(batch(301))).toThrow("the journal is closed");
    expect(journal.hasRoom(1)).toBe(false);

    const again = await open();
    expect(again.recovered.cleanStop).toBe(true);
    expect(again.recovered.lastZxid).toBe(300);
    expect(batchesOf(again.recovered)).toHaveLength(300);
    expect(batchesOf(again.recovered, 298).map((line) => line.split(" ")[0])).toEqual(["299-299", "300-300"]);
    expect(new TextDecoder().decode(again.recovered.promise)).toBe("promise");
    await again.journal.close();
  });

  it("decision 4: throws on a gap, on the loop, before anything is written", async () => {
    const { journal, until } = await open();
    await until(journal.append(batch(1, 5)));
    expect(() => journal.append(batch(7))).toThrow("zxid 0x7 does not follow 0x5");
    expect(() => journal.append(batch(6, 5))).toThrow("out of order");
    await until(journal.append(batch(6)));
    await journal.close();
  });

  it("refuses a record without room instead of waiting", async () => {
    const { journal } = await open();
    expect(journal.hasRoom(64 * 1024)).toBe(false);
    expect(() => journal.append(batch(1, 1, 64 * 1024))).toThrow("the journal has no room");
    expect(() => journal.append(sticky(recordType.CONFIGURATION, 0, "x".repeat(65 * 1024)))).toThrow("too large");
    expect(() => journal.append(sticky(recordType.CLOSE, 0, ""))).toThrow("written by close()");
    await journal.close();
  });

  it("promises no more room than is claimed, however much fits the ring", async () => {
    const { journal, until } = await open({ ringBytes: 1024 * 1024 });
    for (let round = 0, zxid = 1, sequence = 0; round < 20; round++) {
      let burst = 0;
      for (; journal.hasRoom(3000); zxid++) {
        sequence = journal.append(batch(zxid, zxid, 3000));
        burst += 3000;
        // The worker may write meanwhile, but one segment and what it wrote is the bound.
        expect(burst).toBeLessThan(256 * 1024 + journal.stats().bytesWritten);
      }
      await until(sequence);
      while (!journal.hasRoom(3000)) await new Promise((resolve) => setImmediate(resolve));
    }
    await journal.close();
  });

  it("core.md 33: prunes behind a snapshot, on disk", async () => {
    const { journal, until } = await open({ keepCommands: 20, keepBytes: 2 ** 40 });
    await until(await fill(journal, 1, 300, 5000));
    const { segments } = journal.stats();
    journal.prune(300);
    while (journal.stats().segments > 3) await new Promise((resolve) => setImmediate(resolve));
    expect(journal.stats().segments).toBeLessThan(segments);
    await journal.close();
    const again = await open();
    expect(again.recovered.baseZxid).toBeGreaterThan(0);
    expect(again.recovered.baseZxid).toBeLessThanOrEqual(280);
    expect(again.recovered.lastZxid).toBe(300);
    await again.journal.close();
  });

  it("fault row 1: a worker that dies is fatal, once; all that was acknowledged is found again", async () => {
    const { journal, until, failures } = await open();
    await until(await fill(journal, 1, 50, 1000));
    await (journal as unknown as { worker: { terminate(): Promise<number> } }).worker.terminate();
    expect(failures.map(({ message }) => message)).toEqual(["the journal's worker ended"]);
    expect(journal.hasRoom(1)).toBe(false);
    expect(journal.append(batch(51))).toBe(51);
    await journal.close();
    const again = await open();
    expect(again.recovered.cleanStop).toBe(false);
    expect(again.recovered.lastZxid).toBe(50);
    expect(failures).toHaveLength(1);
    await again.journal.close();
  });

  it("rejects with every finding when the journal is damaged, and leaves it as it is", async () => {
    const { journal, until } = await open();
    await until(journal.append(batch(1)));
    await until(journal.append(batch(2)));
    await journal.close();
    const path = join(directory, "0000000000000001.journal");
    const bytes = readFileSync(path);
    bytes[512 + 48] = (bytes[512 + 48] as number) ^ 1;
    writeFileSync(path, bytes);
    const names = readdirSync(directory);
    const failure = await open().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(JournalDamagedError);
    expect((failure as JournalDamagedError).findings).toMatchObject([
      { kind: "corruption", file: "0000000000000001.journal", offset: 512, firstZxid: 1, lastZxid: 1 },
    ]);
    expect(readdirSync(directory)).toEqual(names);
    expect(readFileSync(path)).toEqual(bytes);
    const inspection = inspectJournal(directory);
    expect([...inspection.records()].map(({ type, firstZxid }) => [type, firstZxid])).toEqual([
      [recordType.BATCH, 2],
      [recordType.CLOSE, 2],
    ]);
    expect(inspection.findings).toMatchObject([{ kind: "corruption", offset: 512, action: "only reported" }]);
  });

  it("core.md 28: tells a member of an ensemble of damage instead of refusing, opens what was mended", async () => {
    const { journal, until } = await open();
    await until(journal.append(sticky(recordType.PROMISE, 0, "promise")));
    for (let zxid = 1; zxid <= 5; zxid++) await until(journal.append(batch(zxid)));
    await journal.close();
    const path = join(directory, "0000000000000001.journal");
    const bytes = readFileSync(path);
    bytes[bytes.indexOf("batch 3-3")] = 0;
    writeFileSync(path, bytes);

    const events = { onDurable: () => {}, onSpaceChange: () => {}, onFatal: () => {} };
    const damaged = await openJournalOrDamaged({ directory, fromZxid: 1 }, events);
    if (!(damaged instanceof DamagedJournal)) throw new Error("the damage was not seen");
    expect(damaged.report).toMatchObject({ holes: [{ afterZxid: 2, throughZxid: 3 }], lastZxid: 5 });
    const repair = repairJournal(directory, damaged, { segmentBytes: 256 * 1024, epoch: Buffer.from("epoch") });
    repair.add(batch(3));
    repair.finish(5);

    const opened = await openJournalOrDamaged({ directory, fromZxid: 1 }, events);
    if (opened instanceof DamagedJournal) throw new Error("it is still damaged");
    const { recovered } = opened;
    expect(batchesOf(recovered, 1).map((line) => line.split(" ")[0])).toEqual(["2-2", "3-3", "4-4", "5-5"]);
    expect([recovered.promise, recovered.epoch].map((body) => new TextDecoder().decode(body))).toEqual([
      "promise",
      "epoch",
    ]);
    await opened.journal.close();
  });

  it("passes on why the first segment cannot be made", async () => {
    const { journal } = await open();
    await journal.close();
    rmSync(join(directory, "0000000000000001.journal"));
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
    // A directory stands where the file to be claimed would be.
    mkdirSync(join(directory, "next.claiming"));
    await expect(open()).rejects.toThrow(/the journal failed: E(ISDIR|PERM)/);
  });
});
