import { describe, expect, it } from "vitest";
import { Prng } from "../../../../src/core/base/prng.ts";
import { epochOf, makeZxid } from "../../../../src/core/base/zxid.ts";
import { type JournalRecord, recordType } from "../../../../src/core/zab/journal-record.ts";
import type { DamageReport } from "../../../../src/storage/journal/damage-report.ts";
import type { DamagedJournal } from "../../../../src/storage/journal/damaged-journal.ts";
import { inspectJournal } from "../../../../src/storage/journal/inspect-journal.ts";
import { JournalRepair } from "../../../../src/storage/journal/journal-repair.ts";
import { readJournal, recoverJournal } from "../../../../src/storage/journal/recover-journal.ts";
import type { RecoveredJournal } from "../../../../src/storage/journal/recovered-journal.ts";
import { PowerLoss, type SimulatedDisk } from "../../../support/simulated-disk.ts";
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
} from "./journal-rig.ts";

const { BATCH, CONFIGURATION, TRUNCATE, SNAPSHOT, PROMISE, EPOCH } = recordType;
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const key = ({ type, firstZxid, lastZxid, body }: JournalRecord): string =>
  `${type} ${firstZxid}-${lastZxid} ${text(body)}`;

/** A journal as an ensemble makes them, and what is in force in it: batches and configurations, in order. */
interface Sample {
  readonly disk: SimulatedDisk;
  readonly inForce: readonly JournalRecord[];
  readonly promise: string;
  readonly epoch: string;
  readonly last: number;
  /** The last segment's file, and where its records end. When they are gone as a whole, nothing can tell. */
  readonly newest: string;
  readonly end: number;
  /** The member's own snapshot has all up to it. */
  readonly fromZxid: number;
}

function makeSample(prng: Prng): Sample {
  const disk = emptyDisk(prng.uint32());
  const { writer } = openWriter(disk);
  let inForce: JournalRecord[] = [];
  let [promise, epoch, last, floor, configuredAt] = ["", "", 0, 0, 0];
  const put = (...records: JournalRecord[]): void => {
    if (prng.chance(0.4)) for (const each of records) write(writer, each);
    else write(writer, ...records);
    last = records.at(-1)?.lastZxid ?? last;
  };
  const next = (first: number): JournalRecord => batch(first, first + prng.below(3), 30 + prng.below(400));
  for (let step = 0; step < 45; step++) {
    const choice = prng.below(16);
    if ((choice === 0 || choice === 15) && inForce.length > 3) {
      // A new leader's history lacks our tail; what it goes on with is of a higher epoch.
      const to = inForce.at(-1 - prng.below(3))?.lastZxid as number;
      if (to < floor) continue;
      inForce = inForce.filter(({ lastZxid }) => lastZxid <= to);
      if (configuredAt > to) configuredAt = 0;
      const begun = next(makeZxid(epochOf(last) + 1, 1));
      put(record(TRUNCATE, to, to, ""));
      if (prng.chance(0.5)) {
        epoch = `epoch ${step}`;
        put(sticky(EPOCH, to, epoch));
      }
      put(begun);
      inForce.push(begun);
    } else if (choice === 5) {
      const begun = next(makeZxid(epochOf(last) + 1, 1));
      put(begun);
      inForce.push(begun);
    } else if (choice === 1 && step < 20) {
      floor = makeZxid(epochOf(last), 1000 + step * 10);
      put(record(SNAPSHOT, floor, floor, ""));
      inForce = [];
    } else if (choice === 2) {
      promise = `promise ${step}`;
      put(sticky(PROMISE, last, promise));
    } else if (choice === 3) {
      epoch = `epoch ${step}`;
      put(sticky(EPOCH, last, epoch));
    } else if (choice === 4 && configuredAt <= floor) {
      const change = next(last + 1);
      const configuration = sticky(CONFIGURATION, change.lastZxid, `configuration ${step}`);
      put(change, configuration);
      inForce.push(change, configuration);
      configuredAt = change.lastZxid;
      floor = Math.max(floor, prng.chance(0.5) ? configuredAt : 0);
    } else {
      const records = Array.from({ length: 1 + prng.below(3) }, () => {
        const each = next(last + 1);
        last = each.lastZxid;
        return each;
      });
      put(...records);
      inForce.push(...records);
    }
  }
  if (prng.chance(0.5)) writer.close();
  const committed = [floor, ...inForce.filter(({ lastZxid }) => lastZxid > floor).map(({ lastZxid }) => lastZxid)];
  const fromZxid = committed[prng.below(committed.length)] as number;
  const newest = writer.ledger.segments.at(-1)?.name as string;
  return { disk, inForce, promise, epoch, last, newest, end: writer.place.offset, fromZxid };
}

/** Damage of every kind: bits, sectors, heads, whole files. */
function damage({ disk, newest, end }: Sample, prng: Prng): void {
  for (let count = 1 + prng.below(4); count > 0; count--) {
    const names = segmentNames(disk);
    const name = prng.chance(0.2) ? newest : (names[prng.below(names.length)] as string);
    const path = `${DIRECTORY}/${name}`;
    const bytes = disk.contents(path).slice();
    // A wiped sector may be the whole last write, which leaves no trace.
    const kind = name === newest ? 5 * prng.below(2) + 1 : prng.below(10);
    if (kind === 0) {
      disk.unlink(path);
      disk.syncDirectory(DIRECTORY);
      continue;
    }
    if (kind === 1) bytes[12 + prng.below(36)] = 0x55;
    else if (kind < 5) {
      const at = prng.below(bytes.length / 512) * 512;
      if (at === 0) continue;
      bytes.fill(prng.below(256), at, at + 512);
    } else {
      // The version is left alone: a newer format is refused, whoever asks.
      const at = name === newest && prng.chance(0.5) ? end - 1 - prng.below(500) : 12 + prng.below(bytes.length - 12);
      bytes[at] = (bytes[at] as number) ^ (1 << prng.below(8));
    }
    disk.place(path, bytes);
  }
}

function isMissing(report: DamageReport, { firstZxid, lastZxid }: JournalRecord): boolean {
  const ranges = [...report.holes, ...(report.uncertain === undefined ? [] : [report.uncertain])];
  return ranges.some(({ afterZxid, throughZxid }) => {
    // Nothing can prove what came last.
    const isOpen = throughZxid === undefined || report.uncertain?.afterZxid === afterZxid;
    return firstZxid > afterZxid && (isOpen || lastZxid <= throughZxid);
  });
}

/** Everything the report may say wrong; returns what others must give. */
function check(damaged: DamagedJournal, sample: Sample, place: string): JournalRecord[] {
  const { report } = damaged;
  const good = [...damaged.records(sample.fromZxid)];
  const goodKeys = new Set(good.map(key));
  const truth = sample.inForce.filter(({ lastZxid }) => lastZxid > sample.fromZxid);
  const missing = truth.filter((each) => !goodKeys.has(key(each)));
  for (const each of missing) {
    // A configuration comes with its batch: who fetches that knows of it.
    const isNamed = isMissing(report, each) || (each.type === CONFIGURATION && report.stickyInDoubt);
    expect(isNamed, `${place}: ${key(each)} in ${JSON.stringify(report)}`).toBe(true);
  }
  const isEndOpen = report.uncertain !== undefined || report.holes.some(({ throughZxid }) => throughZxid === undefined);
  expect(report.lastZxid, place).toBeLessThanOrEqual(sample.last);
  if (!isEndOpen) expect(report.lastZxid, place).toBe(sample.last);
  if (!report.stickyInDoubt) {
    expect([text(report.promise), text(report.epoch)], place).toEqual([sample.promise, sample.epoch]);
  }
  const configuration = truth.findLast(({ type }) => type === CONFIGURATION);
  if (!report.stickyInDoubt && configuration !== undefined) {
    expect(text(report.configuration), place).toBe(text(configuration.body));
    expect(goodKeys, place).toContain(key(configuration));
  }
  checkExcess(good, truth, report, place);
  for (const each of truth) {
    if (each.type !== BATCH) continue;
    const found = damaged.recordAt(each.firstZxid + ((each.lastZxid - each.firstZxid) >> 1));
    if (goodKeys.has(key(each))) expect(found && key(found), place).toBe(key(each));
    else expect(found, place).toBeUndefined();
  }
  return missing;
}

/** What is called good and is not in force stands just before a hole, which can have held the truncation. */
function checkExcess(good: JournalRecord[], truth: JournalRecord[], report: DamageReport, place: string): void {
  const trueKeys = new Set(truth.map(key));
  const ends = [...report.holes, ...(report.uncertain === undefined ? [] : [report.uncertain])];
  for (const [index, each] of good.entries()) {
    if (trueKeys.has(key(each))) continue;
    const following = good.slice(index).find((other) => trueKeys.has(key(other)))?.firstZxid ?? Infinity;
    const isBeforeHole = ends.some(({ afterZxid }) => afterZxid >= each.lastZxid && afterZxid < following);
    expect(isBeforeHole, `${place}: ${key(each)} in ${JSON.stringify(report.holes)}`).toBe(true);
  }
}

/** What a lost truncation had voided: good records that the ensemble does not have. */
function dropped(damaged: DamagedJournal, sample: Sample) {
  const truth = new Set(sample.inForce.map(key));
  return [...damaged.records(sample.fromZxid)]
    .filter((each) => !truth.has(key(each)))
    .map(({ firstZxid, lastZxid }) => ({ afterZxid: firstZxid - 1, throughZxid: lastZxid }));
}

function repair(disk: SimulatedDisk, damaged: DamagedJournal, sample: Sample, missing: readonly JournalRecord[]): void {
  const salts = new Prng(disk.calls);
  const encoder = new TextEncoder();
  const known = sample.inForce.findLast(({ type, lastZxid }) => type === CONFIGURATION && lastZxid <= sample.fromZxid);
  const mending = new JournalRepair(disk, DIRECTORY, damaged, {
    segmentBytes: 4096,
    random32: () => salts.uint32(),
    ...(sample.promise === "" ? {} : { promise: encoder.encode(sample.promise) }),
    ...(sample.epoch === "" ? {} : { epoch: encoder.encode(sample.epoch) }),
    ...(known === undefined ? {} : { configuration: { zxid: known.lastZxid, body: known.body } }),
    dropped: dropped(damaged, sample),
  });
  for (const each of missing) mending.add(each);
  mending.finish(sample.last);
}

function checkMended(recovered: RecoveredJournal, sample: Sample, place: string): void {
  expect(recovered.findings, place).toEqual([]);
  expect(recovered.lastZxid, place).toBe(sample.last);
  const batches = sample.inForce.filter(({ type, lastZxid }) => type === BATCH && lastZxid > sample.fromZxid);
  expect(Array.from(recovered.batches(sample.fromZxid), key), place).toEqual(batches.map(key));
  const configuration = sample.inForce.findLast(({ type }) => type === CONFIGURATION);
  if (configuration !== undefined) expect(text(recovered.configuration), place).toBe(text(configuration.body));
  expect([text(recovered.promise), text(recovered.epoch)], place).toEqual([sample.promise, sample.epoch]);
}

describe("a damaged journal of an ensemble's member", () => {
  it("core.md 28: says what is missing, hands out what is good, and is put right with what others have", () => {
    const seen = { damaged: 0, holes: 0, uncertain: 0, open: 0, dropped: 0, inDoubt: 0 };
    for (let seed = 1; seed <= 1500; seed++) {
      const prng = new Prng(seed);
      const sample = makeSample(prng);
      const { disk } = sample;
      damage(sample, prng);
      const before = fingerprint(disk);
      const damaged = damageOf(disk, sample.fromZxid);
      if (damaged === undefined) continue;
      const { holes, uncertain, stickyInDoubt } = damaged.report;
      const missing = check(damaged, sample, `seed ${seed}`);
      expect(fingerprint(disk)).toEqual(before);
      seen.damaged++;
      seen.holes += holes.length > 0 ? 1 : 0;
      seen.uncertain += uncertain === undefined ? 0 : 1;
      seen.open += holes.some(({ throughZxid }) => throughZxid === undefined) ? 1 : 0;
      seen.dropped += dropped(damaged, sample).length > 0 ? 1 : 0;
      seen.inDoubt += stickyInDoubt ? 1 : 0;
      repair(disk, damaged, sample, missing);
      checkMended(recoverJournal(disk, DIRECTORY, sample.fromZxid).recovered, sample, `seed ${seed}`);
      expect(disk.list(DIRECTORY).filter((name) => name.includes("mend"))).toEqual([]);
    }
    expect(seen.damaged).toBeGreaterThan(800);
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(20);
  }, 120_000);

  it("core.md 28: the power going at any call of a repair leaves the damaged journal or the mended one", () => {
    let [crashes, before, after] = [0, 0, 0];
    for (let seed = 1; seed <= 8; seed++) {
      const prng = new Prng(seed * 31);
      let sample = makeSample(prng);
      for (damage(sample, prng); damageOf(copyOf(sample.disk), sample.fromZxid) === undefined; damage(sample, prng)) {
        sample = makeSample(prng);
      }
      for (let at = 1; ; at++) {
        const place = `seed ${seed}, call ${at}`;
        const disk = copyOf(sample.disk, seed * 1000 + at);
        const damaged = damageOf(disk, sample.fromZxid) as DamagedJournal;
        const missing = check(damaged, sample, place);
        const { report } = damaged;
        disk.powerLossAt = disk.calls + at;
        try {
          repair(disk, damaged, sample, missing);
          break;
        } catch (error) {
          if (!(error instanceof PowerLoss)) throw error;
        }
        crashes++;
        // A kill keeps what programs see, durable or not; a power loss right after it takes that away.
        if (prng.chance(0.5)) disk.restart();
        else disk.resume();
        // Whoever only reads sees what the next start will find.
        const seen = readJournal(disk, DIRECTORY, sample.fromZxid);
        for (const _ of inspectJournal(DIRECTORY, disk).records());
        // The start after the crash may lose power too.
        disk.powerLossAt = disk.calls + 1 + prng.below(20);
        let hasStarted = false;
        try {
          damageOf(disk, sample.fromZxid);
          hasStarted = true;
        } catch (error) {
          if (!(error instanceof PowerLoss)) throw error;
        }
        disk.restart();
        const again = damageOf(disk, sample.fromZxid);
        if (hasStarted) expect(again === undefined, place).toBe(seen.findings.length === 0);
        if (again === undefined) after++;
        else {
          before++;
          expect(again.report, place).toEqual(report);
          repair(disk, again, sample, missing);
        }
        const { recovered } = recoverJournal(disk, DIRECTORY, sample.fromZxid);
        checkMended(recovered, sample, place);
        expect(disk.list(DIRECTORY).filter((name) => name.includes("mend"))).toEqual([]);
        expect([...inspectJournal(DIRECTORY, disk).records()].length).toBeGreaterThan(0);
      }
    }
    expect(Math.min(crashes / 4, before / 3, after)).toBeGreaterThan(30);
  }, 120_000);
});
