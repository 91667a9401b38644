import { formatZxid } from "../../../src/core/base/zxid.ts";
import type { ConfiguredMember } from "../../../src/core/zab/ensemble-configuration.ts";
import { decodeEpoch, decodePromise } from "../../../src/core/zab/epoch-record.ts";
import { type JournalRecord, recordType } from "../../../src/core/zab/journal-record.ts";

/** A batch that some primary broadcast: the same object in every log that holds it. */
export interface Broadcast {
  readonly firstZxid: number;
  readonly lastZxid: number;
  readonly body: Uint8Array;
  /** The last zxid of the primary's log when it was broadcast. */
  readonly after: number;
  readonly by: number;
  /** Its leader's tree was wrong, so the digest in it may be. */
  readonly isByTainted?: boolean;
  /** What its leader says in it to be committed. */
  readonly knownZxid?: number;
  /** The configuration it brings, if it brings one. */
  readonly configuration?: readonly ConfiguredMember[] | undefined;
  /** Members that have, or had until they were wiped, the entry on disk. */
  readonly holders: Set<number>;
}

/** What a member's records amount to: aligned with the history, entry by entry from the very beginning. */
export class MemberLog {
  entries: Broadcast[] = [];
  acceptedEpoch = 0;
  promisedTo = 0;
  currentEpoch = 0;
  /** All epochs it ever entered. */
  readonly entered = new Set<number>();

  get lastZxid(): number {
    return this.entries.at(-1)?.lastZxid ?? 0;
  }

  copy(): MemberLog {
    return Object.assign(new MemberLog(), {
      ...this,
      entries: [...this.entries],
      entered: new Set(this.entered),
    });
  }

  /** True when the other log begins with these very entries. */
  beginsWith(entries: readonly Broadcast[]): boolean {
    return entries.length <= this.entries.length && entries.every((entry, index) => entry === this.entries[index]);
  }

  /** @param history what a snapshot stands for @param broadcast the batch of a BATCH record */
  write(record: JournalRecord, history: readonly Broadcast[], broadcast: Broadcast | undefined): void {
    switch (record.type) {
      case recordType.BATCH:
        this.entries.push(broadcast as Broadcast);
        break;
      case recordType.PROMISE: {
        const { epoch, leaderId } = decodePromise(record.body);
        this.acceptedEpoch = epoch;
        this.promisedTo = leaderId;
        break;
      }
      case recordType.EPOCH:
        this.currentEpoch = decodeEpoch(record.body);
        this.entered.add(this.currentEpoch);
        break;
      case recordType.TRUNCATE:
        while (this.lastZxid > record.lastZxid) this.entries.pop();
        break;
      case recordType.SNAPSHOT:
        this.entries = history.filter(({ lastZxid }) => lastZxid <= record.lastZxid);
        break;
      default:
        break;
    }
  }
}

/** The configuration behind them; undefined for the first one. */
export function configurationAfter(entries: readonly Broadcast[]): Broadcast["configuration"] {
  return entries.findLast(({ configuration }) => configuration !== undefined)?.configuration;
}

/** For people. */
export function nameOf(entry: Broadcast | undefined): string {
  if (entry === undefined) return "nothing";
  return `${formatZxid(entry.firstZxid)} to ${formatZxid(entry.lastZxid)} by ${entry.by}`;
}
