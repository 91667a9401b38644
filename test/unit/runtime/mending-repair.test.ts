import { describe, expect, it } from "vitest";
import { encodeConfiguration } from "../../../src/core/zab/ensemble-configuration.ts";
import { decodePromise, encodeEpoch, encodePromise } from "../../../src/core/zab/epoch-record.ts";
import { type JournalRecord, recordType } from "../../../src/core/zab/journal-record.ts";
import { MendingRepair } from "../../../src/runtime/mending-repair.ts";
import type { DamagedJournal } from "../../../src/storage/journal/damaged-journal.ts";
import { JournalRepair } from "../../../src/storage/journal/journal-repair.ts";
import { recoverJournal } from "../../../src/storage/journal/recover-journal.ts";
import type { SimulatedDisk } from "../../support/simulated-disk.ts";
import { batchAt } from "../core/member/mend-rig.ts";
import { ensemble } from "../core/zab/rig-batches.ts";
import { DIRECTORY, damageOf, emptyDisk, openWriter, segmentNames, write } from "../storage/journal/journal-rig.ts";

const configuration = ensemble(1, 2, 3);
const { ensembleId } = configuration;
const FIRST = 2 ** 32;
const none = { configuration: new Uint8Array(0), configurationZxid: 0 };

function sticky(type: JournalRecord["type"], zxid: number, body: Uint8Array): JournalRecord {
  return { type, firstZxid: zxid, lastZxid: zxid, body };
}

function batch(counter: number, epoch = 1): JournalRecord {
  return { type: recordType.BATCH, ...batchAt(epoch * 2 ** 32 + counter) };
}

/** A journal as a member writes it, of which the record at this place is spoilt, in its header. */
function damaged(records: readonly JournalRecord[], spoilt: number): { disk: SimulatedDisk; left: DamagedJournal } {
  const disk = emptyDisk();
  const { writer } = openWriter(disk, { segmentBytes: 16 * 1024 });
  const places: number[] = [];
  for (const each of records) {
    places.push(Math.ceil(writer.place.offset / 512) * 512);
    write(writer, each);
  }
  const path = `${DIRECTORY}/${segmentNames(disk)[0]}`;
  const bytes = disk.contents(path).slice();
  const at = (places[spoilt] as number) + 24;
  bytes[at] = (bytes[at] as number) ^ 0xff;
  disk.place(path, bytes);
  return { disk, left: damageOf(disk, 0) as DamagedJournal };
}

function repairOf(disk: SimulatedDisk, left: DamagedJournal, id = ensembleId): MendingRepair {
  const writing = { segmentBytes: 4096, random32: () => 7 };
  return new MendingRepair(left, none, id, (options) => {
    return new JournalRepair(disk, DIRECTORY, left, { ...options, ...writing });
  });
}

const head = [
  sticky(recordType.CONFIGURATION, 0, encodeConfiguration(configuration)),
  sticky(recordType.PROMISE, 0, encodePromise({ epoch: 1, leaderId: 2 })),
  sticky(recordType.EPOCH, 0, encodeEpoch(1)),
];

describe("the repair of a member's journal (core.md 28)", () => {
  it("is sure of what was promised where an epoch was entered behind the damage, and not where none was", () => {
    const second = [
      sticky(recordType.PROMISE, FIRST + 3, encodePromise({ epoch: 2, leaderId: 3 })),
      sticky(recordType.EPOCH, FIRST + 3, encodeEpoch(2)),
    ];
    const records = [...head, batch(1), batch(2), batch(3), ...second, batch(1, 2), batch(2, 2)];
    const sure = damaged(records, 4);
    expect(repairOf(sure.disk, sure.left)).toMatchObject({ isInDoubt: false, isOpen: false, configuration });
    // The promise itself is lost, but not that it was entered: it counts as promised, to nobody in particular.
    const lost = damaged(records, 6);
    const repair = repairOf(lost.disk, lost.left);
    expect(repair.isInDoubt).toBe(false);
    repair.begin({ missing: [], voided: [] });
    repair.finish();
    const { recovered } = recoverJournal(lost.disk, DIRECTORY, 0);
    expect(decodePromise(recovered.promise as Uint8Array)).toEqual({ epoch: 2, leaderId: 0 });
    expect(recovered.lastZxid).toBe(2 * FIRST + 2);
    const unsure = damaged(records, 8);
    expect(repairOf(unsure.disk, unsure.left).isInDoubt).toBe(true);
  });

  it("is in doubt where the configuration is lost, or is that of another ensemble", () => {
    const records = [...head, batch(1), batch(2), batch(3)];
    const lost = damaged(records, 0);
    expect(repairOf(lost.disk, lost.left)).toMatchObject({ isInDoubt: true, configuration: undefined });
    const other = damaged([...records, sticky(recordType.EPOCH, FIRST + 3, encodeEpoch(1))], 4);
    expect(repairOf(other.disk, other.left).isInDoubt).toBe(false);
    expect(repairOf(other.disk, other.left, "ff".repeat(16)).isInDoubt).toBe(true);
  });

  it("puts batches in their places, and the configuration one of them brings behind it", () => {
    const records = [...head, batch(1), batch(2), batch(3), sticky(recordType.EPOCH, FIRST + 3, encodeEpoch(1))];
    const { disk, left } = damaged(records, 4);
    const repair = repairOf(disk, left);
    expect(repair.remains.spans.map(({ firstZxid }) => firstZxid)).toEqual([FIRST + 1, FIRST + 3]);
    repair.begin({ missing: [], voided: [] });
    repair.take(batch(2));
    repair.finish();
    const { recovered } = recoverJournal(disk, DIRECTORY, 0);
    const found = Array.from(recovered.batches(0), ({ firstZxid, body }) => [firstZxid, body.slice()]);
    expect(found).toEqual([1, 2, 3].map((counter) => [FIRST + counter, batch(counter).body]));
    expect(recovered.findings).toEqual([]);
  });
});
