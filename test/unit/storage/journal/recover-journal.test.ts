import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { recordType } from "../../../../src/core/zab/journal-record.ts";
import { type Finding, JournalDamagedError } from "../../../../src/storage/journal/finding.ts";
import { inspectJournal } from "../../../../src/storage/journal/inspect-journal.ts";
import { JournalWriter } from "../../../../src/storage/journal/journal-writer.ts";
import { readJournal, recoverJournal } from "../../../../src/storage/journal/recover-journal.ts";
import type { RecoveredJournal } from "../../../../src/storage/journal/recovered-journal.ts";
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
  sticky,
  summary,
  write,
  writerOptions,
} from "./journal-rig.ts";

const EPOCH_2 = 2 * 2 ** 32;

/** Three segments, every type of record, several groups of several records. */
function sampleJournal(closed: boolean): SimulatedDisk {
  const disk = emptyDisk();
  const { writer } = openWriter(disk);
  write(writer, sticky(recordType.PROMISE, 0, "promise 1"), sticky(recordType.EPOCH, 0, "epoch 1"));
  write(writer, sticky(recordType.CONFIGURATION, 0, "configuration 1"), batch(1), batch(2, 4, 300));
  for (let zxid = 5; zxid < 25; zxid += 2) write(writer, batch(zxid, zxid, 100), batch(zxid + 1, zxid + 1, 333));
  write(writer, record(recordType.TRUNCATE, 22, 22, ""), sticky(recordType.EPOCH, 22, "epoch 2"));
  write(writer, batch(EPOCH_2 + 1, EPOCH_2 + 3), batch(EPOCH_2 + 4, EPOCH_2 + 4, 700));
  if (closed) writer.close();
  return disk;
}

function damageOf(disk: SimulatedDisk): readonly Finding[] {
  const outcome = attempt(disk);
  return Array.isArray(outcome) ? outcome : [];
}

/** What recovery found, or the damage it refused. */
function attempt(disk: SimulatedDisk): RecoveredJournal | Finding[] {
  try {
    return recover(disk);
  } catch (error) {
    if (error instanceof JournalDamagedError) return [...error.findings];
    throw error;
  }
}

function flip(disk: SimulatedDisk, name: string, at: number, bit: number): SimulatedDisk {
  const copy = copyOf(disk);
  const path = `${DIRECTORY}/${name}`;
  const bytes = copy.contents(path).slice();
  bytes[at] = (bytes[at] as number) ^ (1 << bit);
  copy.place(path, bytes);
  return copy;
}

describe("recoverJournal", () => {
  it("gives an empty journal for an empty directory", () => {
    const recovered = recover(emptyDisk());
    expect(summary(recovered)).toEqual(["last 0", "promise -", "epoch -", "configuration -"]);
    expect(recovered.cleanStop).toBe(false);
    expect(recovered.findings).toEqual([]);
  });

  it("gives back what was written, in order, and says how it was stopped", () => {
    for (const closed of [true, false]) {
      const disk = sampleJournal(closed);
      expect(segmentNames(disk).length).toBeGreaterThanOrEqual(3);
      const recovered = recover(disk);
      expect(summary(recovered).slice(0, 4)).toEqual([
        `last ${EPOCH_2 + 4}`,
        "promise promise 1",
        "epoch epoch 2",
        "configuration configuration 1",
      ]);
      expect(recovered.cleanStop).toBe(closed);
      expect(recovered.firstZxid).toBe(1);
      expect(batchesOf(recovered)).toHaveLength(2 + 18 + 2);
      expect(batchesOf(recovered, 21).map((line) => line.split(" ")[0])).toEqual([
        "22-22",
        `${EPOCH_2 + 1}-${EPOCH_2 + 3}`,
        `${EPOCH_2 + 4}-${EPOCH_2 + 4}`,
      ]);
    }
  });

  it("core.md 20: a TRUNCATE record voids what lies above it, and nothing else", () => {
    const batches = batchesOf(recover(sampleJournal(false)));
    expect(batches.some((line) => line.startsWith("22-22"))).toBe(true);
    expect(batches.some((line) => line.startsWith("23-23") || line.startsWith("24-24"))).toBe(false);
  });

  it("core.md 20: the same zxids may be written again after a truncation, and only the later ones count", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    write(writer, batch(1), batch(2), batch(3));
    write(writer, record(recordType.TRUNCATE, 1, 1, ""));
    write(writer, record(recordType.BATCH, 2, 2, "second life"));
    write(writer, record(recordType.TRUNCATE, 2, 2, ""), record(recordType.BATCH, 3, 3, "third life"));
    expect(batchesOf(recover(disk))).toEqual(["1-1 batch 1-1 ..........", "2-2 second life", "3-3 third life"]);
  });

  it("core.md 25: truncating the entry of a configuration restores the one before, across segments", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    write(writer, sticky(recordType.CONFIGURATION, 0, "old"), batch(1), batch(2));
    write(writer, sticky(recordType.CONFIGURATION, 2, "new"));
    for (let zxid = 3; zxid < 20; zxid++) write(writer, batch(zxid, zxid, 600));
    expect(writer.segmentCount).toBeGreaterThan(2);
    const text = new TextDecoder();
    expect(text.decode(recover(disk).configuration)).toBe("new");
    write(writer, record(recordType.TRUNCATE, 1, 1, ""));
    expect(text.decode(recover(disk).configuration)).toBe("old");
  });

  it("core.md 35: an installed snapshot voids the journal before it and sets where it goes on", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    write(writer, batch(1), batch(2), record(recordType.SNAPSHOT, 50, 50, "snapshot"), batch(51));
    const recovered = recover(disk);
    expect([recovered.baseZxid, recovered.firstZxid, recovered.lastZxid, recovered.snapshotZxid]).toEqual([
      50, 51, 51, 50,
    ]);
    expect(batchesOf(recovered).map((line) => line.split(" ")[0])).toEqual(["51-51"]);
    expect(() => batchesOf(recovered, 49)).toThrow("does not reach back that far");
  });

  it("reads only the headers of segments wholly at or below fromZxid", () => {
    const disk = sampleJournal(false);
    const [oldest] = segmentNames(disk);
    const bytes = disk.contents(`${DIRECTORY}/${oldest}`).slice().fill(0xff, 1024, 2048);
    disk.place(`${DIRECTORY}/${oldest}`, bytes);
    const { recovered, findings } = readJournal(disk, DIRECTORY, 20);
    expect(findings).toEqual([]);
    expect(recovered.baseZxid).toBeGreaterThan(0);
    expect(recovered.lastZxid).toBe(EPOCH_2 + 4);
    expect(readJournal(disk, DIRECTORY, 0).findings).toHaveLength(1);
  });
});

describe("damage", () => {
  it("core.md 27: one bit flipped at any byte of a cleanly closed journal is named, or harmless", () => {
    const disk = sampleJournal(true);
    const original = summary(recover(disk));
    let named = 0;
    for (const name of segmentNames(disk)) {
      const { length } = disk.contents(`${DIRECTORY}/${name}`);
      for (let at = 0; at < length; at++) {
        const flipped = flip(disk, name, at, at % 8);
        const recovered = attempt(flipped);
        if (Array.isArray(recovered)) {
          expect(recovered[0]?.file).toBe(name);
          named++;
          continue;
        }
        // The closing record is the only one that may be in doubt; all data was proved synced by it.
        expect(summary(recovered), `${name} byte ${at}`).toEqual(original);
      }
    }
    expect(named).toBeGreaterThan(5000);
  }, 60_000);

  it("core.md 27: one bit flipped in the last write of an unclosed journal is named uncertain, the rest stays", () => {
    const disk = sampleJournal(false);
    const original = summary(recover(disk));
    let uncertain = 0;
    const name = segmentNames(disk).at(-1) as string;
    for (let at = 0; at < disk.contents(`${DIRECTORY}/${name}`).length; at++) {
      const flipped = flip(disk, name, at, (at + 3) % 8);
      const recovered = attempt(flipped);
      if (Array.isArray(recovered)) continue;
      const found = summary(recovered);
      if (recovered.findings.length === 0) expect(found, `byte ${at}`).toEqual(original);
      else {
        const [finding] = recovered.findings;
        expect(finding).toMatchObject({ kind: "uncertain", file: name, rule: "core.md 27" });
        expect(finding?.action).toContain("kept aside as");
        expect(original.slice(4)).toEqual(expect.arrayContaining(found.slice(4)));
        expect(found.length).toBeLessThan(original.length);
        uncertain++;
      }
    }
    expect(uncertain).toBeGreaterThan(700);
  }, 60_000);

  it("core.md 27: damage below the last write is corruption: refused, named with its zxids, nothing changed", () => {
    const disk = sampleJournal(false);
    const place = (name: string): number => Buffer.from(disk.contents(`${DIRECTORY}/${name}`)).indexOf("batch 13-13");
    const name = segmentNames(disk).find((each) => place(each) > 0) as string;
    const at = place(name);
    const flipped = flip(disk, name, at, 0);
    const damaged = flipped.contents(`${DIRECTORY}/${name}`).slice();
    const names = flipped.list(DIRECTORY);
    expect(damageOf(flipped)).toMatchObject([{ kind: "corruption", file: name, firstZxid: 13, lastZxid: 13 }]);
    expect(flipped.contents(`${DIRECTORY}/${name}`)).toEqual(damaged);
    expect(flipped.list(DIRECTORY)).toEqual(names);
    expect(() => recover(flipped)).toThrow(/corruption: .*zxid 0xd to 0xd.*core\.md 27.*nothing was changed/s);
  });

  it("a sector of zeros in the middle is corruption, not the end", () => {
    const disk = sampleJournal(false);
    const name = segmentNames(disk).at(-1) as string;
    const bytes = disk.contents(`${DIRECTORY}/${name}`).slice();
    const sectors = bytes.length / 512;
    let corrupt = 0;
    for (let sector = 1; sector < sectors; sector++) {
      const copy = copyOf(disk);
      copy.place(`${DIRECTORY}/${name}`, bytes.slice().fill(0, sector * 512, sector * 512 + 512));
      if (damageOf(copy).some(({ kind }) => kind === "corruption")) corrupt++;
    }
    expect(corrupt).toBeGreaterThan(0);
  });

  it("core.md 27: a later segment proves the one before synced to its end", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    write(writer, batch(1), batch(2, 2, 1500));
    write(writer, sticky(recordType.EPOCH, 2, "epoch"));
    write(writer, batch(3, 3, 2000));
    const [name] = segmentNames(disk);
    const at = Buffer.from(disk.contents(`${DIRECTORY}/${name}`)).indexOf("epoch");
    const damage = damageOf(flip(disk, name as string, at, 0));
    expect(damage).toMatchObject([{ kind: "corruption", file: name, problem: /a later segment proves/ }]);
  });

  it("core.md 19: damage to the head of a segment is corruption, though nothing was written behind it yet", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    write(writer, sticky(recordType.PROMISE, 0, "promise"), batch(1, 1, 2000));
    writer.add(batch(2, 2, 2000));
    const names = segmentNames(disk);
    expect(names).toHaveLength(2);
    const at = Buffer.from(disk.contents(`${DIRECTORY}/${names[1]}`)).indexOf("promise");
    const damage = damageOf(flip(disk, names[1] as string, at, 0));
    expect(damage).toMatchObject([{ kind: "corruption", file: names[1], problem: /in the segment's head/ }]);
  });

  it("a missing segment is named", () => {
    const disk = sampleJournal(true);
    const names = segmentNames(disk);
    disk.unlink(`${DIRECTORY}/${names[1]}`);
    expect(damageOf(disk)).toMatchObject([{ kind: "missing", file: names[2] }]);
  });

  /** A journal with a hole that only the zxids show: a writer that was told wrong where it goes on. */
  function withHole(sizes: number): SimulatedDisk {
    const disk = emptyDisk();
    write(openWriter(disk).writer, batch(1), batch(2, 2, sizes));
    const { position } = recoverJournal(disk, DIRECTORY, 0);
    const writer = new JournalWriter(disk, DIRECTORY, { ...position, lastZxid: 5 }, writerOptions());
    while (writer.wantsClaim && writer.claimSlice());
    write(writer, batch(6, 6, sizes));
    return disk;
  }

  it("decision 4: a gap in the zxids is named, in a segment and between two", () => {
    const within = withHole(100);
    expect(damageOf(within)).toMatchObject([
      { kind: "missing", firstZxid: 6, problem: "zxid 0x6 does not follow 0x2" },
    ]);
    const between = withHole(2000);
    expect(damageOf(between)).toMatchObject([{ kind: "missing", offset: 0, problem: /does not follow on/ }]);
    for (const disk of [within, between]) {
      const inspection = inspectJournal(DIRECTORY, disk);
      expect([...inspection.records()].filter(({ type }) => type === recordType.BATCH)).toHaveLength(3);
      expect(inspection.findings).toMatchObject([{ kind: "missing", rule: "decision 4" }]);
    }
  });

  it("core.md 5: a record of an unknown type is refused by name, never taken for damage", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    write(writer, batch(1));
    const path = `${DIRECTORY}/${segmentNames(disk)[0]}`;
    const bytes = disk.contents(path).slice();
    const view = new DataView(bytes.buffer);
    const salt = view.getUint32(16, true);
    view.setUint8(512 + 5, 8);
    view.setUint32(512 + 44, crc32(bytes.subarray(512, 512 + 44), salt), true);
    disk.place(path, bytes);
    expect(damageOf(disk)).toMatchObject([{ kind: "format", offset: 512, rule: "core.md 5" }]);
  });

  it("a file cut short is corruption", () => {
    const disk = sampleJournal(true);
    const name = segmentNames(disk).at(-1) as string;
    disk.place(`${DIRECTORY}/${name}`, disk.contents(`${DIRECTORY}/${name}`).slice(0, 2048));
    expect(damageOf(disk)).toMatchObject([{ kind: "corruption", file: name, problem: /2048 bytes, of 4096/ }]);
  });

  it("core.md 5: a newer format is refused by name, and left alone", () => {
    const disk = sampleJournal(true);
    const name = segmentNames(disk).at(-1) as string;
    const bytes = disk.contents(`${DIRECTORY}/${name}`).slice();
    bytes[8] = 2;
    disk.place(`${DIRECTORY}/${name}`, bytes);
    expect(damageOf(disk)).toMatchObject([{ kind: "format", file: name, rule: "core.md 5" }]);
  });

  it("a failing read is not mistaken for the end of the journal", () => {
    const disk = sampleJournal(true);
    disk.fault = (call) => (call === "read" ? "EIO" : undefined);
    expect(() => recover(disk)).toThrow(/EIO/);
  });
});
