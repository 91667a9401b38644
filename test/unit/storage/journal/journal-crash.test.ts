import { describe, expect, it } from "vitest";
import { Prng } from "../../../../src/core/base/prng.ts";
import { type JournalRecord, recordType } from "../../../../src/core/zab/journal-record.ts";
import { JournalWriter } from "../../../../src/storage/journal/journal-writer.ts";
import { recoverJournal } from "../../../../src/storage/journal/recover-journal.ts";
import type { RecoveredJournal } from "../../../../src/storage/journal/recovered-journal.ts";
import { PowerLoss, type SimulatedDisk } from "../../../support/simulated-disk.ts";
import { batch, DIRECTORY, emptyDisk, record, sticky, summary, writerOptions } from "./journal-rig.ts";

/** What was appended, and how much of it was acknowledged: the independent account of what may be found. */
class Account {
  readonly appended: JournalRecord[] = [];
  acknowledged = 0;
  pruned = 0;

  get last(): number {
    return lastZxidOf(this.appended);
  }

  /** The summary of a journal that holds the first `count` records, as far as it reaches back. */
  expected(count: number, baseZxid: number): string[] {
    const text = (found: JournalRecord | undefined): string =>
      found === undefined ? "-" : new TextDecoder().decode(found.body);
    const records = this.appended.slice(0, count);
    const latest = (type: number): JournalRecord | undefined => records.findLast((each) => each.type === type);
    const batches = effective(records).filter(({ lastZxid }) => lastZxid > baseZxid);
    return [
      `last ${lastZxidOf(records)}`,
      `promise ${text(latest(recordType.PROMISE))}`,
      `epoch ${text(latest(recordType.EPOCH))}`,
      `configuration ${text(latest(recordType.CONFIGURATION))}`,
      ...batches.map((each) => `${each.firstZxid}-${each.lastZxid} ${text(each)}`),
    ];
  }

  /** Finds the prefix that was recovered, and goes on from there. */
  settle(recovered: RecoveredJournal, place: string): void {
    const found = summary(recovered);
    expect(recovered.baseZxid, place).toBeLessThanOrEqual(this.pruned);
    for (let count = this.appended.length; count >= this.acknowledged; count--) {
      const expected = this.expected(count, recovered.baseZxid);
      if (expected.length !== found.length || expected.some((line, index) => line !== found[index])) continue;
      this.appended.length = count;
      this.acknowledged = count;
      return;
    }
    // Shown against the shortest history that would do.
    expect(found, place).toEqual(this.expected(this.acknowledged, recovered.baseZxid));
  }
}

function effective(records: readonly JournalRecord[]): JournalRecord[] {
  let batches: JournalRecord[] = [];
  for (const each of records) {
    if (each.type === recordType.BATCH) batches.push(each);
    if (each.type === recordType.TRUNCATE) batches = batches.filter(({ lastZxid }) => lastZxid <= each.lastZxid);
  }
  return batches;
}

function lastZxidOf(records: readonly JournalRecord[]): number {
  return records.at(-1)?.lastZxid ?? 0;
}

/** A workload of everything a journal does; the choices are the generator's. */
function work(disk: SimulatedDisk, writer: JournalWriter, account: Account, prng: Prng, steps: number): void {
  for (let step = 0; step < steps; step++) {
    while (writer.wantsClaim && writer.claimSlice());
    for (let count = 1 + prng.below(4); count > 0; count--) add(writer, account, nextRecord(account, prng));
    writer.flush();
    account.acknowledged = account.appended.length;
    if (prng.chance(0.2)) {
      account.pruned = Math.max(account.pruned, account.last);
      writer.prune(account.pruned);
    }
    writer.pruneOne();
  }
  expect(disk.list(DIRECTORY).length).toBeLessThan(40);
}

function nextRecord(account: Account, prng: Prng): JournalRecord {
  const { last } = account;
  const choice = prng.below(20);
  if (choice === 0) return sticky(recordType.PROMISE, last, `promise ${prng.uint32()}`);
  if (choice === 1) return sticky(recordType.EPOCH, last, `epoch ${prng.uint32()}`);
  const batches = effective(account.appended);
  if (choice === 2 && batches.length > 2 && last > account.pruned + 10) {
    const to = batches.at(-2)?.lastZxid as number;
    if (to >= account.pruned) return record(recordType.TRUNCATE, to, to, "");
  }
  return batch(last + 1, last + 1 + prng.below(3), 20 + prng.below(prng.chance(0.2) ? 1500 : 200));
}

function add(writer: JournalWriter, account: Account, each: JournalRecord): void {
  if (!writer.add(each)) {
    writer.flush();
    account.acknowledged = account.appended.length;
    while (writer.wantsClaim && writer.claimSlice());
    expect(writer.add(each)).toBe(true);
  }
  account.appended.push(each);
}

function open(disk: SimulatedDisk): { writer: JournalWriter; recovered: RecoveredJournal } {
  const { position, recovered } = recoverJournal(disk, DIRECTORY, 0);
  const salts = new Prng(disk.calls);
  const options = writerOptions({ random32: () => salts.uint32(), keepCommands: 6, keepBytes: 8192 });
  return { writer: new JournalWriter(disk, DIRECTORY, position, options), recovered };
}

/** Runs until the power goes at the `at`-th change after now; false when the work was done before. */
function runUntilPowerLoss(disk: SimulatedDisk, account: Account, prng: Prng, at: number, steps: number): boolean {
  disk.powerLossAt = disk.calls + at;
  try {
    const { writer, recovered } = open(disk);
    account.settle(recovered, `recovery before power loss at call ${at}`);
    work(disk, writer, account, prng, steps);
    return false;
  } catch (error) {
    if (error instanceof PowerLoss) return true;
    throw error;
  }
}

describe("power loss", () => {
  it("fault rows 1, 11, 13: at every call: all that was acknowledged is found, in order, and nothing else", () => {
    let crashes = 0;
    for (let at = 1; ; at++) {
      const disk = emptyDisk(at);
      const account = new Account();
      const lost = runUntilPowerLoss(disk, account, new Prng(99), at, 60);
      if (!lost) break;
      crashes++;
      disk.restart();
      const { writer, recovered } = open(disk);
      account.settle(recovered, `after power loss at call ${at}`);
      // The journal is whole again: it takes work, and gives all of it back.
      work(disk, writer, account, new Prng(at), 3);
      account.settle(open(disk).recovered, `after the work that followed power loss at call ${at}`);
    }
    expect(crashes).toBeGreaterThan(200);
  }, 60_000);

  it("core.md 27: again and again, in recovery too: nothing acknowledged is lost, nothing cut off comes back", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const prng = new Prng(seed);
      const disk = emptyDisk(seed);
      const account = new Account();
      for (let round = 0; round < 12; round++) {
        runUntilPowerLoss(disk, account, prng, 1 + prng.below(round % 3 === 0 ? 8 : 60), 8);
        disk.restart();
      }
      account.settle(open(disk).recovered, `seed ${seed}`);
    }
  }, 60_000);

  it("core.md 23: what recovery shows after a kill is durable by then, and survives a power loss right after", () => {
    for (let at = 1; ; at++) {
      const disk = emptyDisk(at);
      const account = new Account();
      if (!runUntilPowerLoss(disk, account, new Prng(5), at, 10)) break;
      disk.resume();
      account.settle(recoverJournal(disk, DIRECTORY, 0).recovered, `after a kill at call ${at}`);
      disk.restart();
      account.settle(recoverJournal(disk, DIRECTORY, 0).recovered, `after the power loss after a kill at call ${at}`);
    }
  }, 60_000);
});
