import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HistoryClient } from "../../../../src/storage/journal/history-client.ts";
import { JournalWriter } from "../../../../src/storage/journal/journal-writer.ts";
import type { HistorySource } from "../../../../src/storage/journal/read-history.ts";
import { recoverJournal } from "../../../../src/storage/journal/recover-journal.ts";
import { nodeDisk } from "../../../../src/storage/node-disk.ts";
import { batch, write, writerOptions } from "./journal-rig.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("HistoryClient", () => {
  let directory: string;
  let source: HistorySource;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "muster-history-"));
    const { position } = recoverJournal(nodeDisk, directory, 0);
    const writer = new JournalWriter(nodeDisk, directory, position, writerOptions());
    write(writer, batch(1), batch(2));
    source = writer.ledger.source(0, writer.place);
    writer.release();
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("has a thread only while something is read, and a while after", async () => {
    const client = new HistoryClient(directory, 1);
    expect(client.isRunning).toBe(false);
    for (let round = 0; round < 2; round++) {
      const ids = [client.open(source, 0), client.open(source, 1)];
      expect(await client.next(ids[0] as number)).toEqual([batch(1), batch(2)]);
      expect(await client.next(ids[1] as number)).toEqual([batch(2)]);
      for (const id of ids) client.close(id);
      expect(client.isRunning).toBe(true);
      while (client.isRunning) await turn();
    }
  });

  it("rejects when its thread dies, and what that thread had stays unreadable", async () => {
    const client = new HistoryClient(directory);
    const id = client.open(source, 0);
    const answer = client.next(id);
    await (client as unknown as { worker: { terminate(): Promise<number> } }).worker.terminate();
    const outcome = await answer.catch((error: Error) => error.message);
    expect([[batch(1), batch(2)], "the thread that reads the journal's history ended"]).toContainEqual(outcome);
    await expect(client.next(id)).rejects.toThrow("failed before");
    expect(await client.next(client.open(source, 1))).toEqual([batch(2)]);
    await client.stop();
    expect(client.isRunning).toBe(false);
  });
});
