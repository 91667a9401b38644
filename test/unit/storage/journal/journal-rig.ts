import { crc32 } from "node:zlib";
import { Prng } from "../../../../src/core/base/prng.ts";
import { type JournalRecord, type RecordType, recordType } from "../../../../src/core/zab/journal-record.ts";
import type { Disk } from "../../../../src/storage/disk.ts";
import type { DamagedJournal } from "../../../../src/storage/journal/damaged-journal.ts";
import { JournalWriter, type WriterOptions } from "../../../../src/storage/journal/journal-writer.ts";
import { type JournalScan, recoverJournal } from "../../../../src/storage/journal/recover-journal.ts";
import type { RecoveredJournal } from "../../../../src/storage/journal/recovered-journal.ts";
import { SimulatedDisk } from "../../../support/simulated-disk.ts";

export const DIRECTORY = "/journal";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function record(type: RecordType, firstZxid: number, lastZxid: number, text: string): JournalRecord {
  return { type, firstZxid, lastZxid, body: encoder.encode(text) };
}

/** A batch whose body names its zxids and is `size` bytes long. */
export function batch(firstZxid: number, lastZxid = firstZxid, size = 20): JournalRecord {
  return record(recordType.BATCH, firstZxid, lastZxid, `batch ${firstZxid}-${lastZxid} `.padEnd(size, "."));
}

export function sticky(type: RecordType, zxid: number, text: string): JournalRecord {
  return record(type, zxid, zxid, text);
}

export function emptyDisk(seed = 1): SimulatedDisk {
  const disk = new SimulatedDisk(seed);
  disk.makeDirectory(DIRECTORY);
  return disk;
}

export function writerOptions(options: Partial<WriterOptions> = {}): WriterOptions {
  const prng = new Prng(7);
  return { segmentBytes: 4096, keepCommands: 0, keepBytes: 0, random32: () => prng.uint32(), ...options };
}

export function openWriter(
  disk: Disk,
  options: Partial<WriterOptions> = {},
): { writer: JournalWriter; recovered: RecoveredJournal; scan: JournalScan } {
  const scan = recoverJournal(disk, DIRECTORY, 0);
  const writer = new JournalWriter(disk, DIRECTORY, scan.position, writerOptions(options));
  return { writer, recovered: scan.recovered, scan };
}

/** Adds the records as one group, or more where a segment ends, each durable. */
export function write(writer: JournalWriter, ...records: readonly JournalRecord[]): void {
  for (const each of records) {
    if (writer.add(each)) continue;
    flush(writer);
    if (!writer.add(each)) throw new Error("a flushed writer refuses a record");
  }
  flush(writer);
}

/** Flushes, and claims what is missing, as the worker does between groups. */
export function flush(writer: JournalWriter): void {
  writer.flush();
  while (writer.wantsClaim && writer.claimSlice());
}

/** What a recovered journal says, in words that compare. */
export function summary(recovered: RecoveredJournal, afterZxid = recovered.baseZxid): string[] {
  const text = (bytes: Uint8Array | undefined): string => (bytes === undefined ? "-" : decoder.decode(bytes));
  const lines = [`last ${recovered.lastZxid}`];
  lines.push(`promise ${text(recovered.promise)}`, `epoch ${text(recovered.epoch)}`);
  lines.push(`configuration ${text(recovered.configuration)}`);
  return [...lines, ...batchesOf(recovered, afterZxid)];
}

export function batchesOf(recovered: RecoveredJournal, afterZxid = recovered.baseZxid): string[] {
  const lines: string[] = [];
  for (const { firstZxid, lastZxid, body } of recovered.batches(afterZxid)) {
    lines.push(`${firstZxid}-${lastZxid} ${decoder.decode(body)}`);
  }
  return lines;
}

export function recover(disk: Disk): RecoveredJournal {
  return recoverJournal(disk, DIRECTORY, 0).recovered;
}

/** A second disk with the same files, all durable. */
export function copyOf(disk: SimulatedDisk, seed = 1): SimulatedDisk {
  const copy = emptyDisk(seed);
  for (const name of disk.list(DIRECTORY)) copy.place(`${DIRECTORY}/${name}`, disk.contents(`${DIRECTORY}/${name}`));
  return copy;
}

export function segmentNames(disk: SimulatedDisk): string[] {
  return disk.list(DIRECTORY).filter((name) => name.endsWith(".journal"));
}

/** Names and contents, to be compared. */
export function fingerprint(disk: SimulatedDisk): string[] {
  return disk.list(DIRECTORY).map((name) => `${name} ${crc32(disk.contents(`${DIRECTORY}/${name}`))}`);
}

/** What a member of an ensemble is told of its journal; undefined when it is whole. */
export function damageOf(disk: SimulatedDisk, fromZxid: number): DamagedJournal | undefined {
  return recoverJournal(disk, DIRECTORY, fromZxid, { tolerateDamage: true }).damage;
}
