import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Prng } from "../../../../src/core/base/prng.ts";
import { recordType } from "../../../../src/core/zab/journal-record.ts";
import { JournalWriter } from "../../../../src/storage/journal/journal-writer.ts";
import { recoverJournal } from "../../../../src/storage/journal/recover-journal.ts";
import type { SimulatedDisk } from "../../../support/simulated-disk.ts";
import {
  batch,
  DIRECTORY,
  emptyDisk,
  record,
  recover,
  segmentNames,
  sticky,
  summary,
  write,
  writerOptions,
} from "./journal-rig.ts";

/**
 * Journals written by every version of the format, kept for ever (core.md 5). `UPDATE_GOLDEN=1` writes the current one
 * anew: only ever for a version nobody has used yet.
 */
const GOLDEN = fileURLToPath(new URL("../../../golden/journal/", import.meta.url));
const EPOCH_2 = 2 * 2 ** 32;

/** The journal kept as `v1`: two small segments, every type of record, a clean stop. */
function makeVersion1(): SimulatedDisk {
  const disk = emptyDisk();
  const salts = new Prng(1);
  const options = writerOptions({ segmentBytes: 4096, random32: () => salts.uint32() });
  const writer = new JournalWriter(disk, DIRECTORY, recoverJournal(disk, DIRECTORY, 0).position, options);
  write(writer, sticky(recordType.PROMISE, 0, "promise 1"), sticky(recordType.EPOCH, 0, "epoch 1"));
  write(
    writer,
    sticky(recordType.CONFIGURATION, 0, "configuration 1"),
    record(recordType.SNAPSHOT, 10, 10, "snapshot"),
  );
  write(writer, batch(11), batch(12, 14, 600), batch(15));
  write(writer, record(recordType.TRUNCATE, 14, 14, ""));
  write(writer, sticky(recordType.PROMISE, 14, "promise 2"), sticky(recordType.EPOCH, 14, "epoch 2"));
  write(writer, batch(EPOCH_2 + 1, EPOCH_2 + 2, 1000));
  writer.close();
  return disk;
}

function load(version: string): SimulatedDisk {
  const disk = emptyDisk();
  const directory = join(GOLDEN, version);
  for (const name of readdirSync(directory)) disk.place(`${DIRECTORY}/${name}`, readFileSync(join(directory, name)));
  return disk;
}

describe("golden journals", () => {
  if (process.env["UPDATE_GOLDEN"] === "1") {
    const disk = makeVersion1();
    mkdirSync(join(GOLDEN, "v1"), { recursive: true });
    for (const name of segmentNames(disk))
      writeFileSync(join(GOLDEN, "v1", name), disk.contents(`${DIRECTORY}/${name}`));
  }

  it("core.md 5: a journal of format 1 is read as it always was", () => {
    const recovered = recover(load("v1"));
    expect(summary(recovered)).toEqual([
      `last ${EPOCH_2 + 2}`,
      "promise promise 2",
      "epoch epoch 2",
      "configuration configuration 1",
      "11-11 batch 11-11 ........",
      `12-14 ${"batch 12-14 ".padEnd(600, ".")}`,
      `${EPOCH_2 + 1}-${EPOCH_2 + 2} ${`batch ${EPOCH_2 + 1}-${EPOCH_2 + 2} `.padEnd(1000, ".")}`,
    ]);
    expect(recovered).toMatchObject({ cleanStop: true, baseZxid: 10, snapshotZxid: 10, firstZxid: 11, findings: [] });
  });

  it("and still written byte for byte", () => {
    const golden = load("v1");
    const written = makeVersion1();
    expect(segmentNames(written)).toEqual(segmentNames(golden));
    for (const name of segmentNames(golden)) {
      const path = `${DIRECTORY}/${name}`;
      expect(Buffer.compare(written.contents(path), golden.contents(path)), name).toBe(0);
    }
  });
});
