import { epochOf } from "../core/base/zxid.ts";
import type { LogOutline, LogRemains } from "../core/member/log-outline.ts";
import { MendAnswer } from "../core/member/mend-answer.ts";
import type { MendAsk } from "../core/member/mend-message.ts";
import { configurationOfBatch } from "../core/tree/batch-configuration.ts";
import { decodeConfiguration, type EnsembleConfiguration } from "../core/zab/ensemble-configuration.ts";
import type { EpochStart } from "../core/zab/epoch-ends.ts";
import { decodeEpoch, decodePromise, encodePromise } from "../core/zab/epoch-record.ts";
import { recordType } from "../core/zab/journal-record.ts";
import type { HistoryBatch } from "../core/zab/zab-contract.ts";
import type { DamagedJournal } from "../storage/journal/damaged-journal.ts";
import { JournalDamagedError } from "../storage/journal/finding.ts";
import type { JournalRepair, RepairOptions } from "../storage/journal/journal-repair.ts";

/** The configuration in the member's snapshot; no bytes where the ensemble never changed. */
export interface SnapshotConfiguration {
  readonly configuration: Uint8Array;
  readonly configurationZxid: number;
}

export type OpenRepair = (options: Omit<RepairOptions, "segmentBytes" | "random32">) => JournalRepair;

/** The damaged journal of a member and the one that takes its place, while what was lost comes from others. */
export class MendingRepair {
  readonly damaged: DamagedJournal;
  /** Where the log ended: what is uncertain behind that is taken for a torn write. */
  readonly lastZxid: number;
  /** Nobody knows where it ended. */
  readonly isOpen: boolean;
  /**
   * A promise, an epoch or the ensemble's configuration may be lost for good, or something that was acknowledged: with
   * all its batches here the member's word still does not count.
   */
  readonly isInDoubt: boolean;
  /** As far as journal and snapshot tell it. */
  readonly configuration: EnsembleConfiguration | undefined;
  private readonly known: SnapshotConfiguration;
  private readonly openRepair: OpenRepair;
  private repair: JournalRepair | undefined;

  constructor(damaged: DamagedJournal, known: SnapshotConfiguration, ensembleId: string, openRepair: OpenRepair) {
    this.damaged = damaged;
    this.known = known;
    this.openRepair = openRepair;
    const { lastZxid, uncertain, holes, stickyInDoubt, isEpochLater, configuration } = damaged.report;
    this.lastZxid = Math.max(damaged.fromZxid, Math.min(lastZxid, uncertain?.afterZxid ?? lastZxid));
    const body = configuration ?? (known.configuration.length === 0 ? undefined : known.configuration);
    this.configuration = body === undefined ? undefined : decodeConfiguration(body);
    this.isOpen = holes.some(({ throughZxid }) => throughZxid === undefined);
    // An epoch is entered after it was promised, and a configuration comes with its batch, or at the very beginning.
    const isReignSure = !stickyInDoubt || isEpochLater;
    this.isInDoubt = uncertain !== undefined || !isReignSure || this.configuration?.ensembleId !== ensembleId;
  }

  get remains(): LogRemains {
    const { damaged, lastZxid } = this;
    // What is behind the end is discarded.
    const spans = damaged.spans().filter((span) => span.lastZxid <= lastZxid);
    return { fromZxid: damaged.fromZxid, lastZxid, spans };
  }

  get starts(): readonly EpochStart[] {
    return this.damaged.report.starts;
  }

  own(zxid: number): HistoryBatch | undefined {
    return this.damaged.recordAt(zxid);
  }

  /** The answer to another member that mends its journal. */
  answer(ask: MendAsk): Uint8Array {
    const answer = new MendAnswer(ask);
    try {
      if (ask.wantsBatches) for (const batch of this.damaged.batches(ask.afterZxid)) if (!answer.offer(batch)) break;
    } catch (error) {
      // What was intact before is not any more: what stands before it can be given all the same.
      if (!(error instanceof JournalDamagedError)) throw error;
    }
    return answer.close(this.starts);
  }

  begin({ voided }: LogOutline): void {
    this.abandon();
    const { configuration, configurationZxid: zxid } = this.known;
    const dropped = voided.map(({ firstZxid, lastZxid }) => ({ afterZxid: firstZxid - 1, throughZxid: lastZxid }));
    this.repair = this.openRepair({
      dropped,
      ...this.promise(),
      ...(configuration.length === 0 ? {} : { configuration: { zxid, body: configuration } }),
    });
  }

  take({ firstZxid, lastZxid, body }: HistoryBatch): void {
    this.repair?.add({ type: recordType.BATCH, firstZxid, lastZxid, body });
    const configuration = configurationOfBatch(body);
    if (configuration === undefined) return;
    this.repair?.add({ type: recordType.CONFIGURATION, firstZxid: lastZxid, lastZxid, body: configuration });
  }

  /** From here on the journal is whole. */
  finish(): void {
    this.repair?.finish(this.lastZxid);
    this.repair = undefined;
  }

  /** The damaged journal stays as it was. */
  abandon(): void {
    this.repair?.abandon();
    this.repair = undefined;
  }

  /** What a member has of an epoch, or entered, it has promised before, though the record of that may be lost. */
  private promise(): Pick<RepairOptions, "promise"> {
    const { promise, epoch } = this.damaged.report;
    const promised = promise === undefined ? 0 : decodePromise(promise).epoch;
    const entered = epoch === undefined ? 0 : decodeEpoch(epoch);
    const accepted = Math.max(entered, epochOf(this.lastZxid));
    return accepted <= promised ? {} : { promise: encodePromise({ epoch: accepted, leaderId: 0 }) };
  }
}
