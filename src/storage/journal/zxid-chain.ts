import { counterOf, epochOf, formatZxid } from "../../core/base/zxid.ts";
import { type JournalRecord, recordType } from "../../core/zab/journal-record.ts";

/** The rule that a journal has no gap (ARCHITECTURE decision 4), for records being appended and being read back. */
export class ZxidChain {
  /** The last zxid in force. */
  last: number;

  constructor(last: number) {
    this.last = last;
  }

  /** Moves past the record; returns what is wrong with it, and then does not move. */
  advance(type: number, firstZxid: number, lastZxid: number): string | undefined {
    const problem = this.problem(type, firstZxid, lastZxid);
    if (problem === undefined) this.last = lastZxid;
    return problem;
  }

  /** True when a batch beginning at `firstZxid` may come next. */
  continues(firstZxid: number): boolean {
    const { last } = this;
    return firstZxid === last + 1 || (counterOf(firstZxid) === 1 && epochOf(firstZxid) > epochOf(last));
  }

  private problem(type: number, firstZxid: number, lastZxid: number): string | undefined {
    const { last } = this;
    switch (type as JournalRecord["type"]) {
      case recordType.BATCH:
        if (!this.continues(firstZxid)) return `zxid ${formatZxid(firstZxid)} does not follow ${formatZxid(last)}`;
        if (lastZxid < firstZxid || epochOf(lastZxid) !== epochOf(firstZxid)) return "a batch's zxids are out of order";
        return undefined;
      case recordType.TRUNCATE:
        return lastZxid <= last ? undefined : `cannot truncate to ${formatZxid(lastZxid)} above ${formatZxid(last)}`;
      case recordType.SNAPSHOT:
        return undefined;
      default:
        if (firstZxid === last && lastZxid === last) return undefined;
        return `a ${typeName(type)} stands at ${formatZxid(lastZxid)}, not at the last zxid, ${formatZxid(last)}`;
    }
  }
}

function typeName(type: number): string {
  return Object.entries(recordType).find(([, value]) => value === type)?.[0] ?? "record";
}
