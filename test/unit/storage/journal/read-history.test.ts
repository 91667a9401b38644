import { describe, expect, it } from "vitest";
import { Prng } from "../../../../src/core/base/prng.ts";
import { counterOf, epochOf, makeZxid } from "../../../../src/core/base/zxid.ts";
import { type JournalRecord, recordType } from "../../../../src/core/zab/journal-record.ts";
import type { JournalPlace } from "../../../../src/storage/journal/history-ledger.ts";
import { JournalWriter } from "../../../../src/storage/journal/journal-writer.ts";
import { type HistorySource, readHistory } from "../../../../src/storage/journal/read-history.ts";
import { recoverJournal } from "../../../../src/storage/journal/recover-journal.ts";
import type { RecoveredJournal } from "../../../../src/storage/journal/recovered-journal.ts";
import { PowerLoss, type SimulatedDisk } from "../../../support/simulated-disk.ts";
import { batch, DIRECTORY, emptyDisk, record, sticky, writerOptions } from "./journal-rig.ts";

const { BATCH, CONFIGURATION, TRUNCATE, SNAPSHOT } = recordType;

/** What is in force after a list of records, by the plainest reading of the rules. */
interface Effect {
  readonly batches: readonly JournalRecord[];
  readonly configurations: readonly JournalRecord[];
  readonly installed: number;
  readonly last: number;
}

function effectOf(records: readonly JournalRecord[]): Effect {
  let batches: JournalRecord[] = [];
  let configurations: JournalRecord[] = [];
  let installed = 0;
  for (const each of records) {
    const stands = ({ lastZxid }: JournalRecord): boolean => lastZxid <= each.lastZxid;
    if (each.type === BATCH) batches.push(each);
    if (each.type === CONFIGURATION) configurations.push(each);
    if (each.type === TRUNCATE) batches = batches.filter(stands);
    if (each.type === SNAPSHOT) batches = [];
    if (each.type === TRUNCATE || each.type === SNAPSHOT) configurations = configurations.filter(stands);
    if (each.type === SNAPSHOT) installed = each.lastZxid;
  }
  return { batches, configurations, installed, last: records.at(-1)?.lastZxid ?? 0 };
}

function words(records: Iterable<JournalRecord>): string[] {
  return Array.from(records, ({ firstZxid, lastZxid, body }) => {
    return `${firstZxid}-${lastZxid} ${new TextDecoder().decode(body)}`;
  });
}

/** A learner's life: records of every kind, in every order the rules allow; the choices are the generator's. */
class Life {
  readonly appended: JournalRecord[] = [];
  acknowledged = 0;
  pruned = 0;
  truncations = 0;
  installs = 0;
  voidedTruncations = 0;
  private committed = 0;
  private readonly prng: Prng;

  constructor(prng: Prng) {
    this.prng = prng;
  }

  get effect(): Effect {
    return effectOf(this.appended);
  }

  next(): JournalRecord[] {
    const { prng } = this;
    const { batches, configurations, installed, last } = this.effect;
    // What a snapshot holds is committed.
    const floor = Math.max(this.committed, installed);
    const uncommitted = batches.filter(({ lastZxid }) => lastZxid > floor);
    switch (prng.below(9)) {
      case 0:
        return [sticky(prng.chance(0.5) ? recordType.PROMISE : recordType.EPOCH, last, `sticky ${prng.uint32()}`)];
      case 1: {
        // To any place that is not committed, several times over, and to where an earlier one already went.
        const places = [floor, last, ...uncommitted.map(({ lastZxid }) => lastZxid)];
        const to = places[prng.below(places.length)] as number;
        this.truncations++;
        if (this.appended.at(-1)?.type === TRUNCATE) this.voidedTruncations++;
        return [record(TRUNCATE, to, to, "")];
      }
      case 2:
        if (prng.chance(0.6)) return [this.batch(last)];
        this.installs++;
        return [this.install(floor, last)];
      case 3: {
        // One change of configuration at a time, in force from the batch that carries it.
        const change = this.batch(last);
        if ((configurations.at(-1)?.lastZxid ?? 0) > floor) return [change];
        return [change, sticky(CONFIGURATION, change.lastZxid, `configuration ${prng.uint32()}`)];
      }
      default:
        return [this.batch(last)];
    }
  }

  /** Somewhere above what is committed: beyond the log, or inside a tail that was never committed. */
  private install(floor: number, last: number): JournalRecord {
    const zxid = Math.max(floor + 1, makeZxid(epochOf(last), Math.max(1, counterOf(last) + 3 - (last % 5))));
    return record(SNAPSHOT, zxid, zxid, "");
  }

  private batch(last: number): JournalRecord {
    const { prng } = this;
    const first = prng.chance(0.15) ? makeZxid(epochOf(last) + 1, 1) : last + 1;
    return batch(first, first + prng.below(3), 30 + prng.below(prng.chance(0.2) ? 1500 : 200));
  }

  /** Commits a prefix, as a quorum would; what is committed is never truncated. */
  commit(): void {
    const { batches, installed } = effectOf(this.appended.slice(0, this.acknowledged));
    const at = batches[this.prng.below(Math.max(1, batches.length))]?.lastZxid ?? installed;
    this.committed = Math.max(this.committed, installed, at);
  }

  get snapshot(): number {
    return this.committed;
  }

  /** The prefix that was recovered is what there is from now on. */
  settle(recovered: RecoveredJournal, place: string): void {
    for (let count = this.appended.length; count >= this.acknowledged; count--) {
      const effect = effectOf(this.appended.slice(0, count));
      if (!agrees(recovered, effect)) continue;
      this.appended.length = count;
      this.acknowledged = count;
      expect(recovered.baseZxid, place).toBeLessThanOrEqual(Math.max(this.pruned, effect.installed));
      expect(recovered.baseZxid, place).toBeGreaterThanOrEqual(effect.installed);
      const held = effect.batches.filter(({ lastZxid }) => lastZxid > recovered.baseZxid);
      const ends = new Map(held.map(({ lastZxid }) => [epochOf(lastZxid), lastZxid]));
      const expected = Array.from(ends, ([epoch, lastZxid]) => ({ epoch, lastZxid }));
      expect(recovered.epochEnds(), place).toEqual(expected);
      return;
    }
    const shortest = effectOf(this.appended.slice(0, this.acknowledged));
    expect(words(recovered.batches(recovered.baseZxid)), place).toEqual(words(shortest.batches));
    throw new Error(`${place}: nothing that was written explains what was recovered`);
  }
}

function agrees(recovered: RecoveredJournal, { batches, configurations, last }: Effect): boolean {
  if (recovered.lastZxid !== last) return false;
  const configuration = configurations.at(-1)?.body ?? new Uint8Array();
  if (Buffer.compare(recovered.configuration ?? new Uint8Array(), configuration) !== 0) return false;
  const expected = words(batches.filter(({ lastZxid }) => lastZxid > recovered.baseZxid));
  const found = words(recovered.batches(recovered.baseZxid));
  return expected.length === found.length && expected.every((line, index) => line === found[index]);
}

function open(disk: SimulatedDisk): { writer: JournalWriter; recovered: RecoveredJournal } {
  const { position, recovered } = recoverJournal(disk, DIRECTORY, 0);
  const salts = new Prng(disk.calls);
  const options = writerOptions({ random32: () => salts.uint32(), keepCommands: 10, keepBytes: 12_288 });
  return { writer: new JournalWriter(disk, DIRECTORY, position, options), recovered };
}

function append(writer: JournalWriter, life: Life, records: readonly JournalRecord[]): void {
  for (const each of records) {
    while (!writer.add(each)) flush(writer, life);
    life.appended.push(each);
  }
}

function flush(writer: JournalWriter, life: Life): void {
  writer.flush();
  life.acknowledged = life.appended.length;
  while (writer.wantsClaim && writer.claimSlice());
}

/** A history begun some while ago, and what it has to give. */
interface Reading {
  readonly source: HistorySource;
  readonly place: JournalPlace;
  readonly expected: readonly string[];
  readonly steps: Generator<JournalRecord>;
  readonly found: string[];
  readonly release: () => void;
}

function beginReading(disk: SimulatedDisk, writer: JournalWriter, life: Life, prng: Prng): Reading {
  const { ledger, place } = writer;
  const effect = effectOf(life.appended.slice(0, life.acknowledged));
  expect(ledger.baseZxid).toBeLessThanOrEqual(Math.max(life.pruned, effect.installed));
  expect(ledger.baseZxid).toBeGreaterThanOrEqual(effect.installed);
  const reach = [ledger.baseZxid, effect.last, ...effect.batches.map(({ lastZxid }) => lastZxid)];
  const after = Math.max(ledger.baseZxid, reach[prng.below(reach.length)] as number);
  const hold = ledger.hold(after);
  const source = ledger.source(after, place);
  const steps = readHistory(disk, DIRECTORY, source, after);
  const expected = words(effect.batches.filter(({ lastZxid }) => lastZxid > after));
  return { source, place, expected, steps, found: [], release: () => ledger.release(hold) };
}

/** Takes some steps; true when the history was read to its end, and was right. */
function readOn(reading: Reading, count: number): boolean {
  for (let step = 0; step < count; step++) {
    const next = reading.steps.next();
    if (next.done) {
      expect(reading.found).toEqual(reading.expected);
      reading.release();
      return true;
    }
    reading.found.push(...words([next.value]));
  }
  return false;
}

function work(disk: SimulatedDisk, writer: JournalWriter, life: Life, prng: Prng, steps: number): number {
  let readings: Reading[] = [];
  let read = 0;
  for (let step = 0; step < steps; step++) {
    while (writer.wantsClaim && writer.claimSlice());
    for (let count = prng.below(4); count >= 0; count--) append(writer, life, life.next());
    flush(writer, life);
    if (prng.chance(0.3)) life.commit();
    if (prng.chance(0.3)) {
      life.pruned = Math.max(life.pruned, life.snapshot);
      writer.prune(life.pruned);
    }
    while (writer.pruneOne(writer.ledger.free) && prng.chance(0.5));
    if (prng.chance(0.4)) readings.push(beginReading(disk, writer, life, prng));
    const open = readings.filter((reading) => !readOn(reading, prng.below(12)));
    read += readings.length - open.length;
    readings = open;
  }
  for (const reading of readings) expect(readOn(reading, 10_000)).toBe(true);
  return read + readings.length;
}

describe("what is in force", () => {
  it("core.md 20, 35: truncations and snapshots, read while written and pruned: at all times the model's list", () => {
    let histories = 0;
    let truncations = 0;
    let installs = 0;
    let again = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const prng = new Prng(seed);
      const life = new Life(prng);
      const disk = emptyDisk(seed);
      for (let round = 0; round < 3; round++) {
        const { writer, recovered } = open(disk);
        life.settle(recovered, `seed ${seed}`);
        histories += work(disk, writer, life, prng, 30);
        writer.release();
      }
      life.settle(open(disk).recovered, `seed ${seed}`);
      truncations += life.truncations;
      installs += life.installs;
      again += life.voidedTruncations;
    }
    expect(Math.min(histories / 10, truncations / 10, installs, again)).toBeGreaterThan(100);
  }, 60_000);

  it("core.md 20, 35: with the power going at any call, again and again", () => {
    let crashes = 0;
    for (let seed = 1; seed <= 120; seed++) {
      const prng = new Prng(seed * 7919);
      const life = new Life(prng);
      const disk = emptyDisk(seed);
      for (let round = 0; round < 12; round++) {
        disk.powerLossAt = disk.calls + 1 + prng.below(90);
        try {
          const { writer, recovered } = open(disk);
          life.settle(recovered, `seed ${seed}, round ${round}`);
          work(disk, writer, life, prng, 12);
        } catch (error) {
          if (!(error instanceof PowerLoss)) throw error;
          crashes++;
        }
        disk.restart();
      }
      life.settle(open(disk).recovered, `seed ${seed}`);
    }
    expect(crashes).toBeGreaterThan(500);
  }, 60_000);
});
