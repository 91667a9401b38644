import { describe, expect, it } from "vitest";
import { type JournalRecord, recordType } from "../../../../src/core/zab/journal-record.ts";
import type { DamagedJournal } from "../../../../src/storage/journal/damaged-journal.ts";
import { JournalRepair } from "../../../../src/storage/journal/journal-repair.ts";
import { JournalWriter } from "../../../../src/storage/journal/journal-writer.ts";
import { RECORD_HEADER_BYTES } from "../../../../src/storage/journal/record-codec.ts";
import { recoverJournal } from "../../../../src/storage/journal/recover-journal.ts";
import type { SimulatedDisk } from "../../../support/simulated-disk.ts";
import {
  batch,
  copyOf,
  DIRECTORY,
  damageOf,
  emptyDisk,
  fingerprint,
  openWriter,
  record,
  segmentNames,
  sticky,
  write,
  writerOptions,
} from "./journal-rig.ts";

const { TRUNCATE, SNAPSHOT, EPOCH } = recordType;
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const key = ({ type, firstZxid, lastZxid, body }: JournalRecord): string =>
  `${type} ${firstZxid}-${lastZxid} ${text(body)}`;

/** Room for all that is written here. */
const ONE_SEGMENT = { segmentBytes: 16 * 1024 };

describe("DamagedJournal", () => {
  function damagedSample(): { disk: SimulatedDisk; damaged: DamagedJournal } {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    for (let zxid = 1; zxid <= 6; zxid++) write(writer, batch(zxid));
    writer.release();
    flip(disk, "batch 3-3");
    return { disk, damaged: damageOf(disk, 0) as DamagedJournal };
  }

  function flip(disk: SimulatedDisk, words: string): void {
    const path = `${DIRECTORY}/${segmentNames(disk)[0]}`;
    const bytes = disk.contents(path).slice();
    bytes[Buffer.from(bytes).lastIndexOf(words)] = 0;
    disk.place(path, bytes);
  }

  const options = { segmentBytes: 4096, random32: () => 7 };

  it("core.md 27: a member of an ensemble does not cut an uncertain write, so that a restart still knows of it", () => {
    const disk = emptyDisk();
    write(openWriter(disk).writer, batch(1), batch(2));
    write(openWriter(disk).writer, batch(3), batch(4), batch(5));
    flip(disk, "batch 4-4");
    const before = fingerprint(disk);
    for (let start = 0; start < 2; start++) {
      const damaged = damageOf(disk, 1) as DamagedJournal;
      expect(damaged.report).toMatchObject({
        findings: [{ kind: "uncertain", firstZxid: 4, lastZxid: 4 }],
        holes: [],
        uncertain: { afterZxid: 3, throughZxid: 5 },
        lastZxid: 5,
      });
      expect(Array.from(damaged.batches(0), ({ lastZxid }) => lastZxid)).toEqual([1, 2, 3, 5]);
      expect(fingerprint(disk)).toEqual(before);
    }
    const last = copyOf(disk);
    flip(last, "batch 5-5");
    // A header alone says what there was.
    expect(damageOf(last, 1)?.report.uncertain).toEqual({ afterZxid: 3, throughZxid: 5 });
    // Discarded, when the ensemble says so.
    const repair = new JournalRepair(disk, DIRECTORY, damageOf(disk, 1) as DamagedJournal, options);
    repair.finish(3);
    const { recovered } = recoverJournal(disk, DIRECTORY, 1);
    expect([recovered.baseZxid, recovered.lastZxid, recovered.findings.length]).toEqual([1, 3, 0]);
  });

  it("core.md 27: behind a record whose body alone is lost more may be lost, up to where the next epoch begins", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    for (const zxid of [1, 2, 3, 4, 2 ** 32 + 1, 2 ** 32 + 2]) write(writer, batch(zxid));
    flip(disk, "batch 3-3");
    const path = `${DIRECTORY}/${segmentNames(disk)[0]}`;
    const bytes = disk.contents(path).slice();
    const record4 = Buffer.from(bytes).indexOf("batch 4-4") - RECORD_HEADER_BYTES;
    disk.place(path, bytes.fill(0, record4, record4 + 512));
    const { report } = damageOf(disk, 0) as DamagedJournal;
    expect(report.holes).toEqual([{ afterZxid: 2, throughZxid: 2 ** 32 }]);
    expect(report.lastZxid).toBe(2 ** 32 + 2);
  });

  it("core.md 35: an installed snapshot whose record lost its body still voids what was before", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    write(writer, batch(1), batch(2));
    write(writer, record(SNAPSHOT, 50, 50, "the snapshot"));
    write(writer, batch(51));
    flip(disk, "the snapshot");
    const damaged = damageOf(disk, 50) as DamagedJournal;
    expect(damaged.report).toMatchObject({ holes: [], lastZxid: 51, uncertain: undefined });
    expect(Array.from(damaged.batches(0), ({ lastZxid }) => lastZxid)).toEqual([51]);
  });

  it("decision 4: a gap in the zxids where nothing is damaged is a hole like any other", () => {
    const disk = emptyDisk();
    write(openWriter(disk).writer, batch(1), batch(2));
    const { position } = recoverJournal(disk, DIRECTORY, 0);
    const writer = new JournalWriter(disk, DIRECTORY, { ...position, lastZxid: 5 }, writerOptions());
    write(writer, batch(6), sticky(EPOCH, 6, "epoch"));
    const damaged = damageOf(disk, 0) as DamagedJournal;
    expect(damaged.report).toMatchObject({
      findings: [{ kind: "missing", file: segmentNames(disk)[0], rule: "decision 4" }],
      holes: [{ afterZxid: 2, throughZxid: 5 }],
      lastZxid: 6,
    });
    expect(text(damaged.report.epoch)).toBe("epoch");
  });

  it("core.md 27: after a kill, only what is durable by then is told", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const disk = emptyDisk(seed);
      write(openWriter(disk).writer, batch(1), batch(2));
      const { writer } = openWriter(disk);
      writer.add(batch(3));
      disk.fault = (call) => (call === "datasync" ? "EIO" : undefined);
      expect(() => writer.flush()).toThrow("EIO");
      disk.fault = () => undefined;
      // Rot that the page cache has and the disk has not, so that what the disk has can be seen afterwards.
      const bytes = disk.contents(`${DIRECTORY}/${segmentNames(disk)[0]}`);
      bytes[Buffer.from(bytes).indexOf("batch 1-1")] = 0;
      expect(damageOf(disk, 0)?.report).toMatchObject({ lastZxid: 3, holes: [{ afterZxid: 0, throughZxid: 1 }] });
      disk.restart();
      expect(recoverJournal(disk, DIRECTORY, 0).recovered.lastZxid).toBe(3);
    }
  });

  it("core.md 28: a promise is in doubt where one may be lost, and no epoch is behind an intact record of one", () => {
    const make = (spoil: string, ...behind: JournalRecord[]): DamagedJournal => {
      const disk = emptyDisk();
      const { writer } = openWriter(disk, ONE_SEGMENT);
      for (let zxid = 1; zxid <= 4; zxid++) write(writer, batch(zxid));
      for (const each of [sticky(recordType.PROMISE, 4, "promise"), ...behind, batch(5), batch(6)]) write(writer, each);
      flip(disk, spoil);
      return damageOf(disk, 0) as DamagedJournal;
    };
    const doubts = ({ report }: DamagedJournal): boolean[] => [report.stickyInDoubt, report.isEpochLater];
    // Header and neighbours of a batch say that there was nothing else.
    expect(doubts(make("batch 3-3"))).toEqual([false, true]);
    expect(doubts(make("promise"))).toEqual([true, false]);
    expect(doubts(make("promise", sticky(EPOCH, 4, "epoch")))).toEqual([true, true]);
  });

  it("core.md 28: tells where epochs begin, except where damage hides it", () => {
    const [two, three, four] = [2 * 2 ** 32, 3 * 2 ** 32, 4 * 2 ** 32];
    const make = (spoil: string): DamagedJournal => {
      const disk = emptyDisk();
      const { writer } = openWriter(disk, ONE_SEGMENT);
      const first = 2 ** 32 + 1;
      write(writer, batch(first), batch(first + 1));
      write(writer, record(TRUNCATE, first, first, ""));
      for (const zxid of [two + 1, two + 2, three + 1, four + 1, four + 2]) write(writer, batch(zxid));
      flip(disk, spoil);
      return damageOf(disk, 0) as DamagedJournal;
    };
    const all = [
      { epoch: 1, afterZxid: 0 },
      { epoch: 2, afterZxid: 2 ** 32 + 1 },
      { epoch: 3, afterZxid: two + 2 },
      { epoch: 4, afterZxid: three + 1 },
    ];
    // Only its body is lost: what it followed on, and what followed on it, its header and the next one tell.
    expect(make(`batch ${three + 1}`).report.starts).toEqual(all);
    const disk = emptyDisk();
    const { writer } = openWriter(disk, ONE_SEGMENT);
    for (const zxid of [two + 1, three + 1, four + 1, four + 2]) write(writer, batch(zxid));
    const path = `${DIRECTORY}/${segmentNames(disk)[0]}`;
    const bytes = disk.contents(path).slice();
    const headerAt = Buffer.from(bytes).indexOf(`batch ${three + 1}`) - RECORD_HEADER_BYTES;
    disk.place(path, bytes.fill(0, headerAt, headerAt + 512));
    const { report } = damageOf(disk, 0) as DamagedJournal;
    expect(report.starts).toEqual([{ epoch: 2, afterZxid: 0 }]);
    expect(report.holes).toEqual([{ afterZxid: two + 1, throughZxid: four }]);
  });

  it("core.md 27: what is uncertain and not taken over is kept aside, byte for byte", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk, ONE_SEGMENT);
    for (let zxid = 1; zxid <= 6; zxid++) write(writer, batch(zxid));
    writer.release();
    flip(disk, "batch 3-3");
    flip(disk, "batch 6-6");
    const damaged = damageOf(disk, 1) as DamagedJournal;
    expect(damaged.report).toMatchObject({ uncertain: { afterZxid: 5, throughZxid: 6 }, stickyInDoubt: true });
    const repair = new JournalRepair(disk, DIRECTORY, damaged, options);
    repair.add(batch(3));
    repair.finish(5);
    const torn = disk.list(DIRECTORY).filter((name) => name.endsWith(".torn"));
    expect(torn).toHaveLength(1);
    expect(text(disk.contents(`${DIRECTORY}/${torn[0]}`))).toContain("atch 6-6");
  });

  it("decision 4: refuses to put right what would still have a hole, and leaves the journal as it was", () => {
    const { disk, damaged } = damagedSample();
    expect(damaged.report.holes).toEqual([{ afterZxid: 2, throughZxid: 3 }]);
    const before = fingerprint(disk);
    const holed = new JournalRepair(disk, DIRECTORY, damaged, options);
    expect(() => holed.finish(6)).toThrow("zxid 0x4 does not follow 0x2");
    holed.abandon();
    const short = new JournalRepair(disk, DIRECTORY, damaged, options);
    short.add(batch(3));
    expect(() => short.finish(7)).toThrow("do not reach as far");
    short.abandon();
    const other = new JournalRepair(disk, DIRECTORY, damaged, options);
    expect(() => other.add(record(TRUNCATE, 3, 3, ""))).toThrow("not a record to fetch");
    other.abandon();
    expect(fingerprint(disk)).toEqual(before);
  });

  it("a fetched record takes the place of a good one, and those at or below the snapshot are passed over", () => {
    const { disk } = damagedSample();
    const repair = new JournalRepair(disk, DIRECTORY, damageOf(disk, 1) as DamagedJournal, options);
    for (let zxid = 1; zxid <= 5; zxid++) repair.add(batch(zxid));
    repair.finish(6);
    const { recovered } = recoverJournal(disk, DIRECTORY, 1);
    expect(Array.from(recovered.batches(1), key)).toEqual([2, 3, 4, 5, 6].map((zxid) => key(batch(zxid))));
    expect(recovered.cleanStop).toBe(true);
  });

  it("core.md 32: a full disk stops a repair, and the journal stays as it was", () => {
    const { disk, damaged } = damagedSample();
    const before = fingerprint(disk);
    disk.capacity = disk.used() + 4096;
    const repair = new JournalRepair(disk, DIRECTORY, damaged, options);
    repair.add(batch(3));
    expect(() => {
      for (let zxid = 7; zxid < 20; zxid++) repair.add(batch(zxid, zxid, 500));
    }).toThrow(/ENOSPC/);
    repair.abandon();
    expect(fingerprint(disk)).toEqual(before);
  });

  it("core.md 5: what a newer version wrote is refused, not taken for damage", () => {
    const { disk } = damagedSample();
    const path = `${DIRECTORY}/${segmentNames(disk)[0]}`;
    const bytes = disk.contents(path).slice();
    bytes[8] = 2;
    disk.place(path, bytes);
    expect(() => damageOf(disk, 0)).toThrow(/newer than this version/);
  });

  it("what is good and then rots while it is read is named", () => {
    const { disk, damaged } = damagedSample();
    flip(disk, "batch 5-5");
    expect(() => [...damaged.batches(0)]).toThrow("was intact before");
    expect(damaged.recordAt(4)).toEqual(batch(4));
    expect(damaged.recordAt(3)).toBeUndefined();
  });
});
