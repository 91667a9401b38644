import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type JournalRecord, recordType } from "../../../../src/core/zab/journal-record.ts";
import { JournalDamagedError } from "../../../../src/storage/journal/finding.ts";
import type { JournalHistory } from "../../../../src/storage/journal/history-client.ts";
import { type Journal, type JournalOptions, openJournal } from "../../../../src/storage/journal/journal.ts";
import { batch, record } from "./journal-rig.ts";

/** A record in few words: comparing megabytes byte by byte takes a test runner seconds. */
function words(records: readonly JournalRecord[]): string[] {
  return records.map(({ type, firstZxid, lastZxid, body }) => `${type} ${firstZxid}-${lastZxid} ${crc32(body)}`);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("the history of an open journal, with its real workers", () => {
  let directory: string;
  let journal: Journal;
  let durable: number;
  let damage: JournalDamagedError | undefined;
  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), "muster-history-")), "journal");
  });
  afterEach(async () => {
    await journal.close();
    rmSync(join(directory, ".."), { recursive: true });
  });

  async function open(options: Partial<JournalOptions> = {}): Promise<void> {
    durable = 0;
    const sizes = { segmentBytes: 64 * 1024, ringBytes: 64 * 1024, keepCommands: 0, keepBytes: 0 };
    const opened = await openJournal(
      { directory, ...sizes, ...options },
      {
        onDurable(sequence) {
          durable = sequence;
        },
        onSpaceChange: () => {},
        onDamage(found) {
          damage = found;
        },
        onFatal: (error) => {
          throw error;
        },
      },
    );
    journal = opened.journal;
  }

  async function append(...records: readonly JournalRecord[]): Promise<void> {
    let sequence = 0;
    for (const each of records) {
      while (!journal.hasRoom(each.body.length)) await turn();
      sequence = journal.append(each);
    }
    while (durable < sequence) await turn();
  }

  const batches = (first: number, last: number, size = 3000): JournalRecord[] =>
    Array.from({ length: last - first + 1 }, (_, index) => batch(first + index, first + index, size));

  async function readAll(history: JournalHistory): Promise<string[]> {
    const records: JournalRecord[] = [];
    for (let chunk = await history.next(); chunk !== undefined; chunk = await history.next()) {
      expect(chunk.length).toBeGreaterThan(0);
      records.push(...chunk);
    }
    history.close();
    return words(records);
  }

  it("gives what was durable at the call, whatever is written meanwhile", async () => {
    await open();
    await append(...batches(1, 60));
    const history = journal.history(20);
    await append(record(recordType.TRUNCATE, 50, 50, ""), ...batches(51, 150, 2000));
    expect(journal.stats().segments).toBeGreaterThan(5);
    expect(await readAll(history)).toEqual(words(batches(21, 60)));
    expect(await readAll(journal.history(0))).toEqual(words([...batches(1, 50), ...batches(51, 150, 2000)]));
    expect(await readAll(journal.history(150))).toEqual([]);
  });

  it("gives chunks of about 1 MiB, at least one record each, whose bytes are the caller's", async () => {
    await open({ segmentBytes: 4 * 1024 * 1024, ringBytes: 4 * 1024 * 1024 });
    await append(...batches(1, 30, 100_000), batch(31, 31, 2_000_000), batch(32));
    const history = journal.history(0);
    const chunks: JournalRecord[][] = [];
    for (let chunk = await history.next(); chunk !== undefined; chunk = await history.next()) chunks.push([...chunk]);
    expect(chunks.map(({ length }) => length)).toEqual([11, 11, 9, 1]);
    const whole = [...batches(1, 30, 100_000), batch(31, 31, 2_000_000), batch(32)];
    expect(words(chunks.flat())).toEqual(words(whole));
    expect(await history.next()).toBeUndefined();
    history.close();
    history.close();
  });

  it("core.md 33: holds back pruning of what several readers still need, and lets go afterwards", async () => {
    await open();
    await append(...batches(1, 200));
    const early = journal.history(0);
    const late = journal.history(100);
    const { segments } = journal.stats();
    journal.prune(200);
    await append(batch(201));
    expect(journal.baseZxid).toBe(0);
    expect(journal.stats().segments).toBeGreaterThanOrEqual(segments);
    expect(await readAll(early)).toEqual(words(batches(1, 200)));
    // The base rises with the release, before any file is gone: whatever it says can be read.
    const base = journal.baseZxid;
    expect(base).toBeGreaterThan(50);
    expect(base).toBeLessThanOrEqual(100);
    while (journal.stats().segments >= segments) await turn();
    expect(() => journal.history(base - 1)).toThrow("does not reach back that far");
    expect(await readAll(late)).toEqual(words(batches(101, 200)));
    expect(journal.baseZxid).toBeGreaterThan(150);
    while (journal.stats().segments > 2) await turn();
    const rest = [...batches(journal.baseZxid + 1, 200), batch(201)];
    expect(await readAll(journal.history(journal.baseZxid))).toEqual(words(rest));
  });

  it("core.md 35: behind an installed snapshot nothing is kept, whatever the options say", async () => {
    await open({ keepCommands: 1_000_000, keepBytes: 2 ** 40 });
    await append(...batches(1, 100));
    journal.prune(100);
    await append(record(recordType.SNAPSHOT, 500, 500, ""));
    expect(journal.baseZxid).toBe(500);
    expect(() => journal.history(499)).toThrow("does not reach back that far");
    const { segments } = journal.stats();
    expect(segments).toBeGreaterThan(4);
    await append(...batches(501, 510));
    expect(journal.stats().segments).toBeGreaterThanOrEqual(segments);
    // Only now the snapshot's file is said to be the current one.
    journal.prune(500);
    while (journal.stats().segments > 2) await turn();
    expect(await readAll(journal.history(500))).toEqual(words(batches(501, 510)));
    await journal.close();
    await open();
    expect(journal.baseZxid).toBe(500);
    expect(await readAll(journal.history(500))).toEqual(words(batches(501, 510)));
  });

  it("core.md 33: reaches back behind fromZxid after a start, as far as a snapshot or damage lets it", async () => {
    const keep = { keepCommands: 1_000_000, keepBytes: 2 ** 40 };
    await open(keep);
    await append(...batches(1, 80), record(recordType.SNAPSHOT, 300, 300, ""), ...batches(301, 420));
    await append(record(recordType.TRUNCATE, 410, 410, ""), ...batches(411, 500));
    const all = [...batches(301, 410), ...batches(411, 500)];
    await journal.close();

    await open({ ...keep, fromZxid: 495 });
    expect(journal.baseZxid).toBeGreaterThan(450);
    while (journal.baseZxid > 300) await turn();
    expect(await readAll(journal.history(300))).toEqual(words(all));
    await journal.close();

    const name = readdirSync(directory).filter((each) => each.endsWith(".journal"))[7] as string;
    const bytes = readFileSync(join(directory, name));
    bytes[8192] = (bytes[8192] as number) ^ 1;
    writeFileSync(join(directory, name), bytes);
    await open({ ...keep, fromZxid: 495 });
    while (damage === undefined) await turn();
    expect(damage.findings).toMatchObject([{ kind: "corruption", file: name }]);
    const base = journal.baseZxid;
    expect(base).toBeGreaterThan(300);
    expect(base).toBeLessThan(495);
    expect(await readAll(journal.history(base))).toEqual(words(all.filter(({ lastZxid }) => lastZxid > base)));
  });

  it("rejects with what is damaged, and never takes that for the end", async () => {
    await open();
    await append(...batches(1, 100));
    const name = readdirSync(directory).filter((each) => each.endsWith(".journal"))[2] as string;
    const bytes = readFileSync(join(directory, name));
    bytes[8192] = (bytes[8192] as number) ^ 1;
    writeFileSync(join(directory, name), bytes);
    const history = journal.history(0);
    const failure = await readAll(history).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(JournalDamagedError);
    expect((failure as JournalDamagedError).findings).toMatchObject([{ kind: "corruption", file: name }]);
    await expect(history.next()).rejects.toThrow("failed before");
    history.close();
    expect(await readAll(journal.history(90))).toEqual(words(batches(91, 100)));
  });

  it("ends readers when the journal is closed, and when they are closed while they wait", async () => {
    await open();
    await append(...batches(1, 50));
    const waiting = journal.history(0);
    const answer = waiting.next();
    await expect(waiting.next()).rejects.toThrow("one step at a time");
    waiting.close();
    expect([undefined, 50]).toContain((await answer)?.length);
    expect(await waiting.next()).toBeUndefined();
    const open_ = journal.history(10);
    await journal.close();
    expect(await open_.next()).toBeUndefined();
  });
});
