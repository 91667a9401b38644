import { epochOf } from "../../../src/core/base/zxid.ts";
import { decodeConfiguration, type EnsembleConfiguration } from "../../../src/core/zab/ensemble-configuration.ts";
import { decodeEpoch, decodePromise } from "../../../src/core/zab/epoch-record.ts";
import { recordType } from "../../../src/core/zab/journal-record.ts";
import { encodePropose } from "../../../src/core/zab/peer-message.ts";
import type { HistoryBatch, RecoveredZab } from "../../../src/core/zab/zab-contract.ts";
import type { JournalModel } from "./journal-model.ts";
import { decodeZabBatch } from "./zab-batch.ts";

/** What of a member survives its runs: a journal and a snapshot, which here is no more than a zxid. */
export class ZabMachine {
  readonly id: number;
  incarnation: string;
  readonly journal: JournalModel;
  /** Of its own rounds. */
  snapshotZxid = 0;
  /** The last record the end of the last run left. */
  survived = 0;
  /** The power goes when so many more records have been written. */
  appendsLeft = Number.POSITIVE_INFINITY;
  /** Batches up to here are pruned. */
  prunedZxid = 0;

  /** Of every snapshot there has been. */
  private readonly digests = new Map<number, number>([[0, 0]]);

  constructor(id: number, incarnation: string, journal: JournalModel) {
    this.id = id;
    this.incarnation = incarnation;
    this.journal = journal;
  }

  /** The journal has all batches above it. */
  get baseZxid(): number {
    const installed = this.journal.records.findLast(({ type }) => type === recordType.SNAPSHOT)?.lastZxid ?? 0;
    return Math.max(installed, this.prunedZxid);
  }

  /** An empty disk. */
  wipe(incarnation: string): void {
    this.journal.wipe();
    this.snapshotZxid = 0;
    this.prunedZxid = 0;
    this.incarnation = incarnation;
  }

  /** The latest snapshot: the own, or one that was installed, which counts once the journal names it. */
  get state(): { readonly zxid: number; readonly digest: number } {
    const zxid = Math.max(this.snapshotZxid, this.baseZxid);
    return { zxid, digest: this.digests.get(zxid) as number };
  }

  keep(zxid: number, digest: number): void {
    this.snapshotZxid = zxid;
    this.digests.set(zxid, digest);
  }

  keepInstalled(zxid: number, digest: number): void {
    this.digests.set(zxid, digest);
  }

  batchesAfter(zxid: number): HistoryBatch[] {
    return this.journal.batches().filter(({ lastZxid }) => lastZxid > zxid);
  }

  recover(): RecoveredZab {
    let promise = { epoch: 0, leaderId: 0 };
    let currentEpoch = 0;
    let configuration: EnsembleConfiguration | undefined;
    for (const { type, body } of this.journal.records) {
      if (type === recordType.PROMISE) promise = decodePromise(body);
      else if (type === recordType.EPOCH) currentEpoch = decodeEpoch(body);
      else if (type === recordType.CONFIGURATION) configuration = decodeConfiguration(body);
    }
    const { baseZxid } = this;
    const batches = this.batchesAfter(baseZxid);
    let committedZxid = Math.max(this.snapshotZxid, baseZxid);
    for (const { body } of batches) committedZxid = Math.max(committedZxid, decodeZabBatch(body).committedZxid);
    const epochEnds: number[] = [];
    for (const [index, { lastZxid }] of batches.entries()) {
      const next = batches[index + 1];
      if (next === undefined || epochOf(next.lastZxid) > epochOf(lastZxid)) epochEnds.push(lastZxid);
    }
    return {
      acceptedEpoch: promise.epoch,
      promisedTo: promise.leaderId,
      currentEpoch,
      lastZxid: batches.at(-1)?.lastZxid ?? baseZxid,
      committedZxid,
      tail: batches.filter(({ lastZxid }) => lastZxid > committedZxid).map(({ body }) => encodePropose(body)),
      baseZxid,
      epochEnds,
      configuration,
      configurationZxid: 0,
      formerConfiguration: undefined,
    };
  }
}
