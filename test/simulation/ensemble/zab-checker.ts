import { bytesEqual } from "../../../src/core/base/bytes.ts";
import { counterOf, epochOf, formatZxid } from "../../../src/core/base/zxid.ts";
import { decodeEpoch, decodePromise } from "../../../src/core/zab/epoch-record.ts";
import { type JournalRecord, recordType } from "../../../src/core/zab/journal-record.ts";
import type { RecoveredJournal } from "../../../src/storage/journal/recovered-journal.ts";
import { demand } from "../violation.ts";
import { beginningOf, compareLog, type FoundLog, type Pending, reignOf, survivedUpTo } from "./found-log.ts";
import { type Broadcast, configurationAfter, MemberLog, nameOf } from "./member-log.ts";
import { beginRun, type MemberRun } from "./member-run.ts";

/**
 * Whether the voters in the set are a quorum of a configuration, or of the first one; written apart from the product's
 * own predicate.
 */
export type IsQuorum = (members: ReadonlySet<number>, configuration?: Broadcast["configuration"]) => boolean;

interface Reign {
  readonly id: number;
  /** The history it began with. */
  readonly initial: readonly Broadcast[];
}

/**
 * The rules of Zab (reference/zookeeper.md 3.5, by the names they have there), judged from outside: by what is written
 * to the journals and when it is on disk, by who leads, and by what is called committed. Throws a Violation at the
 * first break. Knows nothing of messages and states.
 */
export class ZabChecker {
  /** Whatever any member has called committed. */
  readonly history: Broadcast[] = [];
  readonly counts = new Map<string, number>();
  private readonly isQuorum: IsQuorum;
  private readonly runs = new Map<number, MemberRun>();
  private readonly wipedRuns: [number, MemberRun][] = [];
  private readonly broadcasts = new Map<number, Broadcast>();
  private readonly broadcastsByEnd = new Map<number, Broadcast>();
  private readonly reigns = new Map<number, Reign>();
  private readonly digests = new Map<number, string>();
  /** The latest committed configuration; undefined for the first one. */
  private inForce: Broadcast["configuration"];
  /**
   * The one before, while only memories say that its successor is committed: from then on a quorum's disks do, when
   * they have a batch that says so.
   */
  private former: { readonly configuration: Broadcast["configuration"]; readonly until: number } | undefined;
  private readonly lastZxidOf: (member: number) => number;

  /**
   * @param lastZxidOf the end of a member's log in memory, which its journal may be behind; infinite while it starts
   */
  constructor(isQuorum: IsQuorum, lastZxidOf: (member: number) => number) {
    this.isQuorum = isQuorum;
    this.lastZxidOf = lastZxidOf;
  }

  /** The configurations whose quorums may count: the committed one, and those that are on their way in some journal. */
  get configurations(): Set<Broadcast["configuration"]> {
    const found = new Set(this.former === undefined ? [this.inForce] : [this.inForce, this.former.configuration]);
    for (const { written, durable, pending } of this.runs.values()) {
      const entries = [...written.entries, ...durable.entries, ...pending.map(({ broadcast }) => broadcast)];
      for (const entry of entries) {
        const isUncommitted = entry !== undefined && entry.lastZxid > this.committedZxid;
        if (isUncommitted && entry.configuration !== undefined) found.add(entry.configuration);
      }
    }
    return found;
  }

  get committedZxid(): number {
    return this.history.at(-1)?.lastZxid ?? 0;
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  /** How many entries of the history a member has called committed in this run. */
  deliveredBy(member: number): number {
    return this.runs.get(member)?.delivered ?? 0;
  }

  // ---- A member's life ----

  /** A member starts: what was fsynced is there, and what was written up to a sequence behind that. */
  started(member: number, survived = 0): void {
    const before = this.runs.get(member);
    const durable = before?.durable ?? new MemberLog();
    for (const pending of before?.pending ?? [])
      if (pending.sequence <= survived) this.persist(member, durable, pending);
    this.runs.set(member, beginRun(durable));
  }

  /** As {@link started}, where only what a recovery found tells how much has survived. */
  restarted(member: number, found: FoundLog): void {
    const before = this.runs.get(member);
    const survived = survivedUpTo(found, before?.durable, before?.pending ?? [], this.history);
    demand(survived !== undefined, "what was synced is there again, and nothing from nowhere", () => {
      const { lastZxid, acceptedEpoch, currentEpoch } = before?.durable ?? new MemberLog();
      const synced = `${formatZxid(lastZxid)}, epochs ${acceptedEpoch} and ${currentEpoch}`;
      const { accepted, current } = reignOf(found);
      return `${member} found ${formatZxid(found.lastZxid)}, epochs ${accepted} and ${current}; synced: ${synced}`;
    });
    this.started(member, survived);
  }

  /** A member whose word does not count starts with the beginning of what it had. That counts as if it was wiped. */
  cutShort(member: number, found: FoundLog): void {
    const before = this.runs.get(member);
    const durable = beginningOf(found, before?.durable, before?.pending ?? [], this.history);
    const rule = "what was synced is there again, and nothing from nowhere";
    demand(durable !== undefined, rule, () => `${member} found ${formatZxid(found.lastZxid)}`);
    this.wiped(member);
    // What had been on its way to the disk and has survived is on it now.
    for (const { holders } of durable.entries) holders.add(member);
    this.runs.set(member, beginRun(durable));
  }

  /** Its journal was mended. */
  compareLog(member: number, found: RecoveredJournal): void {
    compareLog(this.run(member).durable, found.baseZxid, found.batches(found.baseZxid));
  }

  /** Its disk is gone. What it had acknowledged by then counts all the same: without its disk it has no word again. */
  wiped(member: number): void {
    const run = this.runs.get(member);
    if (run !== undefined) this.wipedRuns.push([member, run]);
    this.runs.delete(member);
  }

  ended(member: number): void {
    const run = this.runs.get(member);
    if (run !== undefined) run.isUp = false;
  }

  // ---- Journals ----

  /** A member broadcasts a batch, behind `after`. */
  proposed(
    member: number,
    batch: Pick<Broadcast, "firstZxid" | "lastZxid" | "body" | "configuration" | "isByTainted" | "knownZxid">,
    after: number,
  ): void {
    const { leads, delivered } = this.run(member);
    const { firstZxid, lastZxid, body } = batch;
    const epoch = epochOf(firstZxid);
    demand(leads === epoch && epoch !== 0, "Integrity: only a primary broadcasts, in its own epoch", () => {
      return `${member}, established in epoch ${leads}, broadcasts ${formatZxid(firstZxid)}`;
    });
    const { initial } = this.reigns.get(epoch) as Reign;
    demand(delivered >= initial.length, "PrimaryIntegrity: a primary delivers its initial history first", () => {
      return `${member} broadcasts ${formatZxid(firstZxid)} having delivered ${delivered} of ${initial.length}`;
    });
    demand(!this.broadcasts.has(firstZxid), "a zxid means one batch for ever", () => formatZxid(firstZxid));
    const holders = new Set<number>();
    const made = { ...batch, body: body.slice(), after, by: member, holders };
    this.broadcasts.set(firstZxid, made);
    this.broadcastsByEnd.set(lastZxid, made);
    this.count("batches broadcast");
  }

  appended(member: number, { type, firstZxid, lastZxid, body }: JournalRecord, sequence: number): void {
    const run = this.run(member);
    const { written } = run;
    const record = { type, firstZxid, lastZxid, body: body.slice() };
    let broadcast: Broadcast | undefined;
    if (type === recordType.BATCH) {
      broadcast = this.broadcasts.get(firstZxid);
      demand(broadcast !== undefined, "Integrity: what is delivered was broadcast", () => {
        return `${member} writes ${formatZxid(firstZxid)}`;
      });
      this.checkEntry(member, written, broadcast, record);
    } else if (type === recordType.PROMISE) this.checkPromise(member, written, record);
    else if (type === recordType.EPOCH) this.checkEpoch(member, written, record);
    else if (type === recordType.TRUNCATE) this.checkTruncation(member, written, record);
    else if (type === recordType.SNAPSHOT) this.checkSnapshot(member, written, record);
    written.write(record, this.history, broadcast);
    run.pending.push({ sequence, record, broadcast });
  }

  /** Everything up to the sequence is fsynced. */
  durable(member: number, upTo: number): void {
    const { pending, durable } = this.run(member);
    while (pending.length > 0 && (pending[0] as Pending).sequence <= upTo) {
      this.persist(member, durable, pending.shift() as Pending);
    }
  }

  private persist(member: number, durable: MemberLog, { record, broadcast }: Pending): void {
    const isReplaced = record.type === recordType.TRUNCATE || record.type === recordType.SNAPSHOT;
    if (isReplaced) for (const { holders } of durable.entries) holders.delete(member);
    durable.write(record, this.history, broadcast);
    if (isReplaced) for (const { holders } of durable.entries) holders.add(member);
    broadcast?.holders.add(member);
  }

  // ---- Leaders ----

  established(member: number, epoch: number): void {
    const run = this.run(member);
    const { written } = run;
    const initial = [...written.entries];
    const earlier = this.reigns.get(epoch);
    demand(earlier === undefined, "Leadership1 and 2: one leader per epoch", () => {
      return `${member} and before it ${earlier?.id} in epoch ${epoch}`;
    });
    // Not of later ones: the word of its quorum may have come late.
    const earlierHistory = this.history.filter(({ firstZxid }) => epochOf(firstZxid) < epoch);
    demand(written.beginsWith(earlierHistory), "LeaderLogCompleteness: a leader has all that is committed", () => {
      return `${member} in epoch ${epoch} ends at ${formatZxid(written.lastZxid)}: ${this.difference(written)}`;
    });
    const ready = this.membersWith(({ durable }) => durable.entered.has(epoch) && durable.beginsWith(initial));
    demand(this.isQuorum(ready, configurationAfter(initial)), "a leader is established by a quorum's disks", () => {
      return `${member} in epoch ${epoch} by ${[...ready]}`;
    });
    run.leads = epoch;
    this.reigns.set(epoch, { id: member, initial });
    this.count("epochs established");
  }

  /** It leads no more. */
  deposed(member: number): void {
    const run = this.runs.get(member);
    if (run !== undefined) run.leads = 0;
  }

  // ---- Commits ----

  /** A member calls everything up to `zxid` committed: whatever was broadcast there, and all before it. */
  committed(member: number, zxid: number): void {
    const run = this.run(member);
    const before = this.history[run.delivered - 1]?.lastZxid ?? 0;
    if (zxid === before) return;
    demand(zxid > before, "CommittedLogMonotonicity: what is committed only grows", () => {
      return `${member} went from ${formatZxid(before)} to ${formatZxid(zxid)}`;
    });
    const end = this.lastZxidOf(member);
    demand(zxid <= end, "a member commits what it has", () => `${member}: ${formatZxid(zxid)} of ${formatZxid(end)}`);
    const entries: Broadcast[] = [];
    for (let at = zxid; at > before; ) {
      const entry = this.broadcastsByEnd.get(at);
      demand(entry !== undefined, "Integrity: what is delivered was broadcast", () => `${member}: ${formatZxid(at)}`);
      entries.push(entry);
      at = entry.after;
    }
    for (const entry of entries.reverse()) {
      this.deliver(member, entry, run.delivered);
      run.delivered++;
    }
  }

  private deliver(member: number, entry: Broadcast, index: number): void {
    const known = this.history[index];
    if (known !== undefined) {
      demand(known === entry, "PrefixConsistency: all deliver one history", () => {
        return `${member} delivers ${nameOf(entry)} where others have ${nameOf(known)}`;
      });
      return;
    }
    const last = this.history.at(-1);
    demand(entry.after === (last?.lastZxid ?? 0), "LocalPrimaryOrder: as broadcast, without a gap", () => {
      return `${member} delivers ${nameOf(entry)} after ${nameOf(last)}`;
    });
    demand(
      last === undefined || epochOf(last.lastZxid) <= epochOf(entry.firstZxid),
      "GlobalPrimaryOrder: earlier epochs first",
      () => `${member} delivers ${nameOf(entry)} after ${nameOf(last)}`,
    );
    for (const [epoch, { id, initial }] of this.reigns) {
      demand(
        epoch <= epochOf(entry.firstZxid) || initial[index] === entry,
        "PrimaryIntegrity: a primary has what was delivered of earlier epochs",
        () => `${member} delivers ${nameOf(entry)}, which ${id} did not have when it began epoch ${epoch}`,
      );
    }
    const { holders } = entry;
    const before = this.inForce;
    this.inForce = entry.configuration ?? before;
    if (entry.configuration !== undefined) this.former = { configuration: before, until: entry.lastZxid };
    else if (this.former !== undefined && (entry.knownZxid ?? 0) >= this.former.until) this.former = undefined;
    // A change needs the old members' quorum and the new ones'.
    const isOnDisk = this.isQuorum(holders, before) && this.isQuorum(holders, this.inForce);
    demand(isOnDisk, "core.md 23: committed is what a quorum has on disk", () => {
      return `${member} delivers ${nameOf(entry)}, on disk at ${[...holders]}`;
    });
    this.history.push(entry);
  }

  // ---- Records ----

  private checkEntry(member: number, { entries, lastZxid }: MemberLog, entry: Broadcast, record: JournalRecord): void {
    const isSame = entry.lastZxid === record.lastZxid && bytesEqual(entry.body, record.body);
    demand(isSame, "a zxid means one batch for ever", () => `${member} writes another ${nameOf(entry)}`);
    const counter = counterOf(entry.firstZxid);
    const follows = entry.firstZxid === lastZxid + 1 || (counter === 1 && epochOf(entry.firstZxid) > epochOf(lastZxid));
    demand(entries.length === 0 ? counter === 1 : follows, "no gap", () => {
      return `${member} writes ${nameOf(entry)} after ${formatZxid(lastZxid)}`;
    });
    demand(entry.after === lastZxid, "logs that share an entry share what is before it", () => {
      return `${member} writes ${nameOf(entry)} after ${formatZxid(lastZxid)}`;
    });
  }

  private checkPromise(member: number, log: MemberLog, { body }: JournalRecord): void {
    const { epoch, leaderId } = decodePromise(body);
    this.run(member).promised = epoch;
    const isNew = epoch > log.acceptedEpoch || (epoch === log.acceptedEpoch && leaderId === log.promisedTo);
    demand(isNew, "core.md 19: an epoch is promised to one leader, and no earlier one after it", () => {
      return `${member}: ${epoch} to ${leaderId} after ${log.acceptedEpoch} to ${log.promisedTo}`;
    });
  }

  private checkEpoch(member: number, log: MemberLog, { body }: JournalRecord): void {
    const epoch = decodeEpoch(body);
    const isPromised = epoch === log.acceptedEpoch && epoch >= log.currentEpoch;
    demand(isPromised, "core.md 19: the epoch entered is the one promised", () => {
      return `${member} enters ${epoch}, accepted ${log.acceptedEpoch}, was in ${log.currentEpoch}`;
    });
    const leader = this.runs.get(log.promisedTo);
    if (log.promisedTo === member || leader === undefined || !leader.isUp || leader.promised !== epoch) return;
    if (leader.written.acceptedEpoch !== epoch || leader.written.promisedTo !== log.promisedTo) return;
    if (leader.written.lastZxid !== this.lastZxidOf(log.promisedTo)) return;
    const isPrefix = leader.written.beginsWith(log.entries);
    demand(isPrefix, "ProcessConsistency: a synchronised log is a prefix of the leader's", () => {
      return `${member} enters epoch ${epoch} with a log to ${formatZxid(log.lastZxid)}, ${log.promisedTo}'s is other`;
    });
  }

  private checkTruncation(member: number, { entries }: MemberLog, { lastZxid }: JournalRecord): void {
    const at = entries.findIndex((entry) => entry.lastZxid > lastZxid);
    if (at < 0) return;
    const end = entries[at - 1]?.lastZxid ?? 0;
    demand(end === lastZxid, "a truncation falls between batches", () => `${member}: ${formatZxid(lastZxid)}`);
    this.checkVoided(member, entries.slice(at), at);
    this.count("TRUNC");
  }

  private checkSnapshot(member: number, { entries }: MemberLog, { lastZxid }: JournalRecord): void {
    const at = this.history.findIndex((entry) => entry.lastZxid === lastZxid);
    demand(at >= 0, "a snapshot is of committed state", () => `${member}: ${formatZxid(lastZxid)}`);
    this.checkVoided(member, entries.slice(at + 1), at + 1);
    this.count("SNAP");
  }

  private checkVoided(member: number, voided: readonly Broadcast[], from: number): void {
    for (const [index, entry] of voided.entries()) {
      demand(this.history[from + index] !== entry, "CommittedLogDurability: nothing committed is voided", () => {
        return `${member} voids ${nameOf(entry)}`;
      });
    }
  }

  // ---- State ----

  /** A member's state at a zxid. */
  digest(member: number, zxid: number, digest: string): void {
    const known = this.digests.get(zxid);
    if (known === undefined) this.digests.set(zxid, digest);
    demand(known === undefined || known === digest, "core.md 29: equal digests at equal zxids", () => {
      return `${member} at ${formatZxid(zxid)}: ${digest}, not ${known}`;
    });
  }

  /** The end of what a member has written. */
  writtenZxid(member: number): number {
    return this.run(member).written.lastZxid;
  }

  private run(member: number): MemberRun {
    const run = this.runs.get(member);
    if (run === undefined || !run.isUp) throw new Error(`member ${member} does not run`);
    return run;
  }

  /** Members whose disks, running or not, are so, or were until they were wiped. */
  private membersWith(isSo: (run: MemberRun) => boolean): Set<number> {
    const found = new Set<number>();
    for (const [id, run] of [...this.runs, ...this.wipedRuns]) if (isSo(run)) found.add(id);
    return found;
  }

  private difference({ entries }: MemberLog): string {
    const at = this.history.findIndex((entry, index) => entries[index] !== entry);
    return `${nameOf(entries[at])} instead of ${nameOf(this.history[at])}`;
  }
}
