import { describe, expect, it } from "vitest";
import { type JournalRecord, recordType } from "../../../../src/core/zab/journal-record.ts";
import type { SimulatedDisk } from "../../../support/simulated-disk.ts";
import {
  batch,
  batchesOf,
  copyOf,
  DIRECTORY,
  emptyDisk,
  openWriter,
  record,
  recover,
  segmentNames,
  write,
} from "./journal-rig.ts";

describe("torn writes", () => {
  /** The last segment before and after its last group of three records. */
  function tornJournal(): { disk: SimulatedDisk; path: string; before: Uint8Array; after: Uint8Array } {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    write(writer, batch(1), batch(2));
    const path = `${DIRECTORY}/${segmentNames(disk).at(-1)}`;
    const before = disk.contents(path).slice();
    write(writer, batch(3, 3, 500), batch(4, 4, 200), batch(5, 5, 100));
    return { disk, path, before, after: disk.contents(path).slice() };
  }

  function checkTorn(disk: SimulatedDisk, place: string): void {
    const recovered = recover(disk);
    const kept = batchesOf(recovered).length;
    expect(kept, place).toBeGreaterThanOrEqual(2);
    expect(recovered.lastZxid, place).toBe(kept);
    for (const { kind } of recovered.findings) expect(kind).toBe("uncertain");
    if (recovered.findings.length > 0) expect(disk.list(DIRECTORY).some((name) => name.endsWith(".torn"))).toBe(true);
    // Another life of the same zxids: nothing of the torn write may come back.
    const { writer } = openWriter(disk);
    write(writer, record(recordType.BATCH, kept + 1, kept + 1, "new life"));
    const again = recover(disk);
    expect(again.findings, place).toEqual([]);
    expect(batchesOf(again).slice(kept), place).toEqual([`${kept + 1}-${kept + 1} new life`]);
  }

  it("core.md 27: a write torn at any byte is cut off, kept aside and named, and does not come back", () => {
    const { disk, path, before, after } = tornJournal();
    for (let cut = 1024; cut <= 2560; cut++) {
      const front = copyOf(disk);
      front.place(path, Uint8Array.from([...after.subarray(0, cut), ...before.subarray(cut)]));
      checkTorn(front, `only bytes below ${cut} written`);
      const back = copyOf(disk);
      back.place(path, Uint8Array.from([...before.subarray(0, cut), ...after.subarray(cut)]));
      checkTorn(back, `only bytes from ${cut} on written`);
    }
  }, 60_000);

  it("keeps the torn bytes as they were, even when recovery itself is repeated", () => {
    const disk = emptyDisk();
    write(openWriter(disk).writer, batch(1), batch(2, 2, 700), batch(3, 3, 700));
    const path = `${DIRECTORY}/${segmentNames(disk).at(-1)}`;
    const torn = disk.contents(path).slice();
    const at = Buffer.from(torn).indexOf("batch 2-2");
    torn[at] = 0;
    disk.place(path, torn);
    recover(disk);
    const name = disk.list(DIRECTORY).find((entry) => entry.endsWith(".torn")) as string;
    const kept = disk.contents(`${DIRECTORY}/${name}`).slice();
    const offset = Number(name.split(".").at(-2));
    expect(kept).toEqual(torn.slice(offset, offset + kept.length));
    recover(disk);
    expect(disk.contents(`${DIRECTORY}/${name}`)).toEqual(kept);
  });

  it("on a full disk cuts off what it cannot keep aside, and says so", () => {
    const { disk, path, before, after } = tornJournal();
    disk.place(path, Uint8Array.from([...after.subarray(0, 1600), ...before.subarray(1600)]));
    disk.capacity = disk.used();
    const { findings } = recover(disk);
    expect(findings).toMatchObject([{ kind: "uncertain", action: expect.stringContaining("the disk is full") }]);
    expect(disk.list(DIRECTORY).some((name) => name.endsWith(".torn"))).toBe(false);
  });

  it("erases what it cuts off: a later torn write of the same shape does not join with it", () => {
    const { disk, path } = ((): { disk: SimulatedDisk; path: string } => {
      const made = emptyDisk();
      write(openWriter(made).writer, batch(1));
      return { disk: made, path: `${DIRECTORY}/${segmentNames(made).at(-1)}` };
    })();
    // Each record fills a sector: of the first write only the second record arrives, of the next only the first.
    const shape = (text: string): [JournalRecord, JournalRecord] => {
      const of = (zxid: number): JournalRecord => record(recordType.BATCH, zxid, zxid, text.padEnd(512 - 48, "."));
      return [of(2), of(3)];
    };
    const tear = (text: string, sector: number): void => {
      const before = disk.contents(path).slice();
      write(openWriter(disk).writer, ...shape(text));
      const after = disk.contents(path);
      before.set(after.subarray(sector * 512, sector * 512 + 512), sector * 512);
      disk.place(path, before);
    };
    tear("first life", 3);
    expect(batchesOf(recover(disk))).toHaveLength(1);
    tear("second life", 2);
    expect(
      batchesOf(recover(disk))
        .slice(1)
        .map((line) => line.replace(/\.+$/, "")),
    ).toEqual(["2-2 second life"]);
  });

  it("does not make a record intact by erasing the end of it, however often it is repaired", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    // The body ends in the next sector, with zeros.
    const body = new Uint8Array(400).fill(7, 0, 280);
    const straddling: JournalRecord = { type: recordType.BATCH, firstZxid: 2, lastZxid: 2, body };
    write(writer, batch(1, 1, 100), straddling, batch(3));
    const path = `${DIRECTORY}/${segmentNames(disk).at(-1)}`;
    const torn = disk.contents(path).slice();
    const at = Buffer.from(torn).indexOf(Buffer.alloc(8, 7));
    const sector = Math.ceil(at / 512) * 512;
    expect(sector).toBeGreaterThan(at + 280);
    expect(sector).toBeLessThan(at + 400);
    torn.fill(0xa5, sector, sector + 512);
    disk.place(path, torn);
    for (let round = 0; round < 3; round++) expect(recover(disk).lastZxid).toBe(1);
    write(openWriter(disk).writer, record(recordType.BATCH, 2, 2, "new life"));
    expect(batchesOf(recover(disk)).slice(1)).toEqual(["2-2 new life"]);
    expect(recover(disk).findings).toEqual([]);
  });
});
